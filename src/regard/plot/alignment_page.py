"""The HTML of alignments: a page, a fragment for notebooks, and their articles."""

from collections.abc import Sequence

from regard.plot._alignment_rows import (
    DISCLAIMER,
    AlignmentRow,
    alignment_rows,
    is_of_characters,
    is_upright,
    token_labels,
)
from regard.plot._color_scale import level
from regard.plot._weight_grid import WeightGrid
from regard.plot.characters import visible
from regard.plot.document import (
    TAB_STOPS,
    color_legend,
    contents,
    document,
    embedded,
    fragment_style,
    grey_style,
    joined_articles,
    look_of,
    opening,
    page_style,
    remainder,
    safe,
    trust_note,
)
from regard.types import Translation

_TITLE = "Where the model looked"
_READING = (
    "A row is a {}, a column a {}, in their order from left to right. The stronger the "
    "shade, the more attention. Point at a cell to see its weight, or move through the "
    "strongest with the Tab key."
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
.regard .pairs td{unicode-bidi:plaintext}
.regard .pairs td:nth-child(n+3){text-align:end}
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


def alignment_page(grids: Sequence[WeightGrid], left_out: int = 0) -> str:
    """The alignments as one page that needs no network and no script."""
    articles = joined_articles(grids, _article)
    return document(
        title=_title(grids),
        heading=_TITLE,
        lead=f"{_READING.format(*grids[0].sides)} {DISCLAIMER}",
        body=_contents(grids) + articles + remainder(left_out),
        style=page_style() + MAP_STYLE + _WIDE_STYLE + _grey_style(grids),
    )


def alignment_fragment(grids: Sequence[WeightGrid], left_out: int = 0) -> str:
    """The alignments as HTML that can stand inside another page."""
    articles = joined_articles(grids, _article) + remainder(left_out)
    style = fragment_style() + MAP_STYLE + _grey_style(grids)
    return embedded(articles, DISCLAIMER, style)


def alignment_article(translation: Translation, number: int = 1) -> str:
    """One translation as an ``<article>``; ``number`` makes its anchor."""
    return _article(WeightGrid.of(translation), number)


def _grey_style(grids: Sequence[WeightGrid]) -> str:
    return grey_style() if any(grid.hue == "grey" for grid in grids) else ""


def _article(grid: WeightGrid, number: int) -> str:
    remarks = "".join(f'<p class="soft">{safe(note)}</p>\n' for note in grid.notes)
    return (
        f'<article id="alignment-{number}"{look_of(grid.trust)}>\n'
        f"{_heading(grid)}{remarks}{_map(grid)}{trust_note(grid.trust)}"
        f"{_table(grid)}</article>\n"
    )


def _title(grids: Sequence[WeightGrid]) -> str:
    if len(grids) > 1:
        return f"{_TITLE}: {len(grids)} alignments"
    return ": ".join(filter(None, (opening(grids[0].title), _TITLE.lower())))


def _contents(grids: Sequence[WeightGrid]) -> str:
    entries = [
        (f"<bdi>{safe(opening(grid.title)) or '∅'}</bdi>", safe(grid.remark))
        for grid in grids
    ]
    return contents("alignment", f"{len(grids)} alignments", entries)


def _heading(grid: WeightGrid) -> str:
    # The languages are unknown: lang="" keeps the page's from applying.
    lines = (
        ('<h2 dir="auto" lang="">{}</h2>\n', grid.title),
        ('<p class="soft from" dir="auto" lang="">{}</p>\n', grid.source),
        ('<p class="soft">{}</p>\n', grid.remark),
    )
    return "".join(line.format(safe(text)) for line, text in lines if text)


def _map(grid: WeightGrid) -> str:
    if not grid.weights.size:
        return ""
    written = alignment_rows(grid)
    stops = _stops(written)
    names = token_labels(grid.rows)
    body = "".join(
        _row(row, name, index in stops)
        for index, (row, name) in enumerate(zip(written, names, strict=True))
    )
    size = f"{len(written)} rows by {len(grid.columns)} columns"
    return (
        f'<div class="map{_size(grid)}" tabindex="0" role="group" '
        f'aria-label="Alignment of {size}"><div>\n'
        f'<table lang=""><thead><tr><td></td>{_columns(grid)}</tr></thead>\n'
        f"<tbody>\n{body}</tbody></table>\n</div></div>\n{_legend()}"
    )


def _size(grid: WeightGrid) -> str:
    """Small cells for single characters; a map too wide for paper shrinks there."""
    small = is_of_characters(grid.columns)
    wide = len(grid.columns) > _FIT_PAPER
    return " small" * small + " wide" * wide


def _stops(written: Sequence[AlignmentRow]) -> set[int]:
    """The rows whose strongest cell can be reached with the Tab key."""
    clear = [index for index, row in enumerate(written) if row.strongest is not None]
    clear.sort(key=lambda index: -max(written[index].weights))
    return set(clear[:TAB_STOPS])


def _columns(grid: WeightGrid) -> str:
    return "".join(
        f'<th scope="col"{"" if is_upright(label) else _TURNED}>'
        f"<bdi>{safe(label)}</bdi></th>"
        for label in token_labels(grid.columns)
    )


def _row(row: AlignmentRow, name: str, is_stop: bool) -> str:
    cells = "".join(
        _cell(weight, index == row.strongest, is_stop)
        for index, weight in enumerate(row.weights)
    )
    return f'<tr><th scope="row"><bdi>{safe(name)}</bdi></th>{cells}\n'


def _cell(weight: float, is_strongest: bool, is_stop: bool) -> str:
    # The end tags of cells and rows, which HTML does not need, and the marks around
    # values, would be half of the page.
    if weight < _FAINT and not is_strongest:
        return "<td>"
    shown, step = f"{weight:.3f}", level(weight, 1.0)
    if not is_strongest:
        return f"<td{f' class=w{step}' if step else ''} data-w={shown}>"
    look = f"w{step} top" if step else "top"
    stop = f' tabindex="0" aria-label="{shown}"' if is_stop else ""
    return f'<td class="{look}" data-w={shown}{stop}>'


def _legend() -> str:
    note = "weight; a row adds up to 1, a dot marks its strongest"
    return color_legend("1", note)


def _table(grid: WeightGrid) -> str:
    if not grid.weights.size:
        return ""
    lines = "".join(_line(row, grid) for row in alignment_rows(grid))
    names = "".join(
        f'<th scope="col">{name[:1].upper()}{name[1:]}</th>' for name in grid.sides
    )
    return (
        "<details><summary>The strongest of each row as a table</summary>\n"
        f'<table class="pairs"><thead><tr>{names}'
        '<th scope="col" class="number">Weight</th>'
        '<th scope="col" class="number">Place</th></tr></thead>\n'
        f'<tbody lang="">{lines}</tbody></table></details>\n'
    )


def _line(row: AlignmentRow, grid: WeightGrid) -> str:
    if row.strongest is None:
        source, place = "several alike", ""
    else:
        source = visible(grid.columns[row.strongest])
        place = str(row.strongest + 1)
    return (
        f"<tr><td>{safe(visible(row.token))}<td>{safe(source)}"
        f"<td>{max(row.weights):.4f}<td>{place}\n"
    )
