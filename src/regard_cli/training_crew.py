"""``--devices`` and ``--coordinator``: the processes that train one model together."""

import io
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, redirect_stderr, suppress
from dataclasses import dataclass
from typing import Any

import typer

# So many seconds after a process has died the others end, too.
_LOST_AFTER = 60


@dataclass(frozen=True)
class Crew:
    """The processes of a training, of which this is one; mostly the only one.

    Args:
        devices: Those between which batches are cut, as ``Estimator`` takes them.
        is_first: Whether it is this process that talks and writes.
    """

    devices: int | str | None
    is_first: bool = True

    def in_first(self, action: Callable[[], Any]) -> None:
        """Do something in the first process, while the others wait."""
        from regard.training.devices import in_first, sharing  # noqa: PLC0415 - loads Keras

        with sharing(self.devices):
            in_first(action)

    def quiet(self) -> AbstractContextManager[Any]:
        """A block in which the first process alone tells what it reads."""
        return nullcontext() if self.is_first else redirect_stderr(io.StringIO())


def join_crew(
    devices: str | None,
    coordinator: str | None,
    processes: int | None,
    process: int | None,
) -> Crew:
    """Check the devices, and be one of the processes that train together.

    Raises:
        ArgumentError: There is no such number of devices, or the backend has no others.
    """
    from regard.training.devices import checked_devices  # noqa: PLC0415 - loads Keras

    number: Any = devices
    with suppress(ValueError, TypeError):
        number = int(number)
    if coordinator is None:
        if processes is not None or process is not None:
            raise typer.BadParameter(
                "They train together with --coordinator, which is missing.",
                param_hint="--processes, --process",
            )
        return Crew(checked_devices(number))
    number = checked_devices("all" if number is None else number)
    if coordinator == "auto":
        known: dict[str, Any] = {}
    elif processes is None or process is None or not 0 <= process < processes:
        raise typer.BadParameter(
            "It takes the number of processes, and which of them this is: --processes "
            "2 --process 0, and --process 1 on the other host.",
            param_hint="--coordinator",
        )
    elif not _is_address(coordinator):
        raise typer.BadParameter(
            f"{coordinator!r} is no HOST:PORT of the first process.",
            param_hint="--coordinator",
        )
    else:
        known = {
            "coordinator_address": coordinator,
            "num_processes": processes,
            "process_id": process,
            "cluster_detection_method": "deactivate",
        }
    import jax  # noqa: PLC0415 - seldom needed

    # Its own handler of SIGTERM would leave a process that is told to end running.
    jax.config.update("jax_enable_preemption_service", False)
    try:
        jax.distributed.initialize(
            **known,
            heartbeat_timeout_seconds=_LOST_AFTER,
            shutdown_timeout_seconds=_LOST_AFTER,
        )
    except (ValueError, RuntimeError) as error:
        problem = str(error)
        if not known:
            problem = "no cluster is found that says where they are. Name the first "
            problem += "one: --coordinator HOST:PORT --processes 2 --process 0."
        raise typer.BadParameter(
            f"The processes do not find each other: {problem}",
            param_hint="--coordinator",
        ) from error
    return Crew(number, is_first=jax.process_index() == 0)


def _is_address(coordinator: str) -> bool:
    host, _, port = coordinator.rpartition(":")
    return bool(host) and port.isdecimal() and 0 < int(port) < 1 << 16
