"""Dates written in all the ways of one locale."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from regard.tasks.date_form import DateForm, moment
from regard.tasks.date_forms import find_locale, unambiguous_forms
from regard.tasks.letter_case import LETTER_CASES, in_case
from regard.tasks.numerals import Digits, digits_of


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


def _writer(name: str, forms: tuple[DateForm, ...]) -> DateWriter:
    locale = find_locale(name)
    return DateWriter(locale.language, forms, digits_of(locale))
