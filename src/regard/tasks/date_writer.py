"""Dates written in all the ways of one locale."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from babel import Locale

from regard.tasks.date_forms import DateForm, find_locale, moment, unambiguous_forms

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
