"""The site: every public name on a page, links that lead somewhere, without network.

``make docs`` builds it; what looks at the built pages is skipped before.
"""

import functools
import importlib
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlparse

import pytest

pytest.importorskip("sphinx", reason="needs the dependency group docs")

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "build" / "site"
sys.path.append(str(ROOT / "docs" / "_extensions"))

from sphinx.util.inventory import InventoryFile  # noqa: E402 - after the check for it

import neighbours  # noqa: E402 - found by the line above
import pictures  # noqa: E402 - found by the line above
import surface  # noqa: E402 - the same

built = pytest.mark.skipif(
    not (SITE / "objects.inv").exists(), reason="make docs has not built the site"
)
_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, _NAMES)), None)
in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
# One page of each form.
FORMS = (
    "docs/index.html",
    "docs/reference/regard.layers.html",
    "docs/gallery/index.html",
    "docs/gallery/pages/words.html",
)
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 800}


class Page(HTMLParser):
    """The anchors of a page, where its links lead, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors, self.links, self.loaded = set(), [], []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.anchors |= {found.get("id"), found.get("name")} - {None}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        is_loaded = tag == "link" and "canonical" not in (found.get("rel") or "")
        self.loaded += [found[key] for key in ("src",) if found.get(key)]
        self.loaded += [found["href"]] if is_loaded and "href" in found else []


@functools.cache
def pages() -> dict[Path, Page]:
    paths = (path for path in SITE.rglob("*.html") if "_static" not in path.parts)
    return {path: Page(path) for path in paths}


def test_the_reference_has_every_module():
    text = (ROOT / "docs" / "reference.md").read_text("utf-8")
    listed = re.findall(r"^   (regard[\w.]*)$", text, re.M)
    assert sorted(listed) == sorted(surface.modules())


def test_every_page_is_in_the_navigation():
    docs = ROOT / "docs"
    listed = set()
    for section in ("index", "guides", "background"):
        text = (docs / f"{section}.md").read_text("utf-8")
        for entries in re.findall(r"^```\{toctree\}\n(.*?)^```", text, re.M | re.S):
            listed |= {line.split("<")[-1].rstrip(">") for line in entries.split("\n")}
    pages = {path.stem for path in docs.glob("*.md")} - {"index"}
    assert pages <= listed, "name the page in docs/guides.md or docs/background.md"


def test_pages_come_in_the_order_of_their_index_and_then_by_heading(tmp_path):
    (tmp_path / "index.md").write_text("# All\n\n```{neighbours}\n:hidden:\n\nc\n```\n")
    for name, heading in (("a", "Zebra"), ("b", "apple"), ("c", "Middle")):
        (tmp_path / f"{name}.md").write_text(f"# {heading}\n")
    assert [page.stem for page in neighbours.in_order(tmp_path)] == ["c", "b", "a"]
    (tmp_path / "c.md").unlink()
    with pytest.raises(ValueError, match="names"):
        neighbours.in_order(tmp_path)


def test_the_surface_is_what_packages_export():
    modules = surface.modules()
    assert {"regard", "regard.layers", "regard.ops.scores", "regard.errors"} <= {
        *modules
    }
    assert not [name for name in modules if "._" in name]
    loaded = map(importlib.import_module, modules)
    assert [one.__name__ for one in loaded if not hasattr(one, "__all__")] == []
    assert {"observe", "AttentionMap", "load"} <= set(surface.names("regard"))
    errors = surface.names("regard.errors").values()
    assert all(issubclass(each, BaseException) for each in errors)
    assert "pandas_frame" not in surface.names("regard.types")
    homes = {each.name: each.home for each in surface.entries("regard.observation")}
    assert homes["observe"] == "regard"


@built
def test_every_public_name_is_on_a_page():
    inventory = InventoryFile.loads((SITE / "objects.inv").read_bytes(), uri="")
    described = {
        name: place.uri
        for kind, names in inventory.data.items()
        if kind.startswith("py:")
        for name, place in names.items()
    }
    missing = []
    for module in surface.modules():
        for each in surface.entries(module):
            name = f"{each.home}.{each.name}"
            place = described.get(name, "").replace("$", name)
            path, _, anchor = place.partition("#")
            if not path or anchor not in pages()[SITE / path].anchors:
                missing.append(name)
    assert missing == [], "run make docs again; is the name in a package's __all__?"


@built
def test_links_and_their_anchors_lead_somewhere():
    read, wrong = pages(), []
    assert len(read) > 50
    for path, page in read.items():
        for link in page.links:
            target = urlparse(urljoin(path.as_uri(), link))
            if target.scheme != "file":
                continue
            file = Path(unquote(target.path))
            anchor = unquote(target.fragment)
            is_there = file.exists() and (
                not anchor or file not in read or anchor in read[file].anchors
            )
            if not is_there:
                wrong.append(f"{path.relative_to(SITE)}: {link}")
    assert wrong == []


@built
def test_nothing_is_loaded_from_a_network():
    loaded = {(path, each) for path, page in pages().items() for each in page.loaded}
    assert len(loaded) > 100
    assert [(path, url) for path, url in loaded if re.match(r"(https?:)?//", url)] == []


@built
def test_formulas_and_shapes_are_drawn():
    text = (SITE / "docs/reference/regard.layers.html").read_text("utf-8")
    assert text.count("<math") > 10
    outside = re.sub(r"<math.*?</math>", "", text, flags=re.S)
    assert "\\sum" not in outside
    assert "\\mathrm" not in outside
    words = re.sub(r"<[^>]*>", "", outside)
    assert "(batch, queries, query_features)" in words


def test_each_picture_of_the_gallery_says_what_there_is_to_see():
    entries = pictures.entries()
    assert len(entries) >= 7
    for entry in entries:
        assert len(entry.description) > 30
        assert "picture = " in entry.code
        assert "pip install" in entry.text


@built
def test_pictures_have_words_and_files():
    for entry in pictures.entries():
        text = (SITE / f"docs/gallery/{entry.page.stem}.html").read_text("utf-8")
        described = re.search(r'<img alt="([^"]+)"[^>]*src="([^"]+)"', text)
        assert described is not None
        assert (SITE / "docs" / "gallery" / described[2]).exists()


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    with sync_api.sync_playwright() as playwright:
        # As root, as in containers, there is no sandbox.
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@built
@in_a_browser
def test_the_search_works_from_the_disk(browser):
    page = browser.new_page()
    page.goto(f"{(SITE / 'search.html').as_uri()}?q=CrossAttention")
    first = page.locator("#search-results a").first
    first.wait_for()
    assert "CrossAttention" in first.inner_text()
    first.click()
    page.wait_for_url("**/docs/reference/regard.layers.html*")
    page.close()


@built
@in_a_browser
def test_the_keyboard_reaches_the_text_first_and_then_the_sections(browser):
    page = browser.new_page(viewport=WIDE)
    page.goto((SITE / "docs/start.html").as_uri())
    page.keyboard.press("Tab")
    focused = page.locator(":focus")
    assert focused.inner_text() == "Skip to main content"
    page.keyboard.press("Enter")
    assert page.url.endswith("#main-content")
    page.close()


def check(browser, paths, viewport, scheme):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="needs axe"
    ).Axe()
    context = browser.new_context(viewport=viewport, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(120_000)
    wrong = []
    for path in paths:
        page.goto(path.as_uri())
        found = axe.run(page).response["violations"]
        name = path.relative_to(SITE).as_posix()
        wrong += [
            (name, one["id"], node["html"]) for one in found for node in one["nodes"]
        ]
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > viewport["width"]:
            wrong.append((name, "wider than the screen", str(width)))
    context.close()
    assert wrong == []


@built
@in_a_browser
def test_pages_of_each_form_can_be_read_by_all(browser):
    check(browser, [SITE / name for name in FORMS], NARROW, "dark")


@pytest.mark.slow
@built
@in_a_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_every_page_can_be_read_by_all(browser, viewport, scheme):
    # Not the page that only leads to the first.
    paths = [path for path in sorted(pages()) if path != SITE / "index.html"]
    check(browser, paths, viewport, scheme)
