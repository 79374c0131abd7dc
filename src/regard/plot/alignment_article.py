"""The HTML of one translation: what was written, its heatmap, exact numbers."""

from collections.abc import Sequence

from regard.plot.alignment_rows import (
    Row,
    is_of_characters,
    is_upright,
    labels,
    log_probability,
    notes,
    rows,
)
from regard.plot.characters import visible
from regard.plot.document import TAB_STOPS, safe
from regard.plot.scale import LEVELS, level
from regard.types import Translation

# Fainter weights are not worth their bytes: most of a large map is that.
_FAINT = 0.005
# So many columns fit the width of a sheet.
_FIT_PAPER = 22
_TURNED = ' class="turned"'


def alignment_article(translation: Translation, number: int = 1) -> str:
    """One translation as an ``<article>``; ``number`` makes its anchor."""
    said = "".join(f'<p class="soft">{note}</p>\n' for note in notes(translation))
    return (
        f'<article id="alignment-{number}">\n'
        f"{_heading(translation)}{said}{_map(translation)}"
        f"{_table(translation)}</article>\n"
    )


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
    written = rows(translation)
    stops = _stops(written)
    names = labels(translation.target_tokens)
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


def _stops(written: Sequence[Row]) -> set[int]:
    """The rows whose strongest cell can be reached with the Tab key."""
    clear = [index for index, row in enumerate(written) if row.strongest is not None]
    clear.sort(key=lambda index: -max(written[index].weights))
    return set(clear[:TAB_STOPS])


def _columns(translation: Translation) -> str:
    return "".join(
        f'<th scope="col"{"" if is_upright(label) else _TURNED}>'
        f"<bdi>{safe(label)}</bdi></th>"
        for label in labels(translation.source_tokens)
    )


def _row(row: Row, name: str, is_stop: bool) -> str:
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
    steps = "".join(f'<i class="w{step}"></i>' for step in range(LEVELS))
    return (
        f'<p class="legend soft"><span>0</span><span class="scale" aria-hidden="true">'
        f"{steps}</span><span>1</span><span>weight; a row adds up to 1, a dot marks "
        "its strongest</span></p>\n"
    )


def _table(translation: Translation) -> str:
    if not translation.alignment.size:
        return ""
    lines = "".join(_line(row, translation) for row in rows(translation))
    return (
        "<details><summary>The strongest source of each token as a table</summary>\n"
        '<table class="pairs"><thead><tr><th scope="col">Written</th>'
        '<th scope="col">Source</th>'
        '<th scope="col" class="number">Weight</th>'
        '<th scope="col" class="number">Place</th></tr></thead>\n'
        f"<tbody>{lines}</tbody></table></details>\n"
    )


def _line(row: Row, translation: Translation) -> str:
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
