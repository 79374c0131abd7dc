"""Dates written in all the ways of one locale that have one reading in every locale."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import product
from typing import Literal

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, get_date_format, tokenize_pattern

from regard.errors import ArgumentError, shown

FIRST_YEAR, LAST_YEAR = 1900, 2100
# A date as the indices of its parts: year, month, day, weekday, and 0 for literals.
Moment = tuple[int, int, int, int, int]
Day = tuple[int, int]
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
_STYLES: tuple[Literal["short", "medium", "long", "full"], ...] = (
    "short",
    "medium",
    "long",
    "full",
)
_SKELETONS = ("yMd", "yMEd", "yMMMd", "yMMMEd", "yMMMMd", "yMMMMEEEEd")
# Any year will do: it is the only number of four digits, so that texts of different
# years always differ.
_ANY_YEAR = 100
_VARIANTS_OF_I = ("\N{LATIN SMALL LETTER DOTLESS I}", "i\N{COMBINING DOT ABOVE}")


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
        """The parts of the date it shows, in its order."""
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


def moment(day: date) -> Moment:
    """The parts of a date."""
    return day.year - FIRST_YEAR, day.month - 1, day.day - 1, day.weekday(), 0


@cache
def unambiguous_forms(locales: tuple[str, ...]) -> dict[str, tuple[DateForm, ...]]:
    """The forms of each locale that no other locale reads as another date.

    Left out are years of two digits, numeric months unless the year comes first, and
    every form that writes some date as any form of the locales, numeric ones included,
    writes another one. Texts count as the same where only letter case, punctuation,
    spaces, leading zeros or the script of the digits differ.

    Raises:
        ArgumentError: Babel does not know a locale, or none of its forms is left.
    """
    every = [form for name in locales for form in all_forms(find_locale(name))]
    doubtful = contested(every)
    kept = [
        form
        for index, form in enumerate(every)
        if form.is_safe and index not in doubtful
    ]
    by_locale = {
        name: tuple(form for form in kept if form.locale == name) for name in locales
    }
    for name, forms in by_locale.items():
        if not forms:
            raise ArgumentError(
                f"No form of the locale '{name}' is free of doubt.",
                expected="locales that do not have the same names for other months",
                received=f"locales={locales}",
                fix="Leave it out, or the locale it is in conflict with.",
            )
    return by_locale


def all_forms(locale: Locale) -> Iterator[DateForm]:
    """The different forms of a locale that tell the whole date, ambiguous or not."""
    skeletons = locale.datetime_skeletons
    patterns = [
        *(get_date_format(style, locale).pattern for style in _STYLES),
        *(skeletons[name].pattern for name in _SKELETONS if name in skeletons),
    ]
    for pattern in dict.fromkeys(patterns):
        form = date_form(locale, pattern)
        if form is not None:
            yield form


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


def find_locale(name: str) -> Locale:
    """The locale of an identifier such as ``"ar_EG"``.

    Raises:
        ArgumentError: Babel does not know it, or by another name.
    """
    try:
        locale = Locale.parse(name)
    except (UnknownLocaleError, ValueError, TypeError):
        locale = None
    if locale is None or str(locale) != name:
        raise ArgumentError(
            "There is no such locale.",
            expected="identifiers of Babel, such as 'de' or 'ar_EG'",
            received=shown(name),
        )
    return locale


def contested(forms: Sequence[DateForm]) -> set[int]:
    """The forms that write some date as any of the forms writes another one.

    The day of the week does not settle it: a form is contested too where only
    different years would make the two weekdays right.

    Returns:
        The indices of these forms.
    """
    first: dict[str, Day] = {}
    doubtful: set[str] = set()
    texts = [_texts(form) for form in forms]
    for written in texts:
        for text, day in written.items():
            if first.setdefault(text, day) != day:
                doubtful.add(text)
    return {i for i, written in enumerate(texts) if not doubtful.isdisjoint(written)}


def folded(text: str) -> str:
    """A text without what does not count: letter case, spaces and punctuation.

    Numbers stay apart from each other, without leading zeros and in Latin digits. The
    Turkish i without a dot counts as i, since capitals do not tell which it was.
    """
    plain = unicodedata.normalize("NFKC", text.casefold())
    for variant in _VARIANTS_OF_I:
        plain = plain.replace(variant, "i")
    numbered = re.sub(r"\d+", lambda digits: f"|{int(digits[0])}|", plain)
    return "".join(
        sign
        for sign in numbered
        if sign == "|" or unicodedata.category(sign)[0] in "LMN"
    )


def _texts(form: DateForm) -> dict[str, Day]:
    """All a form writes in a year of any kind, folded, with month and day."""
    plain = form.mapped(folded)
    weekdays = range(7) if form.names_weekday else range(1)
    return {
        plain.write((_ANY_YEAR, month, day, weekday, 0)): (month, day)
        for month, day, weekday in product(range(12), range(31), weekdays)
    }


LETTER_CASES = ("as written", "lower", "upper", "title")
Digits = dict[int, str]
# In these languages i with and without a dot are two letters in capitals too.
_DOTTED = {"tr", "az"}
_DOTLESS_I = "\N{LATIN SMALL LETTER DOTLESS I}"
_DOTTED_CAPITAL = "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}"
# The zero of each decimal numbering system of CLDR; its other digits follow it in
# Unicode.
_ZEROS = {
    system: unicodedata.lookup(f"{script}DIGIT ZERO")
    for system, script in (
        ("latn", ""),
        ("arab", "ARABIC-INDIC "),
        ("arabext", "EXTENDED ARABIC-INDIC "),
        ("beng", "BENGALI "),
        ("deva", "DEVANAGARI "),
        ("gujr", "GUJARATI "),
        ("guru", "GURMUKHI "),
        ("khmr", "KHMER "),
        ("knda", "KANNADA "),
        ("laoo", "LAO "),
        ("mlym", "MALAYALAM "),
        ("mymr", "MYANMAR "),
        ("orya", "ORIYA "),
        ("tamldec", "TAMIL "),
        ("telu", "TELUGU "),
        ("thai", "THAI "),
        ("tibt", "TIBETAN "),
    )
}


@dataclass(frozen=True)
class DateWriter:
    """Write dates in the forms, letter cases and digits of one locale.

    Args:
        language: The language of the locale, by which letters have their capitals.
        forms: The forms that have one reading.
        digits: The tables from Latin digits to those of the locale.
    """

    language: str
    forms: tuple[DateForm, ...]
    digits: tuple[Digits, ...]

    def write(self, day: date, form: float, case: float, digits: float) -> str:
        """The date in one of the ways, each chosen by a number from 0 to below 1."""
        text = self.forms[int(form * len(self.forms))].write(moment(day))
        cased = in_case(
            text, LETTER_CASES[int(case * len(LETTER_CASES))], self.language
        )
        table = self.digits[int(digits * len(self.digits))]
        return cased.translate(table) if table else cased

    def all_ways(self, day: date) -> Iterator[str]:
        """The date in every one of the ways."""
        parts = moment(day)
        for form in self.forms:
            for case in LETTER_CASES:
                text = in_case(form.write(parts), case, self.language)
                yield from (text.translate(table) for table in self.digits)


def date_writers(locales: tuple[str, ...]) -> tuple[DateWriter, ...]:
    """A writer for each locale; among them every text means one date.

    Raises:
        ArgumentError: Babel does not know a locale, or none of its forms is left.
    """
    forms = unambiguous_forms(locales)
    return tuple(_writer(name, forms[name]) for name in locales)


def in_case(text: str, case: str, language: str) -> str:
    """The text in one of ``LETTER_CASES``; scripts without case stay as they are."""
    if case == "lower":
        return _lower(text, language)
    if case == "upper":
        return _upper(text, language)
    if case == "title":
        return " ".join(
            _upper(word[:1], language) + _lower(word[1:], language)
            for word in text.split(" ")
        )
    return text


def digits_of(locale: Locale) -> tuple[Digits, ...]:
    """The tables, for ``str.translate``, to the digits in which a locale writes.

    Latin digits, those the locale takes by default and those native to it. Numbering
    systems that are not decimal are left out.
    """
    systems = [
        "latn",
        locale.default_numbering_system,
        locale.other_numbering_systems.get("native", "latn"),
    ]
    zeros = dict.fromkeys(_ZEROS[name] for name in systems if name in _ZEROS)
    return tuple(_table(zero) for zero in zeros)


def _writer(name: str, forms: tuple[DateForm, ...]) -> DateWriter:
    locale = find_locale(name)
    return DateWriter(locale.language, forms, digits_of(locale))


def _lower(text: str, language: str) -> str:
    if language in _DOTTED:
        text = text.replace("I", _DOTLESS_I).replace(_DOTTED_CAPITAL, "i")
    return text.lower()


def _upper(text: str, language: str) -> str:
    if language in _DOTTED:
        text = text.replace("i", _DOTTED_CAPITAL)
    return text.upper()


def _table(zero: str) -> Digits:
    if zero == _ZEROS["latn"]:
        return {}
    return {ord("0") + digit: chr(ord(zero) + digit) for digit in range(10)}
