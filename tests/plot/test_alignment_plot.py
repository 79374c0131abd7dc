"""Heatmaps of alignments: the page, the terminal, what is taken and refused."""

import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from test_text_page import Reader

import regard.plot
from regard.errors import ArgumentError
from regard.plot.characters import visible
from regard.plot.document import TAB_STOPS
from regard.types import Translation

HOSTILE = (
    "<script>alert(1)</script>", "</td></table>", '" onload="x', "'", "&amp;",
    "\u202eevil", "\x1b[31m", "\x00", "", " ", "\n", "\u200b", "\ud800",
)  # fmt: skip
ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def cells(page):
    return [cell for cell in Reader(page).all("td") if "data-w" in cell]


def test_the_map_has_a_row_a_column_and_a_cell_for_each(translated):
    page = regard.plot.alignment(translated).to_html()
    reader = Reader(page)
    heads = [head["scope"] for head in reader.all("th")]
    # Four columns are those of the table of the strongest.
    assert heads.count("col") == 3 + 4
    assert heads.count("row") == 2
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    assert body.count("<td") == 6
    for token in (*translated.source_tokens, *translated.target_tokens):
        assert f"<bdi>{token}</bdi></th>" in page


def test_the_shade_goes_from_0_to_1_whatever_the_largest_weight(translated):
    steps = {
        cell["data-w"]: cell.get("class")
        for cell in cells(regard.plot.alignment(translated).to_html())
    }
    # 24 * weight, rounded: 0.1 is step 2, 0.25 is 6, 0.5 is 12, 0.9 is 22.
    assert steps == {
        "0.900": "w22 top", "0.100": "w2", "0.250": "w6", "0.500": "w12 top",
    }  # fmt: skip


def test_faint_cells_carry_nothing(translate):
    page = regard.plot.alignment(translate("a b", "x", [[0.996, 0.004]])).to_html()
    assert "<td>\n</tbody>" in page
    assert [cell["data-w"] for cell in cells(page)] == ["0.996"]


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_a_page_of_a_long_sentence_stays_small(translate, spread):
    words = " ".join(f"wort{i}" for i in range(60))
    logits = -np.abs(np.arange(60) - 1.2 * np.arange(50)[:, None]) * (1 - spread)
    weights = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    translation = translate(words, words.rsplit(" ", 10)[0], weights)
    assert len(regard.plot.alignment(translation).to_html().encode()) < 200_000


def test_hostile_tokens_stay_text(translate):
    count = len(HOSTILE)
    weights = np.full((count, count), 1 / count)
    translation = Translation(
        "".join(HOSTILE), "".join(HOSTILE), HOSTILE, HOSTILE, weights, -1.0, -1.0
    )
    plot = regard.plot.alignment(translation)
    page = plot.to_html()
    reader = Reader(page)
    assert not {tag for tag, _ in reader.elements} & {"script", "img", "link"}
    assert not any("onload" in attrs for _, attrs in reader.elements)
    page.encode("utf-8")
    labels = re.findall(r"<bdi>(.*?)</bdi></th>", page, re.DOTALL)
    assert len(labels) == 2 * count
    assert not any(ACTING.search(label) for label in labels)
    for color in (True, False):
        drawn = re.sub(r"\x1b\[[0-9;]*m", "", plot.to_terminal(color, width=200))
        assert not ACTING.search(drawn)


@given(st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_every_label_shows_something_that_does_not_act(token):
    label = visible(token, most=10)
    assert 1 <= len(label) <= 10
    assert not any(character.isspace() for character in label)
    assert not ACTING.search(label)


def test_labels_of_what_cannot_be_seen():
    shown = [visible(token) for token in (" ", "\t", "\n", "", "\u202e", "\u200b")]
    assert shown == ["␣", "⇥", "↵", "∅", "\\u202e", "\\u200b"]
    assert visible("abcdef", most=4) == "abc…"


def test_the_strongest_of_each_row_is_marked_reachable_and_listed(translated):
    page = regard.plot.alignment(translated).to_html()
    stops = [cell for cell in cells(page) if "tabindex" in cell]
    assert [stop["aria-label"] for stop in stops] == ["0.900", "0.500"]
    assert all(stop["class"].endswith(" top") for stop in stops)
    row = "<tr><td>dog<td>Hund<td>0.5000<td>2\n"
    assert re.search(row, page.partition("<details")[2])


def test_not_every_row_of_a_long_map_is_a_tab_stop(translate):
    count = TAB_STOPS + 20
    words = " ".join("abcdefghijklmnopqrstuvwxyzäöüß"[:count])
    page = regard.plot.alignment(translate(words, words, np.eye(count))).to_html()
    assert len([cell for cell in cells(page) if "tabindex" in cell]) == TAB_STOPS


def test_a_tie_has_no_strongest(translate):
    page = regard.plot.alignment(translate("a b", "x", [[0.5, 0.5]])).to_html()
    assert not any("top" in cell.get("class", "") for cell in cells(page))
    assert "several alike" in page


def test_words_are_turned_and_characters_stand_in_small_cells(translate):
    words = regard.plot.alignment(translate("ein Hund", "a", [[1, 0]])).to_html()
    assert words.count('<th scope="col" class="turned">') == 2
    assert '<div class="map" ' in words
    date = translate("3 मार्च", "1", np.eye(1, 7), by_character=True)
    page = regard.plot.alignment(date).to_html()
    assert '<th scope="col" class="turned">' not in page
    assert '<div class="map small" ' in page
    assert "<bdi>␣</bdi>" in page


def test_the_page_stands_alone_and_scrolls_only_inside_the_map(translated):
    page = regard.plot.alignment(translated).to_html()
    assert page.startswith("<!doctype html>")
    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    assert not re.search(r"https?://|url\(|@import|src=|<link|<script", page)
    assert "prefers-color-scheme:dark" in page
    assert "@media print" in page
    frame = next(d for d in Reader(page).all("div") if d.get("class") == "map")
    assert (frame["role"], frame["tabindex"]) == ("group", "0")
    assert ".map{--cell:1.5rem;overflow:auto" in page


def test_hypotheses_have_contents_with_working_links(translated, translate):
    both = [translated, translate("a", "b", [[1.0]])]
    reader = Reader(regard.plot.alignment(both).to_html())
    links = [attrs["href"].removeprefix("#") for attrs in reader.all("a")]
    assert links == reader.ids() == ["alignment-1", "alignment-2"]
    assert "<nav" not in regard.plot.alignment(translated).to_html()


def test_what_a_reader_has_to_know_is_said(translated):
    cut = dataclasses.replace(translated, finished=False, truncated=True)
    for shown in (
        regard.plot.alignment(cut).to_html(),
        regard.plot.alignment(cut).to_terminal(color=False, width=100),
    ):
        assert "cut off before the model ended it" in shown
        assert "longer than the model reads" in shown
    assert "cut off" not in regard.plot.alignment(translated).to_html()


@pytest.mark.parametrize(
    ("value", "shown"),
    [(-3.25, "\u22123.250"), (-0.0, "0.000"), (-1e-4, "> \u22120.001"),
     (-np.inf, "\u2212inf")],
)  # fmt: skip
def test_the_log_probability_is_given(translated, value, shown):
    translation = dataclasses.replace(translated, log_probability=value)
    drawn = regard.plot.alignment(translation).to_terminal(color=False)
    assert f"log-probability {shown}\n" in drawn
    escaped = shown.replace(">", "&gt;")
    assert f"log-probability {escaped}<" in regard.plot.alignment(translation).to_html()


def test_the_terminal_names_the_sources_that_matter(translated):
    drawn = regard.plot.alignment(translated).to_terminal(color=False, width=80)
    assert drawn.splitlines() == [
        "a dog  log-probability \u22121.500",
        "  a   ein 0.90  Hund 0.10",
        "dog   Hund 0.50  ein 0.25  rennt 0.25",
    ]


def test_the_terminal_shades_and_aligns_wide_characters(translate):
    translation = translate("dog", "犬 a", [[1.0], [0.0]])
    drawn = regard.plot.alignment(translation).to_terminal(color=True, width=80)
    assert re.search(r"\x1b\[[0-9;]*48;[0-9;]*mdog\x1b\[0m", drawn)
    first, second = re.sub(r"\x1b\[[0-9;]*m", "", drawn).splitlines()[1:]
    assert cell_len(first.partition("dog")[0]) == cell_len(
        second.partition("nothing")[0]
    )


def test_one_side_without_tokens(translate):
    translation = Translation("a", "", ("a",), (), np.zeros((0, 1)), -0.5, -0.5)
    plot = regard.plot.alignment(translation)
    assert "one side has no tokens" in plot.to_html()
    assert "one side has no tokens" in str(plot)


@pytest.mark.parametrize("wrong", [[], ["a text"], [None]])
def test_only_translations_are_drawn(wrong):
    with pytest.raises(ArgumentError, match="draws translations"):
        regard.plot.alignment(wrong)


def test_nested_lists_are_refused(translated):
    with pytest.raises(ArgumentError, match=r"flat list.*Received: a list"):
        regard.plot.alignment([[translated]])


@pytest.mark.parametrize("wrong", [np.nan, -0.1, 1.5])
def test_weights_that_are_none_are_refused(translate, wrong):
    with pytest.raises(ArgumentError, match="from 0 to 1"):
        regard.plot.alignment(translate("a b", "x", [[wrong, 0.5]]))


def test_a_notebook_gets_html_and_plain_text(translated):
    plot = regard.plot.alignment(translated)
    bundle = plot._repr_mimebundle_(include=None, exclude=None)
    assert set(bundle) == {"text/html", "text/plain"}
    assert bundle == translated._repr_mimebundle_()
    assert bundle["text/plain"] == str(plot)
    assert "<html" not in bundle["text/html"]
    styles = bundle["text/html"].partition("<style>")[2].partition("</style>")[0]
    rules = re.sub(r"@media[^{]*\{", "", styles).replace("}}", "}")
    selectors = re.findall(r"([^{}]+)\{", rules)
    assert len(selectors) > 50
    assert all(
        part.strip().startswith(".regard")
        for selector in selectors
        for part in selector.split(",")
    )
