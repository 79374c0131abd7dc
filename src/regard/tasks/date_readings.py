"""What a date could be read as, whoever reads it."""

import re
import unicodedata
from collections.abc import Sequence
from itertools import product

from regard.tasks.date_form import DateForm

# Any year will do: it is the only number of four digits, so that texts of different
# years always differ.
_YEAR = 100
Day = tuple[int, int]
_VARIANTS_OF_I = ("\N{LATIN SMALL LETTER DOTLESS I}", "i\N{COMBINING DOT ABOVE}")


def folded(text: str) -> str:
    """What is left of a text once letter case, spaces and punctuation do not count.

    Numbers stay apart from each other, without leading zeros and in Latin digits. The
    Turkish i without a dot counts as i, since capitals do not tell which it was.
    """
    plain = unicodedata.normalize("NFKC", text.casefold())
    for variant in _VARIANTS_OF_I:
        plain = plain.replace(variant, "i")
    numbered = re.sub(r"\d+", lambda found: f"|{int(found[0])}|", plain)
    return "".join(
        sign
        for sign in numbered
        if sign == "|" or unicodedata.category(sign)[0] in "LMN"
    )


def contested(forms: Sequence[DateForm]) -> set[int]:
    """Which forms write some date as another one is written, by any of the forms.

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


def _texts(form: DateForm) -> dict[str, Day]:
    """All a form writes in a year of any kind, folded, with month and day."""
    plain = form.mapped(folded)
    weekdays = range(7) if form.names_weekday else range(1)
    return {
        plain.write((_YEAR, month, day, weekday, 0)): (month, day)
        for month, day, weekday in product(range(12), range(31), weekdays)
    }
