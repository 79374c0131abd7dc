"""What a bundle says of its model, and that it says nothing that nobody chose."""

import copy
import hashlib
import json
import pickle
from pathlib import Path

import pytest

import regard
from regard.bundle import ABOUT, About
from regard.errors import ArgumentError, BundleWarning, RegardError
from regard.kinds import digests_of

BUNDLES = Path(__file__).resolve().parents[1] / "data" / "bundles" / "0.1.0"
MODELS = ["toy_classifier", "toy_translator"]
# What would be a heading, a tag, or turn what follows around.
DESCRIPTION = "Which team a message is for.\n# no <b>heading</b> \u202e 日本 عربي"
EXAMPLES = ("my refund\nis late", "```", "\u2067عربي")


@pytest.fixture(params=MODELS)
def model(request):
    """A trained model of one's own to describe."""
    trained = request.getfixturevalue(request.param)
    return type(trained).of(trained.trained)


def stored(path):
    return json.loads((path / ABOUT).read_text("utf-8"))


def forge(path, content):
    """Change what is said, and vouch for it."""
    (path / ABOUT).write_bytes(content)
    manifest = json.loads((path / "manifest.json").read_text())
    digest = hashlib.sha256(content).hexdigest()
    manifest["parts"][ABOUT] = {"size": len(content), "sha256": digest}
    (path / "manifest.json").write_text(json.dumps(manifest))


def test_no_text_is_stored_that_nobody_named(model, tmp_path):
    model.save(tmp_path / "model.regard")
    assert not (tmp_path / "model.regard" / ABOUT).exists()
    assert regard.load(tmp_path / "model.regard").about == About()


def test_what_is_said_stays_with_the_model(model, tmp_path):
    first, again = tmp_path / "a.regard", tmp_path / "b.regard"
    model.save(first, description=DESCRIPTION, examples=EXAMPLES)
    loaded = regard.load(first)
    assert loaded.about == model.about
    assert loaded.about.description == DESCRIPTION
    assert loaded.about.examples == EXAMPLES
    loaded.save(again)
    assert stored(again) == stored(first)
    for same in (copy.deepcopy(loaded), pickle.loads(pickle.dumps(loaded))):  # noqa: S301 - our own
        assert same.about == loaded.about
    # One is said anew, the other stays; and both can be taken back.
    loaded.save(again, description="Another.")
    assert stored(again) == {**stored(first), "description": "Another."}
    loaded.save(again, description="", examples=())
    assert not (again / ABOUT).exists()


def test_it_is_no_part_of_what_answers_depend_on(model, tmp_path):
    model.save(tmp_path / "a.regard", description="Some.")
    before = digests_of(tmp_path / "a.regard")
    forge(tmp_path / "a.regard", About("Else.").parts()[ABOUT])
    assert digests_of(tmp_path / "a.regard") == before


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"description": 3}, "'description'"),
        ({"description": "a" * 2_001}, "2,000 characters"),
        ({"description": "a\0b"}, "U\\+0000"),
        ({"examples": "one text"}, "a list of texts"),
        ({"examples": ["a"] * 13}, "12 at most"),
        ({"examples": ["a", " "]}, "none of them empty"),
        ({"examples": ["a", None]}, "none of them empty"),
        ({"examples": ["a" * 2_001]}, "2,000 characters"),
        ({"examples": ["half \ud83d"]}, "U\\+D83D"),
    ],
)
def test_what_a_bundle_cannot_have_is_refused(toy_classifier, tmp_path, said, words):
    about = toy_classifier.about
    with pytest.raises(ArgumentError, match=words):
        toy_classifier.save(tmp_path / "a.regard", **said)
    assert not (tmp_path / "a.regard").exists()
    assert toy_classifier.about == about


@pytest.mark.parametrize(
    "content",
    [
        b"no json",
        b"[]",
        b"{}",
        b'{"description": "", "examples": null}',
        b'{"description": 1, "examples": []}',
        b'{"description": "\\u0000", "examples": []}',
        b'{"description": "\\ud800", "examples": []}',
        b'{"description": "", "examples": [1]}',
        b'{"description": "", "examples": [%s"a"]}' % (b'"a",' * 12),
        b'{"description": "%s", "examples": []}' % (b"a" * 2_001),
    ],
)
def test_a_forged_one_is_not_used_and_the_model_is(toy_bundle, tmp_path, content):
    path = tmp_path / "copy.regard"
    regard.load(toy_bundle).save(path, description="Some.")
    forge(path, content)
    with pytest.warns(BundleWarning, match=r"about.json of .* is not used: "):
        loaded = regard.load(path)
    assert loaded.about == About()
    assert loaded.predict(["my refund"])


def test_a_damaged_one_is_not_used(toy_bundle, tmp_path):
    path = tmp_path / "copy.regard"
    regard.load(toy_bundle).save(path, description="Some.")
    (path / ABOUT).write_bytes(b"{")
    with pytest.warns(BundleWarning, match=r"about.json of .* is not used: "):
        assert regard.load(path).about == About()


@pytest.mark.parametrize("name", ["text-classifier", "translator"])
def test_a_bundle_of_an_earlier_release_says_nothing(name):
    assert regard.load(BUNDLES / f"{name}.regard").about == About()


def test_the_card_quotes_what_was_said(toy_classifier, tmp_path):
    model = type(toy_classifier).of(toy_classifier.trained)
    model.history, path = toy_classifier.history, tmp_path / "a.regard"
    model.save(path, description=DESCRIPTION, examples=EXAMPLES)
    card = (path / "README.md").read_text("utf-8")
    # As code, whatever it is.
    assert "    # no <b>heading</b>" in card
    assert '    "my refund\\nis late"' in card
    assert [line for line in card.splitlines() if line.startswith("#")] == [
        "# Text classifier",
        "## Labels",
        "## How good it is",
        "## About",
        "## What the weights are",
    ]
    loaded = regard.load(path)
    loaded.save(path)
    assert (path / "README.md").read_text("utf-8") == card
    loaded.save(path, description="", examples=())
    assert "heading" not in (path / "README.md").read_text("utf-8")


def test_nothing_is_said_of_a_model_that_was_not_trained():
    with pytest.raises(RegardError, match="was not trained yet"):
        regard.TextClassifier().describe("A model.")
