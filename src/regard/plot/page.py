"""Whole HTML: a fragment for notebooks and a self-contained page."""

from collections.abc import Sequence

from regard.plot.article import article, percent, safe
from regard.plot.style import fragment_style, page_style
from regard.types import Explanation

TITLE = "What the model looked at"
HONEST = "The shade shows where the model looked, not why it decided."
_READING = (
    "The stronger the shade, the more attention the word had. Point at a word to see "
    "its weight, or move through the strongest with the Tab key; the table under a "
    "text has them all."
)
# Nothing is fetched and nothing runs: the page is style and text.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_OPENING_CHARACTERS = 60


def fragment(explanations: Sequence[Explanation]) -> str:
    """The explanations as HTML that can stand inside another page."""
    return (
        f'<style>{fragment_style()}</style>\n<div class="regard">\n'
        f'{_articles(explanations)}<p class="soft">{HONEST}</p>\n</div>\n'
    )


def page(explanations: Sequence[Explanation]) -> str:
    """The explanations as one page that needs no network and no script."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="generator" content="regard">\n'
        f"<title>{safe(_title(explanations))}</title>\n"
        f"<style>\n{page_style()}</style>\n</head>\n<body>\n"
        f'<main class="regard">\n<header>\n<h1>{TITLE}</h1>\n'
        f'<p class="soft">{_READING} {HONEST}</p>\n</header>\n'
        f"{_contents(explanations)}{_articles(explanations)}"
        "</main>\n</body>\n</html>\n"
    )


def _articles(explanations: Sequence[Explanation]) -> str:
    numbered = enumerate(explanations, 1)
    return "".join(article(explanation, number) for number, explanation in numbered)


def _title(explanations: Sequence[Explanation]) -> str:
    if len(explanations) == 1:
        return f"{explanations[0].label}: {TITLE.lower()}"
    return f"{TITLE}: {len(explanations)} texts"


def _contents(explanations: Sequence[Explanation]) -> str:
    if len(explanations) < 2:
        return ""
    entries = "".join(
        f'<li><a href="#text-{number}"><bdi>{safe(explanation.label)}</bdi> '
        f"{safe(percent(explanation.probability))}</a> "
        f'<bdi class="soft">{safe(_opening(explanation.text))}</bdi></li>\n'
        for number, explanation in enumerate(explanations, 1)
    )
    return (
        f'<nav aria-label="Contents"><details open>'
        f"<summary>{len(explanations)} texts</summary>\n"
        f"<ol>\n{entries}</ol></details></nav>\n"
    )


def _opening(text: str) -> str:
    line = " ".join(text[: 4 * _OPENING_CHARACTERS].split())
    if len(line) <= _OPENING_CHARACTERS:
        return line
    return line[:_OPENING_CHARACTERS].rstrip() + "…"
