"""The page in a real browser: typing, pointing, keys, links, errors."""

import json
import shlex
from pathlib import Path
from urllib.parse import urlencode

import pytest
from described import DESCRIPTION, EXAMPLES


@pytest.fixture
def page(browser, address):
    """The page; the test fails where a script did, or something was blocked."""
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.set_default_timeout(10_000)
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.goto(address)
    # Not wait_for_function: it evaluates text, which the page's policy forbids.
    page.locator("#model option").nth(1).wait_for(state="attached")
    yield page
    context.close()
    assert [one for one in wrong if "status of 4" not in one] == []


def ask(page, model, text):
    page.locator("#model").select_option(model)
    page.locator("#text").fill(text)
    page.get_by_role("button", name="Ask").click()
    page.locator("article").first.wait_for()


def test_a_text_is_shown_with_its_words_shaded(page):
    ask(page, "topics", "in my refund of the week")
    assert page.locator("article h2").inner_text().startswith("billing")
    assert page.locator(".text").inner_text() == "in my refund of the week"
    shades = page.locator(".text span").evaluate_all(
        "spans => Object.fromEntries(spans.map(one =>"
        "[one.textContent, getComputedStyle(one).backgroundColor]))"
    )
    assert shades["refund"] != shades["week"]
    bars = page.locator(".bar rect").evaluate_all(
        "bars => bars.map(one => one.getBoundingClientRect().width)"
    )
    assert bars == sorted(bars, reverse=True)
    assert bars[0] > 100
    page.get_by_text("weights as a table").click()
    assert page.get_by_role("row").count() == 7


def test_pointing_at_a_written_word_lights_up_its_source(page):
    ask(page, "de-en", "eins zwei drei vier acht")
    lit = page.locator('.source .word[class*="w"][title]:not([title=""])')
    assert lit.count() == 0
    page.locator(".written .word", has_text="one").hover()
    assert "eins" in lit.all_inner_texts()
    strongest = lit.evaluate_all(
        "words => words.sort((a, b) => b.title - a.title)[0].textContent"
    )
    assert strongest == "eins"
    page.locator("h1").hover()
    assert lit.count() == 0


def test_it_is_used_by_keyboard(page):
    page.locator("#model").select_option("de-en")
    page.locator("#text").focus()
    page.keyboard.type("eins zwei drei")
    page.keyboard.press("Control+Enter")
    page.locator("article").wait_for()
    page.locator(".written .word").first.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.textContent") == (
        page.locator(".written .word").nth(1).inner_text()
    )
    described = page.evaluate("document.activeElement.ariaDescription")
    assert described.startswith("looked most at")
    assert page.locator('.source .word[title]:not([title=""])').count()


@pytest.mark.parametrize("model", ["topics", "de-en"])
@pytest.mark.parametrize(
    "text", ["<script>window.hit=1</script>", '<img src=x onerror="hit=1">']
)
def test_a_script_in_a_text_stays_text(page, model, text):
    ask(page, model, text)
    assert page.evaluate("window.hit") is None
    assert page.locator("article :is(script, img)").count() == 0
    shown = page.locator(".text" if model == "topics" else ".from").inner_text()
    assert shown == text


@pytest.mark.parametrize("model", ["topics", "de-en"])
def test_the_link_shows_the_same_again(page, address, model):
    ask(page, model, "eins & zwei #3 ü")
    if model == "de-en":
        page.locator("#best").select_option("2")
        page.get_by_role("button", name="Ask").click()
        page.locator("article").nth(1).wait_for()
    link = page.get_by_role("link", name="Link to this result").get_attribute("href")
    shown = page.locator("#results").inner_text()
    page.goto("about:blank")
    page.goto(address + link)
    page.locator("article").first.wait_for()
    assert page.locator("#results").inner_text() == shown
    assert page.locator("#model").input_value() == model


def test_an_error_can_be_read(page):
    page.locator("#text").fill("a" * 401)
    page.get_by_role("button", name="Ask").click()
    alert = page.get_by_role("alert")
    alert.wait_for()
    assert alert.inner_text() == "This text is too long: 400 characters are the most."
    ask(page, "topics", "a refund")
    assert alert.is_hidden()


@pytest.mark.parametrize("width", [320, 390, 1200])
def test_nothing_is_wider_than_the_window(page, address, width):
    page.set_viewport_size({"width": width, "height": 800})
    for model in ("topics", "de-en"):
        told = urlencode({"model": model, "text": "eins zwei drei " * 5})
        page.goto("about:blank")
        page.goto(f"{address}#{told}")
        page.locator("article").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_light_and_dark_differ(page):
    def look(scheme):
        page.emulate_media(color_scheme=scheme)
        return page.evaluate(
            "[getComputedStyle(document.body).backgroundColor,"
            "getComputedStyle(document.querySelector('form')).backgroundColor]"
        )

    assert look("light") == ["rgb(245, 246, 248)", "rgb(255, 255, 255)"]
    assert set(look("dark")).isdisjoint(look("light"))


# What a model says of itself


def test_the_page_says_what_is_known_of_a_model(page, toy_classifier):
    about = page.locator("#about")
    assert about.locator("h2").inner_text().split() == ["topics", "text", "classifier"]
    assert page.locator("#about-text").inner_text() == DESCRIPTION
    said = about.locator("dl").inner_text()
    labels, rest = ", ".join(toy_classifier.trained.labels.names), toy_classifier
    assert labels in said
    assert f"{rest.provenance['began'][:10]}, on 108 examples" in said
    assert f"accuracy\xa0{100 * rest.validation.accuracy:.1f}\xa0%" in said
    assert "was not examined" in page.locator("#about-trust").inner_text()
    page.locator("#model").select_option("de-en")
    assert about.locator("h2").inner_text().startswith("de-en")
    assert page.locator("#about-text").is_hidden()
    assert page.locator("#examples-field").is_hidden()
    assert page.locator("#text").get_attribute("placeholder")


@pytest.mark.parametrize("number", range(4))
def test_a_click_on_an_example_asks_it(page, number):
    button = page.locator("#examples button").nth(number)
    assert button.inner_text() == EXAMPLES[number].replace("\n", " ")
    button.click()
    page.locator("article").wait_for()
    assert page.locator("#text").input_value() == EXAMPLES[number]
    assert page.locator(".text").evaluate("one => one.textContent") == EXAMPLES[number]
    assert page.evaluate("window.hit") is None


def test_examples_are_reached_by_keyboard(page):
    page.locator("#text").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == EXAMPLES[0]
    page.keyboard.press("Enter")
    page.locator("article").wait_for()


def test_nothing_that_a_model_says_becomes_html(page):
    assert page.locator("#question :is(script, img, b)").count() == 0
    # What turns characters around ends where its text does.
    assert page.locator("#examples button").evaluate_all(
        "all => all.every(one => getComputedStyle(one).unicodeBidi == 'isolate')"
    )


# Pictures of heads


def test_the_heads_are_drawn_in_a_frame(page):
    ask(page, "de-en", "eins zwei drei")
    page.get_by_text("As lines from word to word").click()
    heads = page.frame_locator("iframe")
    heads.locator("main.drawn").wait_for()
    assert heads.locator("button.thumb").count() == 1
    heads.locator("#heads-query").select_option("0")
    written = page.locator(".written .word").first.inner_text()
    assert written in heads.locator("#heads-said").inner_text()
    # It reaches nothing of the page around it.
    assert page.locator("iframe").get_attribute("sandbox") == "allow-scripts"


def test_a_classifier_with_several_heads_has_them_too(page):
    ask(page, "topics", "my refund of the week")
    page.get_by_text("Each of the 2 heads").click()
    page.frame_locator("iframe").locator("main.drawn").wait_for()
    assert page.frame_locator("iframe").locator("button.thumb").count() == 2


def test_of_an_empty_answer_there_are_no_heads(page):
    ask(page, "topics", "  ")
    assert page.locator("details.heads").count() == 0


# Taking an answer along


def test_a_picture_can_be_kept(page, browser):
    ask(page, "topics", '"my" <b>refund</b> of the week')
    with page.expect_download() as kept:
        page.get_by_role("button", name="Download this picture").click()
    assert kept.value.suggested_filename == "topics-1.html"
    content = Path(kept.value.path()).read_text("utf-8")
    other = browser.new_page()
    other.set_content(content)
    assert other.locator(".text").inner_text() == '"my" <b>refund</b> of the week'
    assert other.title() == "topics-1"
    shade = other.locator("span[data-w]", has_text="refund")
    assert shade.evaluate("one => getComputedStyle(one).backgroundColor") not in {
        "rgba(0, 0, 0, 0)",
        "rgb(255, 255, 255)",
    }
    other.close()


def test_the_command_asks_the_same(page, address):
    text = 'it\'s a "refund" $(no) `no` \\ \u202e 日本'
    ask(page, "topics", text)
    page.get_by_text("Ask this from a program").click()
    command = page.locator("#command code").inner_text()
    assert "\u202e" not in command
    words = shlex.split(command.replace("\\\n", ""))
    assert words[:2] == ["curl", f"{address}v1/models/topics/predict"]
    assert words[2:5] == ["-H", "Content-Type: application/json", "-d"]
    assert json.loads(words[5]) == {"inputs": text}
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    page.get_by_text("Copied.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == command


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_no_violation(page, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe")
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    for model in ("topics", "de-en"):
        ask(page, model, "eins zwei drei")
        page.locator("details.heads > summary").click()
        page.frame_locator("iframe").locator("main.drawn").wait_for()
        page.locator("#command").evaluate("one => { one.open = true; }")
        violations = axe.Axe().run(page).response["violations"]
        assert [each["id"] for each in violations] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
