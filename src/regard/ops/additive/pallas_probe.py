"""Whether the kernels work on the GPU at hand, with what is installed for it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from regard.ops.additive import pallas_scores
from regard.ops.additive.pallas_tiles import Array

# More than a tile each way, and not whole tiles, in features neither.
QUERIES, KEYS, FEATURES = 70, 300, 18
TOLERANCE = 1e-4


@functools.cache
def fault(interpret: bool = False) -> str | None:
    """Why the kernels are not to be used here, where they are not.

    A kernel depends on the device, its driver and the compiler that JAX came with, more
    than other code does: what cannot be compiled, or is wrong, must not reach a user.
    The first call takes a few seconds; the answer is kept.

    Args:
        interpret: Run the kernels as JAX operations, on any device.
    """
    random = np.random.default_rng(0)
    rows = [
        random.normal(size=shape)
        for shape in ((1, 1, QUERIES, FEATURES), (1, 1, KEYS, FEATURES), (1, FEATURES))
    ]
    try:
        found = _found([np.asarray(row, np.float32) for row in rows], interpret)
    except Exception as error:  # noqa: BLE001 - whatever a compiler or driver raises
        return f"they failed with {type(error).__name__}: {str(error)[:200]}"
    wrong = max(
        float(np.max(np.abs(one - other)) / np.max(np.abs(other)))
        for one, other in zip(found, _expected(*rows), strict=True)
    )
    return None if wrong < TOLERANCE else f"they were wrong by {wrong:.1e} in a trial"


def _found(rows: list[np.ndarray], interpret: bool) -> list[np.ndarray]:
    def compute(*rows: Array) -> tuple[Array, ...]:
        scores, pull = jax.vjp(lambda *x: pallas_scores.scores(*x, interpret), *rows)
        return scores, *pull(jnp.cos(scores))

    # Compiled by hand: the caller may itself be under a trace, which this stays out of.
    results = jax.jit(compute).lower(*rows).compile()(*rows)
    return [np.asarray(result, np.float64) for result in results]


def _expected(
    query: np.ndarray, key: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, ...]:
    tangents = np.tanh(query[0, 0][:, None] + key[0, 0])
    scores = tangents @ scale[0]
    upstream = np.cos(scores)
    slopes = upstream[..., None] * scale[0] * (1.0 - tangents**2)
    of_scale = np.einsum("qk,qkd->d", upstream, tangents)
    return (
        scores[None, None],
        slopes.sum(1)[None, None],
        slopes.sum(0)[None, None],
        of_scale[None],
    )
