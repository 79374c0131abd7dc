"""The HTML: safe, complete, reachable."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_text_segments import cut_texts, explanation

import regard.plot
from regard.plot._text_segments import percent
from regard.plot.characters import for_page
from regard.plot.document import TAB_STOPS

VOID = {"meta", "br", "input"}
# What a cell or a row ends, where HTML needs no end tag: itself and what is in it.
ENDED_BY = {"td": {"td"}, "tr": {"td", "tr"}, "tbody": {"td", "tr"}}


class Reader(HTMLParser):
    """Collects elements and the text of the shaded paragraph; checks nesting."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.shaded = [], [], ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.end_open(ENDED_BY.get(tag, set()))
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, dict(attrs)))

    def end_open(self, tags):
        while self.open and self.open[-1][0] in tags:
            self.open.pop()

    def handle_endtag(self, tag):
        self.end_open(ENDED_BY.get(tag, set()) - {tag})
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if any(attrs.get("class") == "text" for _, attrs in self.open):
            self.shaded += data

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]

    def ids(self):
        return [attrs["id"] for _, attrs in self.elements if "id" in attrs]


def weighted(page):
    return [span for span in Reader(page).all("span") if "data-w" in span]


def test_a_script_in_the_text_stays_text(explain):
    text = "<script>alert('x')</script> <img src=x onerror=y> & \" </p></style>"
    page = regard.plot.text(explain(text, label="<b>bad</b>")).to_html()
    reader = Reader(page)
    assert reader.shaded == text
    tags = {tag for tag, _ in reader.elements}
    assert not tags & {"script", "img", "b", "link", "iframe"}


@given(cut_texts())
def test_any_text_comes_out_as_it_went_in(cut):
    page = regard.plot.text(explanation(*cut)).to_html()
    # HTML itself turns CR and CRLF into LF when it is parsed by a browser.
    assert Reader(page).shaded == for_page(cut[0])
    page.encode("utf-8")


def test_the_page_stands_alone(film):
    page = regard.plot.text(film).to_html()
    reader = Reader(page)
    assert page.startswith("<!doctype html>")
    assert reader.all("html") == [{"lang": "en"}]
    policy = {"http-equiv": "Content-Security-Policy"}
    assert any(policy.items() <= meta.items() for meta in reader.all("meta"))
    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    assert any(meta.get("name") == "viewport" for meta in reader.all("meta"))
    assert len(reader.all("title")) == 1
    assert not re.search(r"https?://|url\(|@import|src=|<link", page)


def test_it_is_light_and_dark_and_fits_a_phone(film):
    page = regard.plot.text(film).to_html()
    assert "prefers-color-scheme:dark" in page
    assert "color-scheme:light dark" in page
    assert "max-width:30rem" in page


def test_every_weight_is_shown_on_hover_and_in_the_table(film):
    page = regard.plot.text(film).to_html()
    shown = [span["data-w"] for span in weighted(page)]
    assert shown == ["0.010", "0.200", "0.030", "0.030", "0.700", "0.030"]
    assert "content:attr(data-w)" in page
    assert ":focus::after" in page
    assert re.search(r"<tr><td>feet<td>0\.7000<td>5\n", page)


def test_the_strongest_are_reached_by_keyboard_and_not_hundreds(explain):
    weights = [1.0] + [2.0] * TAB_STOPS + [0.5] * 80
    words = " ".join(f"w{i}" for i in range(len(weights)))
    total = sum(weights)
    page = regard.plot.text(explain(words, [w / total for w in weights])).to_html()
    assert TAB_STOPS <= 12
    stops = [i for i, span in enumerate(weighted(page)) if "tabindex" in span]
    assert stops == list(range(1, TAB_STOPS + 1))
    assert all(
        span["tabindex"] == "0" and span["data-w"] in span["aria-description"]
        for span in weighted(page)
        if "tabindex" in span
    )


def test_shades_rise_with_weight_and_the_largest_is_the_darkest(film):
    page = regard.plot.text(film).to_html()
    steps = [int(span.get("class", "w0")[1:]) for span in weighted(page)]
    # 24 * weight / 0.7, rounded.
    assert steps == [0, 7, 1, 1, 24, 1]


def test_spaces_and_direction_are_the_texts_own(explain):
    page = regard.plot.text(explain("שלום  עולם")).to_html()
    assert '<p class="text" dir="auto" lang="">' in page
    assert "white-space:pre-wrap" in page


def test_the_legend_says_what_the_shade_is_relative_to(film):
    page = regard.plot.text(film).to_html()
    assert "<span>0.700</span>" in page  # the largest; four even shares are 0.667
    assert "6 tokens, each would have 0.167" in page
    assert "where the model looked, not why it decided" in page


def test_many_labels_are_ranked_and_the_rest_folded(explain):
    import numpy as np

    labels = tuple(f"class{i}" for i in range(9))
    chances = np.arange(9) / 36
    why = explain("a", label="class8", labels=labels, probabilities=chances)
    page = regard.plot.text(why).to_html()
    assert page.index("class8") < page.index("class7") < page.index("3 more labels")
    assert page.index("3 more labels") < page.index("class1")


def test_several_texts_have_contents_with_working_links(film, explain):
    page = regard.plot.text([film, explain("Another one"), explain("")]).to_html()
    reader = Reader(page)
    links = [attrs["href"].removeprefix("#") for attrs in reader.all("a")]
    assert links == reader.ids() == ["text-1", "text-2", "text-3"]
    assert "<nav" not in regard.plot.text(film).to_html()


def test_a_truncated_text_says_so(explain):
    page = regard.plot.text(explain("a b c", [0.5, 0.5], truncated=True)).to_html()
    assert '<span class="unseen"> c</span>' in page
    assert "did not see the underlined end" in page


def test_a_text_without_tokens(explain):
    page = regard.plot.text(explain("   ")).to_html()
    assert "nothing here for the model to look at" in page


def test_a_notebook_gets_html_and_plain_text(film):
    plot = regard.plot.text(film)
    bundle = plot._repr_mimebundle_(include=None, exclude=None)
    assert set(bundle) == {"text/html", "text/plain"}
    assert bundle["text/plain"] == str(plot)
    assert "<html" not in bundle["text/html"]
    # Nothing of the fragment styles what is around it.
    styles = bundle["text/html"].partition("<style>")[2].partition("</style>")[0]
    rules = re.sub(r"@media[^{]*\{|\}\s*$", "", styles)
    selectors = re.findall(r"([^{}]+)\{", rules)
    assert all(
        part.strip().startswith(".regard")
        for selector in selectors
        for part in selector.split(",")
    )


@pytest.mark.parametrize(
    ("probability", "shown"),
    [(1.0, "100.0 %"), (0.99951, "> 99.9 %"), (0.971, "97.1 %"), (0.0, "0.0 %"),
     (0.0004, "< 0.1 %")],
)  # fmt: skip
def test_percent_never_claims_certainty(probability, shown):
    assert percent(probability) == shown


@given(st.text())
def test_characters_are_replaced_one_for_one(text):
    assert len(for_page(text)) == len(text)
