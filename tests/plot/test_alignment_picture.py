"""Alignments as files and on the axes of matplotlib."""

import sys
import warnings

import numpy as np
import pytest

import regard.plot
from regard import _files
from regard.errors import ArgumentError, MissingExtraError


@pytest.fixture
def pyplot(monkeypatch):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def test_saving_a_page_and_plain_text(translated, tmp_path):
    plot = regard.plot.alignment(translated)
    plot.save(tmp_path / "a.html")
    plot.save(str(tmp_path / "a.txt"))
    assert (tmp_path / "a.html").read_text("utf-8") == plot.to_html()
    assert (tmp_path / "a.txt").read_text("utf-8") == str(plot)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("name", "start"), [("a.png", b"\x89PNG"), ("a.SVG", b"<?xml")]
)
def test_saving_a_picture(pyplot, translated, translate, tmp_path, *, name, start):
    odd = translate("5 $x^2$ שם 漢字 <b>", "$ \x1b[31m", np.full((2, 5), 0.2))
    empty = translate("a", "", np.zeros((0, 1)))
    plot = regard.plot.alignment([translated, odd, empty])
    plot.save(tmp_path / name)
    first = (tmp_path / name).read_bytes()
    assert first.startswith(start)
    plot.save(tmp_path / name)
    assert (tmp_path / name).read_bytes() == first
    assert not pyplot.get_fignums()


def test_the_axes_given_are_drawn_on_and_nothing_else_changes(pyplot, translated):
    before = dict(pyplot.rcParams)
    figure, (left, right) = pyplot.subplots(1, 2)
    assert regard.plot.alignment(translated).plot(ax=right) is right
    assert not left.images
    assert np.array_equal(right.images[0].get_array(), translated.alignment)
    assert right.images[0].get_clim() == (0, 1)
    assert [t.get_text() for t in right.get_xticklabels()] == ["ein", "Hund", "rennt"]
    assert [t.get_text() for t in right.get_yticklabels()] == ["a", "dog"]
    assert right.yaxis_inverted()
    dots = [tuple(point[0] for point in line.get_data()) for line in right.lines]
    assert dots == [(0, 0), (1, 1)]
    assert {"0", "1"} <= {t.get_text()[0] for t in right.texts}
    assert pyplot.get_fignums() == [figure.number]
    assert dict(pyplot.rcParams) == before


def test_without_axes_new_ones_are_made_and_an_index_chooses(
    pyplot, translated, translate
):
    plot = regard.plot.alignment([translated, translate("a", "b", [[1.0]])])
    axes = plot.plot(index=1)
    assert axes.get_title(loc="left").startswith("b\n")
    assert axes.images[0].get_array().shape == (1, 1)
    with pytest.raises(ArgumentError, match="index below 2"):
        plot.plot(index=2)


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (1, 40), (40, 1), (2, 0)])
def test_new_axes_have_room_for_the_map_and_its_labels(pyplot, shape):
    weights = np.full(shape, 1 / max(shape[1], 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        axes = regard.plot.alignment(weights).plot()
        axes.figure.canvas.draw()
    box, page = axes.get_tightbbox(), axes.figure.bbox
    assert (page.x0, page.y0) <= (box.x0, box.y0)
    assert (box.x1, box.y1) <= (page.x1, page.y1)
    if weights.size:
        cell = axes.bbox.width / shape[1] / axes.figure.dpi * 72
        assert cell == pytest.approx(18, abs=3.1)


def test_a_picture_of_too_much_is_refused(pyplot, translate, tmp_path):
    words = " ".join(["word"] * 400)
    translation = translate(words, words, np.full((400, 400), 1 / 400))
    with pytest.raises(ArgumentError, match="too large for one picture"):
        regard.plot.alignment(translation).save(tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_matplotlib_is_asked_for_by_name_where_missing(
    translated, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    plot = regard.plot.alignment(translated)
    for draw in (plot.plot, lambda: plot.save(tmp_path / "a.png")):
        with pytest.raises(MissingExtraError, match=r"regard\[plot\]"):
            draw()
    plot.save(tmp_path / "a.html")
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


@pytest.mark.parametrize("name", ["a.pdf", "a", "a.html.gz"])
def test_an_unknown_suffix_lists_the_known_ones(translated, tmp_path, name):
    with pytest.raises(ArgumentError, match=r"\.html, \.txt, \.png, \.svg"):
        regard.plot.alignment(translated).save(tmp_path / name)


def test_a_failed_write_leaves_no_half_file(translated, tmp_path, monkeypatch):
    def fail(_):
        raise OSError("disk full")

    monkeypatch.setattr(_files.os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        regard.plot.alignment(translated).save(tmp_path / "a.html")
    assert not list(tmp_path.iterdir())
