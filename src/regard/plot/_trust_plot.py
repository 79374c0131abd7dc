"""A report on trust as a page, a picture, or lines of a terminal."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.style import Style
from rich.text import Text

from regard.errors import ArgumentError
from regard.plot._color_scale import Hue
from regard.plot._data import DRAWN_BY, described
from regard.plot._plot import Plot
from regard.plot._terminal import rendered, terminal
from regard.plot._text_plot import text_block
from regard.plot._trust_picture import draw_erasure, trust_picture
from regard.plot.canvas import check_axes
from regard.plot.characters import for_terminal
from regard.plot.trust_page import drawn_text, trust_fragment, trust_page

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIDES: Mapping[str, str] = {
    "best": "Texts that attention explains best",
    "worst": "Texts that attention fails on",
}


class TrustPlot(Plot):
    """A report on trust, drawn; made by ``regard.plot.trust``.

    In a notebook the object shows itself. The verdict comes first, in words with
    numbers; then the quantities with their intervals and bounds, the curves of erasing
    and keeping with the band of random orders, the model's own answers beside those
    under shuffled weights, the effect of words by their weight, and the texts that
    attention explains best and worst beside what each word adds. Each picture has its
    table.

    Args:
        report: The report, a ``regard.trust.TrustReport``.
        before: An earlier one that it is compared with.
    """

    def __init__(self, report: Any, before: Any = None) -> None:
        self.report, self.before = report, before

    def to_html(self) -> str:
        """The whole page: no network, no script, every text in it escaped."""
        return trust_page(self.report, self.before)

    def to_terminal(self, color: bool | None = None, width: int | None = None) -> str:
        """The report for a terminal: verdict, figures, and the texts that were kept.

        Args:
            color: Whether to shade words with ANSI colours; by default where standard
                output is a terminal and ``NO_COLOR`` is not set.
            width: The width in columns; the terminal's own by default.
        """
        screen = terminal(color, width)
        changed = ""
        if self.before is not None:
            changed = "\n".join(self.report.since(self.before) or ["Nothing changed."])
        blocks = [Text(changed + "\n")] if changed else []
        blocks.append(Text(for_terminal(self.report.to_text().rstrip())))
        is_grey = self.report.line.is_misleading
        for side, title in _SIDES.items():
            for place, each in enumerate(self.report.quoted(side)):
                shown = each.shown
                block = Text(f"{title}\n" if not place else "", Style(bold=True))
                attention = drawn_text(shown, shown.weights)
                hue: Hue = "grey" if is_grey else "blue"
                block += text_block(attention, "attention", screen.color, hue)
                if shown.contributions is not None:
                    parts = drawn_text(shown, shown.contributions)
                    block.append("\n")
                    block += text_block(parts, "contributions", screen.color)
                blocks.append(block)
        return rendered(blocks, screen)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw how far the answer moves without the first words, with matplotlib.

        Args:
            ax: The axes to draw on; new ones by default. ``save`` draws all curves.

        Returns:
            The axes.

        Raises:
            ArgumentError: ``ax`` are no axes.
            MissingExtraError: matplotlib is not installed.
        """
        check_axes(ax)
        if ax is None:
            import matplotlib.pyplot as plt  # noqa: PLC0415 - an extra

            _, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
        draw_erasure(ax, self.report)
        return ax

    def _table(self) -> dict[str, Any]:
        columns: dict[str, list[Any]] = {
            name: [] for name in ("measure", "order", "share", "erased", "kept")
        }
        for measure, curves in self.report.curves.items():
            for order, curve in curves.items():
                count = len(curve.fractions)
                columns["measure"] += [measure] * count
                columns["order"] += [order] * count
                columns["share"] += list(curve.fractions)
                columns["erased"] += list(curve.without)
                columns["kept"] += list(curve.alone)
        return columns

    def _picture(self, kind: str) -> bytes:
        return trust_picture(self.report, kind)

    def _repr_html_(self) -> str:
        return trust_fragment(self.report, self.before)

    def __str__(self) -> str:
        return self.to_terminal(color=False, width=88)

    def __repr__(self) -> str:
        return f"TrustPlot({str(self.report.verdict)!r})"


def trust(report: Any, before: Any = None) -> TrustPlot:
    """Draw a report on trust: whether the weights of a model may be read as reasons.

    Args:
        report: A ``regard.trust.TrustReport``, as ``regard.trust.examine`` gives.
        before: An earlier report; the page begins with what changed since then.

    Returns:
        A plot that shows itself in a notebook and saves itself with ``save``.

    Raises:
        ArgumentError: One of them is something else.

    Example:
        >>> report = regard.trust.examine(classifier, texts)
        >>> regard.plot.trust(report).save("trust.html")
    """
    for each in (report, *([] if before is None else [before])):
        if type(each).__name__ != "TrustReport":
            raise ArgumentError(
                "This plot draws reports on trust.",
                expected="a TrustReport, as regard.trust.examine gives",
                received=described(each),
                fix=DRAWN_BY.get(type(each).__name__),
            )
    return TrustPlot(report, before)
