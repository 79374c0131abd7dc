"""Pairs for a test that no training pair gives away."""

from collections.abc import Callable, Iterator

from regard.errors import ArgumentError
from regard.tasks.pairs import SequencePairs

# Draws without a single new pair until the task counts as exhausted.
_PATIENCE = 20


def hold_out(
    count: int,
    draw: Callable[[int], SequencePairs],
    learned: SequencePairs,
    *,
    answers_too: bool,
) -> SequencePairs:
    """Draw ``count`` pairs of different sources that are not among ``learned``.

    Args:
        count: How many.
        draw: Makes so many pairs, others each time.
        learned: The pairs to stay clear of.
        answers_too: Whether the targets have to be others too.

    Raises:
        ArgumentError: There are not so many.
    """
    taken = set(learned.sources)
    answers = set(learned.targets) if answers_too else set()
    kept: list[SequencePairs] = []
    found = fruitless = 0
    while found < count and fruitless < _PATIENCE:
        drawn = draw(count)
        new = [
            index
            for index in _distinct(drawn)
            if drawn.sources[index] not in taken and drawn.targets[index] not in answers
        ][: count - found]
        kept.append(drawn.select(new))
        taken.update(kept[-1].sources)
        found += len(new)
        fruitless = 0 if new else fruitless + 1
    if found < count:
        raise ArgumentError(
            "The task has too few different pairs to hold so many out.",
            expected=f"about {found} at most",
            received=str(count),
            fix="Ask for fewer, or take a greater length or cardinality.",
        )
    return _joined(kept)


def _distinct(pairs: SequencePairs) -> Iterator[int]:
    """The first place of each source."""
    places = reversed(range(len(pairs)))
    first = {pairs.sources[index]: index for index in places}
    return iter(sorted(first.values()))


def _joined(parts: list[SequencePairs]) -> SequencePairs:
    first = parts[0]
    alignment, groups = first.alignment, first.groups
    return SequencePairs(
        tuple(tokens for part in parts for tokens in part.sources),
        tuple(tokens for part in parts for tokens in part.targets),
        alignment and tuple(each for part in parts for each in part.alignment or ()),
        first.separator,
        groups and tuple(each for part in parts for each in part.groups or ()),
    )
