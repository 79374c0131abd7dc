"""Texts shaded by what each token adds: with sign, in two colours, and without them."""

import re
from dataclasses import replace

import numpy as np
import pytest
from test_text_page import Reader, weighted

import regard.plot
from regard.errors import ArgumentError
from regard.plot._color_scale import LEVELS, contrast, ink, shades

TOKENS = ["It", "never", "finds", "its", "feet"]
PARTS = [0.0, 0.5, -1.0, -0.02, 0.25]
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def signed():
    return regard.plot.text(TOKENS, PARTS, shade="contributions")


def test_sign_is_a_colour_and_an_underline(signed):
    spans = weighted(signed.to_html())
    assert [span["data-w"] for span in spans] == [
        "+0.000", "+0.500", "-1.000", "-0.020", "+0.250",
    ]  # fmt: skip
    # The end of the scale is four even shares of the sum of sizes, 1.77.
    top = 4 * 1.77 / 5
    steps = [round(24 * size / top) for size in (0.5, 1.0, 0.25)]
    assert [span.get("class") for span in spans] == [
        None, f"w{steps[0]}", f"n{steps[1]} against", None, f"w{steps[2]}",
    ]  # fmt: skip
    assert ".regard .against{text-decoration:underline" in signed.to_html()


def test_the_legend_has_both_ends_and_says_what_the_sign_means(signed):
    page = signed.to_html()
    assert "<span>-1.416</span>" in page
    assert "<span>+1.416</span>" in page
    assert "adds to the answer, underlined where it takes from it" in page
    assert 'class="scale signed"' in page
    assert ".regard .signed{background:linear-gradient(90deg,#" in page


def test_the_table_is_ordered_by_sign_and_all_are_in_it(signed):
    rows = re.findall(r"<tr><td>(\w+)<td>([-+.\d]+)<td>(\d)", signed.to_html())
    assert rows == [
        ("never", "+0.5000", "2"), ("feet", "+0.2500", "5"), ("It", "+0.0000", "1"),
        ("its", "-0.0200", "4"), ("finds", "-1.0000", "3"),
    ]  # fmt: skip


def test_the_furthest_from_zero_are_reached_by_keyboard(signed):
    stops = [span for span in weighted(signed.to_html()) if "tabindex" in span]
    described = {span["aria-description"] for span in stops}
    assert described == {"adds -1.000", "adds +0.500", "adds +0.250", "adds -0.020"}


def test_terminals(signed):
    drawn = signed.to_terminal(color=False, width=80)
    assert drawn == "It [never +0.500] [finds -1.000] its feet\n"
    colored = signed.to_terminal(color=True, width=80)
    assert re.search(r"\x1b\[4;[0-9;]*mfinds\x1b", colored)
    assert re.search(r"\x1b\[(?!4;)[0-9;]*mnever\x1b", colored)
    assert ANSI.sub("", colored).splitlines()[1].startswith("finds -1.000 · never")


def test_a_picture_has_both_colours(signed, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    signed.save(tmp_path / "signed.svg")
    drawn = (tmp_path / "signed.svg").read_text("utf-8")
    top = 4 * 1.77 / 5
    for part, hue in ((0.5, "blue"), (-1.0, "orange")):
        assert shades("light", hue)[round(24 * abs(part) / top)] in drawn
    assert "underlined where it takes from it" in drawn


def test_contributions_are_those_to_the_label_that_was_given(film):
    parts = np.array([[0.1, -0.1]] * 6) * np.arange(6)[:, None]
    added = replace(film, contributions=parts, bias=np.zeros(2))
    page = regard.plot.text(added, shade="contributions").to_html()
    shown = [span["data-w"] for span in weighted(page)]
    assert shown == ["+0.000", "+0.100", "+0.200", "+0.300", "+0.400", "+0.500"]
    assert "adds to the score of <bdi>negative</bdi>" in page
    assert "<h1>What each word adds</h1>" in page


def test_contributions_to_another_label_are_shaded_where_one_is_chosen(film, tmp_path):
    parts = np.array([[0.1, -0.3]] * 6) * np.arange(6)[:, None]
    added = replace(film, contributions=parts, bias=np.zeros(2))
    given = film.label
    for place, label in enumerate(added.labels):
        plot = regard.plot.text(added, shade="contributions", label=label)
        page = plot.to_html()
        shown = [float(span["data-w"]) for span in weighted(page)]
        np.testing.assert_allclose(shown, parts[:, place], atol=5e-4)
        said = f"{100 * added.probabilities[place]:.1f} %"
        share = said.replace(" ", "\N{NO-BREAK SPACE}")
        assert f"<bdi>{label}</bdi> ({share})" in page
        # The answer stays the answer.
        assert f"<title>{given}:" in page
        drawn = plot.to_terminal(color=False, width=80)
        assert drawn.startswith(f"{given}  ")
        assert f"(shaded for {label}, {said})" in drawn.splitlines()[0]
    evil = replace(added, labels=("<b>x</b>", "y"), label="y")
    page = regard.plot.text(evil, shade="contributions", label="<b>x</b>").to_html()
    assert "b" not in {tag for tag, _ in Reader(page).elements}
    assert len(Reader(page).all("script")) == 1
    for wrong, said in (
        ({"shade": "contributions", "label": "none"}, r"'label' of contributions"),
        ({"label": given}, "same for all labels"),
    ):
        with pytest.raises(ArgumentError, match=said):
            regard.plot.text(added, **wrong)
    with pytest.raises(ArgumentError, match="have no labels"):
        regard.plot.text(TOKENS, PARTS, shade="contributions", label="x")


def test_a_label_cannot_act_in_the_legend(explain):
    parts = {"contributions": np.ones((2, 2)), "bias": np.zeros(2)}
    evil = explain("a b", [0.5, 0.5], label="<b>x</b>", **parts)
    page = regard.plot.text(evil, shade="contributions").to_html()
    assert "b" not in {tag for tag, _ in Reader(page).elements}
    assert len(Reader(page).all("script")) == 1


def test_nothing_added_is_no_shade():
    page = regard.plot.text(TOKENS, [0.0] * 5, shade="contributions").to_html()
    assert not any("class" in span for span in weighted(page))
    assert not re.search(r"\b(nan|inf)\b", page)


def test_an_explanation_without_contributions_is_refused(film):
    with pytest.raises(ArgumentError, match=r"no contributions.*Shade it by attention"):
        regard.plot.text(film, shade="contributions")


@pytest.mark.parametrize(
    ("weights", "shade", "message"),
    [(PARTS, "attention", "not negative"), ([np.nan] * 5, "contributions", "NaN"),
     (PARTS, "salience", "shade")],
)  # fmt: skip
def test_wrong_shades_and_numbers(weights, shade, message):
    with pytest.raises(ArgumentError, match=message):
        regard.plot.text(TOKENS, weights, shade=shade)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("hue", ["orange", "grey"])
def test_text_is_readable_on_every_shade_of_the_other_hues(theme, hue):
    scale = shades(theme, hue)
    assert len(set(scale)) == LEVELS
    assert scale[0] == shades(theme)[0]
    assert min(contrast(ink(shade), shade) for shade in scale) >= 4.5
    assert contrast(scale[0], scale[-1]) > 6
