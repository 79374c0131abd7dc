"""Curves of several runs."""

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
    ],
)
def test_wrong_values(values, message):
    with pytest.raises(ArgumentError, match=message):
        regard.plot.curves(values, STEPS)
