"""The canvas of pictures: matplotlib where installed, its fonts, the file."""

import functools
import io
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from regard._validate import wrong_value
from regard.errors import ArgumentError, MissingExtraError, shown
from regard.plot._color_scale import Hue, shades
from regard.plot.characters import for_page

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

DPI = 200
# matplotlib draws at most 65,535 pixels a side.
MAXIMUM_INCHES = 65_000 / DPI
SOFT = "#57606a"
# Longer names would leave no room for what they name; so would longer titles.
LONGEST_NAME = 32
_TITLE_WIDTH, _TITLE_LINES = 56, 3
# Scripts that matplotlib's own font lacks are taken from these where installed. Those
# that people write today, not all of Noto: matplotlib tries each of them on each label.
_SCRIPTS = (
    "Arabic Armenian Bengali Devanagari Ethiopic Georgian Gujarati Gurmukhi Hebrew "
    "Kannada Khmer Lao Malayalam Myanmar Sinhala Tamil Telugu Thai"
)
_FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Arial Unicode MS",
    "Hiragino Sans",
    "Microsoft YaHei",
    *(f"Noto Sans {script}" for script in _SCRIPTS.split()),
)


def require_matplotlib() -> None:
    """Check that matplotlib is there.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib as _  # noqa: F401, PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise MissingExtraError("Drawing a picture", "matplotlib", "plot") from error


def check_axes(ax: Any) -> None:
    """Refuse what cannot be drawn on; None stands for new axes.

    Raises:
        ArgumentError: It is something else than axes of matplotlib.
        MissingExtraError: matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.axes import Axes  # noqa: PLC0415 - an extra

    if ax is not None and not isinstance(ax, Axes):
        raise wrong_value(
            "ax", ax, "axes of matplotlib, as plt.subplots() makes them, or None"
        )


def check_index(index: Any, count: int, what: str) -> int:
    """Refuse what is no place in a plot; places from the end are negative.

    Args:
        index: The place.
        count: How many there are.
        what: What there is in the plot, for example ``"text"``.

    Raises:
        ArgumentError: It is no whole number, or there is no such place.
    """
    is_whole = isinstance(index, int | np.integer) and not isinstance(index, bool)
    if not is_whole or not -count <= index < count:
        raise ArgumentError(
            f"There is no such {what} in this plot.",
            expected=f"an index below {count}",
            received=shown(index),
            arguments=["index"],
        )
    return int(index)


@contextmanager
def drawing_settings() -> Iterator[None]:
    """Our fonts and steady identifiers for as long as a picture is made."""
    import matplotlib as mpl  # noqa: PLC0415 - an extra

    # The salt keeps the identifiers in an SVG the same from run to run.
    chosen = {"font.family": installed_fonts(), "svg.hashsalt": "regard"}
    with mpl.rc_context(chosen), warnings.catch_warnings():
        # A box in the picture says so already, once and where it matters.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


@functools.cache
def installed_fonts() -> list[str]:
    """The fonts to take glyphs from, in this order."""
    from matplotlib import font_manager  # noqa: PLC0415 - an extra

    manager = font_manager.fontManager
    # What matplotlib knows is from its first run: fonts may have come since.
    known = {font.fname for font in manager.ttflist}
    for path in sorted(font_manager.findSystemFonts()):
        if path not in known and Path(path).name.startswith("NotoSans"):
            # A font that cannot be read is one less, no reason for an error.
            with suppress(OSError, RuntimeError, NotImplementedError):
                manager.addfont(path)
    available = {font.name for font in manager.ttflist}
    return [name for name in _FONTS if name in available]


def text_properties() -> dict[str, Any]:
    """How any text is drawn, whatever the settings of the user."""
    # A dollar sign is a dollar sign, not the start of a formula.
    return {"parse_math": False, "fontfamily": installed_fonts()}


def draw_title(axes: "Axes", title: str) -> None:
    """A title over the axes, on as many lines as there is room for."""
    axes.set_title("\n".join(title_lines(title)), loc="left", **text_properties())


def title_lines(title: str) -> list[str]:
    """A title on lines, the end of a long one cut off."""
    lines = textwrap.wrap(for_page(title), _TITLE_WIDTH)
    *whole, last = lines[:_TITLE_LINES] or [""]
    return [*whole, last + "…" * (len(lines) > _TITLE_LINES)]


def cut(name: str) -> str:
    """A name short enough to stand beside what is drawn."""
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def colormap(hue: Hue = "blue") -> "Colormap":
    """The colour scale, as matplotlib takes it."""
    from matplotlib.colors import LinearSegmentedColormap  # noqa: PLC0415 - an extra

    return LinearSegmentedColormap.from_list("regard", list(shades("light", hue)))


def check_height(
    inches: float,
    problem: str = "This is too large for one picture.",
    *,
    fix: str = "Save it as .html.",
) -> None:
    """Refuse a figure that is higher than matplotlib draws.

    Args:
        inches: Its height.
        problem: What is wrong where it is, as a sentence.
        fix: What helps, as one.

    Raises:
        ArgumentError: It is.
    """
    if inches > MAXIMUM_INCHES:
        raise ArgumentError(
            problem,
            expected=f"a picture of at most {MAXIMUM_INCHES:.0f} inches",
            received=f"{inches:.0f} inches",
            fix=fix,
        )


def blank_figure() -> "Figure":
    """A white figure that no window and no notebook knows of."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - an extra
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra

    figure = Figure(dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def encoded_figure(figure: "Figure", kind: str, **options: Any) -> bytes:
    """A figure as the bytes of a ``png`` or ``svg`` file, the same in every run."""
    buffer = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {}
    figure.savefig(buffer, format=kind, metadata=metadata, **options)
    return buffer.getvalue()
