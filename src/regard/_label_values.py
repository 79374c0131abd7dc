"""What a label is, the same for files, lists and frames.

A label is a text, a number or a truth value. ``5.0`` is the whole number 5: so programs
write it in a column where another one is missing. ``3.5`` is its text until all labels
are known, and comes back as the number. What is missing is ``None``, NaN and the like,
or a text with nothing in it.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np

from regard.errors import ArgumentError, DataError, MissingValueError

#: A label: truth values are numbers to Python, and never taken for 0 and 1 here.
Label: TypeAlias = str | int | float

# How programs write what is missing into a column of texts. The others are words, too,
# that a text may consist of.
NOT_A_NUMBER = frozenset({"nan", "NaN", "NAN", "<NA>", "NaT"})
_MISSING_WORDS = NOT_A_NUMBER | {"None", "null", "NULL", "Null", "NA", "N/A", "n/a"}
_MISSING_TYPES = frozenset({"NAType", "NaTType"})
# Characters without a width that copied cells bring along.
_INVISIBLE = "\ufeff\u200b\u200e\u200f\u2060"
_LAST_SPACE = 0x3000
_AROUND = _INVISIBLE + "".join(
    character for character in map(chr, range(_LAST_SPACE + 1)) if character.isspace()
)
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)\.0+")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?")
_TRUTH = {"true": "True", "false": "False"}


def plain_value(value: Any) -> Any:
    """A value as one of Python's own: NumPy's, Arrow's and tensors' scalars as well."""
    if hasattr(value, "as_py"):
        return value.as_py()
    if isinstance(value, np.floating):
        # As it is written: the nearest float to 3.1 in 32 bits is not 3.1.
        return float(str(value))
    if getattr(value, "ndim", None) == 0:
        # What is masked has a number all the same.
        if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
            return None
        return (value if hasattr(value, "item") else value.numpy()).item()
    return value


def is_missing(value: Any) -> bool:
    """Whether a plain value stands for nothing, or is a text with nothing in it."""
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, Decimal):
        return value.is_nan()  # One that signals compares with nothing.
    if isinstance(value, float):
        return value != value  # noqa: PLR0124 - NaN
    return value is None or type(value).__name__ in _MISSING_TYPES


def is_missing_word(value: Any) -> bool:
    """Whether a text is what programs write where something is missing."""
    return isinstance(value, str) and trimmed(value) in _MISSING_WORDS


def plain_label(value: Any, place: str) -> Label:
    """A value as a label; see the module.

    Args:
        value: What came.
        place: What it is, as an error message begins: ``"The label of example 3"``.

    Raises:
        MissingValueError: It is missing.
        DataError: It is no label.
    """
    plain = plain_value(value)
    if is_missing(plain):
        is_text = isinstance(plain, str)
        raise MissingValueError(
            f"{place} is {'empty' if is_text else 'missing'}.",
            received="nothing (null)" if plain is None else f"{plain!r:.60}",
            fix="Give the row a label or leave it out.",
        )
    if isinstance(plain, str):
        return str.__str__(plain)
    if isinstance(plain, bool):
        return plain
    if isinstance(plain, int):
        return int(plain)
    if isinstance(plain, float | Decimal) and np.isfinite(float(plain)):
        return int(plain) if plain == int(plain) else str(float(plain))
    raise DataError(
        f"{place} is not a label.",
        expected="a text, a number or a truth value",
        received=f"{plain!r:.60} ({_kind(plain)})",
    )


def label_name(label: Label) -> str:
    """A label as its text."""
    is_whole = isinstance(label, float) and label.is_integer()
    return str(int(label) if is_whole else label)


def check_separator(separator: str | None) -> None:
    """Refuse an empty text between labels."""
    if separator is not None and (not isinstance(separator, str) or not separator):
        raise ArgumentError(
            "'label_separator' separates nothing.",
            expected="what stands between the labels of a text, as ';'",
            received=f"{separator!r:.60}",
            arguments=["label_separator"],
        )


def split_labels(value: Any, separator: str | None, place: str) -> tuple[Label, ...]:
    """The labels of a text that may have several.

    Args:
        value: A list of labels; or a text in which they stand one after the other,
            and which has none where it is empty or missing.
        separator: What stands between them in a text.
        place: What they are, as an error message begins.

    Raises:
        DataError: It is neither, or holds no labels.
    """
    plain = plain_value(value)
    if is_label_set(plain):
        return tuple(plain_label(each, place) for each in plain)
    if separator is None or not (is_missing(plain) or isinstance(plain, str)):
        return (plain_label(plain, place),)
    parts = () if is_missing(plain) else plain.split(separator)
    return tuple(filter(None, map(trimmed, parts)))


def is_label_set(value: Any) -> bool:
    """Whether a value holds the labels of a text that may have several."""
    return isinstance(value, tuple | list | set | frozenset | np.ndarray)


def label_kind(value: Any) -> str:
    """Whether a label is a text, a number or a truth value; labels are of one kind."""
    plain = plain_value(value)
    if isinstance(plain, str):
        return "text"
    return "truth value" if isinstance(plain, bool) else "number"


def ratings(names: Sequence[str]) -> tuple[float, ...] | None:
    """The numbers that labels are, where all of three or more are; codes are none.

    Args:
        names: The texts of the labels, each once.
    """
    if len(names) < 3 or not all(map(_NUMBER.fullmatch, names)):
        return None
    numbers = tuple(map(float, names))
    known = set(numbers)
    return numbers if len(known) == len(names) and np.isfinite(numbers).all() else None


def without_fractions(labels: Sequence[str]) -> list[str]:
    """Texts of labels, ``"5.0"`` as ``"5"`` where all of them are such numbers."""
    known = set(labels) - {""}
    if known and all(map(_WHOLE.fullmatch, known)):
        return [label.partition(".")[0] for label in labels]
    return list(labels)


def trimmed(text: str) -> str:
    """A text without white space, and what has no width, around it."""
    return text.strip(_AROUND)


def outline(text: str) -> str:
    """What labels have in common that people would take for one.

    They may differ in letter case, white space, the form of a character, and in
    ``.0``.
    """
    folded = unicodedata.normalize("NFKC", trimmed(text)).casefold()
    return " ".join(_equivalent(folded).casefold().split())


class KnownLabels:
    """Labels by their text: the label 1 of a list is the "1" and the "1.0" of a file.

    Args:
        names: The texts of the labels.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        self._equivalent = _distinct(self.names, _equivalent)
        self._alike = _distinct(self.names, outline)

    def find(self, label: str) -> str | None:
        """The name of a label, None where it is not known."""
        return self._equivalent.get(label) or self._equivalent.get(_equivalent(label))

    def nearest(self, label: str) -> str | None:
        """The only name that differs in letter case and white space alone."""
        return self.find(label) or self._alike.get(outline(label))


def spellings(counts: Mapping[str, int]) -> dict[str, str]:
    """For each label the one that is written most often of those with its outline.

    Args:
        counts: How often each label is there.
    """
    common: dict[str, str] = {}
    for label in sorted(counts, key=lambda label: (-counts[label], label)):
        common.setdefault(outline(label), trimmed(label))
    return {label: common[outline(label)] for label in counts}


def _equivalent(label: str) -> str:
    """One text for the spellings that a number or a truth value has in files."""
    if _WHOLE.fullmatch(label):
        return label.partition(".")[0]
    return _TRUTH.get(label.lower(), label)


def _distinct(names: Sequence[str], key: Any) -> dict[str, str]:
    """Names by their key, without keys of several, and by themselves."""
    counts = Counter(map(key, names))
    named = {key(name): name for name in names if counts[key(name)] == 1}
    return named | {name: name for name in names}


def _kind(value: object) -> str:
    name = type(value).__name__
    return {"dict": "an object", "list": "a list", "float": "a number"}.get(name, name)
