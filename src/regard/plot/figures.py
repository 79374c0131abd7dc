"""Figures as tables: what a notebook shows of an evaluation or a comparison."""

from collections.abc import Mapping, Sequence
from typing import Any

from regard.plot.characters import for_terminal_line
from regard.plot.document import (
    column_heads,
    embedded,
    fragment_style,
    safe,
    scrolling,
)

_STYLE = """
.regard .figures{width:auto;overflow-wrap:normal;white-space:nowrap}
.regard .figures td{text-align:end;font-variant-numeric:tabular-nums}
.regard .figures td,.regard .figures th{padding-inline-end:1.25rem}
""".lstrip()
# Longer rows of numbers are matters of a picture, or of `to_dict`.
_LONGEST = 12
Rows = list[list[str]]


def bundle(title: str, figures: Mapping[str, Any]) -> dict[str, str]:
    """Figures as HTML and as plain text, by their media types.

    Args:
        title: What they are of.
        figures: Plain values by name, as ``to_dict`` gives them. A mapping among them
            is a table of its own where it holds mappings, and a row where it holds
            numbers.
    """
    tables = _tables(figures)
    drawn = "".join(map(_html, tables))
    article = f"<article>\n<h2>{safe(title)}</h2>\n{drawn}</article>\n"
    plain = "\n".join([f"{title}\n", *map(_plain, tables)])
    html = embedded(article, "", fragment_style() + _STYLE)
    return {"text/html": html, "text/plain": plain}


def _tables(figures: Mapping[str, Any]) -> list[Rows]:
    """The cells of each table; the first row of one with columns is its head."""
    single = [
        [name.replace("_", " "), _shown(value)]
        for name, value in figures.items()
        if not isinstance(value, Mapping) and not _is_long(value)
    ]
    nested = {k: v for k, v in figures.items() if isinstance(v, Mapping)}
    tables = [single] if single else []
    groups: list[dict[str, Any]] = []
    for name, row in nested.items():
        if any(isinstance(value, Mapping) for value in row.values()):
            tables.append(_grid(row))
            continue
        # Rows with a column in common stand in one table.
        group = next((g for g in groups if _columns(g) & row.keys()), None)
        if group is None:
            groups.append(group := {})
        group[name] = row
    return [*tables, *map(_grid, groups)]


def _columns(rows: Mapping[str, Mapping[str, Any]]) -> set[str]:
    return {name for row in rows.values() for name in row}


def _grid(rows: Mapping[str, Mapping[str, Any]]) -> Rows:
    """A row for each mapping, a column for each name in any of them."""
    columns = list(
        dict.fromkeys(
            name
            for row in rows.values()
            for name, value in row.items()
            if not _is_long(value)
        )
    )
    head = ["", *(column.replace("_", " ") for column in columns)]
    return [
        head,
        *([name, *(_shown(row.get(c)) for c in columns)] for name, row in rows.items()),
    ]


def _is_long(value: Any) -> bool:
    """Whether this is more than a cell holds: an array, a long row."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return False
    return len(value) > _LONGEST or any(isinstance(inner, Sequence) for inner in value)


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:z.4f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " ".join(map(_shown, value))
    return str(value)


def _html(rows: Rows) -> str:
    has_head = not rows[0][0]
    body = "".join(
        f'<tr><th scope="row">{safe(name)}</th>'
        + "".join(f"<td>{safe(cell)}</td>" for cell in cells)
        + "</tr>\n"
        for name, *cells in rows[has_head:]
    )
    top = f"<thead><tr>{column_heads(*rows[0])}</tr></thead>\n" if has_head else ""
    table = f'<table class="figures">{top}<tbody>{body}</tbody></table>'
    return scrolling(table)


def _plain(rows: Rows) -> str:
    from rich.cells import cell_len  # noqa: PLC0415 - slow, and pages do not need it

    shown = [[for_terminal_line(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*shown, strict=True)]
    lines = []
    for name, *cells in shown:
        # Padded by columns on the screen: some characters take two.
        padded = name + " " * (widths[0] - cell_len(name))
        pairs = zip(cells, widths[1:], strict=True)
        right = "".join("  " + " " * (width - cell_len(c)) + c for c, width in pairs)
        lines.append(f"{padded}{right}".rstrip() + "\n")
    return "".join(lines)
