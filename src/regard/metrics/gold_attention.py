"""Attention weights held against gold alignments."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from regard._validate import check_same_length
from regard.errors import ArgumentError
from regard.metrics.word_alignment import Link
from regard.types import FloatArray


@dataclass(frozen=True)
class AttentionMass:
    """The attention that went where a gold alignment points; ``float`` gives ``mass``.

    Args:
        mass: The mean attention on the gold source positions, 0 to 1.
        tokens: The number of target tokens it is the mean of.
    """

    mass: float
    tokens: int

    def __float__(self) -> float:
        return self.mass


def hard_alignment(weights: FloatArray) -> set[Link]:
    """Link each target token with the source token it attends to most.

    Args:
        weights: ``(target, source)``, for example the average over heads.

    Returns:
        ``(target, source)`` for each row; the first of several equal maxima. A row of
        zeros, which attends to nothing, has no link.

    Raises:
        ArgumentError: The weights are not of this shape, or not finite.
    """
    weights = _checked(weights, "")
    if not weights.size:
        return set()
    best = weights.argmax(axis=1).tolist()
    attending = np.flatnonzero(weights.any(axis=1)).tolist()
    return {(target, best[target]) for target in attending}


def attention_mass(
    weights: Sequence[FloatArray], gold: Sequence[Collection[Link]]
) -> AttentionMass:
    r"""The mean attention mass on the gold source positions of the target tokens.

    .. math::
        \frac{1}{|T|} \sum_{t \in T} \sum_{s : (t, s) \in G} \alpha_{t s}

    over the target tokens ``T`` of all pairs that have at least one gold link. Where a
    target token has several, the masses on all the linked positions are added; a link
    given twice counts once.

    Args:
        weights: For each pair ``(target, source)``.
        gold: For each pair its gold links ``(target, source)``.

    Raises:
        ArgumentError: The numbers of pairs differ, a link points outside of its
            weights, or no target token has a link.

    References:
        Pruthi et al. (2020), Learning to deceive with attention-based explanations,
        table 4.
    """
    check_same_length({"weights": weights, "gold links": gold}, of="an attention mass")
    total, tokens = 0.0, 0
    for index, (matrix, links) in enumerate(zip(weights, gold, strict=True)):
        place = f" of pair {index}"
        mass, linked = mass_on_links(_checked(matrix, place), links, place)
        total += mass
        tokens += linked
    if not tokens:
        raise ArgumentError(
            "No target token has a gold link, so there is nothing to average."
        )
    return AttentionMass(total / tokens, tokens)


def mass_on_links(
    weights: FloatArray, links: Collection[Link], place: str = ""
) -> tuple[float, int]:
    """The attention mass on the linked positions of one pair, not divided.

    Args:
        weights: ``(target, source)``.
        links: ``(target, source)``; a link given twice counts once.
        place: What an error message calls the pair, for example ``" of pair 3"``.

    Returns:
        The sum of the weights at the links, and the number of linked target tokens.

    Raises:
        ArgumentError: A link points outside of the weights.
    """
    distinct = sorted(set(links))
    for target, source in distinct:
        if not (0 <= target < weights.shape[0] and 0 <= source < weights.shape[1]):
            raise ArgumentError(
                f"A gold link{place} points outside of its weights.",
                expected=f"target below {weights.shape[0]} and source below "
                f"{weights.shape[1]}",
                received=f"target {target}, source {source}",
                fix="Cut the texts into the tokens that were aligned.",
            )
    targets = [target for target, _ in distinct]
    sources = [source for _, source in distinct]
    mass = float(weights[targets, sources].sum(dtype=np.float64))
    return mass, len(set(targets))


def _checked(weights: FloatArray, place: str) -> FloatArray:
    if np.ndim(weights) != 2 or not np.all(np.isfinite(weights)):
        raise ArgumentError(
            f"The weights{place} are no attention of a target on a source.",
            expected="finite numbers of shape (target, source)",
            received=f"shape {np.shape(weights)}",
            fix="Average over the heads first." if np.ndim(weights) > 2 else None,
        )
    return np.asarray(weights)
