"""How far a word alignment is from the one people made."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from regard.errors import ArgumentError
from regard.metrics.pharaoh import Link


@dataclass(frozen=True)
class AlignmentScore:
    """How well predicted links agree with gold links; all are shares, 0 to 1.

    Args:
        error_rate: The alignment error rate; lower is better.
        precision: The share of predicted links that are at least possible; 1 where
            nothing was predicted.
        recall: The share of sure links that were predicted; 1 where there is none.
    """

    error_rate: float
    precision: float
    recall: float


def alignment_error_rate(
    predicted: Sequence[Collection[Link]],
    sure: Sequence[Collection[Link]],
    possible: Sequence[Collection[Link]],
) -> AlignmentScore:
    r"""Compare predicted links with gold links, over all pairs together.

    .. math::
        \mathrm{precision} = \frac{|A \cap P|}{|A|}, \quad
        \mathrm{recall} = \frac{|A \cap S|}{|S|}, \quad
        \mathrm{AER} = 1 - \frac{|A \cap S| + |A \cap P|}{|A| + |S|}

    with the predicted links ``A``, the sure links ``S`` and the possible links ``P``,
    among which the sure ones always are. The counts are summed over the pairs before
    they are divided.

    Args:
        predicted: The predicted links of each pair, ``(target, source)``.
        sure: The sure links of each pair.
        possible: The possible links of each pair, with or without the sure ones.

    Raises:
        ArgumentError: There are not as many pairs in each.

    References:
        Och and Ney (2003), A systematic comparison of various statistical alignment
        models, section 5.
    """
    _check_counts(predicted, sure, possible)
    made = demanded = right = found = 0
    for links, certain, allowed in zip(predicted, sure, possible, strict=True):
        answer, gold = set(links), set(certain)
        made += len(answer)
        demanded += len(gold)
        found += len(answer & gold)
        right += len(answer & (gold | set(allowed)))
    return AlignmentScore(
        error_rate=1 - _share(found + right, made + demanded),
        precision=_share(right, made),
        recall=_share(found, demanded),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _check_counts(*sides: Sequence[Collection[Link]]) -> None:
    counts = [len(side) for side in sides]
    if len(set(counts)) != 1:
        raise ArgumentError(
            "Each pair needs its predicted, sure and possible links.",
            expected="as many pairs in each",
            received=f"{counts[0]}, {counts[1]} and {counts[2]}",
        )
