"""Reports that travel with their model: bound to it, whole or refused."""

import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import planted
import pytest

import regard
import toy
from regard.bundle.trust_part import sealed
from regard.errors import ArgumentError, BundleError, BundleWarning, DataError
from regard.trust import TrustReport, Verdict, attach, examine_subject

pytestmark = pytest.mark.backends


@pytest.fixture(scope="module")
def report():
    """A report on some model."""
    subject = planted.plant("good", count=60, seed=1)
    return examine_subject(subject, n=55, seed=4, data="reviews.csv", model="ab12")


@pytest.fixture
def bundle(toy_bundle, tmp_path):
    return shutil.copytree(toy_bundle, tmp_path / "copy.regard")


def about(report, bundle):
    """The report as if it were on the model of a bundle."""
    model = (bundle / "model.keras").read_bytes()
    return replace(report, model=hashlib.sha256(model).hexdigest())


def contents(folder):
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def vouch(bundle, content):
    """Put a part there as a forger would, or a disk that fails."""
    (bundle / "trust.json").write_bytes(content)
    manifest = json.loads((bundle / "manifest.json").read_text())
    digest = hashlib.sha256(content).hexdigest()
    manifest["parts"]["trust.json"] = {"size": len(content), "sha256": digest}
    (bundle / "manifest.json").write_text(json.dumps(manifest))


def test_a_bundle_shows_its_report_and_is_else_what_it_was(report, bundle, tmp_path):
    before = contents(bundle)
    attach(about(report, bundle), bundle)
    after = contents(bundle)
    assert set(after) == {*before, "trust.json"}
    for each in (before, after):
        del each["README.md"]
    manifests = [json.loads(each.pop("manifest.json")) for each in (before, after)]
    assert manifests[1]["parts"].pop("trust.json")
    for each in manifests:
        del each["parts"]["README.md"]
    assert manifests[0] == manifests[1]
    after.pop("trust.json")
    assert before == after
    assert [each.name for each in tmp_path.iterdir()] == ["copy.regard"]

    classifier = regard.load(bundle)
    why = classifier.explain("where is my refund")
    assert why.trust == classifier.trust == report.line
    low, high = (round(100 * end) for end in _ends(report.gates["words"].interval))
    assert f"[{low}, {high}] of the best order" in why.trust.sentence
    assert why.trust.sentence.endswith("55 texts of reviews.csv")
    assert not why.trust.is_misleading
    # In the place of the one that is there.
    worse = replace(about(report, bundle), verdict=Verdict.MISLEADS)
    attach(worse, bundle)
    assert regard.load(bundle).trust.is_misleading
    assert TrustReport.load(bundle) == worse


def _ends(interval):
    return interval.low, interval.high


def test_saved_again_it_stays_and_trained_again_it_goes(report, bundle, tmp_path):
    attach(about(report, bundle), bundle)
    classifier = regard.load(bundle)
    classifier.save(tmp_path / "again.regard")
    again = regard.load(tmp_path / "again.regard")
    assert again.trust == report.line
    stored = TrustReport.load(tmp_path / "again.regard")
    assert stored == about(report, tmp_path / "again.regard")
    again.fit(*toy.messages(30), epochs=1, validation_split=0)
    assert again.trust is None
    assert again.explain("a refund").trust is None


def test_a_report_on_another_model_is_refused_and_not_used(report, bundle):
    before = contents(bundle)
    with pytest.raises(ArgumentError, match="another model"):
        attach(report, bundle)
    assert contents(bundle) == before
    vouch(bundle, json.dumps(report.to_dict()).encode())
    with pytest.warns(BundleWarning, match=r"another model.*--save") as said:
        classifier = regard.load(bundle)
    assert [each.category for each in said].count(BundleWarning) == 1
    with pytest.raises(BundleError, match=r"another model.*regard trust .* --save"):
        TrustReport.load(bundle)
    assert classifier.trust is None
    assert classifier.explain("a refund").trust is None


def newer(report):
    return sealed({**report.to_dict(), "schema": 99})


def retouched(report):
    """With a better verdict, as one would like it."""
    return {**report.to_dict(), "verdict": "explains", "best": "attention"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"null",
        b"[" * 100_000,
        b'{"model": 3, "line": {}}',
        b'{"model": "", "line": []}',
        b'{"model": "", "line": {"verdict": 1, "sentence": "", "is_misleading": true}}',
        b'{"model": "", "line": {"verdict": "", "sentence": "", "is_misleading": 1}}',
        newer,
        retouched,
    ],
)
def test_a_bundle_with_a_report_that_is_none_is_used_without(report, bundle, content):
    if not isinstance(content, bytes):
        bad = replace(about(report, bundle), verdict=Verdict.MISLEADS)
        content = json.dumps(content(bad)).encode()
    vouch(bundle, content)
    with pytest.warns(BundleWarning, match=r"trust\.json.*--save") as said:
        classifier = regard.load(bundle)
    assert [each.category for each in said].count(BundleWarning) == 1
    assert classifier.trust is None
    assert classifier.explain("a refund").label
    with pytest.raises(BundleError, match=r"trust\.json"):
        TrustReport.load(bundle)
    # As the warning says.
    attach(about(report, bundle), bundle)
    assert regard.load(bundle).trust == report.line


def test_a_bundle_without_a_report_has_none_to_load(bundle):
    with pytest.raises(BundleError, match="no such part"):
        TrustReport.load(bundle)


@pytest.mark.parametrize("cut", [0, 100, None])
def test_a_damaged_report_takes_nothing_else_with_it(report, bundle, cut):
    attach(about(report, bundle), bundle)
    file = bundle / "trust.json"
    content = file.read_bytes()
    if cut is None:
        file.unlink()
    else:
        file.write_bytes(content[:cut] or content.replace(b"explains", b"explodes"))
    with pytest.warns(BundleWarning, match=r"trust\.json.*not used.*--save"):
        classifier = regard.load(bundle)
    assert classifier.trust is None
    attach(about(report, bundle), bundle)
    assert regard.load(bundle).trust == report.line


def test_a_damaged_card_takes_nothing_with_it_and_is_not_vouched_for(report, bundle):
    (bundle / "README.md").write_text("Buy this model.")
    with pytest.warns(BundleWarning, match=r"README\.md.*not used"):
        regard.load(bundle)
    attach(about(report, bundle), bundle)
    assert not (bundle / "README.md").exists()
    assert regard.load(bundle).trust == report.line


def test_the_card_says_what_was_found(report, bundle, tmp_path):
    card = bundle / "README.md"
    before = card.read_text("utf-8")
    assert "not why it decided" in before
    named = replace(about(report, bundle), data="# reviews\n*.csv")
    attach(named, bundle)
    after = card.read_text("utf-8")
    assert "not why it decided" not in after
    assert f"    {' '.join(named.line.sentence.split())}.\n" in after
    # Saved again it stays, and without the report it says what it said.
    classifier = regard.load(bundle)
    classifier.save(tmp_path / "again.regard")
    assert (tmp_path / "again.regard" / "README.md").read_text("utf-8") == after
    (bundle / "trust.json").unlink()
    with pytest.warns(BundleWarning):
        regard.load(bundle).save(tmp_path / "without.regard")
    assert (tmp_path / "without.regard" / "README.md").read_text("utf-8") == before


def test_a_model_that_was_changed_loses_its_line(report, bundle, tmp_path):
    attach(about(report, bundle), bundle)
    classifier = regard.load(bundle)
    trained = classifier.trained
    own = trained.identity.hash
    assert own == about(report, bundle).model
    # Keras itself gives the variables other arrays of the same numbers.
    trained.model.predict(trained.reader.read(["a refund"])[0].ids[None], verbose=0)
    assert classifier.trust == report.line
    kernel = max(trained.model.trainable_variables, key=lambda each: each.shape[-1])
    was = np.array(kernel)
    kernel.assign(was + 1)
    assert trained.identity.hash != own
    with pytest.warns(BundleWarning, match="weights of the model were changed"):
        assert classifier.trust is None
    with pytest.warns(BundleWarning, match="changed"):
        assert classifier.explain("a refund").trust is None
    with pytest.warns(BundleWarning, match="changed"):
        classifier.save(tmp_path / "changed.regard")
    assert regard.load(tmp_path / "changed.regard").trust is None
    with pytest.raises(ArgumentError, match="another model"):
        attach(about(report, bundle), classifier)
    kernel.assign(was)
    assert classifier.trust == report.line


def test_a_report_that_was_edited_is_refused(report, tmp_path):
    file = tmp_path / "report.json"
    report.save(file)
    content = file.read_text("utf-8")
    # Written anew by another program it is the same report.
    spaced = json.dumps(json.loads(content), indent=4, sort_keys=True)
    file.write_text(spaced.replace(": 0.0,", ": 0,"), "utf-8")
    assert TrustReport.load(file) == report
    assert '"texts": 55' in content
    for old, new in (('"texts": 55', '"texts": 5500'), ("reviews.csv", "all.csv")):
        file.write_text(content.replace(old, new), "utf-8")
        with pytest.raises(DataError, match="changed after it was made"):
            TrustReport.load(file)


def test_other_files_are_not_lost(report, bundle):
    (bundle / "notes.txt").write_text("mine")
    before = contents(bundle)
    with pytest.raises(ArgumentError, match=r"notes\.txt"):
        attach(about(report, bundle), bundle)
    assert contents(bundle) == before


def test_a_model_in_memory_takes_its_report_along(report, toy_classifier, tmp_path):
    classifier = regard.TextClassifier.of(toy_classifier.trained)
    texts, _ = toy.messages(4, seed=1)
    with pytest.raises(ArgumentError, match="another model"):
        attach(report, classifier)
    own = regard.trust.examine(classifier, texts, n=4)
    attach(own, classifier)
    assert classifier.trust == own.line
    assert classifier.trust.sentence == "cannot tell: 4 texts"
    assert toy_classifier.trust is None
    # What was compiled is shared, and answers are the same.
    assert classifier.trained.predictor is toy_classifier.trained.predictor
    classifier.save(tmp_path / "own.regard")
    assert regard.load(tmp_path / "own.regard").trust == own.line


def test_a_translator_shows_its_report(report, toy_translator_bundle, tmp_path):
    bundle = shutil.copytree(toy_translator_bundle, tmp_path / "copy.regard")
    attach(about(replace(report, verdict=Verdict.NOT_THE_WEIGHTS), bundle), bundle)
    translator = regard.load(bundle)
    assert translator.trust.is_misleading
    translator.save(tmp_path / "again.regard")
    again = regard.load(tmp_path / "again.regard")
    aligned = again.align(["a"], ["b"])[0]
    assert aligned.trust == translator.trust
    np.testing.assert_array_equal(aligned.to_dict()["trust"]["is_misleading"], True)
