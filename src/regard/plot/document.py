"""What every page shares: the shell around articles, their contents, safe words."""

from collections.abc import Sequence
from html import escape

from regard.plot.characters import for_page

# Nothing is fetched and nothing runs: the page is style and text.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_OPENING_CHARACTERS = 60
# So many parts of a text can be reached with the Tab key; its table has the others.
TAB_STOPS = 10


def document(title: str, heading: str, lead: str, body: str, style: str) -> str:
    """One page that needs no network and no script.

    Args:
        title: The title of the window, as text.
        heading: The heading of the page, as HTML.
        lead: How to read the page, as HTML.
        body: The contents and the articles, as HTML.
        style: The style sheet.
    """
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="generator" content="regard">\n'
        f"<title>{safe(title)}</title>\n"
        f"<style>\n{style}</style>\n</head>\n<body>\n"
        f'<main class="regard">\n<header>\n<h1>{heading}</h1>\n'
        f'<p class="soft">{lead}</p>\n</header>\n'
        f"{body}</main>\n</body>\n</html>\n"
    )


def embedded(articles: str, note: str, style: str) -> str:
    """Articles as HTML that can stand inside another page."""
    return (
        f'<style>{style}</style>\n<div class="regard">\n'
        f'{articles}<p class="soft">{note}</p>\n</div>\n'
    )


def contents(summary: str, entries: Sequence[tuple[str, str, str]]) -> str:
    """Links to the articles of a page: of each its anchor, name and text, as HTML."""
    if len(entries) < 2:
        return ""
    lines = "".join(
        f'<li><a href="#{anchor}">{name}</a> <bdi class="soft">{text}</bdi></li>\n'
        for anchor, name, text in entries
    )
    return (
        f'<nav aria-label="Contents"><details open>'
        f"<summary>{summary}</summary>\n"
        f"<ol>\n{lines}</ol></details></nav>\n"
    )


def opening(text: str) -> str:
    """The first words of a text, on one line."""
    line = " ".join(text[: 4 * _OPENING_CHARACTERS].split())
    if len(line) <= _OPENING_CHARACTERS:
        return line
    return line[:_OPENING_CHARACTERS].rstrip() + "…"


def safe(text: str) -> str:
    """Text for HTML: escaped, and without characters that HTML does not allow."""
    return escape(for_page(text))


def bar(share: float) -> str:
    """A share of the whole as a bar.

    Drawn with an attribute of its own: a page whose policy allows no style inside of
    elements shows it as well.
    """
    return (
        '<svg class="bar" aria-hidden="true">'
        f'<rect width="{100 * share:.2f}%" height="100%"/></svg>'
    )
