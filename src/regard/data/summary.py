"""What is in data before it is learned from: counts, lengths, what looks wrong."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median_low
from typing import Any, NamedTuple

from regard._frames import listed_values
from regard._label_values import (
    NOT_A_NUMBER,
    is_missing,
    is_missing_word,
    outline,
    plain_label,
    plain_value,
    spellings,
    trimmed,
    without_fractions,
)
from regard._validate import check_same_length
from regard.errors import DataError

# Shares of the examples above which something is said.
_REPEATED, _IDENTICAL, _ONE_LABEL, _NO_LETTER = 0.2, 0.1, 0.95, 0.5
# Labels are as many as this share of the texts, and more than the number.
_OWN_LABEL, _FEW_LABELS = 0.5, 20
# A side is so many times longer than is usual, and longer than so many characters.
_TIMES, _SHORT = 4, 40
_SHOWN_LABELS, _NAMED = 20, 4
_REPLACED = "\ufffd"


class Problem(NamedTuple):
    """What looks wrong in data.

    Args:
        message: A sentence.
        is_cleaned: Whether ``clean_examples`` and ``clean_pairs`` mend it.
    """

    message: str
    is_cleaned: bool = False


class Lengths(NamedTuple):
    """The lengths of the texts that are not empty: 0 where all are."""

    shortest: int
    median: int
    longest: int

    @classmethod
    def of(cls, lengths: Sequence[int]) -> "Lengths":
        """Those of some texts."""
        if not lengths:
            return cls(0, 0, 0)
        return cls(min(lengths), median_low(lengths), max(lengths))

    def __str__(self) -> str:
        return f"{self.shortest:,} to {self.longest:,}, median {self.median:,}"


@dataclass(frozen=True, repr=False)
class ExamplesSummary:
    """What is in labelled texts.

    Args:
        rows: The number of texts.
        labels: How often each label is there, the most frequent first.
        words: The lengths of the texts in words between spaces.
        characters: The lengths in characters.
        without_text: The texts that are missing or empty.
        without_label: The labels that are missing or empty.
        repeated: The texts that are there before.
        contradictory: The different texts that are there with different labels.
        problems: What looks wrong.

    Example:
        >>> texts, labels = regard.data.read_examples("reviews.csv", lenient=True)
        >>> regard.data.ExamplesSummary.of(texts, labels)
    """

    rows: int
    labels: Mapping[str, int]
    words: Lengths
    characters: Lengths
    without_text: int
    without_label: int
    repeated: int
    contradictory: int
    problems: tuple[Problem, ...]

    @classmethod
    def of(cls, texts: Iterable[Any], labels: Iterable[Any]) -> "ExamplesSummary":
        """Sum texts and their labels up; ``None``, NaN and ``""`` are missing.

        Raises:
            ArgumentError: There are not as many of both.
            DataError: A text is no text, or a label no label.
        """
        given = listed_texts(texts, "Text", NOT_A_NUMBER)
        names = label_names(labels)
        check_same_length({"texts": given, "labels": names})
        counts = Counter(name for name in names if name)
        known = [text for text in given if text]
        seen: dict[str, set[str]] = {}
        for text, name in zip(given, names, strict=True):
            if text:
                said = [outline(name)] if name else []
                seen.setdefault(trimmed(text), set()).update(said)
        repeated = len(known) - len(seen)
        contradictory = sum(len(each) > 1 for each in seen.values())
        missing = len(given) - len(known)
        problems = [
            *label_problems(names),
            *_text_problems(given, repeated),
            *_said(contradictory, "text is", "texts are", "there with several labels"),
            *_share_problems(counts, len(given)),
        ]
        return cls(
            rows=len(given),
            labels=dict(sorted(counts.items(), key=lambda each: (-each[1], each[0]))),
            words=Lengths.of([len(text.split()) for text in known]),
            characters=Lengths.of([len(text) for text in known]),
            without_text=missing,
            without_label=len(names) - counts.total(),
            repeated=repeated,
            contradictory=contradictory,
            problems=tuple(problems),
        )

    def to_dict(self) -> dict[str, Any]:
        """The summary as plain values, ready for JSON."""
        return _plain(self)

    def to_text(self) -> str:
        """The summary as lines for a terminal."""
        from regard.plot.characters import for_terminal_line  # noqa: PLC0415 - as needed

        shown = list(self.labels.items())[:_SHOWN_LABELS]
        left_out = len(self.labels) - len(shown)
        lines = [f"{self.rows:,} texts, {len(self.labels):,} labels"]
        lines += [
            f"  {_cut(for_terminal_line(name)):22}{count:>9,}{count / self.rows:>8.1%}"
            for name, count in shown
        ]
        lines += [f"  and {left_out:,} labels more"] if left_out else []
        lines += [
            f"{'words in a text':24}{self.words}",
            f"{'characters':24}{self.characters}",
            *_counted("without a text", self.without_text),
            *_counted("without a label", self.without_label),
            *_counted("there before", self.repeated),
            *_wrong(self.problems),
        ]
        return "".join(f"{line}\n" for line in lines)

    def __repr__(self) -> str:
        return self.to_text().rstrip("\n")


@dataclass(frozen=True, repr=False)
class PairsSummary:
    """What is in pairs of texts.

    Args:
        rows: The number of pairs.
        source_words: The lengths of the sources in words between spaces.
        target_words: The lengths of the targets.
        empty_sources: The sources that are missing or empty.
        empty_targets: The targets that are missing or empty.
        identical: The pairs whose sides are the same.
        repeated: The pairs that are there before.
        problems: What looks wrong.
    """

    rows: int
    source_words: Lengths
    target_words: Lengths
    empty_sources: int
    empty_targets: int
    identical: int
    repeated: int
    problems: tuple[Problem, ...]

    @classmethod
    def of(cls, sources: Iterable[Any], targets: Iterable[Any]) -> "PairsSummary":
        """Sum pairs up; ``None``, NaN and ``""`` are missing.

        Raises:
            ArgumentError: There are not as many of both.
            DataError: A side is no text.
        """
        left, right = listed_texts(sources, "Source"), listed_texts(targets, "Target")
        check_same_length({"sources": left, "targets": right})
        whole = [
            (trimmed(a), trimmed(b))
            for a, b in zip(left, right, strict=True)
            if a and b
        ]
        identical = sum(a == b for a, b in whole)
        repeated = len(whole) - len(set(whole))
        uneven = _uneven(whole)
        empty = len(left) - len(whole)
        damaged = sum(_REPLACED in a or _REPLACED in b for a, b in whole)
        problems = [
            *_said(empty, "pair has", "pairs have", "an empty side", is_cleaned=True),
            *_repeats(repeated, len(left), "pairs"),
            *_said(
                uneven,
                "pair has",
                "pairs have",
                f"a side {_TIMES} times longer or "
                "shorter than is usual here: do the sides belong together?",
            ),
            *_said(
                damaged,
                "pair has",
                "pairs have",
                "characters that were lost (�): was the file read in its encoding?",
            ),
        ]
        if identical > _IDENTICAL * len(left):
            problems += _said(identical, "pair has", "pairs have", "two equal sides")
        return cls(
            rows=len(left),
            source_words=Lengths.of([len(text.split()) for text in left if text]),
            target_words=Lengths.of([len(text.split()) for text in right if text]),
            empty_sources=left.count(""),
            empty_targets=right.count(""),
            identical=identical,
            repeated=repeated,
            problems=tuple(problems),
        )

    def to_dict(self) -> dict[str, Any]:
        """The summary as plain values, ready for JSON."""
        return _plain(self)

    def to_text(self) -> str:
        """The summary as lines for a terminal."""
        lines = [
            f"{self.rows:,} pairs",
            f"{'words in a source':24}{self.source_words}",
            f"{'words in a target':24}{self.target_words}",
            *_counted("empty sources", self.empty_sources),
            *_counted("empty targets", self.empty_targets),
            *_counted("the same on both sides", self.identical),
            *_counted("there before", self.repeated),
            *_wrong(self.problems),
        ]
        return "".join(f"{line}\n" for line in lines)

    def __repr__(self) -> str:
        return self.to_text().rstrip("\n")


def listed_texts(
    texts: Iterable[Any], what: str, missing: Collection[str] = ()
) -> list[str]:
    """Texts as a list, ``""`` for what is missing or has nothing in it.

    Args:
        texts: The texts.
        what: What one is called, as an error message begins.
        missing: Words that stand for a missing text.

    Raises:
        DataError: A text is no text.
    """
    listed = []
    for index, value in enumerate(listed_values(texts, f"{what.lower()}s")):
        plain = plain_value(value)
        if _is_blank(plain) or (isinstance(plain, str) and plain in missing):
            plain = ""
        if not isinstance(plain, str):
            raise DataError(
                f"{what} {index} is not a text.",
                expected="texts, or nothing (None)",
                received=f"{plain!r:.60}, a {type(plain).__name__}",
            )
        listed.append(plain)
    return listed


def label_names(labels: Iterable[Any]) -> list[str]:
    """Labels by their texts, ``""`` for what is missing.

    Raises:
        DataError: A label is no label.
    """
    plain = [plain_value(label) for label in listed_values(labels, "labels")]
    names = [
        ""
        if _is_blank(label)
        else str(plain_label(label, f"The label of example {at}"))
        for at, label in enumerate(plain)
    ]
    distinct = sorted(set(names) - {""})
    shorter = dict(zip(distinct, without_fractions(distinct), strict=True))
    return [shorter.get(name, "") for name in names]


def label_problems(names: Sequence[str]) -> list[Problem]:
    """What looks wrong in labels by themselves.

    Args:
        names: The label of each text, ``""`` where it is missing.
    """
    counts = Counter(names)
    missing = counts.pop("", 0)
    problems = _said(missing, "row has", "rows have", "no label", is_cleaned=True)
    words = {name: count for name, count in counts.items() if is_missing_word(name)}
    if words:
        said = f"{_named(words)}: so programs write what is missing."
        problems.append(Problem(f"There is a label {said}", is_cleaned=True))
    alike: dict[str, dict[str, int]] = {}
    for name, count in counts.items():
        alike.setdefault(outline(name), {})[name] = count
    for group in alike.values():
        if len(group) > 1:
            said = f"The labels {_named(group)} differ in letter case or space only."
            problems.append(Problem(said, is_cleaned=True))
        elif trimmed(name := next(iter(group))) != name and name not in words:
            said = f"The label {_named(group)} has white space around it."
            problems.append(Problem(said, is_cleaned=True))
    return problems


def _is_blank(value: Any) -> bool:
    return is_missing(value) or (isinstance(value, str) and not trimmed(value))


def _text_problems(texts: Sequence[str], repeated: int) -> list[Problem]:
    known = [text for text in texts if text]
    missing = len(texts) - len(known)
    damaged = sum(_REPLACED in text for text in known)
    problems = [
        *_said(missing, "row has", "rows have", "no text", is_cleaned=True),
        *_repeats(repeated, len(texts), "texts"),
        *_said(
            damaged,
            "text has",
            "texts have",
            "characters that were lost (�): was the file read in its encoding?",
        ),
    ]
    bare = sum(not any(map(str.isalpha, text)) for text in known)
    if bare > _NO_LETTER * len(known):
        said = f"{bare:,} texts have no letter: are these the texts?"
        problems.append(Problem(said))
    return problems


def _uneven(pairs: Sequence[tuple[str, str]]) -> int:
    """The pairs whose sides have other lengths than the other pairs let expect."""
    ratios = [len(target) / len(source) for source, target in pairs]
    usual = median_low(ratios) if ratios else 1.0
    return sum(
        max(ratio / usual, usual / ratio) > _TIMES and max(map(len, pair)) > _SHORT
        for ratio, pair in zip(ratios, pairs, strict=True)
    )


def _share_problems(counts: Mapping[str, int], rows: int) -> list[Problem]:
    if len(counts) > max(_FEW_LABELS, _OWN_LABEL * rows):
        said = f"There are {len(counts):,} labels for {rows:,} texts"
        return [Problem(f"{said}: are these the labels?")]
    # As they are once labels that differ in nothing else are one.
    merged: Counter[str] = Counter()
    for name, spelled in spellings(counts).items():
        merged[spelled] += counts[name]
    single = {name: count for name, count in merged.items() if count == 1}
    problems = []
    if single:
        one = f"the label {_named(single)} there is a single text."
        many = f"the labels {_named(single)} there is a single text each."
        problems.append(Problem(f"Of {one if len(single) == 1 else many}"))
    most = max(merged, key=lambda name: merged[name], default="")
    if len(merged) > 1 and merged[most] > _ONE_LABEL * rows:
        share = merged[most] / rows
        problems.append(
            Problem(f"{share:.1%} of the texts have the label {most!r:.40}.")
        )
    return problems


def _repeats(count: int, rows: int, what: str) -> list[Problem]:
    if count <= _REPEATED * rows:
        return []
    said = "what is held out to choose the best epoch is then known from training"
    return [Problem(f"{count / rows:.0%} of the {what} are there before: {said}.")]


def _said(
    count: int, one: str, many: str, rest: str, *, is_cleaned: bool = False
) -> list[Problem]:
    if not count:
        return []
    end = "" if rest.endswith("?") else "."
    said = f"{count:,} {one if count == 1 else many} {rest}{end}"
    return [Problem(said, is_cleaned)]


def _named(counts: Mapping[str, int]) -> str:
    """Labels with their counts, the first few."""
    order = sorted(counts, key=lambda name: (-counts[name], name))
    named = [f"{name!r:.60} ({counts[name]:,})" for name in order[:_NAMED]]
    more = len(order) - len(named)
    named += [f"{more:,} more"] if more else []
    *others, last = named
    return f"{', '.join(others)} and {last}" if others else last


def _counted(name: str, count: int) -> list[str]:
    return [f"{name:24}{count:,}"] if count else []


def _wrong(problems: Sequence[Problem]) -> list[str]:
    return (
        ["Looks wrong:", *(f"- {each.message}" for each in problems)]
        if problems
        else []
    )


def _cut(name: str) -> str:
    name = repr(name) if trimmed(name) != name else name
    return name if len(name) <= 20 else f"{name[:19]}…"


def _plain(summary: Any) -> dict[str, Any]:
    plain = asdict(summary)
    for name, value in plain.items():
        if isinstance(value, Lengths):
            plain[name] = value._asdict()
    plain["problems"] = [each._asdict() for each in summary.problems]
    return plain
