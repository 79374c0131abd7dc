"""``regard legacy convert``: prints what it found, asks where it must, writes once."""

import keras
import numpy as np

from old_files import OLD_FILES


def test_a_file_without_configuration_says_what_was_inferred(run, tmp_path):
    old = OLD_FILES / "kaggle_attention" / "keras208_noconfig_model.h5"
    new = tmp_path / "new.keras"
    result = run("legacy", "convert", old, "--out", new)
    assert result.code == 0, result.err
    assert "a whole model, as Keras 2 wrote it; Keras 2.0.8" in result.out
    assert "attention_1: KaggleAttention, 11 weights" in result.out
    assert "inferred: 'attention_1' is a KaggleAttention with bias=True" in result.out
    golden = np.load(old.with_name("keras208_noconfig.npz"))
    context = keras.models.load_model(new)(golden["in.x"])
    np.testing.assert_allclose(context, golden["out.context"], rtol=0, atol=1e-5)
    assert list(tmp_path.iterdir()) == [new]


def test_two_readings_ask_and_write_nothing(run, tmp_path):
    old = OLD_FILES / "attention_with_context" / "kdot_plain_model.h5"
    new = tmp_path / "new.keras"
    result = run("legacy", "convert", old, "--out", new)
    assert result.code == 2
    assert "--variant" in result.err
    assert not new.exists()
    result = run(
        "legacy", "convert", old, "--out", new, "--variant", "kdot", "--modern"
    )
    assert result.code == 0, result.err
    model = keras.models.load_model(new)
    assert type(model.layers[-1]).__name__ == "AttentionPooling"
    golden = np.load(old.with_name("kdot_plain.npz"))
    context = model(golden["in.x"])
    np.testing.assert_allclose(context, golden["out.context"], rtol=0, atol=1e-5)


def test_wrong_use(run, tmp_path):
    old = OLD_FILES / "kaggle_attention" / "plain_model.h5"
    result = run("legacy", "convert", old, "--out", tmp_path / "new.h5")
    assert result.code == 2
    assert ".keras" in result.err
    broken = tmp_path / "broken.h5"
    broken.write_bytes(old.read_bytes()[:900])
    result = run("legacy", "convert", broken, "--out", tmp_path / "new.keras")
    assert result.code == 2
    assert "broken.h5" in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["broken.h5"]
