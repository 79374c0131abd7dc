"""The choice of what computes the additive score: made here, and nowhere else."""

import importlib
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from regard._backend import backend_name
from regard._typing import Float, Tensor

Scores = Callable[[Tensor, Tensor, Tensor], Tensor]

#: Up to so many (query, key, feature) triples the formula is faster than what compiles,
#: or calls, more; measured on two cores.
SMALL = {"jax": 1 << 18, "tensorflow": 1 << 20, "torch": 1 << 20}
#: The same on a GPU, where so many take no longer than it takes to start the parts of
#: anything else; measured on an H200.
SMALL_ON_GPU = 1 << 25


@dataclass(frozen=True)
class Implementation:
    """An implementation of the additive score.

    Args:
        name: ``"plain"``, ``"blocked"`` or ``"kernel"``.
        reason: Why it was chosen, a sentence.
        scores: Maps query, key and scale, with an axis of heads, to scores.
    """

    name: str
    reason: str
    scores: Scores


def choose(
    query: Float[Tensor, "batch heads queries features"],
    key: Float[Tensor, "batch heads keys features"],
    scale: Float[Tensor, "heads features"],
) -> Implementation:
    """The implementation for tensors of these shapes, types and devices.

    Args:
        query: ``(batch, heads, queries, features)``.
        key: ``(batch, heads, keys, features)``.
        scale: ``(heads, features)``.
    """
    refusal = _refusal(query, key, scale)
    if refusal:
        return Implementation("plain", refusal, plain_scores)
    backend = backend_name()
    reason = f"in blocks on {backend}, computed again for the gradient"
    if backend == "jax" and _has_nvidia():
        fault = _fault_of_kernels()
        if fault is None:
            reason = "by a kernel on an NVIDIA GPU, computed again for the gradient"
            kernel = _on_each_device(_scores_of("pallas_scores"), query)
            return Implementation("kernel", reason, kernel)
        reason += f"; the kernels for this GPU are left out: {fault}"
    return Implementation("blocked", reason, _scores_of(f"{backend}_scores"))


def plain_scores(
    query: Float[Tensor, "batch heads queries features"],
    key: Float[Tensor, "batch heads keys features"],
    scale: Float[Tensor, "heads features"],
) -> Float[Tensor, "batch heads queries keys"]:
    """The formula as it stands: what every faster implementation must equal.

    It holds the hyperbolic tangents of all ``(query, key, feature)`` at once.

    Args:
        query: ``(batch, heads, queries, features)``.
        key: ``(batch, heads, keys, features)``.
        scale: ``(heads, features)``.

    Returns:
        ``(batch, heads, queries, keys)``.
    """
    tangents = ops.tanh(ops.expand_dims(query, -2) + ops.expand_dims(key, -3))
    return ops.sum(ops.multiply(tangents, ops.expand_dims(scale, (-2, -3))), axis=-1)


def _refusal(*tensors: Tensor) -> str | None:
    """Why no faster implementation can be taken, or None."""
    backend = backend_name()
    if any(isinstance(tensor, keras.KerasTensor) for tensor in tensors):
        return "symbolic tensors have shapes, and no values yet"
    if backend not in {"jax", "tensorflow", "torch"}:
        return f"the backend {backend} has no implementation of its own"
    if (
        backend == "jax"
        and keras.backend.standardize_dtype(tensors[0].dtype) != "float32"
    ):
        return "the factors on JAX are made for float32"
    (batch, heads, queries, features), keys = tensors[0].shape, tensors[1].shape[2]
    small = SMALL_ON_GPU if _is_on_gpu(tensors[0]) else SMALL[backend]
    return _refused_size(backend, (batch, heads, queries, keys, features), small)


def _refused_size(
    backend: str, sizes: tuple[int | None, ...], small: int
) -> str | None:
    """Why these sizes are for the formula; batch, heads, queries, keys, features."""
    # A dimension may be None, or stand for any number while a program is exported.
    known = [size for size in sizes if isinstance(size, int)]
    if 0 in known:
        return "there is nothing to compute"
    if len(known) < len(sizes) and _is_exported(backend):
        return "it is exported for any shape, and loops need numbers"
    if backend != "jax" and 1 in sizes[2:4]:
        return "with a single row the tangents take no more than the inputs"
    if len(known) == len(sizes) and math.prod(known) <= small:
        return "so small that the formula is fastest"
    return None


def _is_exported(backend: str) -> bool:
    """Whether sizes that are no numbers are those of a program for any shape."""
    if backend != "torch":
        return backend == "jax"
    # What ``torch.compile`` makes for several shapes has loops.
    compiler = importlib.import_module("torch").compiler
    return bool(getattr(compiler, "is_exporting", lambda: False)())


def _on_each_device(scores: Scores, query: Tensor) -> Scores:
    """Scores of the rows that each device has, where Keras cuts batches for several.

    XLA cuts loops, and not a kernel: all devices would compute it for all rows.
    """
    jax = importlib.import_module("jax")
    around = keras.distribution.distribution()
    if around is None or not isinstance(query, jax.core.Tracer):
        return scores
    axis, mesh = around.batch_dim_name, around.device_mesh.backend_mesh
    count = mesh.shape.get(axis, 1)
    if count == 1 or query.shape[0] % count:
        return scores
    rows, whole = jax.sharding.PartitionSpec(axis), jax.sharding.PartitionSpec()
    cut: Scores = jax.shard_map(
        scores,
        mesh=mesh,
        in_specs=(rows, rows, whole),
        out_specs=rows,
        check_vma=False,
    )
    return cut


def _is_on_gpu(tensor: Tensor) -> bool:
    """Whether a tensor of the backend is computed with on an NVIDIA GPU."""
    backend = backend_name()
    if backend == "jax":
        return _has_nvidia()
    return backend == "torch" and getattr(tensor, "is_cuda", False)


def _has_nvidia() -> bool:
    """Whether JAX runs on a GPU that the kernels are written for, and not on AMD's."""
    jax = importlib.import_module("jax")
    return "cuda" in jax.devices()[0].client.platform_version


def _fault_of_kernels() -> str | None:
    """Why the kernels are left out, said once as a warning too."""
    fault: str | None
    try:
        kernels = _kernels()
    except (ImportError, AttributeError) as error:
        # JAX means to leave out Pallas's way to Triton.
        fault = f"this JAX has not what they are written in ({error})"
    else:
        fault = kernels.fault()
    if fault is not None:
        warnings.warn(
            f"The GPU kernels of the additive score are left out: {fault}. "
            "The slower loops give the same numbers.",
            RuntimeWarning,
            stacklevel=2,
        )
    return fault


def _kernels() -> Any:
    return importlib.import_module("regard.ops.additive.pallas_scores")


def _scores_of(module: str) -> Scores:
    scores: Scores = importlib.import_module(f"regard.ops.additive.{module}").scores
    return scores
