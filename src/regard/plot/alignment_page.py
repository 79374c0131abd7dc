"""Translations as whole HTML: a fragment for notebooks and a self-contained page."""

from collections.abc import Sequence

from regard.plot.alignment_article import alignment_article
from regard.plot.alignment_rows import HONEST, log_probability
from regard.plot.alignment_style import MAP, WIDE
from regard.plot.document import contents, document, embedded, opening, safe
from regard.plot.style import fragment_style, page_style
from regard.types import Translation

_TITLE = "Where the model looked"
_READING = (
    "A row is a token that was written, a column a token of the source, in the order "
    "of the text from left to right. The stronger the shade, the more attention. Point "
    "at a cell to see its weight, or move through the strongest with the Tab key."
)


def fragment(translations: Sequence[Translation]) -> str:
    """The translations as HTML that can stand inside another page."""
    return embedded(_articles(translations), HONEST, fragment_style() + MAP)


def page(translations: Sequence[Translation]) -> str:
    """The translations as one page that needs no network and no script."""
    return document(
        title=_title(translations),
        heading=_TITLE,
        lead=f"{_READING} {HONEST}",
        body=_contents(translations) + _articles(translations),
        style=page_style() + MAP + WIDE,
    )


def _articles(translations: Sequence[Translation]) -> str:
    numbered = enumerate(translations, 1)
    return "".join(alignment_article(one, number) for number, one in numbered)


def _title(translations: Sequence[Translation]) -> str:
    if len(translations) == 1:
        return f"{opening(translations[0].text)}: {_TITLE.lower()}"
    return f"{_TITLE}: {len(translations)} translations"


def _contents(translations: Sequence[Translation]) -> str:
    entries = [
        (
            f"alignment-{number}",
            f"<bdi>{safe(opening(one.text)) or '∅'}</bdi>",
            safe(log_probability(one)),
        )
        for number, one in enumerate(translations, 1)
    ]
    return contents(f"{len(translations)} translations", entries)
