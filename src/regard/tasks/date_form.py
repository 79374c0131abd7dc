"""One way to write a date in one locale."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from babel import Locale
from babel.dates import format_date, tokenize_pattern

FIRST_YEAR, LAST_YEAR = 1900, 2100
# A date as the indices of its parts: year, month, day, weekday, and 0 for literals.
Moment = tuple[int, int, int, int, int]
_YEAR, _MONTH, _DAY, _WEEKDAY, _CONSTANT = range(5)
_KINDS = {
    "y": _YEAR,
    "M": _MONTH,
    "L": _MONTH,
    "d": _DAY,
    "E": _WEEKDAY,
    "c": _WEEKDAY,
    "G": _CONSTANT,
}
# The date of each part, all other parts being what they may.
_SAMPLES = (
    tuple(date(year, 1, 1) for year in range(FIRST_YEAR, LAST_YEAR + 1)),
    tuple(date(2001, month, 1) for month in range(1, 13)),
    tuple(date(2001, 1, day) for day in range(1, 32)),
    # 2001 began on a Monday, and Monday is weekday 0.
    tuple(date(2001, 1, 1) + timedelta(weekday) for weekday in range(7)),
    (date(2001, 1, 1),),
)


def moment(day: date) -> Moment:
    """The parts of a date."""
    return day.year - FIRST_YEAR, day.month - 1, day.day - 1, day.weekday(), 0


@dataclass(frozen=True)
class DateForm:
    """A pattern of a locale with its names looked up, so that writing is joining.

    Args:
        locale: The identifier of the locale.
        pattern: The CLDR pattern, such as ``"d. MMMM y"``.
        pieces: For each piece of the pattern which part of the date it shows, and its
            text for each value of that part.
    """

    locale: str
    pattern: str
    pieces: tuple[tuple[int, tuple[str, ...]], ...]

    def write(self, parts: Moment) -> str:
        """The date in Latin digits, as ``babel.dates.format_date`` writes it."""
        return "".join([texts[parts[part]] for part, texts in self.pieces])

    def mapped(self, change: Callable[[str], str]) -> "DateForm":
        """The same form with every piece of text changed."""
        pieces = tuple((part, tuple(map(change, texts))) for part, texts in self.pieces)
        return DateForm(self.locale, self.pattern, pieces)

    @property
    def parts(self) -> list[int]:
        """Which parts of the date it shows, in its order."""
        return [part for part, _ in self.pieces if part != _CONSTANT]

    @property
    def names_weekday(self) -> bool:
        """Whether the day of the week is written."""
        return _WEEKDAY in self.parts

    @property
    def is_safe(self) -> bool:
        """Whether no reader can take the day for the month.

        Either the month is a word, or it stands where all the world expects it once
        the year comes first.
        """
        order = [part for part in self.parts if part != _WEEKDAY]
        months = next(texts for part, texts in self.pieces if part == _MONTH)
        words = all(any(map(str.isalpha, month)) for month in months)
        return words or order == [_YEAR, _MONTH, _DAY]


def date_form(locale: Locale, pattern: str) -> DateForm | None:
    """The form of a pattern, or None if it does not tell the whole date.

    A year of two digits does not.
    """
    pieces: list[tuple[int, tuple[str, ...]]] = []
    for kind, value in tokenize_pattern(pattern):
        if kind == "chars":
            pieces.append((_CONSTANT, (str(value),)))
            continue
        letter, length = str(value[0]), int(value[1])
        if letter not in _KINDS or (letter, length) == ("y", 2):
            return None
        samples = _SAMPLES[_KINDS[letter]]
        field = letter * length
        texts = tuple(format_date(day, field, locale) for day in samples)
        pieces.append((_KINDS[letter], texts))
    form = DateForm(str(locale), pattern, tuple(pieces))
    return form if {_YEAR, _MONTH, _DAY} <= set(form.parts) else None
