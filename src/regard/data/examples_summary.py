"""What is in labelled texts before they are learned from."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from regard._frames import listed_values
from regard._label_values import (
    NOT_A_NUMBER,
    is_label_set,
    is_missing_word,
    outline,
    plain_label,
    plain_value,
    spellings,
    trimmed,
)
from regard._validate import check_same_length
from regard.data.summary import (
    Lengths,
    Problem,
    Summary,
    counted,
    damaged,
    has_lost,
    is_blank,
    listed_texts,
    repeats,
    said,
)

# Shares of the texts above which something is said.
_ONE_LABEL, _NO_LETTER = 0.95, 0.5
# Labels are as many as this share of the texts, and more than the number.
_OWN_LABEL, _FEW_LABELS = 0.5, 20
_SHOWN_LABELS, _NAMED = 20, 4


@dataclass(frozen=True, repr=False)
class ExamplesSummary(Summary):
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

    labels: Mapping[str, int]
    words: Lengths
    characters: Lengths
    without_text: int
    without_label: int
    contradictory: int

    @classmethod
    def of(cls, texts: Iterable[Any], labels: Iterable[Any]) -> "ExamplesSummary":
        """Sum texts and their labels up; ``None``, NaN and ``""`` are missing.

        Raises:
            ArgumentError: There are not as many of both.
            DataError: A text is no text, or a label no label.
        """
        given = listed_texts(texts, "Text", NOT_A_NUMBER)
        listed_labels = listed_values(labels, "labels")
        several = any(map(is_label_set, listed_labels))
        if several:
            sets = [label_names(_of_text(each)) for each in listed_labels]
            counts = Counter(name for each in sets for name in each if name)
            # Texts are compared by all their labels; to have none is no fault.
            names = [", ".join(sorted(each)) or "none" for each in sets]
        else:
            names = label_names(listed_labels)
            counts = Counter(name for name in names if name)
        check_same_length({"texts": given, "labels": names})
        known = [text for text in given if text]
        outlines = {name: outline(name) for name in set(names)}
        seen: dict[str, set[str]] = {}
        for text, name in zip(given, names, strict=True):
            if text:
                of_text = seen.setdefault(trimmed(text), set())
                of_text.update([outlines[name]] if name else [])
        repeated = len(known) - len(seen)
        contradictory = sum(len(each) > 1 for each in seen.values())
        missing = len(given) - len(known)
        problems = [
            *label_problems(counts if several else names),
            *_text_problems(given, repeated),
            *said(contradictory, "text is", "texts are", "there with several labels"),
            *_share_problems(counts, len(given)),
        ]
        return cls(
            rows=len(given),
            labels=dict(sorted(counts.items(), key=lambda each: (-each[1], each[0]))),
            words=Lengths.of([len(text.split()) for text in known]),
            characters=Lengths.of([len(text) for text in known]),
            without_text=missing,
            without_label=0 if several else len(names) - counts.total(),
            repeated=repeated,
            contradictory=contradictory,
            problems=tuple(problems),
        )

    def _lines(self) -> list[str]:
        from regard.plot.characters import for_terminal_line  # noqa: PLC0415 - as needed

        shown = list(self.labels.items())[:_SHOWN_LABELS]
        left_out = len(self.labels) - len(shown)
        lines = [f"{self.rows:,} texts, {len(self.labels):,} labels"]
        lines += [
            f"  {_cut(for_terminal_line(name)):22}{count:>9,}{count / self.rows:>8.1%}"
            for name, count in shown
        ]
        lines += [f"  and {left_out:,} labels more"] if left_out else []
        return [
            *lines,
            f"{'words in a text':24}{self.words}",
            f"{'characters':24}{self.characters}",
            *counted("without a text", self.without_text),
            *counted("without a label", self.without_label),
            *counted("there before", self.repeated),
        ]


def _of_text(labels: Any) -> list[Any]:
    return list(labels) if is_label_set(labels) else [labels]


def label_names(labels: Iterable[Any]) -> list[str]:
    """Labels by their texts, ``""`` for what is missing.

    Raises:
        DataError: A label is no label.
    """
    plain = [plain_value(label) for label in listed_values(labels, "labels")]
    return [
        "" if is_blank(label) else str(plain_label(label, f"The label of example {at}"))
        for at, label in enumerate(plain)
    ]


def label_problems(names: Sequence[str] | Mapping[str, int]) -> list[Problem]:
    """What looks wrong in labels by themselves.

    Args:
        names: The label of each text, ``""`` where it is missing; or how often each
            is there.
    """
    counts = Counter(names)
    missing = counts.pop("", 0)
    problems = said(missing, "row has", "rows have", "no label", is_cleaned=True)
    words = {name: count for name, count in counts.items() if is_missing_word(name)}
    if words:
        sentence = f"{_named(words)}: so programs write what is missing."
        problems.append(Problem(f"There is a label {sentence}", is_cleaned=True))
    alike: dict[str, dict[str, int]] = {}
    for name, count in counts.items():
        alike.setdefault(outline(name), {})[name] = count
    for group in alike.values():
        if len(group) > 1:
            sentence = f"The labels {_named(group)} differ in case or space only."
            problems.append(Problem(sentence, is_cleaned=True))
        elif trimmed(name := next(iter(group))) != name and name not in words:
            sentence = f"The label {_named(group)} has white space around it."
            problems.append(Problem(sentence, is_cleaned=True))
    return problems


def _text_problems(texts: Sequence[str], repeated: int) -> list[Problem]:
    known = [text for text in texts if text]
    missing = len(texts) - len(known)
    lost = sum(map(has_lost, known))
    problems = [
        *said(missing, "row has", "rows have", "no text", is_cleaned=True),
        *repeats(repeated, len(texts), "texts"),
        *damaged(lost, "text has", "texts have"),
    ]
    bare = sum(not any(map(str.isalpha, text)) for text in known)
    if bare > _NO_LETTER * len(known):
        sentence = f"{bare:,} texts have no letter: are these the texts?"
        problems.append(Problem(sentence))
    return problems


def _share_problems(counts: Mapping[str, int], rows: int) -> list[Problem]:
    if len(counts) > max(_FEW_LABELS, _OWN_LABEL * rows):
        sentence = f"There are {len(counts):,} labels for {rows:,} texts"
        return [Problem(f"{sentence}: are these the labels?")]
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


def _named(counts: Mapping[str, int]) -> str:
    """Labels with their counts, the first few."""
    order = sorted(counts, key=lambda name: (-counts[name], name))
    named = [f"{name!r:.60} ({counts[name]:,})" for name in order[:_NAMED]]
    more = len(order) - len(named)
    named += [f"{more:,} more"] if more else []
    *others, last = named
    return f"{', '.join(others)} and {last}" if others else last


def _cut(name: str) -> str:
    name = repr(name) if trimmed(name) != name else name
    return name if len(name) <= 20 else f"{name[:19]}…"
