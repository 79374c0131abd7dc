"""Curves of several runs."""

import re
import warnings

import numpy as np
import pytest
from test_text_page import Reader

import regard.plot
from regard.errors import ArgumentError
from regard.plot._curves_plot import COLORS, average_curve

STEPS = np.arange(1.0, 7.0)
RUNS = np.array([[6.0, 4.0, 3.0, 1.0, 1.0, 1.0], [2.0, 4.0, 1.0, 1.0, 3.0, 1.0]])


@pytest.fixture
def curves():
    values = {"none": RUNS + 1, "<b>ours</b>": RUNS}
    return regard.plot.curves(
        values, STEPS, points=3, title="<s>t</s>", y_label="<i>loss</i>"
    )


def test_the_average_is_over_pieces_of_each_run_and_then_over_runs():
    curve = average_curve("x", RUNS, STEPS, points=3)
    np.testing.assert_allclose(curve.x, [1.5, 3.5, 5.5])
    np.testing.assert_allclose(curve.mean, [4.0, 1.5, 1.5])
    # The runs' pieces are 5, 2, 1 and 3, 1, 2.
    np.testing.assert_allclose(curve.deviation, [1.0, 0.5, 0.5])
    np.testing.assert_allclose(curve.low, curve.mean - curve.deviation)
    np.testing.assert_allclose(curve.high, curve.mean + curve.deviation)


def test_there_are_no_more_points_than_steps():
    np.testing.assert_allclose(
        average_curve("x", RUNS, STEPS, 100).mean, RUNS.mean(axis=0)
    )


def test_the_page_names_every_model_and_escapes_it(curves):
    page = curves.to_html()
    assert "<b>ours" not in page
    assert "<i>loss" not in page
    assert "<s>" not in page
    assert "&lt;b&gt;ours" in page
    reader = Reader(page)
    assert len(list(reader.all("polygon"))) == 2
    cells = page.split("<td>")[1:]
    assert [cell.split("<")[0] for cell in cells[:3]] == ["5", "2.5", "0.5"]


def test_the_curves_fill_the_frame(curves):
    """The highest point is at the top, the last at the right, 0 at the bottom."""
    points = [
        tuple(map(float, pair.split(",")))
        for attrs in Reader(curves.to_html()).all("polygon")
        for pair in attrs["points"].split()
    ]
    across, down = zip(*points, strict=True)
    assert max(across) == pytest.approx(640, abs=0.1)
    assert min(down) == 0
    assert max(down) <= 320


def test_files(curves, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    for suffix in (".png", ".svg", ".html", ".txt"):
        curves.save(tmp_path / f"curves{suffix}")
        assert (tmp_path / f"curves{suffix}").stat().st_size > 100


def test_a_picture_has_the_curves(curves, tmp_path):
    matplotlib = pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    from matplotlib import image

    path = tmp_path / "curves.png"
    curves.save(path)
    pixels = image.imread(path)[..., :3].reshape(-1, 3)
    for color in COLORS[:2]:
        distance = np.abs(pixels - matplotlib.colors.to_rgb(color)).max(axis=1)
        assert (distance < 0.01).sum() > 500


@pytest.mark.parametrize(
    ("x", "y", "first", "last"),
    [
        ([0, 0, 0], [1, 2, 4], "0.0,240.0", "0.0,0.0"),
        ([0], [3], "0.0,0.0", "0.0,0.0"),
        ([5], [0], "640.0,320.0", "640.0,320.0"),
        ([1, 2], [0, 0], "320.0,320.0", "640.0,320.0"),
        ([1, 2], [3, 3], "320.0,0.0", "640.0,0.0"),
        ([1, 2], [-3, -3], "320.0,320.0", "640.0,320.0"),
        ([-2, 2], [-1, 1], "0.0,320.0", "640.0,0.0"),
        ([-4, -4], [1, 2], "0.0,160.0", "0.0,0.0"),
        ([2, 1], [1, 2], "640.0,160.0", "320.0,0.0"),
        ([0, 1e-300], [0, 1e-300], "0.0,320.0", "640.0,0.0"),
        ([0, 1e300], [0, 1e150], "0.0,320.0", "640.0,0.0"),
    ],
)
def test_degenerate_axes(x, y, first, last, tmp_path):
    """Zero is on both axes, where the values are not all below it."""
    plot = regard.plot.curves({"a": [y]}, x)
    page = plot.to_html()
    points = [line["points"].split() for line in Reader(page).all("polyline")]
    assert (points[0][0], points[0][-1]) == (first, last)
    assert not re.search(r"\b(nan|inf)\b", page)
    # A line of no length is a dot.
    assert ('class="dot"' in page) == (first == last)
    assert str(plot)


@pytest.mark.parametrize("x", [[0, 0, 0], [1, 2, 3], [-3, -2, -1]])
def test_degenerate_axes_of_a_picture(x, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    from matplotlib.figure import Figure

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = {"_flat $x^": [[0.5] * 3], "b": [[1, 1, 2]]}
        for scale in ("linear", "log", "symlog"):
            axes = Figure().add_subplot()
            axes.set_yscale(scale)
            regard.plot.curves(values, x).plot(axes)
            texts = axes.get_legend().get_texts()
            assert [text.get_text()[-4:] for text in texts] == [" $x^", "b"]
        for level in (0, -1):
            flat = regard.plot.curves({"a": [[level] * 3]}, x)
            flat.save(tmp_path / "curves.png")


def test_the_text_has_the_numbers(curves):
    assert "1.5  4 +-1" in str(curves)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "no curves"),
        ({"x": np.ones(6)}, r"'x'.*\(runs, 6\).*\(6,\)"),
        ({"x": np.ones((2, 5))}, r"\(2, 5\)"),
        ({"x": np.ones((0, 6))}, r"\(0, 6\)"),
        ({"x": np.full((1, 6), np.nan)}, "NaN"),
        ({"x": np.full((1, 6), -np.inf)}, "6 times NaN or infinity"),
        ({"x": [[1, 2], [3]]}, r"\(runs, 6\)"),
        ({"x": [["1"] * 6]}, "something else than numbers"),
        ({"x": np.tile([1e308, -1e308], 3)[None]}, "less far apart"),
        ({"x": np.array([[1e308] * 6, [-1e308] * 6])}, "smaller numbers"),
        ([RUNS], "a mapping"),
    ],
)
def test_wrong_values(values, message):
    with pytest.raises(ArgumentError, match=message):
        regard.plot.curves(values, STEPS).to_html()


@pytest.mark.parametrize(
    ("x", "message"),
    [(3.0, r"shape \(\)"), ([], r"shape \(0,\)"), ([1, np.nan], "NaN"),
     ("ab", "numbers"), ([[1, 2]], r"shape \(1, 2\)"), (None, "NoneType")],
)  # fmt: skip
def test_wrong_places(x, message):
    with pytest.raises(ArgumentError, match=message):
        regard.plot.curves({"a": [[1, 2]]}, x)


@pytest.mark.parametrize(
    ("setting", "value"), [("points", 0), ("title", 3), ("x_label", None)]
)
def test_wrong_settings(setting, value):
    with pytest.raises(ArgumentError, match=f"'{setting}'"):
        regard.plot.curves({"a": RUNS}, STEPS, **{setting: value})


def test_nothing_of_a_label_acts_on_the_terminal():
    plot = regard.plot.curves({"a\x1b": RUNS}, STEPS, title="\x1b[2J", y_label="\x9b")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", str(plot))
