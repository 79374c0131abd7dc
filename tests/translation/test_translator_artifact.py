"""A translator that was saved and loaded is the same; a damaged one is refused."""

import json
import shutil

import keras
import numpy as np
import pytest

import regard
import toy_pairs
from regard.bundle import write_bundle
from regard.bundle.model_file import model_to_bytes
from regard.errors import BundleError
from regard.translation.artifact import KIND
from regard.translation.config import TranslatorConfig

SOURCES, TARGETS = toy_pairs.sentences(4, seed=2)


@pytest.fixture
def copy(toy_translator_bundle, tmp_path):
    path = tmp_path / "copy.regard"
    shutil.copytree(toy_translator_bundle, path)
    return path


@pytest.fixture
def parts(toy_translator):
    return toy_translator.trained.to_parts()


def test_translations_are_equal(toy_translator, toy_translator_bundle):
    loaded = regard.load(toy_translator_bundle)
    assert isinstance(loaded, regard.Translator)
    assert loaded.seed == toy_translator.seed
    assert loaded.trained.config == toy_translator.trained.config
    search = {"beam": 3, "n_best": 2}
    before = toy_translator.translate(SOURCES, **search)
    after = loaded.translate(SOURCES, **search)
    assert [best[0].text for best in after] == TARGETS
    for ones, others in zip(before, after, strict=True):
        for one, other in zip(ones, others, strict=True):
            assert one.text == other.text
            assert one.log_probability == other.log_probability
            np.testing.assert_array_equal(one.alignment, other.alignment)


def test_what_is_loaded_is_saved_the_same(toy_translator_bundle, parts):
    again = regard.load(toy_translator_bundle).trained.to_parts()
    # One that was loaded also has what its bundle said of its training.
    record = (toy_translator_bundle / "training.json").read_bytes()
    assert again.pop("training.json") == record
    assert set(again) == set(parts)
    for name in set(parts) - {"model.keras"}:
        assert again[name] == parts[name]


def test_a_bundle_is_replaced_as_a_whole(toy_translator, copy):
    (copy / "config.json").write_text("{}")
    toy_translator.save(copy)
    assert regard.load(copy).trained.config == toy_translator.trained.config
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]


@pytest.mark.parametrize(
    "part", ["model.keras", "config.json", "source.json", "target.json"]
)
def test_damage_is_named(copy, part):
    path = copy / part
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BundleError, match=rf"{part}.*not what was saved"):
        regard.load(copy)
    path.unlink()
    with pytest.raises(BundleError, match=part):
        regard.load(copy)


def changed(parts, name, change):
    content = json.loads(parts[name])
    change(content)
    return parts | {name: json.dumps(content).encode()}


@pytest.mark.parametrize(
    ("name", "change", "match"),
    [
        ("config.json", lambda stored: stored.pop("seed"), "'seed' and 'settings'"),
        ("config.json", lambda stored: stored["settings"].update(units=0), "'units'"),
        (
            "config.json",
            lambda stored: stored["settings"].update(odd=0),
            "no setting 'odd'.*Update",
        ),
        ("source.json", lambda stored: stored.clear(), "source.json"),
    ],
)
def test_parts_that_make_no_sense(tmp_path, parts, name, change, match):
    path = tmp_path / "odd.regard"
    write_bundle(path, KIND, changed(parts, name, change))
    with pytest.raises(BundleError, match=match) as caught:
        regard.load(path)
    assert name in str(caught.value)


def test_a_setting_that_an_older_release_did_not_have(tmp_path, parts):
    path = tmp_path / "older.regard"
    older = changed(
        parts, "config.json", lambda stored: stored["settings"].pop("clip_norm")
    )
    write_bundle(path, KIND, older)
    settings = regard.load(path).trained.config
    assert settings.clip_norm == TranslatorConfig().clip_norm
    assert settings.units == toy_pairs.SETTINGS["units"]


def test_a_model_that_does_not_fit_the_vocabularies(tmp_path, parts):
    path = tmp_path / "odd.regard"
    other = regard.text.SequenceVocabulary.train(["a b c"])
    write_bundle(path, KIND, parts | {"target.json": other.to_json().encode()})
    with pytest.raises(BundleError, match=r"10 and 7 symbols.*10 and 10"):
        regard.load(path)


def test_another_model(tmp_path, parts):
    path = tmp_path / "odd.regard"
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    write_bundle(path, KIND, parts | {"model.keras": model_to_bytes(model)})
    with pytest.raises(BundleError, match="names a class that is not loaded"):
        regard.load(path)
