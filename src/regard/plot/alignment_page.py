"""The HTML of alignments: a page, a fragment for notebooks, and their articles."""

from collections.abc import Sequence

from regard.plot._alignment_rows import (
    DISCLAIMER,
    AlignmentRow,
    alignment_rows,
    is_of_characters,
    is_upright,
    log_probability,
    notes,
    token_labels,
)
from regard.plot._color_scale import level
from regard.plot.characters import visible
from regard.plot.document import (
    TAB_STOPS,
    color_legend,
    contents,
    document,
    embedded,
    fragment_style,
    joined_articles,
    opening,
    page_style,
    safe,
)
from regard.types import Translation

_TITLE = "Where the model looked"
_READING = (
    "A row is a token that was written, a column a token of the source, in the order "
    "of the text from left to right. The stronger the shade, the more attention. Point "
    "at a cell to see its weight, or move through the strongest with the Tab key."
)
# Fainter weights are not worth their bytes: most of a large map is that.
_FAINT = 0.005
# So many columns fit the width of a sheet.
_FIT_PAPER = 22
_TURNED = ' class="turned"'
# A map scrolls inside its own frame with its labels held in view, so that the page
# never scrolls sideways. The frame's inner box clips the long thin bands that join a
# cell to its labels: they would otherwise make the frame scroll for ever.
MAP_STYLE = """
.regard h2[dir]{display:block}
.regard .from{margin:.25rem 0}
.regard .map{--cell:1.5rem;overflow:auto;max-height:85vh;margin:1rem 0 .75rem;
scroll-padding:10rem 2rem 2rem 8rem}
.regard .map.small{--cell:1.25rem}
.regard .map:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.regard .map>div{overflow:clip;width:max-content;padding-inline-end:1.25rem}
.regard .map table{border-collapse:separate;border-spacing:0;width:auto;margin:0;
font-size:.8125rem;line-height:1.15}
.regard .map th,.regard .map td{padding:0;font-weight:400;
border-bottom:1px solid var(--line);border-right:1px solid var(--line)}
.regard .map th{white-space:nowrap;color:var(--ink)}
.regard .map tbody td{position:relative;width:var(--cell);min-width:var(--cell);
height:var(--cell);-webkit-print-color-adjust:exact;print-color-adjust:exact}
.regard .map thead>tr>*{position:sticky;top:0;z-index:3;background:var(--paper);
text-align:center;vertical-align:bottom;padding:.3rem 0;border-right-color:transparent}
.regard .map .turned bdi{writing-mode:vertical-rl;display:inline-block;
vertical-align:bottom}
.regard .map tbody th{position:sticky;left:0;z-index:3;background:var(--paper);
text-align:right;padding-inline:.15rem .45rem;max-width:9rem;overflow:hidden;
text-overflow:ellipsis}
.regard .map thead>tr>td:first-child{left:0;z-index:4}
.regard .map .top{background-image:radial-gradient(circle,
currentColor calc(.1*var(--cell)),transparent calc(.13*var(--cell)))}
.regard .map tbody tr:hover th{font-weight:700}
.regard .map td[data-w]:hover{outline:1px solid var(--ink)}
.regard .map td[data-w]:hover::before{content:"";position:absolute;
inset:-999rem 0 0;border-inline:1px solid var(--soft);pointer-events:none}
.regard .map td:focus-visible{outline:2px solid var(--link)}
.regard .map td[data-w]:hover::after,.regard .map td:focus::after{
content:attr(data-w);position:absolute;bottom:calc(100% + .15rem);left:50%;
transform:translateX(-50%);z-index:5;padding:.1rem .4rem;border-radius:.3rem;
background:var(--ink);color:var(--paper);font:600 .75rem/1.4 system-ui,sans-serif;
font-variant-numeric:tabular-nums;white-space:nowrap;pointer-events:none}
.regard .pairs{table-layout:fixed}
.regard .pairs .number{width:22%}
@media print{.regard .map{overflow:visible;max-height:none}
.regard .map>div{padding:0}.regard .map.wide{--cell:.6rem}
.regard .map.wide table{font-size:.5rem}}
""".lstrip()
# On a page of its own a map may be as wide as the window; words stay in a column.
_WIDE_STYLE = """
main.regard{max-width:90rem}
main.regard>header,main.regard>nav{max-width:46rem;margin-inline:auto}
main.regard>article{width:fit-content;min-width:min(46rem,100%);max-width:100%;
margin-inline:auto}
""".lstrip()


def alignment_page(translations: Sequence[Translation]) -> str:
    """The translations as one page that needs no network and no script."""
    articles = joined_articles(translations, alignment_article)
    return document(
        title=_title(translations),
        heading=_TITLE,
        lead=f"{_READING} {DISCLAIMER}",
        body=_contents(translations) + articles,
        style=page_style() + MAP_STYLE + _WIDE_STYLE,
    )


def alignment_fragment(translations: Sequence[Translation]) -> str:
    """The translations as HTML that can stand inside another page."""
    articles = joined_articles(translations, alignment_article)
    return embedded(articles, DISCLAIMER, fragment_style() + MAP_STYLE)


def alignment_article(translation: Translation, number: int = 1) -> str:
    """One translation as an ``<article>``; ``number`` makes its anchor."""
    remarks = "".join(f'<p class="soft">{note}</p>\n' for note in notes(translation))
    return (
        f'<article id="alignment-{number}">\n'
        f"{_heading(translation)}{remarks}{_map(translation)}"
        f"{_table(translation)}</article>\n"
    )


def _title(translations: Sequence[Translation]) -> str:
    if len(translations) == 1:
        return f"{opening(translations[0].text)}: {_TITLE.lower()}"
    return f"{_TITLE}: {len(translations)} translations"


def _contents(translations: Sequence[Translation]) -> str:
    entries = [
        (
            f"<bdi>{safe(opening(translation.text)) or '∅'}</bdi>",
            safe(log_probability(translation)),
        )
        for translation in translations
    ]
    return contents("alignment", f"{len(translations)} translations", entries)


def _heading(translation: Translation) -> str:
    # The languages are unknown: lang="" keeps the page's from applying.
    return (
        f'<h2 dir="auto" lang="">{safe(translation.text)}</h2>\n'
        f'<p class="soft from" dir="auto" lang="">{safe(translation.source)}</p>\n'
        f'<p class="soft">{safe(log_probability(translation))}</p>\n'
    )


def _map(translation: Translation) -> str:
    if not translation.alignment.size:
        return ""
    written = alignment_rows(translation)
    stops = _stops(written)
    names = token_labels(translation.target_tokens)
    body = "".join(
        _row(row, name, index in stops)
        for index, (row, name) in enumerate(zip(written, names, strict=True))
    )
    size = f"{len(written)} written by {len(translation.source_tokens)} source tokens"
    return (
        f'<div class="map{_size(translation)}" tabindex="0" role="region" '
        f'aria-label="Alignment of {size}"><div>\n'
        f'<table lang=""><thead><tr><td></td>{_columns(translation)}</tr></thead>\n'
        f"<tbody>\n{body}</tbody></table>\n</div></div>\n{_legend()}"
    )


def _size(translation: Translation) -> str:
    """Small cells for single characters; a map too wide for paper shrinks there."""
    small = is_of_characters(translation.source_tokens)
    wide = len(translation.source_tokens) > _FIT_PAPER
    return " small" * small + " wide" * wide


def _stops(written: Sequence[AlignmentRow]) -> set[int]:
    """The rows whose strongest cell can be reached with the Tab key."""
    clear = [index for index, row in enumerate(written) if row.strongest is not None]
    clear.sort(key=lambda index: -max(written[index].weights))
    return set(clear[:TAB_STOPS])


def _columns(translation: Translation) -> str:
    return "".join(
        f'<th scope="col"{"" if is_upright(label) else _TURNED}>'
        f"<bdi>{safe(label)}</bdi></th>"
        for label in token_labels(translation.source_tokens)
    )


def _row(row: AlignmentRow, name: str, is_stop: bool) -> str:
    cells = "".join(
        _cell(weight, index == row.strongest, is_stop)
        for index, weight in enumerate(row.weights)
    )
    return f'<tr><th scope="row"><bdi>{safe(name)}</bdi></th>{cells}</tr>\n'


def _cell(weight: float, is_strongest: bool, is_stop: bool) -> str:
    if weight < _FAINT and not is_strongest:
        return "<td></td>"
    shown, step = f"{weight:.3f}", level(weight, 1.0)
    names = [f"w{step}"] * (step > 0) + ["top"] * is_strongest
    look = f' class="{" ".join(names)}"' if names else ""
    stop = f' tabindex="0" aria-label="{shown}"' if is_strongest and is_stop else ""
    return f'<td{look} data-w="{shown}"{stop}></td>'


def _legend() -> str:
    note = "weight; a row adds up to 1, a dot marks its strongest"
    return color_legend("1", note)


def _table(translation: Translation) -> str:
    if not translation.alignment.size:
        return ""
    lines = "".join(_line(row, translation) for row in alignment_rows(translation))
    return (
        "<details><summary>The strongest source of each token as a table</summary>\n"
        '<table class="pairs"><thead><tr><th scope="col">Written</th>'
        '<th scope="col">Source</th>'
        '<th scope="col" class="number">Weight</th>'
        '<th scope="col" class="number">Place</th></tr></thead>\n'
        f"<tbody>{lines}</tbody></table></details>\n"
    )


def _line(row: AlignmentRow, translation: Translation) -> str:
    if row.strongest is None:
        source, place = "several alike", ""
    else:
        source = visible(translation.source_tokens[row.strongest])
        place = str(row.strongest + 1)
    return (
        f'<tr><td dir="auto" lang="">{safe(visible(row.token))}</td>'
        f'<td dir="auto" lang="">{safe(source)}</td>'
        f'<td class="number">{max(row.weights):.4f}</td>'
        f'<td class="number">{place}</td></tr>\n'
    )
