"""The devices of a training: one, or several between which each batch is cut.

Keras does the work on JAX: within the scope of a ``DataParallel`` each device holds all
weights and gets some rows of a batch, and XLA adds up what they give. What is here
chooses the devices, makes batches divide, and keeps the processes of several hosts
together.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import keras
import numpy as np

from regard._backend import backend_name
from regard._validate import wrong_value
from regard.errors import ArgumentError, ClusterError

ResultT = TypeVar("ResultT")

_EXPECTED = "the number of devices, 1 or more, or 'all'"
_FEW = (
    "Ask for those there are; a processor is cut into N devices by the environment "
    "variable XLA_FLAGS=--xla_force_host_platform_device_count=N."
)


def checked_devices(devices: Any) -> int | str | None:
    """How many devices a training is to have, as the user says it.

    Raises:
        ArgumentError: It is no number of them, or the backend takes one only.
    """
    is_number = isinstance(devices, int | np.integer) and not isinstance(devices, bool)
    if devices is None or devices == "all":
        number: int | str | None = devices
    elif is_number and devices >= 1:
        number = int(devices)
    else:
        raise wrong_value("devices", devices, _EXPECTED)
    if number not in (None, 1) and backend_name() != "jax":
        raise ArgumentError(
            f"On the backend '{backend_name()}' a training has one device.",
            expected="the backend 'jax' for several devices",
            arguments=["devices"],
            fix="Set the environment variable KERAS_BACKEND=jax.",
        )
    return number


@contextmanager
def sharing(devices: int | str | None) -> Iterator[None]:
    """A block in which models are made for several devices, and trained on them.

    Args:
        devices: Their number, of all hosts together; ``"all"`` there are; None: those
            of the ``keras.distribution`` that is in force, otherwise one.

    Raises:
        ArgumentError: There are not so many, or not as many of each host.
    """
    if devices in (None, 1) or backend_name() != "jax":
        if devices is None:
            yield
        else:
            with on_one_device():
                yield
        return
    scope: AbstractContextManager[Any] = keras.distribution.DataParallel(
        devices=_chosen(devices), auto_shard_dataset=False
    ).scope()
    with scope:
        yield


@contextmanager
def on_one_device() -> Iterator[None]:
    """A block in which models are made for one device, whatever is around it."""
    around = _distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(around)


def device_count() -> int:
    """The devices between which batches are cut here."""
    around = _distribution()
    return 1 if around is None else int(np.size(around.device_mesh.devices))


def process_count() -> int:
    """The processes that share the devices here."""
    around = _distribution()
    return 1 if around is None else int(around.num_processes)


def is_first_process() -> bool:
    """Whether it is this process that reads and writes what all of them go on from."""
    if process_count() == 1:
        return True
    import jax  # noqa: PLC0415 - several processes are on JAX

    return bool(jax.process_index() == 0)


def only_in_first(path: Path | None, devices: int | str | None) -> Path | None:
    """A path that one process can have; None in the others that train together.

    Args:
        path: The path.
        devices: Those of the training, as ``sharing`` takes them.
    """
    if path is None or devices in (None, 1):
        return path
    with sharing(devices):
        return path if is_first_process() else None


def padded_height(height: int) -> int:
    """The rows of a batch once each device has as many."""
    devices = device_count()
    return -(-height // devices) * devices


class LocalRows(keras.utils.PyDataset):
    """The rows that this process gives to its devices, of batches that all have.

    A batch that does not divide is filled with rows of zeros: padding, with a sample
    weight of 0.

    Args:
        batches: The whole batches.
    """

    def __init__(self, batches: keras.utils.PyDataset) -> None:
        super().__init__()
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> Any:
        """The rows of a batch."""
        return keras.tree.map_structure(_local_rows, self._batches[index])


def predictions(model: keras.Model, batches: Any, height: int, **options: Any) -> Any:
    """What ``model.predict`` gives of batches of a height, without rows of filling.

    Args:
        model: The model.
        batches: What ``as_input`` makes of them.
        height: The rows of each.
        **options: As ``predict`` takes them.
    """
    if process_count() > 1 and "predict_step" not in vars(model):
        model.predict_step = _gathered(model.predict_step)
    given = model.predict(batches, **options)
    padded = padded_height(height)
    if padded == height:
        return given
    return given[np.arange(len(given)) % padded < height]


def check_same(facts_here: Callable[[], Mapping[str, Any]]) -> None:
    """Refuse to train together on what is not the same in all processes.

    Args:
        facts_here: Gives what has to be, by the same names in all of them; not called
            where there is one process.

    Raises:
        ClusterError: Something is not.
    """
    if process_count() == 1:
        return
    facts = facts_here()
    digests = [hashlib.sha256(repr(facts[name]).encode()).digest() for name in facts]
    mine = np.frombuffer(b"".join(digests), np.uint8).reshape(len(facts), -1)
    differs = (_of_all(mine) != mine).any(axis=(0, 2))
    names = [name for name, each in zip(facts, differs, strict=True) if each]
    if not names:
        return
    raise ClusterError(
        "The processes of this training were not given the same: "
        f"{', '.join(names)} differ.",
        fix="Give all of them the same data, settings, seed and release.",
    )


def in_first(action: Callable[[], ResultT]) -> ResultT | None:
    """Do something in the first process alone; all fail where it does.

    Returns:
        What came of it; None in the others.

    Raises:
        ClusterError: It failed in the first process, which says why.
    """
    if process_count() == 1:
        return action()
    result, failure = None, None
    if is_first_process():
        try:
            with on_one_device():
                result = action()
        except Exception as error:  # noqa: BLE001 - the others must not wait for ever
            failure = error
    failed = _of_all(np.asarray(failure is not None)).any()
    if failure is not None:
        raise failure
    if failed:
        raise ClusterError("The first process of this training ended with an error.")
    return result


@contextmanager
def together() -> Iterator[None]:
    """A block of steps that the processes of a training make together.

    Raises:
        ClusterError: Another one has ended, or a step failed here.
    """
    if process_count() == 1:
        yield
        return
    import jax  # noqa: PLC0415 - several processes are on JAX

    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        raise ClusterError(
            "A step that the processes make together failed, as it does where one of "
            f"them has ended: {str(error).partition(chr(10))[0]:.300}",
            fix="Begin all of them again: with a checkpoint they go on where it is.",
        ) from error


def told_by_first(content: bytes | None) -> bytes | None:
    """What the first process has, in all of them."""
    if process_count() == 1:
        return content
    from jax.experimental import multihost_utils  # noqa: PLC0415 - JAX only

    size = -1 if content is None or not is_first_process() else len(content)
    # As bytes: JAX has no 64-bit numbers by default, and a checkpoint may be large.
    said = np.frombuffer(size.to_bytes(8, "little", signed=True), np.uint8)
    said = np.asarray(multihost_utils.broadcast_one_to_all(said))
    size = int.from_bytes(said.tobytes(), "little", signed=True)
    if size < 0:
        return None
    told = np.zeros(size, np.uint8)
    if content is not None and is_first_process():
        told = np.frombuffer(content, np.uint8)
    return np.asarray(multihost_utils.broadcast_one_to_all(told)).tobytes()


def true_anywhere(flag: bool) -> bool:
    """Whether something is true in one of the processes."""
    return flag if process_count() == 1 else bool(_of_all(np.asarray(flag)).any())


def _distribution() -> Any:
    """The distribution over devices that is in force, of the user or of ours."""
    return keras.distribution.distribution()


def _chosen(devices: int | str | None) -> list[str]:
    """Names of devices, as many of each process."""
    import jax  # noqa: PLC0415 - several devices are on JAX

    of_process: dict[int, list[Any]] = {}
    for device in jax.devices():
        of_process.setdefault(device.process_index, []).append(device)
    there = [len(own) for own in of_process.values()]
    if min(there) != max(there):
        raise ArgumentError(
            "The processes of a training need as many devices each.",
            expected="the same number in each",
            received=", ".join(map(str, there)),
        )
    wanted = sum(there) if devices == "all" else cast(int, devices)
    if wanted > sum(there):
        kind = jax.devices()[0].platform
        raise ArgumentError(
            f"There are not {wanted} devices to train on.",
            expected=f"{sum(there)} or fewer of the kind '{kind}'",
            received=str(wanted),
            arguments=["devices"],
            fix=_FEW,
        )
    each, rest = divmod(wanted, len(there))
    if rest:
        raise ArgumentError(
            f"{len(there)} processes cannot share {wanted} devices.",
            expected=f"a multiple of {len(there)}",
            received=str(wanted),
            arguments=["devices"],
        )
    return [
        f"{device.platform}:{device.id}"
        for process in sorted(of_process)
        for device in of_process[process][:each]
    ]


def _local_rows(array: Any) -> Any:
    height = padded_height(len(array))
    filling = [(0, height - len(array))] + [(0, 0)] * (array.ndim - 1)
    own = height // process_count()
    start = _process() * own
    return np.pad(array, filling)[start : start + own]


def _process() -> int:
    if process_count() == 1:
        return 0
    import jax  # noqa: PLC0415 - several processes are on JAX

    return int(jax.process_index())


def _gathered(step: Callable[..., Any]) -> Callable[..., Any]:
    """A step of ``predict`` whose outputs are whole in every process."""
    import jax  # noqa: PLC0415 - several processes are on JAX

    mesh = _distribution().device_mesh.backend_mesh
    whole = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())

    def gathered(state: Any, data: Any) -> Any:
        outputs, state = step(state, data)
        return jax.lax.with_sharding_constraint(outputs, whole), state

    return gathered


def _of_all(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """An array of every process, on a new first axis."""
    from jax.experimental import multihost_utils  # noqa: PLC0415 - JAX only

    return np.asarray(multihost_utils.process_allgather(array))
