"""The page and pictures of a report on trust."""

import re
from dataclasses import replace
from html import unescape

import pytest
from reports import CURVES, EVIL, SHARES, TEXTS, gate, report, shown
from test_text_page import Reader

import regard.plot
from regard.errors import ArgumentError
from regard.trust import Gate, Interval, Placement, Reliability, Verdict
from regard.trust.plausibility import Plausibility
from regard.trust.repetition import Repetition

NAN = float("nan")
NOTHING = Interval(NAN, NAN, NAN)
TEXT_AND_TAGS = re.compile(r"<style>.*?</style>|<[^>]*>", re.DOTALL)


def page_of(**changes):
    return regard.plot.trust(report(**changes)).to_html()


def article(page, title):
    """The HTML of one article, by its heading."""
    parts = re.findall(r"<article.*?</article>", page, re.DOTALL)
    (found,) = [part for part in parts if f"<h2>{title}</h2>" in part]
    return found


def rows(html):
    """The cells of all rows of tables, as text."""
    return [
        [
            unescape(re.sub("<[^>]*>", "", cell))
            for cell in re.findall(r"<t[hd].*?</t[hd]>", row)
        ]
        for row in re.findall(r"<tr>.*?</tr>", html, re.DOTALL)
    ]


def test_the_verdict_and_its_reasons_come_first():
    page = page_of()
    first = page.index('<article class="verdict good">')
    assert "<h2>explains</h2>" in page
    assert "for this model only." in page
    # A number and its per cent stay on one line.
    assert "81\N{NO-BREAK SPACE}% [74, 88]" in page[first : page.index('id="part-1"')]
    assert "3 pairs of reviews.csv, seed 4, model ab12ab12ab12." in page


@pytest.mark.parametrize(
    ("verdict", "tone"),
    [(Verdict.MISLEADS, "bad"), (Verdict.DOES_NOT_EXPLAIN, "bad"),
     (Verdict.POINTS_ONLY, ""), (Verdict.CANNOT_TELL, "")],
)  # fmt: skip
def test_bad_news_look_like_it(verdict, tone):
    assert f'<article class="verdict {tone}">' in page_of(verdict=verdict)


def test_the_page_stands_alone():
    page = page_of()
    reader = Reader(page)
    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    assert not re.search(r"https?://|url\(|@import|src=|<link|<script| on\w+=", page)
    assert not any("style" in attrs for _, attrs in reader.elements)
    assert "prefers-color-scheme:dark" in page
    assert "max-width:34rem" in page
    assert "@media print" in page
    links = [attrs["href"].removeprefix("#") for attrs in reader.all("a")]
    assert links == reader.ids()
    assert len(set(links)) == len(links) >= 8


def test_every_picture_has_a_table_and_is_hidden_from_screen_readers():
    page = page_of()
    parts = re.findall(r"<article.*?</article>", page, re.DOTALL)
    drawn = [part for part in parts if "<svg" in part]
    assert len(drawn) >= 4
    assert all("<table" in part for part in drawn)
    pictures = re.findall("<svg[^>]*>", page)
    assert all('aria-hidden="true"' in picture for picture in pictures)


def test_the_table_of_quantities_has_their_numbers():
    table = rows(article(page_of(), "What was measured"))
    words = [row for row in table if row[0].startswith("words, hole")]
    assert words[0][1:3] == ["0.810 [0.740,\xa00.880]", "above 0.5"]
    evenness = next(row for row in table if row[0].startswith("evenness"))
    assert evenness[1:3] == ["", "not measured"]


def test_the_curves_are_those_of_the_report():
    html = article(page_of(), "Erasing and keeping")
    table = rows(html)
    names = {
        "attention": "attention",
        "contribution": "contributions",
        "gradient_x_input": "gradient times input",
    }
    for name, called in names.items():
        curve = CURVES[name]
        for what, values in (("erased", curve.without), ("kept alone", curve.alone)):
            expected = [called, what, *(f"{value:.3f}" for value in values)]
            assert table.count(expected) == 2  # for each eraser
    assert "0.010 [0.005, 0.015]" in html
    assert "contributions (the best)" in html
    # A polyline each, and a band, of two erasers in two panels.
    assert html.count("<polyline") == 2 * 2 * len(CURVES)
    assert html.count("<polygon") == 4
    assert html.count("line thick") == 2 * (2 * 2 + 2)


def test_points_of_curves_stand_where_their_numbers_are():
    html = article(page_of(), "Erasing and keeping")
    lines = re.findall(r'<g class="s1"><polyline[^>]*points="([^"]*)"', html)
    points = [tuple(map(float, each.split(","))) for each in lines[0].split()]
    assert len(points) == 1 + len(SHARES)  # where nothing is erased, and the shares
    across = [x for x, _ in points]
    assert (across[4] - across[0]) == pytest.approx(10 * (across[1] - across[0]), 0.02)
    down = [y for _, y in points]
    heights = [0.0, *CURVES["contribution"].without]
    unit = (down[0] - down[4]) / (heights[4] - heights[0])
    for y, height in zip(down, heights, strict=True):
        assert down[0] - y == pytest.approx(unit * height, abs=0.2)


def test_own_answers_stand_beside_shuffled_ones():
    html = article(page_of(), "Own weights and shuffled ones")
    table = rows(html)
    assert ["own weights", "0.3500"] in table
    assert ["shuffle 20", "0.6900"] in table
    assert ["0.5 to 0.75", "40"] in table
    assert html.count('r="4"') == 20
    assert "bound 0.05" in html


def test_the_effect_of_words_by_their_weight():
    html = article(page_of(), "Weight and effect")
    assert ["10", "0.1000", "0.1000 [0.0950, 0.1111]"] in rows(html)
    assert len(re.findall(r'<path class="line" d="M[\d. ]+V', html)) == 10


def test_texts_stand_with_attention_beside_contributions():
    page = page_of()
    best = article(page, "Texts that attention explains best")
    # As people count, and as programs do.
    assert 'text 5 <span class="soft">(index 4)</span>, answered' in best
    assert (
        "answered <bdi><strong>negative</strong></bdi> (97.0\N{NO-BREAK SPACE}%)"
        in best
    )
    assert "gain of attention 0.500, of the best order 0.600" in best
    assert ["dull", "0.7000", "+0.9000"] in rows(best)
    assert 'data-w="0.700"' in best or "data-w=0.700" in best
    assert "data-w=+0.900" in best
    worst = article(page, "Texts that attention fails on")
    assert "Contributions" not in worst
    assert ["Not", "0.9000"] in rows(worst)
    assert "text 9" not in page


def test_attention_that_misleads_is_grey_and_contributions_are_not():
    best = article(
        page_of(verdict=Verdict.MISLEADS), "Texts that attention explains best"
    )
    assert '<div class="grey"><h3>Attention' in best
    assert "<div><h3>Contributions" in best
    assert 'class="grey"' not in page_of()


def test_what_is_not_part_of_the_verdict_stands_apart():
    page = page_of()
    table = rows(article(page, "Not part of the verdict"))
    tau = "Kendall's tau of attention with"
    assert [f"{tau} leaving each out", "0.351", "25 %"] in table
    assert [f"{tau} contributions", "not defined", "100 %"] in table
    assert ["how far even weights move the answer", "0.123", ""] in table
    assert ["conicity", "0.680", ""] in table
    assert ["violation rate", "not defined", ""] in table
    assert ["changed even", "0.210 [0.200, 0.220]", "0.680 [0.600, 0.700]"] in rows(
        article(page, "Groups of words apart")
    )
    assert rows(article(page, "What erasing does"))[1][1:] == [
        "100.0 %", "90.0 %", "80.0 %", "75.0 %",
    ]  # fmt: skip


def test_how_many_answers_are_right_stands_with_what_erasing_does():
    figures = {"accuracy": 0.9} | {
        f"accuracy, {share:.0%} erased": 0.9 - share for share in SHARES
    }
    page = page_of(figures=figures)
    assert rows(article(page, "What erasing does"))[-1] == [
        "rightof all answers 90.0 % are right", "85.0 %", "80.0 %", "70.0 %", "40.0 %",
    ]  # fmt: skip
    assert "accuracy" not in article(page, "Not part of the verdict")


def test_marks_of_people_and_other_seeds_stand_apart():
    mass = Interval(0.42, 0.39, 0.45)
    seen = Plausibility(mass, mass, mass, marked=0.25, texts=31)
    other = Repetition(7, Verdict.POINTS_ONLY, {"words": gate("words", 0.6, 0, 1, 0.5)})
    page = page_of(plausibility=seen, repetitions=(other,))
    marked = article(page, "Where people marked the reasons")
    assert "31 texts with marks" in marked
    assert ["the share of the weight on marked words", "0.420 [0.390, 0.450]"] in rows(
        marked
    )
    again = rows(article(page, "Trained again from other seeds"))
    assert again[0][:3] == ["model", "verdict", "replay"]
    assert again[1][:3] == ["this model", "explains", "0.000"]
    assert again[2][:3] == ["seed 7", "points only", "not measured"]
    assert "0.600" in again[2]


def test_nothing_of_names_labels_and_texts_acts():
    evil = shown("<b>x</b> </div>", (0.5, 0.5), (0.5, -0.5))
    hostile = report(
        data=EVIL,
        model=EVIL,
        reasons=(EVIL,),
        gates={EVIL: gate(EVIL, 1, 0, 2, 0.5)},
        erasures={EVIL: {EVIL: gate(EVIL, 1, 0, 2, 0.5)}},
        curves={EVIL: {EVIL: CURVES["attention"], "random": CURVES["random"]}},
        correlations={EVIL: 0.5},
        undefined={EVIL: 0.5},
        figures={EVIL: 1.0},
        groups={EVIL: {EVIL: Interval(1.0, 0.9, 1.1)}},
        best=EVIL,
        texts=(replace(TEXTS[0], shown=replace(evil, label=EVIL)),),
    )
    plot = regard.plot.trust(hostile, before=hostile)
    for page in (plot.to_html(), plot._repr_html_()):
        tags = {tag for tag, _ in Reader(page).elements}
        assert not tags & {"script", "b", "img", "iframe"}
        assert "\x1b" not in page
    assert "\x1b" not in plot.to_terminal(color=False)


def test_a_report_of_little_has_a_page_and_says_what_is_missing(tmp_path):
    empty = report(
        verdict=Verdict.CANNOT_TELL,
        reasons=("3 texts are too few: 50 or more are needed.",),
        gates={"replay": Gate("replay", None, 0.001, 3)},
        erasures={},
        curves={},
        correlations={},
        undefined={},
        even_gap=None,
        texts=(),
        reliability=None,
        placement=None,
        figures={},
        groups={},
    )
    page = regard.plot.trust(empty).to_html()
    Reader(page)
    assert "cannot tell" in page
    assert "cannot be replaced by others" in page
    assert "Erasing and keeping" not in page
    assert "Texts that" not in page
    assert "cannot tell" in regard.plot.trust(empty).to_terminal(color=False).lower()
    if pytest.importorskip("matplotlib", reason="pictures need matplotlib"):
        regard.plot.trust(empty).save(tmp_path / "trust.png")


def test_what_is_no_number_is_said_and_not_drawn(tmp_path):
    without = replace(CURVES["attention"], without=(NAN,) * 4)
    odd = report(
        gates={"words": Gate("words", Interval(0.5, NAN, NAN), 0.5, 1)},
        erasures={"hole": {"words": Gate("words", NOTHING, 0.5, 1)}},
        curves={"hole": {"attention": without, "random": CURVES["random"]}},
        reliability=Reliability((NAN, 0.5), (NOTHING, Interval(1, 1, 1))),
        placement=Placement(NAN, (NAN, 0.5), (0,) * 20),
        even_gap=NAN,
    )
    page = regard.plot.trust(odd).to_html()
    assert "not defined" in page
    said = TEXT_AND_TAGS.sub("", page)
    assert not re.search(r"\b(nan|inf)\b", said)
    assert not re.search(r'"[^"]*\bnan\b[^"]*"', page)
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    regard.plot.trust(odd).save(tmp_path / "trust.svg")


def test_what_changed_comes_after_the_verdict():
    before = report(verdict=Verdict.MISLEADS, gates={})
    page = regard.plot.trust(report(), before=before).to_html()
    changed = article(page, "What changed")
    assert "<li>verdict: misleads before, explains now</li>" in changed
    assert ["words", "not measured", "0.810 [0.740, 0.880]"] in rows(changed)
    assert page.index("What changed") < page.index("What was measured")
    same = regard.plot.trust(report(), before=report()).to_html()
    assert "<li>Nothing changed.</li>" in same


def test_a_notebook_shows_the_report_itself():
    made = report()
    bundle = made._repr_mimebundle_()
    assert bundle["text/html"].lstrip().startswith("<style>")
    assert "<html" not in bundle["text/html"]
    assert bundle["text/plain"] == made.to_text()
    plot = regard.plot.trust(made)
    assert plot._repr_mimebundle_()["text/html"] == bundle["text/html"]
    styles = bundle["text/html"].partition("<style>")[2].partition("</style>")[0]
    rules = re.sub(r"@media[^{]*\{|\}\s*(?=\})", "", styles)
    selectors = re.findall(r"([^{}]+)\{", rules)
    assert all(".regard" in part for each in selectors for part in each.split(",\n"))


def test_terminals():
    plot = regard.plot.trust(report())
    plain = plot.to_terminal(color=False, width=80)
    assert plain.startswith("EXPLAINS\n")
    assert "Texts that attention explains best" in plain
    assert "[dull 0.700]" in plain
    assert "[dull +0.900]" in plain
    assert "\x1b" not in plain
    assert "\x1b[" in plot.to_terminal(color=True, width=80)
    assert str(plot) == plot.to_terminal(color=False, width=88)
    assert repr(plot) == "TrustPlot('explains')"


@pytest.mark.parametrize(
    ("name", "start"),
    [("t.png", b"\x89PNG"), ("t.svg", b"<?xml"), ("t.html", b"<!doctype"),
     ("t.txt", b"EXPLAINS")],
)  # fmt: skip
def test_files(tmp_path, name, start):
    if name.endswith(("png", "svg")):
        pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    plot = regard.plot.trust(report())
    plot.save(tmp_path / name)
    first = (tmp_path / name).read_bytes()
    assert first.startswith(start)
    plot.save(tmp_path / name)
    assert (tmp_path / name).read_bytes() == first


@pytest.mark.parametrize("wrong", [None, "trust.json", {"verdict": "explains"}])
def test_only_reports_are_drawn(wrong):
    with pytest.raises(ArgumentError, match="draws reports on trust"):
        regard.plot.trust(wrong)
    with pytest.raises(ArgumentError, match=r"regard\.plot\.trust\(report\)"):
        regard.plot.text(report())
