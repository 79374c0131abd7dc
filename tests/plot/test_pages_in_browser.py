"""Pages in a real browser: what axe finds, keys, sizes, light and dark."""

import numpy as np
import pytest
from reports import report

import regard
from regard.comparison import Budget, Comparison, TrainingRun
from regard.types import AttentionMap, Observation

ARABIC = ["الكلب", "يجري", "في", "الغابة"]
CHINESE = ["这", "部", "电影"]
AXES = ("heads", "queries", "keys")
LOOKS = {
    "desktop": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "phone": {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"},
}


def weights(*shape):
    return np.random.default_rng(0).dirichlet(np.full(shape[-1], 0.5), shape[:-1])


def heads_plot():
    """Two layers of two heads: a self-attention, and one over another text."""
    maps = {
        f"decoder/{name}": AttentionMap(weights(2, 3, keys), AXES, f"decoder/{name}")
        for name, keys in (("self", 3), ("cross", 4))
    }
    return regard.plot.heads(Observation(0, maps), ARABIC, CHINESE)


LABELS = ("bad", "fair", "good")


def cards(signed):
    """Three cards of three labels: two wrong ones, and one of two heads."""
    texts = (" ".join(ARABIC), " ".join(CHINESE), "a fine film")
    scales = (0.5, 2.0, 1.0)
    drawn = [
        signed(text, (weights(len(text.split()), 3) - 1 / 3) * scale, labels=LABELS,
               heads=weights(2, len(text.split())))
        for text, scale in zip(texts, scales, strict=True)
    ]  # fmt: skip
    others = [next(name for name in LABELS if name != one.label) for one in drawn]
    right = [others[0], others[1], drawn[2].label]
    return regard.plot.text(drawn, right=right), drawn, right


def pages(explain, translate, signed):
    one = explain(" ".join(ARABIC), weights(4), contributions=weights(4, 2) - 0.5,
                  bias=np.zeros(2))  # fmt: skip
    written = translate(" ".join(ARABIC), " ".join(CHINESE), weights(3, 4))
    runs = tuple(TrainingRun(m, 0, 0.5, None, np.arange(4.0)) for m in ("none", "ours"))
    compared = Comparison("first-n", ("none", "ours"), runs, Budget(4), 1.0)
    steps = AttentionMap(weights(3, 12), ("queries", "keys"), "caption")
    wide = np.full((30, 45), 90, np.uint8)
    return {
        "text": regard.plot.text([one, explain("Two words")]),
        "cards": cards(signed)[0],
        "contributions": regard.plot.text(one, shade="contributions"),
        "alignment": regard.plot.alignment([written, written]),
        "bars": regard.plot.bars(weights(4), ARABIC),
        "series": regard.plot.over_time(weights(40), np.arange(40)),
        "curves": regard.plot.curves(compared.losses, compared.samples_seen),
        "trust": regard.plot.trust(report()),
        "heads": heads_plot(),
        "image": regard.plot.image(steps, wide, grid=(3, 4), tokens=CHINESE),
    }


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a page; the test fails where its script did, or something was blocked."""
    contexts, wrong = [], []

    def opened(plot, look="desktop", **options):
        plot.save(tmp_path / "page.html")
        contexts.append(browser.new_context(**LOOKS[look], **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text))
        page.goto((tmp_path / "page.html").as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def test_axe_finds_no_violation_and_nothing_is_too_wide(
    opened, explain, translate, signed
):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe")
    for name, plot in pages(explain, translate, signed).items():
        for look in LOOKS:
            # The page's own policy lets no other script in.
            page = opened(plot, look, bypass_csp=True)
            page.locator("details").evaluate_all(
                "all => all.forEach(one => one.open = 1)"
            )
            found = axe.Axe().run(page)
            assert found.violations_count == 0, (name, look, found.generate_report())
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= page.viewport_size["width"], (name, look)


def shown_cards(page):
    """The numbers of the cards in sight, in their order."""
    ids = page.locator("article:visible").evaluate_all("all => all.map(one => one.id)")
    links = page.locator("nav li:visible a").evaluate_all(
        "all => all.map(one => one.getAttribute('href').slice(1))"
    )
    assert ids == links
    return [int(each.removeprefix("text-")) for each in ids]


def test_cards_are_filtered_and_sorted(opened, signed):
    plot, drawn, right = cards(signed)
    page = opened(plot)
    page.locator("nav details").evaluate("one => one.open = 1")
    assert shown_cards(page) == [1, 2, 3]
    ask = {name: page.locator(f"[data-ask={name}]") for name in
           ("label", "right", "verdict", "order", "from", "to")}  # fmt: skip
    told = page.get_by_role("status")
    shares = [one.probability for one in drawn]
    by_share = [each + 1 for each in np.argsort(shares).tolist()]
    ask["order"].select_option("-p")
    assert shown_cards(page) == by_share[::-1]
    ask["order"].select_option("p")
    assert shown_cards(page) == by_share
    ask["order"].select_option("wrong")
    surest = sorted([1, 2], key=lambda number: -shares[number - 1])
    assert shown_cards(page) == [*surest, 3]
    ask["verdict"].select_option("wrong")
    assert shown_cards(page) == surest
    assert told.inner_text() == "2 of 3 texts."
    ask["right"].select_option(
        label=f"\u2068{right[0]}\u2069 ({right.count(right[0])})"
    )
    kept = [number for number in surest if right[number - 1] == right[0]]
    assert shown_cards(page) == kept
    page.get_by_role("button", name="Show all").click()
    assert shown_cards(page) == [1, 2, 3]
    assert told.inner_text() == "All 3 texts."
    # By keyboard: a share between those of the first two in order.
    ask["from"].focus()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type(str(100 * np.mean(sorted(shares)[:2])))
    assert set(shown_cards(page)) == set(by_share[1:])
    ask["to"].fill("0")
    assert shown_cards(page) == []
    assert told.inner_text() == "0 of 3 texts."


def test_another_label_and_another_head_are_shaded_as_python_shades_them(
    opened, signed
):
    plot, drawn, _ = cards(signed)
    page = opened(plot)
    look = "all => all.map(one => [one.className, one.dataset.w, one.tabIndex])"

    def spans(html, place):
        """Class, number and place among the tab stops, as the page was made."""
        other = page.context.new_page()
        other.set_content(html)
        found = other.locator("section").nth(place)
        told = found.locator(".text [data-w]").evaluate_all(look)
        told.append(found.locator(".legend>span").all_inner_texts())
        other.close()
        return told

    def now(place):
        section = page.locator("#text-3 section").nth(place)
        told = section.locator(".text [data-w]").evaluate_all(look)
        return [*told, section.locator(".legend>span").all_inner_texts()]

    for label in LABELS[::-1]:
        place = list(drawn[2].labels).index(label)
        choice = page.locator("#text-3 section").nth(1).locator("select")
        order = np.argsort(-drawn[2].probabilities, kind="stable").tolist()
        choice.select_option(index=order.index(place))
        python = regard.plot.text(drawn[2], shade="contributions", label=label)
        assert now(1) == spans(python.to_html(), 0)
        share = f"{100 * drawn[2].probabilities[place]:.1f}\N{NO-BREAK SPACE}%"
        said = page.locator("#text-3 section").nth(1).inner_text()
        assert f"For and against {label}" in said
        assert f"the score of {label} ({share})" in said
    head = page.locator("#text-3 section").nth(0).locator("select")
    head.select_option(index=2)
    alone = signed("a fine film", drawn[2].contributions, drawn[2].head_weights[1],
                   labels=LABELS)  # fmt: skip
    assert now(0) == spans(regard.plot.text(alone).to_html(), 0)


def test_evidence_of_all_cards_is_turned_to_one_label(opened, signed):
    page = opened(cards(signed)[0])
    toward = page.locator(".toward")
    before = toward.all_inner_texts()
    page.locator("[data-ask=toward]").select_option("fair")
    assert set(toward.all_inner_texts()) == {"fair"}
    page.locator("[data-ask=toward]").select_option("")
    assert toward.all_inner_texts() == before


def test_cards_are_read_without_a_script(opened, signed):
    page = opened(cards(signed)[0], java_script_enabled=False)
    assert page.locator("article:visible").count() == 3
    assert page.locator("select:visible").count() == 0
    assert page.locator("section:visible").count() == 8


def test_heads_are_opened_and_sorted(opened):
    page = opened(heads_plot())
    title = page.locator("#heads-title")
    assert title.inner_text() == "decoder/self, head 0"
    page.locator("button.thumb").nth(3).click()
    assert title.inner_text() == "decoder/cross, head 1"
    assert page.locator("button.thumb[aria-pressed=true]").count() == 1
    page.keyboard.press("ArrowUp")
    assert title.inner_text() == "decoder/self, head 1"
    page.keyboard.press("ArrowRight")
    assert title.inner_text() == "decoder/cross, head 0"
    focused = "document.activeElement.getAttribute('aria-label')"
    assert page.evaluate(focused).startswith("decoder/cross, head 0: entropy")
    page.get_by_role("button", name="Entropy, nats").click()
    values = page.locator("#heads-table td:nth-child(3)")
    shown = [float(value) for value in values.all_inner_texts()]
    assert shown == sorted(shown, reverse=True)
    assert len(set(shown)) == 4
    page.get_by_role("button", name="Entropy, nats").click()
    assert [float(value) for value in values.all_inner_texts()] == sorted(shown)
    page.get_by_role("button", name="Open head 1 of decoder/self").click()
    assert title.inner_text() == "decoder/self, head 1"


@pytest.mark.parametrize("look", ["lines", "cells"])
def test_a_query_is_chosen_pointed_at_and_moved_through(opened, look):
    plot = heads_plot()
    page = opened(plot)
    page.locator("button.thumb").nth(2).click()
    page.locator(f"input[value={look}]").check()
    row = plot.head("decoder/cross", 0).grids[0].weights[1]
    best = int(row.argmax())
    page.locator("#heads-query").select_option("1")
    said = page.locator("#heads-said")
    assert (
        f"{CHINESE[1]} (1) looks most at: {ARABIC[best]} ({best})" in said.inner_text()
    )
    cells = page.locator("#heads-keys tr").first.locator("td").all_inner_texts()
    assert cells[0] == ARABIC[best]
    assert float(cells[1]) == pytest.approx(row[best], abs=0.006)
    page.locator("#heads-view").focus()
    page.keyboard.press("ArrowDown")
    assert page.locator("#heads-query").input_value() == "2"
    page.keyboard.press("ArrowRight")
    assert f"{CHINESE[2]} (2) looks at {ARABIC[0]} (0) with" in said.inner_text()
    page.keyboard.press("Escape")
    assert page.locator("#heads-query").input_value() == "-1"
    page.locator("#heads-view canvas").hover(position={"x": 5, "y": 25})
    pointed = said.inner_text()
    assert "looks most at" in pointed or "Point at" in pointed


def test_light_and_dark_differ_and_both_are_drawn(opened):
    page = opened(heads_plot())
    canvases = "[...document.querySelectorAll('canvas')]"
    drawn = f"{canvases}.map(one => one.toDataURL())"
    light = page.evaluate(drawn)
    page.emulate_media(color_scheme="dark")
    frame = (
        "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    page.evaluate(frame)
    dark = page.evaluate(drawn)
    assert all(one != other for one, other in zip(light, dark, strict=True))


def test_without_a_script_the_figures_remain(opened):
    page = opened(heads_plot(), java_script_enabled=False)
    assert page.get_by_text("The pictures need JavaScript").is_visible()
    assert page.locator("#heads-table tbody tr").count() == 4
    assert page.locator("#heads-opened").is_hidden()


def test_a_page_of_144_heads_over_60_tokens_opens(opened):
    maps = {
        f"layer_{n}": AttentionMap(
            weights(12, 60, 60), ("heads", "queries", "keys"), ""
        )
        for n in range(12)
    }
    page = opened(regard.plot.heads(Observation(0, maps)))
    assert page.locator("button.thumb").count() == 144
    assert page.locator("#heads-title").inner_text() == "layer_0, head 0"
