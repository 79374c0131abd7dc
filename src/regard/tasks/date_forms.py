"""The forms of dates that have one reading in every one of the locales."""

from collections.abc import Iterator
from functools import cache
from typing import Literal

from babel import Locale, UnknownLocaleError
from babel.dates import get_date_format

from regard.errors import ArgumentError
from regard.tasks.date_form import DateForm, date_form
from regard.tasks.date_readings import contested

_STYLES: tuple[Literal["short", "medium", "long", "full"], ...] = (
    "short",
    "medium",
    "long",
    "full",
)
_SKELETONS = ("yMd", "yMEd", "yMMMd", "yMMMEd", "yMMMMd", "yMMMMEEEEd")


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
            received=repr(name),
        )
    return locale
