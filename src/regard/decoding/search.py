"""The settings of a search, and the hypotheses it ends with."""

from dataclasses import dataclass

from regard._validate import check_count, check_number, wrong_value
from regard.types import FloatArray, IntArray

_OWNER = "a search"
# With 200,000 symbols more next ones could not be numbered in 32 bits.
_MOST_BEAM = 10_000


@dataclass(frozen=True)
class Search:
    r"""The settings of a search for sequences.

    Hypotheses are ranked by

    .. math::
        \frac{\ln P(Y)}{\mathrm{lp}(Y)} + \mathrm{cp}(Y), \qquad
        \mathrm{lp}(Y) = \left(\frac{5 + |Y|}{6}\right)^\alpha, \qquad
        \mathrm{cp}(Y) = \beta \sum_j \ln \min\left(\sum_i w_{ij}, 1\right)

    with the weights :math:`w` averaged over heads and :math:`|Y|` counted with the
    symbol that ends it.

    Args:
        beam: The number of hypotheses that are followed, 10,000 at most; 1 is greedy
            search.
        n_best: How many of them are returned, best first.
        length_penalty: :math:`\alpha`; 0 ranks by probability, more prefers length.
        coverage_penalty: :math:`\beta`; more prefers to look at every source symbol.
        max_length: The most symbols that are written; None: twice the source plus 10.
        min_length: The fewest symbols before the end.
        block_ngrams: No n-gram of this length is written twice; 0: none is blocked.
        forbid_unknown: Whether the unknown symbol is never written.

    Raises:
        ArgumentError: A setting is out of its range.

    References:
        Wu et al.: Google's neural machine translation system (2016),
        https://arxiv.org/abs/1609.08144, equation 14. N-gram blocking: Paulus et al.
        (2017), https://arxiv.org/abs/1705.04304.
    """

    beam: int = 1
    n_best: int = 1
    length_penalty: float = 0.0
    coverage_penalty: float = 0.0
    max_length: int | None = None
    min_length: int = 0
    block_ngrams: int = 0
    forbid_unknown: bool = False

    def __post_init__(self) -> None:
        check_count("beam", self.beam, most=_MOST_BEAM, of=_OWNER)
        check_count("n_best", self.n_best, of=_OWNER)
        check_count("min_length", self.min_length, least=0, of=_OWNER)
        check_count("block_ngrams", self.block_ngrams, least=0, of=_OWNER)
        if self.max_length is not None:
            most = check_count("max_length", self.max_length, of=_OWNER)
            check_count("min_length", self.min_length, least=0, most=most, of=_OWNER)
        for name in ("length_penalty", "coverage_penalty"):
            check_number(name, getattr(self, name), least=0, of=_OWNER)
        if self.n_best > self.beam:
            expected = f"at most the beam, {self.beam}"
            raise wrong_value("n_best", self.n_best, expected, of=_OWNER)

    def limit(self, source: int) -> int:
        """The most symbols that are written for a source of so many."""
        return 2 * source + 10 if self.max_length is None else self.max_length


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """One sequence that a search ended with.

    Args:
        symbols: ``(target,)``, without the symbol that ends it.
        log_probability: The logarithm of its probability in nats, the end included.
        score: Its rank.
        weights: ``(target, source)``, the attention of each symbol, the average over
            heads.
        finished: Whether it ended by itself; otherwise it was cut off.
    """

    symbols: IntArray
    log_probability: float
    score: float
    weights: FloatArray
    finished: bool
