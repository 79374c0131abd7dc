"""The tables of a page on trust: names of what is in them, numbers, rows."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

from regard.plot.document import column_heads, safe, scrolling

ATTENTION, RANDOM = "attention", "random"
#: What orders, quantities and erasers are called; others by their own names.
ORDERS = {
    ATTENTION: "attention",
    "contribution": "contributions",
    "contribution_size": "contributions without sign",
    "leave_one_out": "leaving each out",
    "gradient_x_input": "gradient times input",
    "integrated_gradients": "integrated gradients",
    RANDOM: "at random",
}


def about(report: Any) -> str:
    """What was examined."""
    of = f" of {report.data}" if report.data else ""
    said = f"{len(report.texts):,} {report.unit}{of}, seed {report.seed}"
    model = f", model {report.model[:12]}" if report.model else ""
    return f"{said}{model}. Intervals hold 95 % and are over {report.unit}."


def named(order: str) -> str:
    """What an order is called."""
    return ORDERS.get(order, order.replace("_", " "))


def series(names: Sequence[str]) -> dict[str, int]:
    """The number of the colour of each order: an order has the same on every page."""
    known = [name for name in ORDERS if name != RANDOM]
    others = [name for name in names if name not in known]
    return {
        name: known.index(name) if name in known else len(known) + others.index(name)
        for name in names
    }


def as_number(value: float | None, digits: int = 3) -> str:
    """A number to so many places, or that there is none."""
    if value is None or not isfinite(value):
        return "not defined"
    return f"{value:z.{digits}f}"


def interval_text(value: float, low: float, high: float, digits: int = 3) -> str:
    """A number and its interval, where it has one."""
    if not isfinite(value):
        return "not defined"
    if not isfinite(low + high):
        return as_number(value, digits)
    ends = f"[{as_number(low, digits)}, {as_number(high, digits)}]"
    return f"{as_number(value, digits)} {ends}"


def table_head(*names: str) -> str:
    """The head of a table, its columns by their names."""
    return f"<thead><tr>{column_heads(*names)}</tr></thead>"


def table_row(name: str, *cells: str) -> str:
    """A row of a table, as text."""
    numbers = "".join(f"<td>{safe(cell)}</td>" for cell in cells)
    return f'<tr><th scope="row">{safe(name)}</th>{numbers}</tr>\n'


def numbers_table(
    head: str, rows: str, lang: str | None = None, look: str = "numbers"
) -> str:
    """A table that scrolls by itself where a screen is narrow.

    Args:
        head: Its head, as HTML.
        rows: Its rows, as HTML.
        lang: The language of its rows, where it is another one, "" where unknown.
        look: Its classes.
    """
    language = "" if lang is None else f' lang="{lang}"'
    return scrolling(
        f'<table class="{look}">{head}<tbody{language}>{rows}</tbody></table>'
    )


def folded_table(summary: str, head: str, rows: str, lang: str | None = None) -> str:
    """The same under a line that opens it."""
    table = numbers_table(head, rows, lang)
    return f"<details><summary>{safe(summary)}</summary>\n{table}</details>\n"
