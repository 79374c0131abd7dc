"""JAX, unless the user chose another."""

import json
import os

import pytest

from regard_cli.environment import choose_backend

# As Keras 3.15 writes it on its first import.
UNTOUCHED = {
    "floatx": "float32",
    "epsilon": 1e-07,
    "backend": "tensorflow",
    "image_data_format": "channels_last",
}


@pytest.fixture
def chosen(monkeypatch, tmp_path):
    def chosen(file=None, variable=None):
        monkeypatch.setenv("KERAS_HOME", str(tmp_path))
        monkeypatch.setenv("KERAS_BACKEND", variable or "")
        if file is not None:
            (tmp_path / "keras.json").write_text(file)
        choose_backend()
        return os.environ["KERAS_BACKEND"] or None

    return chosen


def test_nothing_chosen(chosen):
    assert chosen() == "jax"


def test_the_file_that_keras_writes_itself_is_no_choice(chosen):
    assert chosen(json.dumps(UNTOUCHED, indent=4)) == "jax"


@pytest.mark.parametrize("file", ["{", "[]", '{"floatx": "float32"}'])
def test_a_file_that_chooses_no_backend(chosen, file):
    assert chosen(file) == "jax"


@pytest.mark.parametrize(
    "config",
    [UNTOUCHED | {"backend": "torch"}, UNTOUCHED | {"epsilon": 1e-6}],
)
def test_an_edited_file_is_a_choice(chosen, config):
    assert chosen(json.dumps(config)) is None


def test_the_variable_is_a_choice(chosen):
    assert chosen(variable="tensorflow") == "tensorflow"


def test_keras_still_writes_that_file(tmp_path):
    """When a later Keras writes another, the rule above has to follow."""
    import subprocess
    import sys

    environment = os.environ | {"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": "jax"}
    subprocess.run([sys.executable, "-c", "import keras"], env=environment, check=True)
    assert json.loads((tmp_path / "keras.json").read_text()) == UNTOUCHED
