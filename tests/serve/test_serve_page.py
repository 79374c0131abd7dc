"""The page in a real browser: typing, pointing, keys, links, errors."""

from urllib.parse import urlencode

import pytest


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
    assert page.locator("h2").inner_text().startswith("billing")
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
