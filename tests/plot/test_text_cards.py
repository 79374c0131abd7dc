"""Cards: evidence beside attention, what is right, and what can be chosen."""

import re
from dataclasses import replace

import numpy as np
import pytest
from test_text_page import Reader

import regard.plot
from regard.errors import ArgumentError
from regard.types import ModelLine, TrustLine

LABELS = ("bad", "fair", "good")
#: Of two words toward three labels; the answers are "good" and "bad".
PARTS = [[-0.5, -0.25, 0.75], [0.125, 0.0, -0.125]]
OTHER = [[2.0, -1.0, -1.0], [0.0, 0.25, -0.25]]


@pytest.fixture
def pair(signed):
    return [
        signed("fine film", PARTS, [0.75, 0.25], labels=LABELS),
        signed("poor one", OTHER, [0.5, 0.5], labels=LABELS),
    ]


def sections(page):
    """The numbers of each shaded text, by what it is shaded by."""
    found = re.findall(r'<section[^>]*data-shade="(\w+)".*?</section>', page, re.DOTALL)
    blocks = re.findall(r"<section[^>]*data-shade.*?</section>", page, re.DOTALL)
    numbers = [re.findall(r"data-w=([-+.\d]+)", block) for block in blocks]
    return list(zip(found, numbers, strict=True))


def test_evidence_stands_beside_attention_with_its_own_scale(pair):
    page = regard.plot.text(pair[0]).to_html()
    assert sections(page) == [
        ("attention", ["0.750", "0.250"]),
        ("contributions", ["+0.750", "-0.125"]),
    ]
    assert "<h3>Where the model looked</h3>" in page
    assert 'For and against <bdi class="toward">good</bdi>' in page
    assert "<span>-1.750</span>" not in page
    # Two words: the end of the scale is their sum of sizes.
    assert "<span>-0.875</span>" in page
    assert "<span>+0.875</span>" in page
    assert re.search(r"<tr><td>fine<td>0\.7500<td>\+0\.7500<td>1\n", page)
    assert "the logit of the label" in page


def test_a_notebook_shows_both_without_a_script(pair):
    shown = regard.plot.text(pair)._repr_html_()
    assert [kind for kind, _ in sections(shown)] == ["attention", "contributions"] * 2
    assert "<script" not in shown
    assert "<select" not in shown
    assert ".regard .n24{" in shown


def test_the_numbers_of_other_labels_travel_with_the_card(pair):
    page = regard.plot.text(pair[0]).to_html()
    [evidence] = [s for s in Reader(page).all("section") if "data-names" in s]
    assert evidence["data-names"] == '["good", "fair", "bad"]'
    # In thousandths, a row a label, the likeliest first.
    assert evidence["data-rows"] == "750,-125;-250,0;-500,125"


def test_tokens_on_the_same_characters_add_up_in_every_row(signed):
    one = signed("ab c", [[1.0, -1.0], [0.5, -0.5], [0.25, -0.25]], [0.5, 0.25, 0.25],
                 tokens=("ab", "b", "c"), offsets=np.array([[0, 2], [1, 2], [3, 4]]),
                 heads=None)  # fmt: skip
    page = regard.plot.text(one).to_html()
    assert sections(page)[1][1] == ["+1.500", "+0.250"]
    assert 'data-rows="1500,250;-1500,-250"' in page


def test_heads_are_chosen_where_there_are_several(signed):
    one = signed("a b", PARTS, heads=[[1.0, 0.0], [0.25, 0.75]], labels=LABELS)
    page = regard.plot.text(one).to_html()
    [looked] = [s for s in Reader(page).all("section") if "data-names" not in s]
    assert looked["data-rows"] == "625,375;1000,0;250,750"
    assert "mean of 2" in page
    attention = one.attention
    assert attention.axes == ("heads", "keys")
    np.testing.assert_array_equal(attention.mean().weights, one.weights)
    with pytest.raises(ArgumentError, match=r"heads.*\(heads, 2\)"):
        replace(one, head_weights=np.ones((2, 3)))


def test_a_wrong_label_has_the_evidence_for_the_right_one_too(pair):
    page = regard.plot.text(pair, right=["fair", "bad"]).to_html()
    kinds = [(kind, numbers) for kind, numbers in sections(page)]
    assert kinds[2] == ("contributions", ["-0.250", "+0.000"])
    assert len(kinds) == 5
    assert "<strong>Wrong.</strong> Right is <bdi><strong>fair</strong></bdi>" in page
    articles = Reader(page).all("article")
    assert [each["data-verdict"] for each in articles] == ["wrong", "right"]
    assert [each.get("class") for each in articles] == ["wrong", None]
    # Places in the sorted labels of the page: bad, fair, good.
    assert [each["data-right"] for each in articles] == ["1", "0"]
    assert [each["data-label"] for each in articles] == ["2", "0"]
    assert ">wrong (1)<" in page
    assert "<title>What the model looked at: 2 texts" in page


def test_terminals_and_pictures_say_what_is_wrong(pair, tmp_path):
    plot = regard.plot.text(pair, right=["fair", "bad"])
    first, second = str(plot).split("\n\n")
    assert first.startswith("good  56.0 %  (wrong, right is fair)\n")
    assert second.startswith("bad  90.7 %\n")
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    plot.save(tmp_path / "w.svg")
    assert "(wrong, right is fair)" in (tmp_path / "w.svg").read_text("utf-8")


def test_of_two_labels_one_picture_has_both(signed):
    one = signed("a b", [[1.0, -1.0], [-0.5, 0.5]])
    page = regard.plot.text(one, right="good").to_html()
    assert len(sections(page)) == 2
    assert 'For <bdi class="toward">bad</bdi>, underlined for' in page


@pytest.mark.parametrize(
    ("right", "verdicts"),
    [(["good", None], ["right", None]),
     ([["good"], {"bad", "fair"}], ["right", "wrong"]),
     ([float("nan"), set()], [None, "wrong"]),
     (["unheard of", "bad"], ["wrong", "right"])],
)  # fmt: skip
def test_right_labels_may_be_several_or_unknown(pair, right, verdicts):
    page = regard.plot.text(pair, right=right).to_html()
    told = [each.get("data-verdict") for each in Reader(page).all("article")]
    assert told == verdicts


def test_labels_that_are_numbers_are_found_as_files_write_them(signed):
    one = signed("a b", [[1.0, -1.0], [0.0, 0.0]], labels=("0", "1"))
    for right, wrong in ((0, False), ("0.0", False), (True, True), (1, True)):
        page = regard.plot.text(one, right=right).to_html()
        assert ("<strong>Wrong.</strong>" in page) == wrong


@pytest.mark.parametrize(
    ("right", "said"),
    [("good", "'right' has a wrong value"), (["good"], "do not fit"),
     ({"good": 1}, "'right' has a wrong value"), (5, "'right' has a wrong value")],
)  # fmt: skip
def test_wrong_lists_of_right_labels(pair, right, said):
    with pytest.raises(ArgumentError, match=said):
        regard.plot.text(pair, right=right)
    with pytest.raises(ArgumentError, match="right=None"):
        regard.plot.text(["a"], [1.0], right=["good"])


def test_most_cuts_the_right_labels_as_well(pair):
    page = regard.plot.text(pair, right=["good", "bad"], most=1).to_html()
    assert page.count("<article") == 1
    assert "1 more were left out" in page


def test_evidence_keeps_its_colours_where_attention_misleads(pair):
    bad = replace(pair[0], trust=TrustLine("misleads", "misleads: a test", True))
    page = regard.plot.text(bad).to_html()
    looks = [each.get("class") for each in Reader(page).all("section")]
    assert looks == ["grey", None]
    assert Reader(page).all("article")[0].get("class") is None


def test_the_model_is_named_once(pair):
    line = ModelLine("reviews.regard", "2026-11-26", "reviews <1>.csv", 1200)
    named = [replace(each, model=line) for each in pair]
    said = "trained on 2026-11-26 on 1,200 texts of reviews &lt;1&gt;.csv"
    for page in (
        regard.plot.text(named).to_html(),
        regard.plot.text(named)._repr_html_(),
    ):
        assert page.count(f"Model: <bdi>reviews.regard, {said}</bdi>.") == 1
    assert "Model:" not in regard.plot.text(pair).to_html()
    assert ModelLine(data="a.csv").sentence == "trained on a.csv"
    assert ModelLine().sentence == ""


def test_the_table_has_evidence_and_heads(pair, signed, explain):
    pytest.importorskip("pandas", reason="frames need pandas")
    one = signed("a b", PARTS, heads=[[1.0, 0.0], [0.25, 0.75]], labels=LABELS)
    frame = regard.plot.text([one, explain("c d e")]).to_pandas()
    added = [f"contribution to {label}" for label in LABELS]
    columns = ["text", "token", "weight", "head 0", "head 1", *added]
    assert list(frame.columns) == columns
    np.testing.assert_allclose(frame[added].to_numpy()[:2], PARTS)
    assert frame[added].isna().to_numpy()[2:].all()
    assert list(one.to_pandas().columns[3:]) == columns[2:]


def test_a_card_of_many_labels_stays_small(signed):
    labels = tuple(f"label {number}" for number in range(40))
    parts = np.random.default_rng(0).normal(size=(200, 40))
    one = signed("word " * 200, parts, np.full(200, 1 / 200), labels=labels)
    page = regard.plot.text(one).to_html()
    names = re.findall(r"<option", page)
    assert len(names) == 10
    assert "30 less likely labels cannot be chosen here" in page
    assert len(page) < 70_000


def test_a_page_of_many_cards_grows_by_little_more_than_its_words(signed):
    parts = np.random.default_rng(0).normal(size=(300, 2)) / 100
    one = signed("word " * 300, parts, np.full(300, 1 / 300))
    two, three = (
        len(regard.plot.text([one] * count, right=["bad"] * count).to_html())
        for count in (2, 3)
    )
    assert three - two < 300 * 140 + 2_000
    many = regard.plot.text([one] * 40).to_html()
    assert 'class="cards many"' in many
    assert '<nav aria-label="Contents"><details>' in many
