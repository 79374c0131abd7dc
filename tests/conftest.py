"""Fixtures that every test may use."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

# Set before anything imports Keras; the suite is run once for each backend.
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Commands keep compiled programs in the user's cache directory; tests do not.
os.environ.setdefault("REGARD_NO_COMPILATION_CACHE", "1")
# Products are those of every processor, wherever the suite runs.
os.environ.setdefault("REGARD_PRODUCTS", "float32")
# And they let their process keep the memory it frees, which other tests share.
os.environ.setdefault("MALLOC_ARENA_MAX", "8")
# JAX keeps what it compiles as long as a run lasts: its workers, and the processes that
# tests start, compile each program once between them.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    _programs = tempfile.TemporaryDirectory(prefix="regard-tests-")
    os.environ["JAX_COMPILATION_CACHE_DIR"] = _programs.name
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

import pytest
from hypothesis import settings

import shapes

# Before anything imports the package.
shapes.install()

ROOT = Path(__file__).resolve().parents[1]

settings.register_profile("regard", deadline=None, derandomize=True, max_examples=25)
settings.load_profile("regard")


@pytest.fixture(autouse=True, scope="session")
def _interrupts():
    """Interrupts reach the tests also where a shell started them in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("real data is not here: ../shared/data does not exist")
    return folder


# Of one module: while it lives, nothing else may run an event loop.
@pytest.fixture(scope="module")
def browser():
    """Chromium, for tests of pages."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        pytest.skip("needs Chromium")
    with sync_api.sync_playwright() as playwright:
        # As root, as in containers, there is no sandbox.
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def toy_classifier():
    """A trained text classifier; the problem it solves is in ``toy``."""
    import regard
    import toy

    return regard.TextClassifier(seed=0, **toy.SETTINGS).fit(*toy.messages(120))


@pytest.fixture(scope="session")
def toy_bundle(toy_classifier, tmp_path_factory) -> Path:
    """The bundle of ``toy_classifier``; tests copy it before they damage it."""
    path = tmp_path_factory.mktemp("bundles") / "toy.regard"
    toy_classifier.save(path)
    return path


@pytest.fixture(scope="session")
def toy_translator():
    """A trained translator; the problem it solves is in ``toy_pairs``."""
    import regard
    import toy_pairs
    from light_compilation import light_compilation

    translator = regard.Translator(seed=0, **toy_pairs.SETTINGS)
    with light_compilation():
        return translator.fit(*toy_pairs.sentences(900), validation_split=0.04)


@pytest.fixture(scope="session")
def toy_translator_bundle(toy_translator, tmp_path_factory) -> Path:
    """The bundle of ``toy_translator``; tests copy it before they damage it."""
    path = tmp_path_factory.mktemp("bundles") / "toy-translator.regard"
    toy_translator.save(path)
    return path
