"""Bars of features, and attention over the steps of a series."""

import re
import sys
import warnings

import numpy as np
import pytest
from test_text_page import Reader

import regard.plot
from regard.errors import ArgumentError, MissingExtraError


@pytest.fixture
def pyplot():
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


@pytest.fixture
def bars():
    return regard.plot.bars([0.2, 0.5, 0.3], ["age", "<b>height</b>", "$x$ \u202ey"])


@pytest.fixture
def series():
    return regard.plot.over_time([0.1, 0.6, 0.3], [5.0, -1.0, 2.0], title="<i>$</i>")


def widths(page):
    return [float(attrs["width"][:-1]) for attrs in Reader(page).all("rect")]


def test_bars_are_as_long_as_their_values(bars):
    page = bars.to_html()
    assert widths(page) == [40.0, 100.0, 60.0]
    assert re.findall(r'class="number">([\d.]+)', page) == ["0.200", "0.500", "0.300"]
    assert "<b>" not in page
    assert "\\u202e" in page
    assert str(bars).splitlines()[0] == "age  0.200"


def test_bars_are_sorted_on_demand():
    plot = regard.plot.bars([1, 3, 2], ["a", "b", "c"], sort=True)
    assert str(plot) == "b  3.000\nc  2.000\na  1.000\n"
    assert widths(regard.plot.bars([0, 0], ["a", "b"]).to_html()) == [0.0, 0.0]


def test_steps_are_shaded_behind_a_curve(series):
    page = series.to_html()
    steps = [step for step in Reader(page).all("i") if "data-w" in step]
    # The scale ends at 4 / 3 of certainty, that is 1: 24 * weight, rounded.
    assert [step["class"] for step in steps] == ["w2", "w14", "w7 late"]
    assert steps[1]["data-w"] == "step 1: -1, weight 0.600"
    curves = Reader(page).all("polyline")
    assert {curve["points"] for curve in curves} == {"0.5,4.00 1.5,96.00 2.5,50.00"}
    assert "<i>$" not in page
    assert "default-src 'none'" in page
    assert str(series).splitlines()[2] == "0  5  0.100"


def test_a_flat_series_is_a_line():
    page = regard.plot.over_time([0.5, 0.5], [3, 3]).to_html()
    assert 'points="0.5,96.00 1.5,96.00"' in page


@pytest.mark.parametrize("name", ["bars", "series"])
@pytest.mark.parametrize(
    ("suffix", "start"),
    [("png", b"\x89PNG"), ("svg", b"<?xml"), ("html", b"<!doctype"), ("txt", b"")],
)
def test_every_suffix(pyplot, request, tmp_path, *, name, suffix, start):
    plot, path = request.getfixturevalue(name), tmp_path / f"x.{suffix}"
    plot.save(path)
    first = path.read_bytes()
    assert first.startswith(start)
    assert first
    plot.save(path)
    assert path.read_bytes() == first
    assert list(tmp_path.iterdir()) == [path]
    assert not pyplot.get_fignums()


@pytest.mark.parametrize("name", ["bars", "series"])
def test_a_notebook_gets_html_whose_style_stays_inside(request, name):
    bundle = request.getfixturevalue(name)._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    styles = bundle["text/html"].partition("<style>")[2].partition("</style>")[0]
    rules = re.sub(r"@media[^{]*\{", "", styles).replace("}}", "}")
    for selector in re.findall(r"([^{}]+)\{", rules):
        assert all(part.strip().startswith(".regard") for part in selector.split(","))


def test_bars_on_given_axes(pyplot, bars):
    before = dict(pyplot.rcParams)
    _, (left, right) = pyplot.subplots(1, 2)
    assert bars.plot(ax=right) is right
    assert not left.patches
    assert [bar.get_width() for bar in right.patches] == [0.2, 0.5, 0.3]
    assert right.get_yticklabels()[0].get_text() == "age"
    assert right.yaxis_inverted()
    assert dict(pyplot.rcParams) == before


def test_a_series_on_given_axes(pyplot, series):
    before = dict(pyplot.rcParams)
    figure, (left, right) = pyplot.subplots(1, 2)
    assert series.plot(ax=right) is right
    assert not left.lines
    assert list(right.lines[-1].get_ydata()) == [5.0, -1.0, 2.0]
    shades = right.collections[0]
    assert np.asarray(shades.get_array()).ravel().tolist() == [0.1, 0.6, 0.3]
    assert shades.get_clim() == (0, 1)
    assert len(figure.axes) == 3  # the colour bar says which end is which
    # The shades span the height without stretching it.
    assert right.get_ylim()[0] > -2
    assert dict(pyplot.rcParams) == before


@pytest.mark.parametrize("name", ["bars", "series"])
def test_new_axes_and_missing_matplotlib(pyplot, request, monkeypatch, name):
    plot = request.getfixturevalue(name)
    assert plot.plot().figure.number in pyplot.get_fignums()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"regard\[plot\]"):
        plot.plot()
    assert plot.to_html()


@pytest.mark.parametrize(
    ("values", "says"),
    [([], "shape"), ([[1.0]], "shape"), ([np.nan], "NaN"), ([-1.0], "not negative"),
     (["a"], "finite numbers"), (None, "finite numbers")],
)  # fmt: skip
def test_weights_that_cannot_be_drawn(values, says):
    with pytest.raises(ArgumentError, match=says):
        regard.plot.bars(values, ["a"])
    with pytest.raises(ArgumentError, match=says):
        regard.plot.over_time(values, [1.0])


def test_lengths_that_differ():
    with pytest.raises(ArgumentError, match="Received: 2 values and 1 labels"):
        regard.plot.bars([1, 2], ["a"])
    with pytest.raises(ArgumentError, match="Received: 1 weights and 2 values"):
        regard.plot.over_time([1], [1, 2])
    with pytest.raises(ArgumentError, match="values of the series"):
        regard.plot.over_time([1], [np.inf])


def test_of_many_bars_the_largest_are_drawn(pyplot, tmp_path):
    values, names = np.arange(150) % 149, [f"f{n}" for n in range(150)]
    plot = regard.plot.bars(values, names, most=2)
    # In the order that they came in.
    assert (plot.labels, plot.values) == (("f147", "f148"), (147, 148))
    for shown in (plot.to_html(), plot._repr_html_(), str(plot)):
        assert "148 more were left out" in shown
    assert "148 more were left out" in plot.plot().get_xlabel()
    assert len(regard.plot.bars(values, names).labels) == 100
    whole = regard.plot.bars(np.ones(2_000), map(str, range(2_000)), most=None)
    assert len(whole.labels) == 2_000
    with pytest.raises(ArgumentError, match="too large for one picture"):
        whole.save(tmp_path / "bars.png")


def test_of_many_steps_neighbours_are_drawn_as_one(pyplot):
    weights, series = np.full(1_001, 1 / 1_001), np.arange(1_001.0)
    plot = regard.plot.over_time(weights, series, points=100)
    assert (len(plot.weights), plot.width) == (91, 11)
    np.testing.assert_allclose(plot.weights, 11 / 1_001)
    np.testing.assert_allclose(plot.series, 5 + 11 * np.arange(91))
    page = plot.to_html()
    assert "weight of 11 steps, drawn as one" in page
    assert 'data-w="step 990: 995, weight 0.011"' in page
    assert str(plot).splitlines()[-1] == "990  995  0.011"
    assert len(page) < 40_000
    assert regard.plot.over_time(weights, series).width == 2


@pytest.mark.parametrize("values", [[0.0], [0.0, 0.0], [1e-300, 0], [1e300, 1e300]])
def test_degenerate_values(pyplot, values, tmp_path):
    for plot in (
        regard.plot.bars(values, ["a", "b"][: len(values)]),
        regard.plot.over_time(values, [-value for value in values]),
    ):
        assert not re.search(r"\b(nan|inf)\b", plot.to_html())
        plot.save(tmp_path / "x.png")


def test_long_names_leave_room_for_what_they_name(pyplot):
    long, title = "name" * 60, "A title " * 60
    curves = {f"{long} {number}": [[1.0, 2.0]] for number in range(40)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for plot in (
            regard.plot.bars([1.0], [long], title=title),
            regard.plot.over_time([1.0], [3.0], title=title),
            regard.plot.curves(curves, [0, 1], title=title, y_label=long),
        ):
            axes = plot.plot()
            axes.figure.canvas.draw()
            assert axes.bbox.height > 0.2 * axes.figure.bbox.height
            assert axes.bbox.width > 0.2 * axes.figure.bbox.width
