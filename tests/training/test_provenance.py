"""What a bundle says of its training: when, with what, how long, how good."""

import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest

import regard
import toy
from regard.bundle import RECORD
from regard.errors import BundleWarning
from regard.kinds import digests_of
from regard.training.provenance import provenance_to_bytes

pytestmark = pytest.mark.backends


def record_of(bundle) -> dict:
    return json.loads((bundle / RECORD).read_bytes())


def test_a_bundle_says_how_it_was_trained(toy_classifier, tmp_path):
    toy_classifier.save(tmp_path / "x.regard")
    said = record_of(tmp_path / "x.regard")
    age = datetime.now(UTC) - datetime.fromisoformat(said["began"])
    assert timedelta(0) <= age < timedelta(days=1)
    assert said["seconds"] >= 0
    assert said["interrupted"] is False
    assert said["versions"]["regard"] == regard.__version__
    assert said["versions"][said["backend"]][0].isdigit()
    assert said["examples"] == {"train": 108, "held_out": 12}
    assert said["parameters"] == toy_classifier.trained.model.count_params()
    assert said["history"] == [each.to_dict() for each in toy_classifier.history]
    assert said["measures"]["accuracy"] == toy_classifier.validation.accuracy
    assert said["command"] == {}


def test_a_translator_says_it_too(toy_translator, tmp_path):
    toy_translator.save(tmp_path / "x.regard")
    said = record_of(tmp_path / "x.regard")
    assert said["parameters"] == toy_translator.trained.model.count_params()
    assert len(said["history"]) == len(toy_translator.history) > 0


def test_one_that_was_loaded_keeps_what_it_came_with(toy_classifier, tmp_path):
    toy_classifier.save(tmp_path / "x.regard")
    before = (tmp_path / "x.regard" / RECORD).read_bytes()
    regard.load(tmp_path / "x.regard").save(tmp_path / "y.regard")
    assert (tmp_path / "y.regard" / RECORD).read_bytes() == before


def test_it_is_no_part_of_which_model_it_is(toy_bundle, tmp_path):
    other = tmp_path / "x.regard"
    shutil.copytree(toy_bundle, other)
    assert RECORD in [each.name for each in other.iterdir()]
    assert RECORD not in digests_of(other)
    (other / RECORD).write_text("{}")
    assert digests_of(other) == digests_of(toy_bundle)
    with pytest.warns(BundleWarning, match="The training.json of"):
        assert regard.load(other).predict([toy.messages(1)[0][0]])


def test_what_is_not_finite_is_nothing():
    said = {"a": float("nan"), "b": [1, float("-inf"), True], "c": {"d": None}}
    stored = json.loads(provenance_to_bytes(said))
    assert stored == {"a": None, "b": [1, None, True], "c": {"d": None}}
