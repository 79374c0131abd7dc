"""What was found of weights, under pictures of them; grey where they mislead."""

import dataclasses
import re

import pytest
from test_text_page import Reader

import regard.plot
from regard.types import TrustLine

BAD = TrustLine("misleads", "misleads: words -59 % <of> the best\x1b order", True)
GOOD = TrustLine("explains", "explains: words 91 % [80, 97] of the best order")


def with_line(result, line):
    return dataclasses.replace(result, trust=line)


@pytest.fixture(params=["text", "alignment"])
def drawn(request, film, translated):
    """Draws a result that carries a line."""
    results = {"text": film, "alignment": translated}

    def drawn(*lines):
        each = [with_line(results[request.param], line) for line in lines]
        return getattr(regard.plot, request.param)(each)

    return drawn


def articles(page):
    return [attrs.get("class") for attrs in Reader(page).all("article")]


def test_the_line_stands_under_the_picture_and_misleading_weights_are_grey(drawn):
    plot = drawn(BAD, GOOD, None)
    for page in (plot.to_html(), plot._repr_html_()):
        assert articles(page) == ["grey", None, None]
        assert (
            "misleads: words -59\N{NO-BREAK SPACE}% &lt;of&gt; the best␛ order." in page
        )
        assert page.count("Attention of this model: explains") == 1
        assert ".regard .grey .w24{background:#" in page


def test_pages_of_weights_that_do_not_mislead_have_no_grey(drawn):
    for plot in (drawn(GOOD), drawn(None)):
        assert "grey" not in plot.to_html()


def test_a_terminal_says_it_once(drawn):
    said = drawn(BAD, BAD, GOOD).to_terminal(color=False, width=200)
    assert said.count("misleads: words -59 % <of> the best\\x1b order.)") == 1
    assert said.count("explains: words 91 %") == 1
    assert "Attention" not in str(drawn(None))
    assert "Attention" not in drawn(BAD).to_terminal(color=False, note=False)


def test_shades_of_a_terminal_are_grey(drawn, monkeypatch):
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("COLORFGBG", "0;15")

    def backgrounds(line):
        shown = drawn(line).to_terminal(color=True, width=80)
        return re.findall(r"48;2;(\d+);(\d+);(\d+)m", shown)

    assert all(max(rgb) == min(rgb) for rgb in backgrounds(BAD))
    assert not any(max(rgb) == min(rgb) for rgb in backgrounds(GOOD))


def test_pictures_are_grey_and_say_it(drawn, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    from matplotlib import image

    for line, is_grey in ((BAD, True), (GOOD, False)):
        drawn(line).save(tmp_path / "p.png")
        pixels = image.imread(tmp_path / "p.png")[..., :3].reshape(-1, 3)
        colored = (pixels.max(axis=1) - pixels.min(axis=1) > 0.2).sum()
        assert (colored < 100) == is_grey
        drawn(line).save(tmp_path / "p.svg")
        assert line.verdict in (tmp_path / "p.svg").read_text("utf-8")


def test_contributions_keep_their_colours(film):
    import numpy as np

    bad = dataclasses.replace(
        film, trust=BAD, contributions=np.ones((6, 2)), bias=np.zeros(2)
    )
    page = regard.plot.text(bad, shade="contributions").to_html()
    assert articles(page) == [None]
    assert "misleads" in page
