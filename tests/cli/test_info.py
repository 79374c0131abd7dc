"""``regard info``: what a model is, without loading it."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import keras
import numpy as np
import pytest

import regard
from regard.bundle.inspection import inspect
from regard.errors import DataError

OLD = Path(__file__).parents[1] / "data" / "bundles" / "0.1.0"
CLASSIFIER, TRANSLATOR = OLD / "text-classifier.regard", OLD / "translator.regard"


@pytest.fixture
def trained(toy_classifier, tmp_path):
    path = tmp_path / "x.regard"
    toy_classifier.save(path)
    return path


def test_a_classifier_says_what_it_is(run, trained, toy_classifier):
    result = run("info", trained)
    assert (result.code, result.err) == (0, "")
    parameters = toy_classifier.trained.model.count_params()
    for said in (
        f"{trained}\n  kind            text-classifier, saved with regard ",
        f"  parameters      {parameters:,} in ",
        "  attention       attention (regard, AttentionPooling)",
        "  3 labels        account, billing, delivery",
        f" s on {keras.backend.backend()} ",
        "  examples        108, and 12 held out",
        "  settings        max_length=16, subwords=3,",
        "  by the data     ",
        "  held out        accuracy ",
        "  the weights     not examined: regard trust BUNDLE DATA --save",
    ):
        assert said in result.out
    manifest = json.loads((trained / "manifest.json").read_text("utf-8"))
    assert all(part["sha256"] in result.out for part in manifest["parts"].values())


def test_what_its_author_says_is_told(run, toy_classifier, tmp_path):
    path = tmp_path / "x.regard"
    toy_classifier.save(path)
    loaded = regard.load(path)
    loaded.describe("Sorts messages.", examples=["my parcel\nis lost"])
    loaded.save(path)
    said = run("info", path).out
    assert "  description     Sorts messages.\n" in said
    assert "  example         my parcel\\nis lost\n" in said


def test_as_json_all_of_it(run, trained):
    result = run("info", "--json", trained, TRANSLATOR)
    classifier, translator = map(json.loads, result.out.splitlines())
    assert classifier["training_settings"]["settings"]["max_length"] == 16
    assert classifier["training"]["examples"] == {"train": 108, "held_out": 12}
    assert classifier["problems"] == translator["problems"] == []
    assert translator["kind"] == "translator"
    assert translator["model"]["parameters"] == 18_323


def test_bundles_of_earlier_releases_say_less(run):
    result = run("info", CLASSIFIER)
    assert result.code == 0
    assert "  settings        max_length=16, " in result.out
    assert "trained" not in result.out.replace("not trained", "")


def test_keras_and_its_library_for_hdf5_are_not_loaded(tmp_path):
    code = (
        "import sys, regard_cli\n"
        f"regard_cli.main(['info', {str(CLASSIFIER)!r}])\n"
        "names = {name.split('.')[0] for name in sys.modules}\n"
        "assert not names & {'keras', 'jax', 'h5py', 'tokenizers', 'regard', 'scipy'}\n"
        # What comes later in the process finds the package whole.
        "import regard\n"
        "assert regard.layers.GRU and regard.errors.DataError\n"
    )
    # The command leaves with an exit code of its own.
    code = code.replace("regard_cli.main", "try: regard_cli.main", 1).replace(
        "\nnames", "\nexcept SystemExit: pass\nnames", 1
    )
    process = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert "text-classifier" in process.stdout


def test_what_was_found_of_the_weights_is_told(run, trained, tmp_path):
    line = {"verdict": "explains", "sentence": "They explain", "is_misleading": False}
    from regard.bundle.trust_part import attach_trust, sealed
    from regard.kinds import digests_of

    model = digests_of(trained)["model.keras"]
    attach_trust(trained, sealed({"schema": 3, "line": line, "model": model}))
    assert "  the weights     They explain\n" in run("info", trained).out
    # Of another model it says nothing.
    stored = (trained / "trust.json").read_text("utf-8").replace(model, "0" * 64)
    assert inspect(trained).content["trust"]["verdict"] == "explains"
    (trained / "trust.json").write_text(stored)
    result = run("info", trained)
    assert result.code == 2
    assert "  damaged: trust.json: its content is not what was saved" in result.out


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: (path / "labels.json").unlink(), "labels.json: No such file"),
        (
            lambda path: (path / "model.keras").write_bytes(b"PK\3\4"),
            "model.keras: it has 4 bytes instead of ",
        ),
        (
            lambda path: (path / "config.json").write_text("[" * 9),
            "config.json: it has 9 bytes",
        ),
        (lambda path: (path / "manifest.json").write_text("{"), "manifest.json: it is"),
    ],
)
def test_a_damaged_bundle_says_what_is_damaged(run, trained, damage, said):
    damage(trained)
    result = run("info", trained)
    assert result.code == 2
    assert f"  damaged: {said}" in result.out
    assert json.loads(run("info", "--json", trained).out)["problems"]


def test_what_the_manifest_vouches_for_may_be_nonsense(run, trained):
    from regard.bundle.bundle import replace_parts

    wrong = dict.fromkeys(("model.keras", "config.json", "labels.json"), b"[]")
    wrong["training.json"] = b"\xff"
    replace_parts(trained, wrong)
    result = run("info", trained)
    assert result.code == 2
    for name in wrong:
        assert f"  damaged: {name}: " in result.out
    # Values of other types than ours are no reason to fail.
    odd = b'{"settings": {"a": null}, "chosen": {"b": [1]}, "seed": {}}'
    told = b'{"began": 3, "history": 1, "command": [1], "seconds": "x", "examples": 0,'
    told += b'"backend": {},'
    told += b'"versions": [], "measures": [1]}'
    label = {"labels": ["a\x1b[2J\nb", 3]}
    labels = json.dumps(label).encode()
    parts = {"config.json": odd, "training.json": told, "labels.json": labels}
    replace_parts(trained, parts)
    said = run("info", trained).out
    assert "at an unknown date" in said
    assert "  2 labels        a\\x1b[2J\\nb, 3\n" in said
    assert run("info", "--toml", trained).code == 2  # the model is still damaged


def test_files_of_keras(run, tmp_path):
    tokens = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(50, 8, mask_zero=True)(tokens)
    x = keras.layers.MultiHeadAttention(2, 4, name="own")(x, x)
    x = regard.layers.AttentionPooling(name="ours")(x)
    model = keras.Model(tokens, keras.layers.Dense(2)(x))
    model.compile("adam", "mse")
    model.train_on_batch(np.ones((2, 3), "int32"), np.ones((2, 2)))
    model.save(tmp_path / "m.keras")
    model.save_weights(tmp_path / "m.weights.h5")
    model.save(tmp_path / "m.h5")
    for name in ("m.keras", "m.weights.h5", "m.h5"):
        result = run("info", tmp_path / name)
        assert result.code == 0, result.err
        assert f"parameters      {model.count_params()} in " in result.out
    attention = inspect(tmp_path / "m.keras").content["model"]["attention"]
    assert [(each["name"], each["library"]) for each in attention] == [
        ("own", "keras"),
        ("ours", "regard"),
    ]
    cut = tmp_path / "cut.keras"
    cut.write_bytes((tmp_path / "m.keras").read_bytes()[:-200])
    result = run("info", cut)
    assert result.code == 2
    assert "damaged: it is no whole archive" in result.out


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read: No such file"), (b"\x80\x04.", "is no trained model")],
)
def test_what_is_no_model(run, tmp_path, content, said):
    path = tmp_path / "x"
    if content is not None:
        path.write_bytes(content)
    result = run("info", path)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    with pytest.raises(DataError, match=said):
        inspect(path)
    (tmp_path / "folder").mkdir()
    result = run("info", tmp_path / "folder")
    assert result.code == 2
    assert "is no bundle: it has no manifest.json" in result.err


def test_as_toml_the_file_that_repeats_the_training(run, toy_classifier, tmp_path):
    path = tmp_path / "x.regard"
    told = {"command": "train classify", "data": "a.csv"}
    # It is a setting, too, and stands there once.
    toy_classifier.command = {**told, "epochs": 6}
    try:
        toy_classifier.save(path)
    finally:
        toy_classifier.command = {}
    result = run("info", "--toml", path)
    assert result.code == 0
    told = tomllib.loads(result.out)
    assert told.pop("settings") == toy_classifier.settings
    assert told == {"command": "train classify", "data": "a.csv", "seed": 0}
    of_python = run("info", "--toml", CLASSIFIER).out
    assert of_python.startswith("# Repeats the training of ")
    assert "say where the data are" in of_python
    assert "command" not in tomllib.loads(of_python)
    assert run("info", "--toml", path, path).code == 2
    assert run("info", "--toml", "--json", path).code == 2
    (path / "config.json").unlink()
    assert "does not say how it was trained" in run("info", "--toml", path).err


def test_a_translator_says_its_loss(run, toy_translator, tmp_path):
    toy_translator.save(tmp_path / "x.regard")
    best = min(toy_translator.validation_loss)
    epoch = toy_translator.validation_loss.index(best) + 1
    said = run("info", tmp_path / "x.regard").out
    assert f"  held out        loss {best:.4f} after epoch {epoch}\n" in said


def test_other_files_in_a_bundle_are_told(run, tmp_path):
    path = Path(shutil.copytree(CLASSIFIER, tmp_path / "x.regard"))
    (path / "notes.txt").touch()
    (path / ".DS_Store").touch()
    assert "  no part of it   notes.txt\n" in run("info", path).out


def test_numbers_that_nobody_can_print_and_commands_that_are_none(run, trained):
    from regard.bundle.bundle import replace_parts

    huge = "1" + 400 * "0"
    told = f'{{"began": "2026-01-01", "seconds": 1e999, "measures": {{"loss": {huge}}},'
    told += '"command": {"command": "train classify\\ndata = 1"}}'
    replace_parts(trained, {"training.json": told.encode()})
    assert "some time" in run("info", trained).out
    assert "data" not in tomllib.loads(run("info", "--toml", trained).out)


def test_a_report_of_no_model(run, trained, tmp_path):
    from regard.bundle.bundle import write_bundle

    parts = {"labels.json": b"{}", "trust.json": b"{}"}
    write_bundle(tmp_path / "odd.regard", "text-classifier", parts)
    result = run("info", tmp_path / "odd.regard")
    assert result.code == 2
    assert "damaged: trust.json: there is no model that it could be of" in result.out
