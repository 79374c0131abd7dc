"""Translations for a terminal: each written token and the sources it looked at."""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from regard.plot.alignment_rows import Row, labels, log_probability, notes, rows
from regard.plot.characters import for_terminal
from regard.plot.console import rendered, screen, shaded
from regard.plot.scale import level
from regard.types import Translation

# So many sources of a token are named, and only those that matter.
_SHOWN, _MATTERS = 3, 0.1


def alignment_terminal(
    translations: Sequence[Translation],
    color: bool | None = None,
    width: int | None = None,
) -> str:
    """The translations as lines for a terminal, with ANSI colours or without."""
    on = screen(color, width)
    return rendered((_block(translation) for translation in translations), on)


def _block(translation: Translation) -> Text:
    text = Text.assemble(
        (_one_line(translation.text), Style(bold=True)),
        f"  {log_probability(translation)}",
    )
    names = labels(translation.target_tokens)
    sources = labels(translation.source_tokens)
    room = max(map(cell_len, names), default=0)
    for row, name in zip(rows(translation), names, strict=True):
        text.append("\n" + " " * (room - cell_len(name)) + name + " ")
        _add_sources(text, row, sources)
    for note in notes(translation):
        text.append(f"\n({note})", Style(dim=True))
    return text


def _add_sources(text: Text, row: Row, sources: Sequence[str]) -> None:
    if not any(row.weights):
        text.append("  nothing", Style(dim=True))
        return
    for index in _looked_at(row):
        weight = row.weights[index]
        text.append("  ")
        text.append(sources[index], shaded(level(weight, 1.0)))
        text.append(f" {weight:.2f}")


def _looked_at(row: Row) -> list[int]:
    """The places of the strongest sources, the strongest of all even where weak."""
    order = sorted(range(len(row.weights)), key=lambda index: -row.weights[index])
    shown = [i for i in order[:_SHOWN] if row.weights[i] >= _MATTERS]
    return shown or order[:1]


def _one_line(text: str) -> str:
    return for_terminal(text).replace("\n", "\\n").replace("\t", "\\t")
