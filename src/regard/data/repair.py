"""Mending what is dirty in data, and telling what was done."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from regard._frames import listed_values
from regard._label_values import (
    NOT_A_NUMBER,
    KnownLabels,
    Label,
    is_missing_word,
    label_kind,
    plain_label,
    spellings,
    trimmed,
)
from regard._validate import check_same_length
from regard.data.examples_summary import label_names
from regard.data.summary import listed_texts
from regard.errors import DataError, MissingValueError


class CleanExamples(NamedTuple):
    """Labelled texts without what was dirty.

    Args:
        texts: The texts.
        labels: The label of each.
        changes: What was done, in sentences.
    """

    texts: list[str]
    labels: list[Label]
    changes: tuple[str, ...]


class CleanPairs(NamedTuple):
    """Pairs without what was dirty.

    Args:
        sources: The sources.
        targets: The target of each.
        changes: What was done, in sentences.
    """

    sources: list[str]
    targets: list[str]
    changes: tuple[str, ...]


def clean_examples(
    texts: Iterable[Any],
    labels: Iterable[Any],
    known_labels: Collection[str] | None = None,
) -> CleanExamples:
    """Mend labelled texts.

    Labels that differ in letter case, white space or ``.0`` only become the one of them
    that is there most often, white space around labels goes, and rows without a text or
    a label are left out: those where it is ``None``, NaN, empty, or a word that
    programs write for it ("NaN"; of labels "None", "null" and "NA" as well). Texts stay
    as they are.

    Args:
        texts: The texts.
        labels: The label of each.
        known_labels: Labels that others are to become where these differ only so, for
            examples that a model is measured on.

    Raises:
        ArgumentError: There are not as many of both.
        DataError: A text is no text, a label no label, or nothing is left.

    Example:
        >>> texts, labels, changes = clean_examples(["a", "b"], ["Good", "Good "])
        >>> labels, changes
        (['Good', 'Good'], ("Took the label 'Good ' (1) for 'Good'.",))
    """
    return mended_examples(texts, labels, known_labels)[0]


def mended_examples(
    texts: Iterable[Any],
    labels: Iterable[Any],
    known_labels: Collection[str] | None = None,
) -> tuple[CleanExamples, list[int]]:
    """As ``clean_examples``, and the numbers of the rows that are left."""
    given, raw = (
        listed_texts(texts, "Text", NOT_A_NUMBER),
        listed_values(labels, "labels"),
    )
    names = ["" if is_missing_word(name) else name for name in label_names(raw)]
    check_same_length({"texts": given, "labels": names})
    counts = Counter(name for name in names if name)
    spelled = spellings(counts)
    if known_labels is not None:
        known = KnownLabels(known_labels)
        spelled = {name: known.nearest(name) or spelled[name] for name in counts}
    kept = [at for at, text in enumerate(given) if text and names[at]]
    without_label = names.count("")
    changes = [
        *_left_out(without_label, "label"),
        *_left_out(len(names) - without_label - len(kept), "text"),
    ]
    changes += [
        f"Took the label {name!r:.60} ({counts[name]:,}) for {spelled[name]!r:.60}."
        for name in sorted(counts)
        if spelled[name] != name
    ]
    if not kept:
        raise DataError("No row has both a text and a label, so nothing is left.")
    mended = CleanExamples(
        [given[at] for at in kept],
        [_as_given(raw[at], spelled[names[at]]) for at in kept],
        tuple(changes),
    )
    return mended, kept


def clean_pairs(sources: Iterable[Any], targets: Iterable[Any]) -> CleanPairs:
    """Mend pairs: white space around texts goes, and pairs with an empty side do.

    Args:
        sources: The sources.
        targets: The target of each.

    Raises:
        ArgumentError: There are not as many of both.
        DataError: A side is no text, or nothing is left.
    """
    left, right = listed_texts(sources, "Source"), listed_texts(targets, "Target")
    check_same_length({"sources": left, "targets": right})
    kept = [(a, b) for a, b in zip(left, right, strict=True) if a and b]
    if not kept:
        raise DataError("No pair has a text on both sides, so nothing is left.")
    stripped = [(trimmed(a), trimmed(b)) for a, b in kept]
    changed = sum(pair != other for pair, other in zip(kept, stripped, strict=True))
    changes = [*_left_out(len(left) - len(kept), "text on both sides", "pair")]
    if changed:
        what = "a pair" if changed == 1 else f"{changed:,} pairs"
        changes.append(f"Took white space off the ends of {what}.")
    return CleanPairs(
        [a for a, _ in stripped], [b for _, b in stripped], tuple(changes)
    )


@contextmanager
def hinting(remedy: str) -> Iterator[None]:
    """Say of values that are missing how a door leaves them out.

    Args:
        remedy: A sentence.
    """
    try:
        yield
    except MissingValueError as error:
        raise MissingValueError(
            error.message,
            expected=error.expected,
            received=error.received,
            fix=" ".join(filter(None, [error.fix, remedy])),
        ) from error


def _as_given(label: Any, name: str) -> Label:
    """A label by its mended name, of the kind it was given in."""
    if label_kind(label) == "text":
        return name
    plain = plain_label(label, "The label")
    # A number with a fraction stays one beside those without.
    return float(plain) if isinstance(plain, str) else plain


def _left_out(count: int, what: str, row: str = "row") -> list[str]:
    if not count:
        return []
    return [f"Left out {count:,} {row}{'s' if count > 1 else ''} without a {what}."]
