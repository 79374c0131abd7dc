"""What summaries of data have in common: lengths, and what looks wrong."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median_low
from typing import Any, NamedTuple

from regard._frames import listed_values
from regard._label_values import is_missing, plain_value, trimmed
from regard.errors import DataError

#: The share of rows there before above which it is said.
_REPEATED = 0.2
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
class Summary:
    """What is in data.

    Args:
        rows: The number of rows.
        repeated: The rows that are there before.
        problems: What looks wrong.
    """

    rows: int
    repeated: int
    problems: tuple[Problem, ...]

    def to_dict(self) -> dict[str, Any]:
        """The summary as plain values, ready for JSON."""
        plain = asdict(self)
        for name, value in plain.items():
            if isinstance(value, Lengths):
                plain[name] = value._asdict()
        plain["problems"] = [each._asdict() for each in self.problems]
        return plain

    def to_text(self) -> str:
        """The summary as lines for a terminal."""
        lines = [f"- {each.message}" for each in self.problems]
        wrong = ["Looks wrong:", *lines] if lines else []
        return "".join(f"{line}\n" for line in [*self._lines(), *wrong])

    def _lines(self) -> list[str]:
        """The figures, a line each."""
        raise NotImplementedError

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
        if is_blank(plain) or (isinstance(plain, str) and plain in missing):
            plain = ""
        if not isinstance(plain, str):
            raise DataError(
                f"{what} {index} is not a text.",
                expected="texts, or nothing (None)",
                received=f"{plain!r:.60}, a {type(plain).__name__}",
            )
        listed.append(plain)
    return listed


def is_blank(value: Any) -> bool:
    """Whether a plain value is missing, or a text that shows nothing."""
    return is_missing(value) or (isinstance(value, str) and not trimmed(value))


def said(
    count: int, one: str, many: str, rest: str, *, is_cleaned: bool = False
) -> list[Problem]:
    """A sentence on a number of rows; none where there are none."""
    if not count:
        return []
    end = "" if rest.endswith("?") else "."
    sentence = f"{count:,} {one if count == 1 else many} {rest}{end}"
    return [Problem(sentence, is_cleaned)]


def repeats(count: int, rows: int, what: str) -> list[Problem]:
    """What is said of rows that are there before, where they are many."""
    if count <= _REPEATED * rows:
        return []
    sentence = "what is held out to choose the best epoch is then known from training"
    return [Problem(f"{count / rows:.0%} of the {what} are there before: {sentence}.")]


def damaged(count: int, one: str, many: str) -> list[Problem]:
    """What is said of rows with characters that were lost."""
    lost = "characters that were lost (�): was the file read in its encoding?"
    return said(count, one, many, lost)


def counted(name: str, count: int) -> list[str]:
    """A line with a number; none where it is 0."""
    return [f"{name:24}{count:,}"] if count else []


def has_lost(text: str) -> bool:
    """Whether characters of a text were lost where it was decoded."""
    return _REPLACED in text
