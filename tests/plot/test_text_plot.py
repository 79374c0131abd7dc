"""The input of ``regard.plot.text``, and the files it can be saved to."""

import pytest

import regard.plot
from regard.errors import ArgumentError, MissingExtraError


@pytest.mark.parametrize("wrong", [[], ["a text"], [None]])
def test_only_explanations_are_drawn(wrong):
    with pytest.raises(ArgumentError, match="draws explanations"):
        regard.plot.text(wrong)


def test_saving_a_page_and_plain_text(film, tmp_path):
    plot = regard.plot.text(film)
    plot.save(tmp_path / "why.html")
    plot.save(str(tmp_path / "why.txt"))
    assert (tmp_path / "why.html").read_text("utf-8") == plot.to_html()
    assert (tmp_path / "why.txt").read_text("utf-8") == str(plot)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("name", "start"), [("w.png", b"\x89PNG"), ("w.svg", b"<?xml")]
)
def test_saving_a_picture(film, explain, tmp_path, name, start):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    both = [film, explain("5 $ and $x^2$ — 漢字 \x1b\n\nשם " + "w" * 200)]
    regard.plot.text(both).save(tmp_path / name)
    first = (tmp_path / name).read_bytes()
    assert first.startswith(start)
    regard.plot.text(both).save(tmp_path / name)
    assert (tmp_path / name).read_bytes() == first


def test_a_picture_of_too_much_is_refused(explain, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    with pytest.raises(ArgumentError, match="too long for one picture"):
        regard.plot.text(explain("a\n" * 1_100)).save(tmp_path / "w.png")
    assert not list(tmp_path.iterdir())


def test_a_picture_without_matplotlib_names_the_extra(film, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"regard\[plot\]"):
        regard.plot.text(film).save(tmp_path / "w.png")


@pytest.mark.parametrize("name", ["why.pdf", "why", "why.html.gz"])
def test_an_unknown_suffix_lists_the_known_ones(film, tmp_path, name):
    with pytest.raises(ArgumentError, match=r"\.html, \.txt, \.png, \.svg"):
        regard.plot.text(film).save(tmp_path / name)


def test_a_missing_folder_and_a_folder_in_the_way(film, tmp_path):
    with pytest.raises(ArgumentError, match="no folder"):
        regard.plot.text(film).save(tmp_path / "none" / "why.html")
    (tmp_path / "why.html").mkdir()
    with pytest.raises(ArgumentError, match="is a folder"):
        regard.plot.text(film).save(tmp_path / "why.html")


def test_of_many_explanations_the_first_are_drawn(film, explain):
    many = [film] * 100 + [explain("The last one")] * 1_234
    plot = regard.plot.text(many)
    assert len(plot.explanations) == 100
    for shown in (plot.to_html(), plot._repr_html_(), str(plot)):
        assert "1,234 more were left out" in shown
        assert "The last one" not in shown
    assert len(plot.to_html()) < 200_000
    whole = regard.plot.text(many, most=None).to_html()
    assert whole.count("<article") == 1_334
    assert "left out" not in whole


def test_a_picture_says_what_was_left_out(film, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    regard.plot.text([film] * 3, most=2).save(tmp_path / "w.svg")
    regard.plot.text([film] * 2).save(tmp_path / "whole.svg")
    note = "<!-- 1 more were left out, so that this stays small. -->"
    assert note in (tmp_path / "w.svg").read_text("utf-8")
    assert "left out" not in (tmp_path / "whole.svg").read_text("utf-8")


def test_a_page_of_long_reviews_is_small(explain):
    """Of a token there is little more than itself, its weight, and its place."""
    words = "word " * 300
    weights = [0.0] * 150 + [1 / 150] * 150
    # The script of several texts comes once.
    two = len(regard.plot.text([explain(words, weights)] * 2).to_html())
    three = len(regard.plot.text([explain(words, weights)] * 3).to_html())
    assert three - two < 300 * 75 + 1_000


@pytest.mark.parametrize(
    ("change", "message"),
    [({"weights": [0.5, float("nan")]}, "weights.*1 times NaN"),
     ({"weights": [-0.5, 0.5]}, "not negative"),
     ({"probabilities": [float("nan"), 1.0]}, "probabilities.*NaN")],
)  # fmt: skip
def test_an_explanation_that_says_nothing(explain, change, message):
    import numpy as np

    arrays = {name: np.array(values) for name, values in change.items()}
    diverged = explain("a b", **({"weights": [0.5, 0.5]} | arrays))
    for draw in (regard.plot.text, lambda one: regard.plot.TextPlot([one])):
        with pytest.raises(ArgumentError, match=message):
            draw(diverged)
    assert "cannot be drawn" in diverged._repr_mimebundle_()["text/plain"]
