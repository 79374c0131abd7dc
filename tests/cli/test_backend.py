"""JAX, unless the user chose another."""

import json
import os
import subprocess
import sys

import pytest

from regard import _backend
from regard.errors import ArgumentError, BackendError, MissingExtraError
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
    environment = os.environ | {"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": "jax"}
    subprocess.run([sys.executable, "-c", "import keras"], env=environment, check=True)
    assert json.loads((tmp_path / "keras.json").read_text()) == UNTOUCHED


COMMANDS = (
    ["predict", "x.regard", "a text"],
    ["translate", "x.regard", "a text"],
    ["evaluate", "x.regard", "x.csv"],
    ["trust", "x.json"],
    ["train", "classify", "x.csv", "--out", "x.regard"],
    ["legacy", "convert", "x.h5", "--out", "x.keras"],
    ["compare", "copy"],
    ["serve", "x.regard"],
    ["demo"],
)


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("torch", 1, 'Run: pip install "regard[torch]"'),
        ("tensorflow", 1, 'Run: pip install "regard[tensorflow]"'),
        ("foo", 2, "KERAS_BACKEND names a backend that regard does not run on."),
        ("numpy", 2, "Expected: one of 'jax', 'tensorflow', 'torch'."),
    ],
)
def test_a_backend_that_is_not_there_is_said_by_every_command(
    tmp_path, name, code, said
):
    (tmp_path / "x.json").write_text("{}")
    program = f"""
import sys
sys.modules["{name}"] = None  # as if it were not installed
import regard_cli
for command in {COMMANDS!r}:
    try: regard_cli.main(command)
    except SystemExit as left: assert left.code == {code}, (command, left.code)
    else: raise AssertionError(command)
"""
    result = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"KERAS_BACKEND": name},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    assert result.stderr.count(said) == len(COMMANDS)
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


@pytest.fixture
def before_keras(monkeypatch, tmp_path):
    """As in a process that has not imported Keras yet."""
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    return tmp_path


def test_a_backend_of_the_file_is_named_as_such(before_keras):
    (before_keras / "keras.json").write_text('{"backend": "theano"}')
    with pytest.raises(ArgumentError, match=r"keras\.json names .* 'theano'"):
        _backend.check_backend()


def test_a_backend_that_does_not_load_is_said(before_keras, monkeypatch):
    class Broken:
        def find_spec(self, name, *_):
            if name == "keras":
                raise ImportError("libcudart.so is not there")

    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(BackendError, match=r"backend 'jax', which .* libcudart\.so"):
        _backend.check_backend()


def test_a_backend_that_is_missing_names_the_command(before_keras, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setattr(_backend, "_is_installed", lambda _: False)
    with pytest.raises(MissingExtraError, match=r'pip install "regard\[torch\]"'):
        _backend.check_backend()
