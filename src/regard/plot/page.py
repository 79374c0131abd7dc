"""Whole HTML: a fragment for notebooks and a self-contained page."""

from collections.abc import Sequence

from regard.plot.article import article
from regard.plot.document import contents, document, embedded, opening, safe
from regard.plot.segments import percent
from regard.plot.style import fragment_style, page_style
from regard.types import Explanation

TITLE = "What the model looked at"
HONEST = "The shade shows where the model looked, not why it decided."
_READING = (
    "The stronger the shade, the more attention the word had. Point at a word to see "
    "its weight, or move through the strongest with the Tab key; the table under a "
    "text has them all."
)


def fragment(explanations: Sequence[Explanation]) -> str:
    """The explanations as HTML that can stand inside another page."""
    return embedded(_articles(explanations), HONEST, fragment_style())


def page(explanations: Sequence[Explanation]) -> str:
    """The explanations as one page that needs no network and no script."""
    return document(
        title=_title(explanations),
        heading=TITLE,
        lead=f"{_READING} {HONEST}",
        body=_contents(explanations) + _articles(explanations),
        style=page_style(),
    )


def _articles(explanations: Sequence[Explanation]) -> str:
    numbered = enumerate(explanations, 1)
    return "".join(article(explanation, number) for number, explanation in numbered)


def _title(explanations: Sequence[Explanation]) -> str:
    if len(explanations) == 1:
        return f"{explanations[0].label}: {TITLE.lower()}"
    return f"{TITLE}: {len(explanations)} texts"


def _contents(explanations: Sequence[Explanation]) -> str:
    entries = [
        (
            f"text-{number}",
            f"<bdi>{safe(explanation.label)}</bdi> "
            f"{safe(percent(explanation.probability))}",
            safe(opening(explanation.text)),
        )
        for number, explanation in enumerate(explanations, 1)
    ]
    return contents(f"{len(explanations)} texts", entries)
