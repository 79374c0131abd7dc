"""Word alignments: their error rate, and their text, Pharaoh's ``0-0 1-2 2p1``.

A link joins a position of the source with one of the target. ``-`` marks a sure link,
``p`` or ``?`` one that is only possible (the two kinds of human judgement of Och and
Ney). Such a text names the source first and counts from 0; files that count from 1 or
name the target first are read with ``first`` and ``target_first``. A ``Link`` is
``(target, source)`` always, as the axes of attention weights are.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from regard._validate import check_same_length, wrong_value
from regard.errors import DataError

#: ``(target, source)``: a position of the target and that of the source it comes from.
Link: TypeAlias = tuple[int, int]


class Origin(NamedTuple):
    """Where links were read, and how.

    Args:
        place: The file and the line, as an error message begins.
        first: What the first position is called there.
        target_first: Whether a link names the target position first.
    """

    place: str
    first: int
    target_first: bool


@dataclass(frozen=True)
class Alignment:
    """The links of one pair of sentences.

    Args:
        sure: The links without doubt.
        possible: The links that may be; the sure ones are always among them.
        origin: Where they were read; None: they were not.
    """

    sure: frozenset[Link]
    possible: frozenset[Link] = frozenset()
    origin: Origin | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "possible", self.sure | self.possible)


@dataclass(frozen=True)
class AlignmentScore:
    """The agreement of predicted links with gold links; all are shares, 0 to 1.

    Args:
        error_rate: The alignment error rate; lower is better.
        precision: The share of predicted links that are at least possible; 1 where
            nothing was predicted.
        recall: The share of sure links that were predicted; 1 where there is none.
    """

    error_rate: float
    precision: float
    recall: float


class MisplacedLinkError(DataError):
    """A gold link that points outside of its sentences.

    Attributes:
        remedy: The arguments of ``parse_alignments`` with which every link would fit,
            where there are.
    """

    remedy: Mapping[str, int | bool] = MappingProxyType({})


_LINK = re.compile(r"([0-9]{1,9})([-p?])([0-9]{1,9})")


def parse_alignment(
    line: str, *, first: int = 0, target_first: bool = False
) -> Alignment:
    """Read the links of one pair.

    Args:
        line: Links with white space between them; none at all is an alignment too.
        first: What the first position is called, 0 or 1.
        target_first: Whether a link names the target position first.

    Raises:
        DataError: Something in the line is no link.

    Example:
    >>> parse_alignment("1-1 2p3", first=1).possible == {(0, 0), (2, 1)}
    True
    """
    sure: set[Link] = set()
    possible: set[Link] = set()
    for written in line.split():
        link, is_sure = _parse_link(written, first, target_first)
        (sure if is_sure else possible).add(link)
    return Alignment(frozenset(sure), frozenset(possible))


def parse_alignments(
    lines: Iterable[str],
    name: str = "the alignments",
    *,
    first: int = 0,
    target_first: bool = False,
) -> list[Alignment]:
    """Read the links of many pairs, one pair a line; see ``parse_alignment``.

    Args:
        lines: The lines.
        name: What to call them in messages, for example the path of the file.
        first: What the first position is called, 0 or 1.
        target_first: Whether a link names the target position first.

    Raises:
        DataError: A line holds something else; the message names the line.
    """
    alignments = []
    for number, line in enumerate(lines, 1):
        origin = Origin(f"{name}, line {number}", first, target_first)
        try:
            links = parse_alignment(line, first=first, target_first=target_first)
            alignments.append(replace(links, origin=origin))
        except DataError as error:
            raise DataError(
                f"{name}, line {number}: {error.message}",
                expected=error.expected,
                fix=error.fix,
            ) from error
    return alignments


def check_links(gold: Sequence[Alignment], sizes: Sequence[tuple[int, int]]) -> None:
    """Refuse gold links that point outside of their sentences.

    Such links are a sign that a file counts from another number, or names the other
    side first, than it was read; the error rate would be that of another alignment.

    Args:
        gold: The gold alignment of each pair.
        sizes: The numbers of target and of source tokens of each pair.

    Raises:
        ArgumentError: They are no alignments, or not as many as pairs.
        MisplacedLinkError: A link points outside; the message names it and its line.
    """
    if not isinstance(gold, Sequence) or not all(
        isinstance(each, Alignment) for each in gold
    ):
        raise wrong_value(
            "alignments", gold, "a list of what regard.metrics.parse_alignments gives"
        )
    check_same_length({"pairs": sizes, "gold alignments": gold})
    for index, (alignment, size) in enumerate(zip(gold, sizes, strict=True)):
        for link in sorted(alignment.possible):
            if not _is_inside(link, size):
                raise _misplaced(link, index, gold, sizes)


def format_alignment(sure: Collection[Link], possible: Collection[Link] = ()) -> str:
    """The links as text ``source-target``, in order; positions from 0.

    Args:
        sure: Links ``(target, source)`` to be written with ``-``.
        possible: Links to be written with ``p``, where they are not sure.

    Example:
    >>> format_alignment({(2, 1), (0, 0)}, possible={(0, 0), (1, 2)})
    '0-0 1-2 2p1'
    """
    links = sorted((source, target) for target, source in {*sure, *possible})
    return " ".join(
        f"{source}{'-' if (target, source) in sure else 'p'}{target}"
        for source, target in links
    )


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
    check_same_length(
        {"predicted": predicted, "sure": sure, "possible": possible},
        of="an alignment error rate",
    )
    answered = demanded = sure_answers = possible_answers = 0
    for links, certain, allowed in zip(predicted, sure, possible, strict=True):
        answer, gold = set(links), set(certain)
        answered += len(answer)
        demanded += len(gold)
        sure_answers += len(answer & gold)
        possible_answers += len(answer & (gold | set(allowed)))
    return AlignmentScore(
        error_rate=1 - _share(sure_answers + possible_answers, answered + demanded),
        precision=_share(possible_answers, answered),
        recall=_share(sure_answers, demanded),
    )


def _parse_link(written: str, first: int, target_first: bool) -> tuple[Link, bool]:
    match = _LINK.fullmatch(written)
    if match is None:
        raise DataError(
            f"'{written:.40}' is no link.",
            expected="two positions joined by '-', 'p' or '?', such as 0-0 or 3p4",
        )
    left, right = int(match[1]) - first, int(match[3]) - first
    if min(left, right) < 0:
        raise DataError(
            f"'{written}' has a position below {first}, where counting starts.",
            fix="Name the first position: 0 or 1." if first else None,
        )
    link = (left, right) if target_first else (right, left)
    return link, match[2] == "-"


def _misplaced(
    link: Link, index: int, gold: Sequence[Alignment], sizes: Sequence[tuple[int, int]]
) -> MisplacedLinkError:
    """The error that names a link as its file spells it, and how the file may fit."""
    origin = gold[index].origin or Origin(f"Pair {index}", 0, False)
    order = slice(None, None, 1 if origin.target_first else -1)
    left, right = [position + origin.first for position in link][order]
    sides = [
        f"{name} positions {origin.first} to {size - 1 + origin.first}"
        for name, size in zip(("target", "source"), sizes[index], strict=True)
    ][order]
    remedy = _remedy(origin, gold, sizes)
    settings = ", ".join(f"{name}={value}" for name, value in remedy.items())
    error = MisplacedLinkError(
        f"{origin.place}: the link {left}{'-' if link in gold[index].sure else 'p'}"
        f"{right} points outside of its sentences.",
        expected=" and ".join(sides),
        fix=f"All links fit where they are read with {settings}."
        if remedy
        else "Look whether these are the texts, and the words, that were aligned.",
    )
    error.remedy = remedy
    return error


def _remedy(
    origin: Origin, gold: Sequence[Alignment], sizes: Sequence[tuple[int, int]]
) -> dict[str, int | bool]:
    """The arguments of ``parse_alignments`` to change so that every link fits."""
    places = [
        (link, size)
        for alignment, size in zip(gold, sizes, strict=True)
        for link in alignment.possible
    ]
    moved = 1 - 2 * origin.first
    for moves, turns in ((moved, False), (0, True), (moved, True)):
        if all(
            _is_inside([at - moves for at in link][:: -1 if turns else 1], size)
            for link, size in places
        ):
            first = {"first": 1 - origin.first} if moves else {}
            return first | ({"target_first": not origin.target_first} if turns else {})
    return {}


def _is_inside(link: Sequence[int], size: tuple[int, int]) -> bool:
    return all(0 <= at < count for at, count in zip(link, size, strict=True))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0
