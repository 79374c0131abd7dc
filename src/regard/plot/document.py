"""The HTML document around articles: its shell, contents, legend and style sheet.

Every rule of the style sheet stays inside ``.regard``.
"""

import base64
import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from html import escape
from typing import TypeVar

from regard.plot._color_scale import LEVELS, Hue, Theme, ink, shades
from regard.plot.characters import for_page
from regard.types import TrustLine

Result = TypeVar("Result")

# Nothing is fetched, and nothing runs but what the page says it does.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_OPENING_CHARACTERS = 60
# Contents of more are folded: the first article is in sight.
_OPEN = 30
# So many parts of a text can be reached with the Tab key; its table has the others.
TAB_STOPS = 10
_BASE = """
.regard{box-sizing:border-box;max-width:46rem;margin:0 auto;color:var(--ink);
font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;
-webkit-text-size-adjust:100%;overflow-wrap:anywhere}
.regard *{box-sizing:border-box}
.regard h1{font-size:1.5rem;line-height:1.25;margin:0 0 .35rem;letter-spacing:-.01em}
.regard h2{font-size:1.15rem;line-height:1.3;margin:0;display:flex;gap:.6rem;
align-items:baseline;justify-content:space-between}
.regard h2 .number,.regard td.number{font-variant-numeric:tabular-nums}
.regard p{margin:0}
.regard .soft{color:var(--soft);font-size:.875rem}
.regard a{color:var(--link)}
.regard article{background:var(--paper);border:1px solid var(--line);
border-radius:.75rem;padding:1.25rem;margin:1.25rem 0;overflow-x:clip}
.regard .chances{list-style:none;margin:.75rem 0 0;padding:0;display:grid;
grid-template-columns:fit-content(9rem) 1fr auto;column-gap:.75rem}
.regard .chances li{display:grid;grid-column:1/-1;grid-template-columns:subgrid;
align-items:center;font-size:.875rem;padding:.15rem 0;margin:0}
.regard .chances .number{text-align:end;font-variant-numeric:tabular-nums}
.regard .bar{display:block;width:100%;height:.5rem;border-radius:.25rem;
background:var(--track);overflow:hidden}
.regard .bar rect{rx:.25rem;fill:var(--soft)}
.regard .chances li:first-child{font-weight:600}
.regard .chances li:first-child .bar rect{fill:var(--link)}
.regard .text{white-space:pre-wrap;font-size:1.125rem;line-height:1.85;
margin:1.1rem 0;padding:0}
.regard .text span{position:relative;border-radius:.2em;padding-block:.12em;
-webkit-box-decoration-break:clone;box-decoration-break:clone;
-webkit-print-color-adjust:exact;print-color-adjust:exact}
.regard .text .unseen{color:var(--soft);text-decoration:underline dotted}
.regard .text span[data-w]:hover{outline:1px solid var(--soft)}
.regard .text span:focus-visible{outline:2px solid var(--link);outline-offset:1px}
.regard .text span:focus{z-index:1}
.regard .text span[data-w]:hover::after,.regard .text span:focus::after{
content:attr(data-w);position:absolute;inset-block-end:calc(100% + .2rem);
left:50%;transform:translateX(-50%);z-index:2;padding:.1rem .4rem;border-radius:.3rem;
background:var(--ink);color:var(--paper);font:600 .75rem/1.4 system-ui,sans-serif;
font-variant-numeric:tabular-nums;white-space:nowrap;pointer-events:none}
.regard .legend{display:flex;flex-wrap:wrap;align-items:center;gap:.25rem .6rem}
.regard .scale{width:10rem;height:.8rem;border:1px solid var(--line);
border-radius:.3rem;-webkit-print-color-adjust:exact;print-color-adjust:exact}
.regard .trust{margin-top:.5rem}
.regard details{margin-top:.9rem}
.regard summary{cursor:pointer;color:var(--link);font-size:.875rem}
.regard table{border-collapse:collapse;margin-top:.5rem;font-size:.875rem;width:100%}
.regard th,.regard td{text-align:start;padding:.2rem .75rem .2rem 0;
border-bottom:1px solid var(--line);background:none}
.regard .weights td{text-align:end;font-variant-numeric:tabular-nums}
.regard .weights td:first-child{text-align:start;white-space:pre-wrap;
unicode-bidi:plaintext}
.regard .beside{overflow-x:auto}
.regard .beside:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.regard .number{text-align:end;white-space:nowrap}
.regard nav ol{margin:.5rem 0 0;padding-inline-start:1.75rem;columns:1}
.regard nav li{padding:.1rem 0}
"""
_UNDERLINED = """
.regard .against{text-decoration:underline;text-decoration-thickness:.1em;
text-underline-offset:.2em}
""".lstrip()
_PAGE = """
html{color-scheme:light dark}
body{margin:0;padding:2rem 1rem;background:#f5f6f8}
@media (prefers-color-scheme:dark){body{background:#090d14}}
@media (max-width:30rem){body{padding:1rem .6rem}.regard article{padding:1rem}}
@media print{body{background:none;padding:0}.regard article{break-inside:avoid}}
"""
_COLOURS: dict[Theme, str] = {
    "light": "--ink:#1b1f24;--soft:#57606a;--line:#d8dee4;--track:#e8ebef;"
    "--link:#1f5fc4",
    "dark": "--ink:#e6e9ed;--soft:#9aa7b5;--line:#2b3748;--track:#243042;"
    "--link:#86b7ff",
}


def document(
    title: str,
    heading: str,
    lead: str,
    body: str,
    style: str,
    *,
    script: str = "",
    has_pictures: bool = False,
    is_wide: bool = False,
) -> str:
    """One page that needs no network, and no script unless it is given.

    Args:
        title: The title of the window, as text.
        heading: The heading of the page, as HTML.
        lead: How to read the page, as HTML.
        body: The contents and the articles, as HTML.
        style: The style sheet.
        script: The only script that may run on the page.
        has_pictures: Whether it holds pictures.
        is_wide: Whether its articles have columns, where there is room.
    """
    policy = _POLICY + "; img-src data:" * has_pictures
    if script:
        digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest())
        policy += f"; script-src 'sha256-{digest.decode()}'"
        body += f"<script>{script}</script>\n"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="generator" content="regard">\n'
        f"<title>{safe(title)}</title>\n"
        f"<style>\n{style}</style>\n</head>\n<body>\n"
        f'<main class="regard{" wide" * is_wide}">\n<header>\n<h1>{heading}</h1>\n'
        f'<p class="soft">{lead}</p>\n</header>\n'
        f"{body}</main>\n</body>\n</html>\n"
    )


def embedded(articles: str, note: str, style: str) -> str:
    """Articles as HTML that can stand inside another page."""
    return (
        f'<style>{style}</style>\n<div class="regard">\n'
        f'{articles}<p class="soft">{note}</p>\n</div>\n'
    )


def joined_articles(
    results: Sequence[Result], article: Callable[[Result, int], str]
) -> str:
    """An article for each result, numbered from 1."""
    return "".join(article(result, number) for number, result in enumerate(results, 1))


def contents(kind: str, summary: str, entries: Sequence[tuple[str, str]]) -> str:
    """Links to the articles of a page.

    Args:
        kind: The kind of the articles: their anchors are ``KIND-1``, ``KIND-2``, …
        summary: Their number, in words.
        entries: The name and the text of each, as HTML.
    """
    if len(entries) < 2:
        return ""
    lines = "".join(
        f'<li><a href="#{kind}-{number}">{name}</a> '
        f'<bdi class="soft">{text}</bdi></li>\n'
        for number, (name, text) in enumerate(entries, 1)
    )
    return (
        f'<nav aria-label="Contents"><details{" open" * (len(entries) <= _OPEN)}>'
        f"<summary>{summary}</summary>\n"
        f"<ol>\n{lines}</ol></details></nav>\n"
    )


def scrolling(table: str) -> str:
    """A table that scrolls by itself where a screen is narrow, by keyboard as well."""
    return (
        '<div class="beside" tabindex="0" role="group" aria-label="A wide table">'
        f"{table}</div>\n"
    )


def column_heads(*names: str) -> str:
    """The cells at the head of the columns of a table; one without a name is empty."""
    return "".join(
        f'<th scope="col">{safe(name)}</th>' if name else "<td></td>" for name in names
    )


def color_legend(end: str, note: str, start: str = "0") -> str:
    """The colour scale from 0 to ``end``, and a note on what is shaded.

    Args:
        end: The number at its end.
        note: The note, as HTML.
        start: The number at its start; where it is not 0, the scale has two sides.
    """
    sides = "scale" if start == "0" else "scale signed"
    return (
        f'<p class="legend soft"><span>{start}</span><span class="{sides}" '
        f'aria-hidden="true"></span><span>{end}</span><span>{note}</span></p>\n'
    )


def told(sentence: str) -> str:
    """A sentence with figures for HTML: a number and its per cent stay on one line."""
    return safe(sentence.replace(" %", "\N{NO-BREAK SPACE}%"))


def found_of(line: TrustLine) -> str:
    """What was found of the weights of a model, as a sentence."""
    return f"Attention of this model: {line.sentence}."


def trust_note(line: TrustLine | None) -> str:
    """What is known of the weights, under a picture of them; nothing where nothing."""
    return "" if line is None else f'<p class="soft trust">{told(found_of(line))}</p>\n'


def look_of(line: TrustLine | None) -> str:
    """The attribute of an article whose weights mislead: its shading is grey."""
    return ' class="grey"' if line is not None and line.is_misleading else ""


def remainder(left_out: int) -> str:
    """A note on the results that are not on a page; nothing where all are."""
    return f'<p class="soft">{left_out_note(left_out)}</p>\n' if left_out else ""


def left_out_note(left_out: int) -> str:
    """What a page says of the results that are not on it."""
    return f"{left_out:,} more were left out, so that this stays small."


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


@cache
def page_style() -> str:
    """The style of a page of our own."""
    return fragment_style() + _PAGE.lstrip()


@cache
def fragment_style() -> str:
    """The style of one or several texts inside a page of someone else's."""
    dark = _theme("dark")
    return (
        f"{_theme('light')}{_BASE.lstrip()}"
        f"@media (prefers-color-scheme:dark){{{dark}}}\n"
    )


@cache
def grey_style() -> str:
    """The style of articles whose weights mislead."""
    return _themed(lambda theme: _scale(theme, "grey", ".grey .w", ".grey .scale"))


@cache
def signed_style() -> str:
    """The style of texts with words that speak for something and against it.

    What speaks against it is underlined: in print and without colours too.
    """
    return _UNDERLINED + _themed(_signed)


def light_style(steps: str, scale: str) -> str:
    """The light shades in either theme: for what lies on a picture, which has none.

    Args:
        steps: The selector of a step, without its number.
        scale: The selector of the scale in a legend.
    """
    return _scale("light", "blue", steps, scale)


def _themed(rules: Callable[[Theme], str]) -> str:
    dark = rules("dark")
    return f"{rules('light')}@media (prefers-color-scheme:dark){{{dark}}}\n"


def _theme(theme: Theme) -> str:
    paper = shades(theme)[0]
    rules = _scale(theme, "blue", ".w", ".scale")
    return f".regard{{{_COLOURS[theme]};--paper:{paper}}}\n{rules}"


def _signed(theme: Theme) -> str:
    orange, blue = shades(theme, "orange"), shades(theme)
    # Every fourth shade: the browser mixes those between.
    stops = ",".join([*orange[::-4], *blue[4::4]])
    return (
        f"{_shade_rules(orange, '.n')}"
        f".regard .signed{{background:linear-gradient(90deg,{stops})}}\n"
    )


def _scale(theme: Theme, hue: Hue, steps: str, scale: str) -> str:
    """The rules of the shades of one hue, and of the scale in a legend.

    Args:
        theme: Light or dark.
        hue: The hue.
        steps: The selector of a step, without its number.
        scale: The selector of the scale.
    """
    colours = shades(theme, hue)
    ends = (f"{each} 0 {100 * (n + 1) / LEVELS:g}%" for n, each in enumerate(colours))
    gradient = f"linear-gradient(90deg,{','.join(ends)})"
    return f"{_shade_rules(colours, steps)}.regard {scale}{{background:{gradient}}}\n"


def _shade_rules(colours: Sequence[str], steps: str) -> str:
    return "".join(
        f".regard {steps}{level}{{background:{shade};color:{ink(shade)}}}\n"
        for level, shade in enumerate(colours)
        if level
    )
