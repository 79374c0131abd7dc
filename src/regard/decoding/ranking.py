"""What hypotheses are ranked by."""

from keras import ops

from regard.decoding.settings import Search
from regard.ops.precision import Tensor

# A source symbol that was hardly looked at costs no more than this.
_LEAST = 1e-6


def length_norm(search: Search, length: Tensor) -> Tensor:
    """``lp``, of lengths with the end."""
    longer = (5.0 + ops.cast(length, "float32")) / 6.0
    return longer**search.length_penalty


def rank(
    search: Search,
    log_probability: Tensor,
    length: Tensor,
    coverage: Tensor,
    mask: Tensor,
) -> Tensor:
    """The rank of hypotheses; ``Search`` has the formula.

    Args:
        search: The settings.
        log_probability: ``(batch, beam)``, or with continuations ``(batch, beam, n)``.
        length: ``(batch, beam)``.
        coverage: ``(batch, beam, source)``.
        mask: ``(batch, source)``.
    """
    norm = length_norm(search, length)
    covered = _coverage(search, coverage, mask)
    if len(log_probability.shape) == 3:
        norm = norm[..., None]
        covered = covered if isinstance(covered, float) else covered[..., None]
    return log_probability / norm + covered


def attainable(search: Search, log_probability: Tensor, steps: int) -> Tensor:
    """What the rank of an unfinished hypothesis cannot exceed.

    Its probability only falls, the norm is largest at the end, and coverage costs.
    """
    return log_probability / length_norm(search, ops.convert_to_tensor(steps))


def _coverage(search: Search, coverage: Tensor, mask: Tensor) -> Tensor | float:
    if not search.coverage_penalty:
        return 0.0
    seen = ops.log(ops.clip(coverage, _LEAST, 1.0))
    seen = ops.where(ops.expand_dims(mask, 1), seen, 0.0)
    return search.coverage_penalty * ops.sum(seen, axis=-1)
