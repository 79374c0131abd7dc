"""Attention over the patches of an image, on the image."""

import base64
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isqrt
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from regard._validate import check_count
from regard.errors import ArgumentError, shown
from regard.plot._color_scale import level
from regard.plot._data import (
    check_label,
    check_most,
    check_shares,
    checked_tokens,
    described,
    numbers,
)
from regard.plot._head_weights import check_some, one_sequence
from regard.plot._plot import Plot
from regard.plot.canvas import (
    SOFT,
    blank_figure,
    check_axes,
    check_height,
    check_index,
    colormap,
    cut,
    drawing_settings,
    encoded_figure,
    require_matplotlib,
    text_properties,
)
from regard.plot.characters import for_page, for_terminal_line, visible
from regard.plot.document import (
    TAB_STOPS,
    color_legend,
    document,
    embedded,
    fragment_style,
    left_out_note,
    light_style,
    page_style,
    remainder,
    safe,
)
from regard.types import AttentionMap, FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_READING = (
    "The deeper the blue on a patch, the more attention it had; the picture is pale so "
    "that the blue can be seen, and stands in its own colours beside."
)
_DISCLAIMER = "The shade shows where the model looked, not why it decided."
# Larger pictures are averaged down for the page; a patch is seen as well on this.
_SIDE, _SMALL = 384, 64
_SHARP = ".regard .patches::before{image-rendering:pixelated}\n"
_LEGEND = color_legend("end", "weight of a patch; over each panel stands its end")
_COLUMNS, _PANEL_INCHES = 4, 2.4
_TABLE = 20
_PALE = 0.5
_STYLE = """
.regard .panels{display:grid;gap:1rem;margin:1rem 0 .75rem;align-items:end;
grid-template-columns:repeat(auto-fill,minmax(min(9rem,100%),1fr))}
.regard .panels.one{grid-template-columns:repeat(auto-fill,minmax(min(16rem,100%),1fr))}
.regard .panels figure{margin:0;min-width:0}
.regard .panels figcaption{font-size:.875rem;margin-bottom:.25rem;
overflow-wrap:anywhere}
.regard .patches{position:relative;display:grid;isolation:isolate;background:#fff;
-webkit-print-color-adjust:exact;print-color-adjust:exact}
.regard .patches::before{content:"";position:absolute;inset:0;
background-size:100% 100%}
.regard .pale::before{filter:grayscale(1);opacity:.5}
.regard .patches i{position:relative;mix-blend-mode:multiply}
.regard .patches i[data-w]:hover{outline:2px solid #000;mix-blend-mode:normal;
opacity:.9;z-index:2}
.regard .patches i:focus-visible{outline:2px solid #000;outline-offset:1px;z-index:2}
.regard .patches i[data-w]:hover::after,.regard .patches i:focus::after{
content:attr(data-w);position:absolute;bottom:calc(100% + .2rem);left:50%;
transform:translateX(-50%);z-index:3;padding:.1rem .4rem;border-radius:.3rem;
background:#1b1f24;color:#fff;font:600 .75rem/1.4 system-ui,sans-serif;
white-space:nowrap;pointer-events:none}
.regard .patches i.early:hover::after,.regard .patches i.early:focus::after{left:0;
transform:none}
.regard .patches i.late:hover::after,.regard .patches i.late:focus::after{left:auto;
right:0;transform:none}
.regard .patches i.high:hover::after,.regard .patches i.high:focus::after{
bottom:auto;top:calc(100% + .2rem)}
""".lstrip()


@dataclass(frozen=True, eq=False, slots=True)
class ImagePanel:
    """One distribution over the patches.

    Args:
        name: What looked: a head, a step, a token that was written.
        weights: ``(rows, columns)``, from 0 up.
        rest: The weight of what is no patch, such as a class token.
    """

    name: str
    weights: FloatArray
    rest: float

    @property
    def end(self) -> float:
        """The weight at the end of the scale: the largest, or four even shares."""
        even = 1 / max(self.weights.size, 1)
        return max(float(self.weights.max(initial=0)), min(1.0, 4 * even))

    def strongest(self) -> list[tuple[int, int]]:
        """The places of the patches, that of the largest weight first."""
        order = np.argsort(-self.weights, axis=None, kind="stable")
        columns = self.weights.shape[1]
        return [divmod(int(place), columns) for place in order]


class ImagePlot(Plot):
    """Attention on a picture; made by ``regard.plot.image``.

    In a notebook the object shows itself. The shade of a patch goes from 0 to the
    largest weight of its panel, but not less than four times an even share.

    Args:
        panels: The distributions over patches, one a panel.
        picture: ``(height, width, 3)``, the picture, from 0 to 255.
        title: The title above the panels.
        left_out: How many more there were; a note says so.
    """

    def __init__(
        self,
        panels: Sequence[ImagePanel],
        picture: npt.NDArray[np.uint8],
        title: str,
        left_out: int = 0,
    ) -> None:
        self.panels, self.picture = tuple(panels), picture
        self.title, self.left_out = title, left_out

    def to_html(self) -> str:
        """The whole page: no network, no script, every text in it escaped."""
        return document(
            title=self.title,
            heading=safe(self.title),
            lead=f"{_READING} {_DISCLAIMER}",
            body=self._article(),
            style=page_style() + self._style(),
            has_pictures=True,
        )

    def _repr_html_(self) -> str:
        style = fragment_style() + self._style()
        return embedded(self._article(), _DISCLAIMER, style)

    def plot(self, ax: "Axes | None" = None, index: int = 0) -> "Axes":
        """Draw one of the panels with matplotlib.

        Args:
            ax: The axes to draw on; new ones by default.
            index: Which of the panels.

        Returns:
            The axes.

        Raises:
            ArgumentError: There is no panel of this index, or ``ax`` are no axes.
            MissingExtraError: matplotlib is not installed.
        """
        check_axes(ax)
        index = check_index(index, len(self.panels), "panel")
        if ax is None:
            import matplotlib.pyplot as plt  # noqa: PLC0415 - an extra

            _, ax = plt.subplots(figsize=(4, 4.4), layout="constrained")
        self._draw(ax, self.panels[index])
        return ax

    def _picture(self, kind: str) -> bytes:
        require_matplotlib()
        count = len(self.panels) + 1
        columns = min(count, _COLUMNS)
        rows = ceil(count / columns)
        high = _PANEL_INCHES * self.picture.shape[0] / self.picture.shape[1]
        height = rows * (min(high, 3 * _PANEL_INCHES) + 0.5) + 0.35
        check_height(height)
        with drawing_settings():
            figure = blank_figure()
            figure.set_layout_engine("constrained")
            figure.set_size_inches(columns * _PANEL_INCHES + 0.2, height)
            first, *others = figure.subplots(rows, columns, squeeze=False).flat
            first.imshow(self.picture)
            _named(first, "the picture")
            for axes in others:
                axes.set_axis_off()
            for axes, panel in zip(others, self.panels, strict=False):
                self._draw(axes, panel)
            note = left_out_note(self.left_out) if self.left_out else _DISCLAIMER
            look = text_properties() | {"fontsize": 8.5, "color": SOFT}
            figure.supxlabel(note, x=0.02, ha="left", **look)
            return encoded_figure(figure, kind)

    def _draw(self, ax: "Axes", panel: ImagePanel) -> None:
        height, width = self.picture.shape[:2]
        ax.imshow(_shaded(self.picture, panel))
        # On lines of their own: a name in Arabic turns the line around.
        _named(ax, f"{cut(panel.name)}\nup to {panel.end:.3f}")
        ax.set_xlim(-0.5, width - 0.5)
        ax.set_ylim(height - 0.5, -0.5)

    def _table(self) -> dict[str, Any]:
        rows = [
            (panel.name, row, column, float(panel.weights[row, column]))
            for panel in self.panels
            for row, column in np.ndindex(*panel.weights.shape)
        ]
        names = ("panel", "row", "column", "weight")
        return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))

    def _style(self) -> str:
        picture = base64.b64encode(_png(self.picture)).decode()
        height, width = self.picture.shape[:2]
        return (
            f"{_STYLE}{light_style('.patches .w', '.on-picture .scale')}"
            f".regard .patches{{aspect-ratio:{width}/{height}}}\n"
            # Pixels of a small picture are seen as they are, like those of the file.
            f"{_SHARP if max(width, height) <= _SMALL else ''}"
            ".regard .patches::before{background-image:"
            f'url("data:image/png;base64,{picture}")}}\n'
        )

    def _article(self) -> str:
        one = " one" if len(self.panels) == 1 else ""
        own = (
            "<figure><figcaption>the picture</figcaption>"
            '<div class="patches" role="img" aria-label="the picture"></div></figure>\n'
        )
        stops = TAB_STOPS // min(len(self.panels), TAB_STOPS)
        panels = "".join(_figure(panel, stops) for panel in self.panels)
        return (
            f'<article>\n<h2 dir="auto" lang="">{safe(self.title)}</h2>\n'
            f'<div class="panels{one}">\n{own}{panels}</div>\n'
            f'<div class="on-picture">{_LEGEND}</div>\n'
            f"{remainder(self.left_out)}{self._strongest()}</article>\n"
        )

    def _strongest(self) -> str:
        lines = "".join(
            f"<tr><td>{safe(visible(panel.name))}<td>{row}<td>{column}"
            f'<td class="number">{panel.weights[row, column]:.4f}\n'
            for panel in self.panels
            for row, column in panel.strongest()[: max(1, _TABLE // len(self.panels))]
        )
        heads = "".join(
            f'<th scope="col"{look}>{name}</th>'
            for name, look in (
                ("Panel", ""),
                ("Row", ""),
                ("Column", ""),
                ("Weight", ' class="number"'),
            )
        )
        return (
            "<details><summary>The strongest patches as a table</summary>\n"
            f"<table><thead><tr>{heads}</tr></thead>\n"
            f'<tbody lang="">{lines}</tbody></table></details>\n'
        )

    def __str__(self) -> str:
        lines = [for_terminal_line(self.title)]
        for panel in self.panels:
            lines.append(for_terminal_line(panel.name))
            for row, column in panel.strongest()[:3]:
                weight = panel.weights[row, column]
                lines.append(f"  row {row}, column {column}  {weight:.3f}")
            if panel.rest:
                lines.append(f"  on no patch  {panel.rest:.3f}")
        if self.left_out:
            lines.append(f"({left_out_note(self.left_out)})")
        return "\n".join((*lines, ""))

    def __repr__(self) -> str:
        return f"ImagePlot({len(self.panels)} panels)"


def image(
    weights: Any,
    image: npt.ArrayLike,
    *,
    grid: tuple[int, int] | None = None,
    query: int | None = None,
    tokens: Sequence[str] | None = None,
    batch: int | None = None,
    title: str = "Attention on the picture",
    most: int | None = 24,
) -> ImagePlot:
    """Draw attention over the patches of an image on the image.

    Each row of keys is a panel: each head, each step of a caption. The mean over heads
    is ``map.mean()``.

    Args:
        weights: The ``AttentionMap`` of a layer whose keys are patches, row by row from
            the top left; an array ``(patches,)`` or ``(panels, patches)``; or an
            attribution, such as ``regard.explain.rollout`` gives. Keys before the
            patches, such as the class token of a ViT, are left out and reported.
        image: ``(height, width)``, ``(height, width, 1)`` or ``(height, width, 3)``:
            whole numbers from 0 to 255, or numbers from 0 to 1. Other numbers, as of
            an image that was normalised, are stretched to that. With a fourth channel
            it stands on white, as opaque as that says.
        grid: ``(rows, columns)`` of the patches. By default the largest square that
            fits into the keys with at most two left before it.
        query: Which query is drawn. By default all, but of self-attention over patches
            with a class token before them the class token.
        tokens: What each query is called, such as the words of a caption.
        batch: Which image of a batch.
        title: The title above the panels.
        most: How many panels are drawn, from the first on; a note says how many more
            there were. None draws all.

    Returns:
        A plot that shows itself in a notebook and saves itself with ``save``.

    Raises:
        ArgumentError: The weights are no rows of numbers from 0 to 1 over patches, the
            grid does not fit, or the image is none.

    References:
        K. Xu et al. (2015), "Show, attend and tell", https://arxiv.org/abs/1502.03044.

    Example:
        >>> seen = regard.observe(vit).predict(images[:1])
        >>> last = seen.attention["encoder/layer_11/attention"]
        >>> regard.plot.image(last.mean(), images[0], batch=0).save("vit.png")
        >>> rolled = regard.explain.rollout(vit, images[:1], query=0)
        >>> regard.plot.image(rolled, images[0])
    """
    check_label("title", title)
    picture = _checked_picture(image)
    rows, names = _rows(weights, query, batch)
    if tokens is not None:
        chosen = checked_tokens(tokens, "tokens")
        if len(chosen) != len(rows):
            raise ArgumentError(
                "The tokens and the panels do not fit each other.",
                expected=f"{len(rows)} tokens, one for each row of weights",
                received=str(len(chosen)),
                fix="Average over the heads first: map.mean().",
            )
        names = [visible(token) for token in chosen]
    before, sides = _grid(rows.shape[-1], grid)
    kept = rows[: check_most(most)]
    panels = [
        ImagePanel(name, row[before:].reshape(sides), float(row[:before].sum()))
        for name, row in zip(names, kept, strict=False)
    ]
    return ImagePlot(panels, picture, title, len(rows) - len(kept))


def _rows(
    weights: Any, query: int | None, batch: int | None
) -> tuple[FloatArray, list[str]]:
    """The rows of weights over keys, and what each is called."""
    if hasattr(weights, "scores") and hasattr(weights, "axes"):
        axes = tuple("keys" if a == "positions" else a for a in weights.axes)
        weights = AttentionMap(np.asarray(weights.scores), axes, weights.method)
    if not isinstance(weights, AttentionMap):
        array = numbers(weights, "weights of the patches", "rows of numbers")
        if array.ndim not in {1, 2} or not array.size:
            raise ArgumentError(
                "The weights of the patches cannot be drawn.",
                expected="an AttentionMap, or an array (patches,) or (panels, patches)",
                received=f"an array of shape {array.shape}",
            )
        array = np.atleast_2d(array)
        given = ("panels", "keys") if len(array) > 1 else ("keys",)
        weights = AttentionMap(array if len(array) > 1 else array[0], given, "")
    one = one_sequence(weights, batch)
    if "keys" not in one.axes:
        raise ArgumentError(
            "This map has no keys.",
            expected="a map with an axis 'keys'",
            received=shown(one),
            fix="Leave its keys whole.",
        )
    check_some(one.weights, one.layer, one.axes)
    if query is not None:
        one = one.select(queries=check_count("query", query, least=0))
    elif _has_class_token(one):
        one = one.select(queries=0)
    order = [n for n, axis in enumerate(one.axes) if axis != "keys"]
    keys = one.axes.index("keys")
    sizes = [one.shape[n] for n in order]
    rows = one.weights.transpose([*order, keys]).reshape(-1, one.shape[keys])
    several = [n for n, size in enumerate(sizes) if size != 1]
    names = [
        ", ".join(f"{_singular(one.axes[order[n]])} {place[n]}" for n in several)
        or one.layer
        or "attention"
        for place in np.ndindex(*sizes)
    ]
    return check_shares(rows), names


def _singular(axis: str) -> str:
    return "query" if axis == "queries" else axis.removesuffix("s")


def _has_class_token(attention: AttentionMap) -> bool:
    """Whether queries and keys are the same patches with one more before them."""
    sizes = dict(zip(attention.axes, attention.shape, strict=True))
    count = sizes["keys"]
    is_self = sizes.get("queries") == count
    return is_self and isqrt(count) ** 2 != count and isqrt(count - 1) ** 2 == count - 1


def _grid(count: int, grid: Any) -> tuple[int, tuple[int, int]]:
    """How many keys stand before the patches, and rows and columns of these."""
    if grid is None:
        for before in range(3):
            side = isqrt(max(count - before, 0))
            if side and side * side == count - before:
                return before, (side, side)
        raise ArgumentError(
            "The patches make no square.",
            expected="grid=(rows, columns)",
            received=f"{count} keys",
            fix="Say how many rows and columns of patches there are.",
        )
    sides = tuple(grid) if isinstance(grid, Sequence) else (grid,)
    if len(sides) != 2:
        raise ArgumentError(
            "'grid' has a wrong value.",
            expected="(rows, columns)",
            received=described(grid),
        )
    rows, columns = (check_count("grid", side) for side in sides)
    if rows * columns > count:
        raise ArgumentError(
            "The grid has more patches than there are keys.",
            expected=f"at most {count} patches",
            received=f"{rows} x {columns} = {rows * columns}",
        )
    return count - rows * columns, (rows, columns)


def _checked_picture(image: Any) -> npt.NDArray[np.uint8]:
    expected = "(height, width), (height, width, 1) or (height, width, 3)"
    array = numbers(image, "pixels of the image", expected)
    if array.ndim == 4 and len(array) == 1:
        array = array[0]
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[-1] not in {1, 3, 4} or not array.size:
        raise ArgumentError(
            "The image cannot be drawn.",
            expected=expected,
            received=f"an array of shape {array.shape}",
            fix="Put its channels last: image.transpose(1, 2, 0)."
            if array.ndim == 3 and array.shape[0] in {1, 3}
            else "Choose one: images[0]."
            if array.ndim == 4
            else None,
        )
    is_whole = np.asarray(image).dtype.kind in "iu"
    low, high = float(array.min()), float(array.max())
    if low >= 0 and high <= 255 and (is_whole or high > 1):
        array = array / 255
    elif low < 0 or high > 1:
        array = (array - low) / ((high - low) or 1)
    step = ceil(max(array.shape[:2]) / _SIDE)
    if array.shape[-1] == 4:
        array = 1 - array[..., 3:] * (1 - array[..., :3])
    for axis in (0, 1):
        array = _averaged(array, axis, ceil(array.shape[axis] / step))
    colors = np.repeat(array, 3, axis=-1) if array.shape[-1] == 1 else array
    return np.round(255 * np.clip(colors, 0, 1)).astype(np.uint8)


def _averaged(array: FloatArray, axis: int, size: int) -> FloatArray:
    """An axis of this size, of the means of as many neighbours or one more each."""
    starts = np.arange(size) * array.shape[axis] // size
    counts = np.diff(starts, append=array.shape[axis])
    shape = [-1 if each == axis else 1 for each in range(array.ndim)]
    return np.add.reduceat(array, starts, axis) / counts.reshape(shape)


def _shaded(picture: npt.NDArray[np.uint8], panel: ImagePanel) -> FloatArray:
    """The picture, grey and pale, under the shades of its patches."""
    grey = picture @ np.array([0.2126, 0.7152, 0.0722]) / 255
    pale = 1 - _PALE * (1 - grey)
    shares = np.clip(panel.weights / panel.end, 0, 1)
    colors = np.asarray(colormap()(shares))[..., :3]
    return np.asarray(pale[..., None] * _spread(colors, picture.shape[:2]))


def _spread(colors: FloatArray, size: tuple[int, int]) -> FloatArray:
    """The colour of the patch that each pixel lies in."""
    down, across = (
        np.arange(pixels) * patches // pixels
        for pixels, patches in zip(size, colors.shape[:2], strict=True)
    )
    return colors[down][:, across]


def _named(ax: "Axes", name: str) -> None:
    ax.set_title(for_page(name), loc="left", fontsize=9, **text_properties())
    ax.set_axis_off()


def _figure(panel: ImagePanel, stops: int) -> str:
    rows, columns = panel.weights.shape
    reached = set(panel.strongest()[:stops])
    cells = "".join(
        _patch(panel, row, column, (row, column) in reached)
        for row, column in np.ndindex(rows, columns)
    )
    rest = f", {panel.rest:.3f} on no patch" if panel.rest else ""
    return (
        f'<figure><figcaption><bdi lang="">{safe(cut(panel.name))}</bdi> '
        f'<span class="soft">up to {panel.end:.3f}{rest}</span></figcaption>'
        '<div class="patches pale" role="group" '
        f'aria-label="{safe(panel.name)}: {rows} by {columns} patches" '
        f'style="grid-template:repeat({rows},1fr)/repeat({columns},1fr)">'
        f"{cells}</div></figure>\n"
    )


def _patch(panel: ImagePanel, row: int, column: int, is_stop: bool) -> str:
    weight = float(panel.weights[row, column])
    columns = panel.weights.shape[1]
    looks = [
        f"w{level(weight, panel.end)}",
        "early" if 3 * column < columns else "late" if 3 * column > 2 * columns else "",
        "high" if not row else "",
    ]
    said = f"row {row}, column {column}: {weight:.3f}"
    stop = f' tabindex="0" role="img" aria-label="{said}"' if is_stop else ""
    shade = " ".join(filter(None, looks))
    return f'<i class="{shade}" data-w="{said}"{stop}></i>'


def _png(picture: npt.NDArray[np.uint8]) -> bytes:
    """A picture as the bytes of a PNG file: pages need no matplotlib."""
    height, width = picture.shape[:2]
    # A filter of 0 before each line: its bytes are the pixels.
    lines = np.zeros((height, 1 + 3 * width), np.uint8)
    lines[:, 1:] = picture.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 9)))
    packed = b"".join(_chunk(*part) for part in (*parts, (b"IEND", b"")))
    return b"\x89PNG\r\n\x1a\n" + packed


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)
