"""One call that picks the picture; and what every picture has."""

import numpy as np
import pytest
from reports import report

import regard
from regard.errors import ArgumentError, MissingExtraError
from regard.plot._plot import Plot
from regard.types import AttentionMap, Observation

WORDS = ["a", "good", "film"]
ROW = [0.25, 0.5, 0.25]
SQUARE = np.full((3, 3), 1 / 3)


def a_map(weights, *axes, kind=""):
    return AttentionMap(np.asarray(weights, dtype=float), axes, "look", kind)


HEADS = a_map([SQUARE, SQUARE], "heads", "queries", "keys")


@pytest.mark.parametrize(
    ("attention", "options", "kind"),
    [
        (a_map([[ROW]], "batch", "heads", "keys"), {"tokens": WORDS}, "TextPlot"),
        (a_map([[ROW]], "batch", "heads", "keys"), {}, "BarsPlot"),
        (a_map([ROW, ROW], "heads", "keys"), {"tokens": WORDS}, "TextPlot"),
        (a_map([ROW], "batch", "keys", kind="FeatureAttention"),
         {"tokens": WORDS}, "BarsPlot"),
        (a_map(SQUARE, "queries", "keys"), {"tokens": WORDS}, "AlignmentPlot"),
        (a_map([SQUARE], "heads", "queries", "keys"), {}, "AlignmentPlot"),
        (HEADS, {"tokens": WORDS}, "HeadsPlot"),
        (a_map([ROW, ROW], "step", "keys"), {"tokens": WORDS}, "HeadsPlot"),
        (a_map([ROW], "heads", "keys"), {"series": [1, 2, 3]}, "SeriesPlot"),
        (a_map([[0.25] * 4], "heads", "keys"), {"image": np.ones((4, 4))}, "ImagePlot"),
        (Observation(0, {"a": HEADS, "b": HEADS}), {"tokens": WORDS}, "HeadsPlot"),
        (Observation(0, {"a": a_map([ROW], "batch", "keys")}), {}, "BarsPlot"),
    ],
)  # fmt: skip
def test_the_axes_say_what_is_drawn(attention, options, kind):
    plot = regard.plot.attention(attention, **options)
    assert type(plot).__name__ == kind
    assert plot.also
    shown = plot._repr_mimebundle_()
    for text in shown.values():
        assert plot.also[0].replace("'", "&#x27;") in text or plot.also[0] in text


def test_what_it_draws_is_what_was_given():
    padded = a_map([[[0.25, 0.75, 0.0]]], "batch", "heads", "keys")
    plot = regard.plot.attention(padded, ["a", "b"])
    np.testing.assert_array_equal(plot.explanations[0].weights, [0.25, 0.75])
    cross = a_map([[0.25, 0.75]], "queries", "keys")
    (grid,) = regard.plot.attention(cross, ["a", "b"], ["x"]).grids
    assert (grid.rows, grid.columns, grid.title) == (("x",), ("a", "b"), "look")
    np.testing.assert_array_equal(grid.weights, cross.weights)


@pytest.mark.parametrize(
    ("attention", "options", "said"),
    [
        (SQUARE, {}, "Name the axes"),
        (a_map([ROW, ROW], "batch", "keys"), {}, "batch=0"),
        (Observation(0, {}), {}, "no heads"),
        (Observation(0, {"a": HEADS, "b": HEADS}), {"series": ROW}, "Choose one"),
        (a_map(ROW, "keys"), {"series": ROW, "image": SQUARE}, "both"),
        (a_map(ROW, "keys"), {"tokens": ["a"], "image": SQUARE}, "query_tokens="),
        (a_map([], "keys"), {}, "0 keys"),
    ],
)
def test_what_cannot_be_drawn_says_so(attention, options, said):
    with pytest.raises(ArgumentError, match=said):
        regard.plot.attention(attention, **options)


def test_an_explanation_is_drawn_by_another_function(explain):
    with pytest.raises(ArgumentError, match=r"regard\.plot\.text\("):
        regard.plot.attention(explain("a b", [0.5, 0.5]))


@pytest.fixture
def plots(film, translated):
    """One of each kind, with the numbers that it draws and how many rows they make."""
    return [
        (regard.plot.text([film, film]), "weight", 12),
        (regard.plot.alignment(translated), "weight", 6),
        (regard.plot.bars(ROW), "weight", 3),
        (regard.plot.over_time(ROW, [1, 2, 3]), "weight", 3),
        (regard.plot.curves({"a": [[1, 2]], "b": [[3, 4]]}, [1, 2]), "mean", 4),
        (regard.plot.trust(report()), "erased", 40),
        (regard.plot.heads(HEADS, WORDS), "entropy", 2),
        (regard.plot.image([0.25] * 4, np.ones((4, 4))), "weight", 4),
    ]


def test_every_picture_has_its_numbers_as_a_frame(plots):
    assert len(plots) == len([name for name in regard.plot.__all__ if "Plot" in name])
    for plot, column, rows in plots:
        frame = plot.to_pandas()
        assert len(frame) == rows, plot
        assert frame[column].notna().all(), plot
    text, alignment = plots[0][0].to_pandas(), plots[1][0].to_pandas()
    assert text["token"][4] == "feet"
    assert text["weight"][10] == 0.7
    assert alignment.iloc[4].tolist() == [0, "dog", "Hund", 0.5]


def test_every_picture_draws_on_axes_of_the_user(plots, tmp_path):
    plt = pytest.importorskip("matplotlib.pyplot", reason="pictures need matplotlib")
    for plot, _, _ in plots:
        assert isinstance(plot, Plot)
        figure, axes = plt.subplots()
        assert plot.plot(axes) is axes
        assert axes.get_children()
        figure.savefig(tmp_path / "own.svg")
        own = plot.plot()
        assert own is not axes
        plt.close("all")
        plot.save(tmp_path / "picture.svg")
        assert str(plot).endswith("\n")


def test_a_text_is_drawn_within_the_width_of_its_axes(film):
    plt = pytest.importorskip("matplotlib.pyplot", reason="pictures need matplotlib")
    figure, axes = plt.subplots(figsize=(3, 3))
    regard.plot.text(film).plot(axes)
    places = [text.get_position() for text in axes.texts]
    assert len({down for _, down in places}) > 3
    assert max(across for across, _ in places) < axes.get_xlim()[1] < 216
    with pytest.raises(ArgumentError, match="index below 1"):
        regard.plot.text(film).plot(axes, index=1)
    plt.close(figure)


def test_without_pandas_a_picture_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"regard\[pandas\]"):
        regard.plot.bars(ROW).to_pandas()
