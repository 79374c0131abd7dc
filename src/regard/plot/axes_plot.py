"""A plot that is one set of axes of matplotlib."""

from abc import abstractmethod
from typing import TYPE_CHECKING

from regard.plot.base import Plot
from regard.plot.canvas import blank, encoded, require_matplotlib, settings

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class AxesPlot(Plot):
    """A plot that is one set of axes, of the user's or of its own."""

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw with matplotlib.

        Args:
            ax: The axes to draw on; new ones by default.

        Returns:
            The axes.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        require_matplotlib()
        if ax is None:
            import matplotlib.pyplot as plt  # noqa: PLC0415 - an extra

            _, ax = plt.subplots(figsize=self._inches(), layout="constrained")
        self._draw(ax)
        return ax

    @abstractmethod
    def _inches(self) -> tuple[float, float]:
        """The size of a figure of its own."""

    @abstractmethod
    def _draw(self, ax: "Axes") -> None:
        """Draw on these axes."""

    def _picture(self, kind: str) -> bytes:
        require_matplotlib()
        with settings():
            figure = blank()
            figure.set_layout_engine("constrained")
            figure.set_size_inches(*self._inches())
            self._draw(figure.add_subplot())
            return encoded(figure, kind)
