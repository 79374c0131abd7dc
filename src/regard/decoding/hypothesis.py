"""One sequence that a search found."""

from dataclasses import dataclass

from regard.types import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """One sequence that a search found.

    Args:
        symbols: ``(target,)``, without the symbol that ends it.
        log_probability: The logarithm of its probability in nats, the end included.
        score: What it was ranked by.
        weights: ``(target, source)``, the attention of each symbol, the average over
            heads.
        finished: Whether it ended by itself; otherwise it was cut off.
    """

    symbols: IntArray
    log_probability: float
    score: float
    weights: FloatArray
    finished: bool
