"""Dates as the world writes them, to ISO 8601."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from regard.errors import ArgumentError, MissingExtraError, shown
from regard.tasks.pairs import SequencePairs
from regard.tasks.sequence_task import SequenceTask

if TYPE_CHECKING:
    from regard.tasks.date_writer import DateWriter

# 31 locales in 11 scripts and 6 systems of digits. Of languages whose month names
# mean different months (listopad: October in Croatian, November in Polish and Czech)
# only those are here that agree.
LOCALES = (
    *("en", "de", "fr", "es", "pt", "it", "nl", "sv", "fi", "pl", "cs", "hu", "ro"),
    *("tr", "vi", "id", "ru", "uk", "bg", "el", "ka", "ar_EG", "fa", "he", "hi"),
    *("mr", "bn", "th", "ja", "zh", "ko"),
)
_FIRST = date(1900, 1, 1).toordinal()
_LAST = date(2100, 12, 31).toordinal()


@dataclass(frozen=True)
class Dates(SequenceTask):
    """Rewrite a date of any of the locales as ``YYYY-MM-DD``.

    Sources are what Babel (CLDR) makes of a day of the Gregorian calendar from
    1900-01-01 to 2100-12-31, drawn evenly: in its short, medium, long and full styles
    and those with an abbreviated day of the week; as written, in lower case, in
    capitals and capitalised; in Latin digits and in those of the script. Locale, form,
    letter case and digits are drawn evenly too.

    Every source has one right answer: left out are years of two digits, numeric months
    unless the year comes first, and every form that writes one date as any form of any
    of the locales writes another one. Letter case, punctuation, spaces, leading zeros
    and the script of the digits do not count there as a difference.

    Tokens are characters, ``groups`` are the locales. There is no gold alignment.

    Args:
        locales: Identifiers of Babel.

    Raises:
        ArgumentError: Babel does not know a locale, or none of its forms is free of
            doubt among these locales.
        MissingExtraError: Babel is not installed.

    Example:
        >>> task = Dates(locales=("en", "de"))
        >>> pairs = task.sample(1, seed=0)
        >>> pairs.source_texts, pairs.target_texts, pairs.groups
        (['Dienstag, 11. Januar 2028'], ['2028-01-11'], ('de',))
    """

    name: ClassVar[str] = "dates"

    locales: tuple[str, ...] = LOCALES

    def __post_init__(self) -> None:
        names = self.locales
        is_list = isinstance(names, tuple | list) and len(names) > 0
        if not is_list or not all(isinstance(name, str) for name in names):
            raise ArgumentError(
                "The setting 'locales' names the locales of the dates.",
                expected="a sequence of at least one identifier, such as ('de', 'fr')",
                received=shown(self.locales),
            )
        object.__setattr__(self, "locales", tuple(dict.fromkeys(self.locales)))
        _ = self._writers  # A wrong locale is refused now, not by the first sample.

    @cached_property
    def _writers(self) -> "tuple[DateWriter, ...]":
        try:
            from regard.tasks.date_writer import date_writers  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise MissingExtraError("The task 'dates'", "babel", "tasks") from error

        return date_writers(self.locales)

    def _draw(self, count: int, generator: np.random.Generator) -> SequencePairs:
        which = generator.integers(len(self.locales), size=count).tolist()
        days = generator.integers(_FIRST, _LAST, count, endpoint=True).tolist()
        # Three even numbers from 0 to 1 choose form, letter case and digits.
        choices = generator.random((count, 3)).tolist()
        moments = [date.fromordinal(day) for day in days]
        sources = [
            self._writers[locale].write(day, *choice)
            for locale, day, choice in zip(which, moments, choices, strict=True)
        ]
        return SequencePairs(
            tuple(map(tuple, sources)),
            tuple(tuple(day.isoformat()) for day in moments),
            separator="",
            groups=tuple(self.locales[locale] for locale in which),
        )
