"""The base classes of plots."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from regard._files import write_file
from regard._validate import check_path
from regard.errors import ArgumentError
from regard.plot.canvas import (
    blank_figure,
    check_axes,
    check_height,
    drawing_settings,
    encoded_figure,
    require_matplotlib,
)
from regard.plot.document import document, embedded, fragment_style, page_style, safe
from regard.types import pandas_frame

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_ALSO = "The same in other ways:"


class Plot(ABC):
    """Data that draws itself; in a notebook the object shows itself."""

    #: What else draws the same; filled by ``regard.plot.attention``.
    also: tuple[str, ...] = ()

    @abstractmethod
    def to_html(self) -> str:
        """The whole page: no network, no script, every text in it escaped."""

    @abstractmethod
    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw with matplotlib.

        Args:
            ax: The axes to draw on; new ones by default.

        Returns:
            The axes.

        Raises:
            ArgumentError: ``ax`` are no axes.
            MissingExtraError: matplotlib is not installed.
        """

    def to_png(self) -> bytes:
        """The picture as the bytes of a PNG file.

        Raises:
            ArgumentError: It is too large for one picture.
            MissingExtraError: matplotlib is not installed.
        """
        return self._picture("png")

    def to_pandas(self) -> "pd.DataFrame":
        """The numbers that are drawn, as a table.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return pandas_frame(self._table())

    @abstractmethod
    def _table(self) -> Mapping[str, Any]:
        """The columns of that table."""

    def save(self, path: str | PathLike[str]) -> None:
        """Write the plot to a file; the suffix says what it becomes.

        Raises:
            ArgumentError: The suffix is unknown, or the folder does not exist.
            MissingExtraError: A picture without matplotlib.
        """
        path = Path(check_path("path", path))
        writers = self._writers()
        suffix = path.suffix.lower()
        if suffix not in writers:
            raise ArgumentError(
                f"{path} cannot be written: the suffix '{path.suffix}' is unknown.",
                expected=f"one of {', '.join(writers)}",
            )
        write_file(path, writers[suffix]())

    def _writers(self) -> Mapping[str, Callable[[], bytes]]:
        """The functions that make the bytes of a file, by its suffix."""
        return {
            ".html": lambda: self.to_html().encode("utf-8"),
            ".txt": lambda: str(self).encode("utf-8"),
            ".png": lambda: self._picture("png"),
            ".svg": lambda: self._picture("svg"),
        }

    @abstractmethod
    def _picture(self, kind: str) -> bytes:
        """The bytes of a ``png`` or ``svg`` file."""

    @abstractmethod
    def _repr_html_(self) -> str: ...

    @abstractmethod
    def __str__(self) -> str: ...

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        # Plain text travels along for viewers that strip styles.
        shown = {"text/html": self._repr_html_(), "text/plain": str(self)}
        if self.also:
            items = "".join(f"<li><code>{safe(each)}</code></li>" for each in self.also)
            shown["text/html"] += (
                f'<div class="regard"><p class="soft">{_ALSO}</p>'
                f'<ul class="soft">{items}</ul></div>\n'
            )
            lines = "".join(f"  {each}\n" for each in self.also)
            shown["text/plain"] += f"{_ALSO}\n{lines}"
        return shown


class AxesPlot(Plot):
    """A plot that is one set of axes, the user's or its own."""

    @abstractmethod
    def _inches(self) -> tuple[float, float]:
        """The size of a figure of its own."""

    @abstractmethod
    def _draw(self, ax: "Axes") -> None:
        """Draw on these axes."""

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw with matplotlib.

        Args:
            ax: The axes to draw on; new ones by default.

        Returns:
            The axes.

        Raises:
            ArgumentError: ``ax`` are no axes.
            MissingExtraError: matplotlib is not installed.
        """
        check_axes(ax)
        if ax is None:
            import matplotlib.pyplot as plt  # noqa: PLC0415 - an extra

            _, ax = plt.subplots(figsize=self._inches(), layout="constrained")
        self._draw(ax)
        return ax

    def _picture(self, kind: str) -> bytes:
        require_matplotlib()
        width, height = self._inches()
        check_height(height)
        with drawing_settings():
            figure = blank_figure()
            figure.set_layout_engine("constrained")
            figure.set_size_inches(width, height)
            self._draw(figure.add_subplot())
            return encoded_figure(figure, kind)


class ArticlePlot(AxesPlot):
    """A plot that is one set of axes, and one article of a page."""

    title: str
    #: How to read the page; the note where it stands in another one; its own style.
    _lead: ClassVar[str]
    _note: ClassVar[str]
    _style: ClassVar[str]

    def to_html(self) -> str:
        """The whole page: no network, no script, every text in it escaped."""
        return document(
            title=self.title,
            heading=self._heading(),
            lead=self._lead,
            body=self._article(),
            style=page_style() + self._style,
        )

    def _repr_html_(self) -> str:
        return embedded(self._article(), self._note, fragment_style() + self._style)

    def _heading(self) -> str:
        """The heading of the page, as HTML."""
        return "What the model looked at"

    @abstractmethod
    def _article(self) -> str:
        """The article of the page."""
