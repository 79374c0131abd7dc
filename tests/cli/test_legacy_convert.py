"""``regard legacy convert``: prints what it found, asks where it must, writes once."""

import keras
import numpy as np

from old_files import OLD_FILES


def test_a_file_without_configuration_says_what_was_inferred(run, tmp_path):
    old = OLD_FILES / "kaggle_attention" / "keras208_noconfig_model.h5"
    new = tmp_path / "new.keras"
    done = run("legacy", "convert", old, "--out", new)
    assert done.code == 0, done.err
    assert "a whole model, as Keras 2 wrote it; Keras 2.0.8" in done.out
    assert "attention_1: KaggleAttention, 11 weights" in done.out
    assert "inferred: 'attention_1' is a KaggleAttention with bias=True" in done.out
    golden = np.load(old.with_name("keras208_noconfig.npz"))
    found = keras.models.load_model(new)(golden["in.x"])
    np.testing.assert_allclose(found, golden["out.context"], rtol=0, atol=1e-5)
    assert list(tmp_path.iterdir()) == [new]


def test_two_readings_ask_and_write_nothing(run, tmp_path):
    old = OLD_FILES / "attention_with_context" / "kdot_plain_model.h5"
    new = tmp_path / "new.keras"
    done = run("legacy", "convert", old, "--out", new)
    assert done.code == 2
    assert "--variant" in done.err
    assert not new.exists()
    done = run("legacy", "convert", old, "--out", new, "--variant", "kdot", "--modern")
    assert done.code == 0, done.err
    model = keras.models.load_model(new)
    assert type(model.layers[-1]).__name__ == "AttentionPooling"
    golden = np.load(old.with_name("kdot_plain.npz"))
    found = model(golden["in.x"])
    np.testing.assert_allclose(found, golden["out.context"], rtol=0, atol=1e-5)


def test_wrong_use(run, tmp_path):
    old = OLD_FILES / "kaggle_attention" / "plain_model.h5"
    done = run("legacy", "convert", old, "--out", tmp_path / "new.h5")
    assert done.code == 2
    assert ".keras" in done.err
    broken = tmp_path / "broken.h5"
    broken.write_bytes(old.read_bytes()[:900])
    done = run("legacy", "convert", broken, "--out", tmp_path / "new.keras")
    assert done.code == 2
    assert "broken.h5" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["broken.h5"]
