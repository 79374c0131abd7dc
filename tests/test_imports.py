"""Importing is light, and imports point one way."""

import ast
import importlib
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import regard

SOURCE = Path(regard.__file__).parent

# Lower may not import higher; the number is the storey.
STOREYS = {
    "_version": 0,
    "_backend": 0,
    "_compat": 0,
    "_typing": 0,
    "errors": -1,
    "_files": 1,
    "_frames": 1,
    "_batch_source": 2,
    "_lock": 1,
    "_label_values": 1,
    "_untrusted": 1,
    "_hdf5": 2,
    "_validate": 1,
    "runtime": 1,
    "types": 1,
    "ops": 2,
    "metrics": 2,
    "plot": 2,
    "layers": 3,
    "text": 3,
    "data": 3,
    "tasks": 3,
    "bundle": 3,
    "inference": 3,
    "legacy": 4,
    "observation": 4,
    "training": 6,
    "decoding": 6,
    "classification": 7,
    "translation": 7,
    "comparison": 8,
    "explain": 8,
    "exports": 11,
    "trust": 9,
    "kinds": 10,
    "scale": 11,
    "serve": 11,
}
# In a notebook a result shows itself: what draws it is looked up when it is shown.
UPWARDS = {("types", "plot")}
# Results, and what an argument and a label are.
PLOT_MAY_KNOW = {"plot", "types", "errors", "_files", "_validate", "_label_values"}


def modules() -> list[Path]:
    """Every module with a storey: those of folders, and those at the root."""
    surface = {SOURCE / "__init__.py", SOURCE / "__main__.py"}
    return sorted(path for path in SOURCE.rglob("*.py") if path not in surface)


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_names(tree: ast.AST) -> Iterator[str]:
    """The names that are imported, inside functions and at run time too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        # A whole string that is a dotted name, or the beginning of an f-string.
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from re.findall(
                r"^(?:regard|regard_cli)(?:\.\w+)+(?=\.?$)", node.value
            )


def imported_rooms(code: str) -> set[str]:
    """The rooms of the package that a module imports, whenever it does."""
    parts = [name.split(".") for name in imported_names(ast.parse(code))]
    assert all(part[0] != "regard_cli" for part in parts), "the command line is above"
    rooms = {part[1] for part in parts if part[0] == "regard" and part[1:]}
    return {room for room in rooms if (SOURCE / room).is_dir() or room in STOREYS}


@pytest.mark.parametrize(
    "path", modules(), ids=lambda path: str(path.relative_to(SOURCE))
)
def test_imports_point_one_way(path):
    room = room_of(path)
    for other in imported_rooms(path.read_text("utf-8")) - {room}:
        if room == "plot":
            assert other in PLOT_MAY_KNOW
        assert STOREYS[other] < STOREYS[room] or (room, other) in UPWARDS, (
            f"{room} may not import {other}"
        )


@pytest.mark.parametrize(
    "code",
    [
        "import regard.serve.app",
        "from regard import serve",
        "def late():\n    from regard.serve import app",
        "importlib.import_module('regard.serve')",
        "importlib.import_module(f'regard.serve.{name}')",
    ],
)
def test_the_same_check_sees_each_way_to_import(code):
    assert imported_rooms(code) == {"serve"}


def test_every_room_has_its_storey_and_every_storey_its_room():
    assert {room_of(path) for path in modules()} == set(STOREYS)


def fresh(code: str, **environment: str | None) -> str:
    """Run code in a fresh interpreter; a variable set to None is removed."""
    merged = os.environ | {key: value or "" for key, value in environment.items()}
    for key, value in environment.items():
        if value is None:
            del merged[key]
    process = subprocess.run(
        [sys.executable, "-c", code],
        env=merged,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


def top_level_modules(statement: str) -> set[str]:
    code = (
        f"import sys; {statement}; "
        "print(' '.join(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    return set(fresh(code).split())


def test_importing_loads_only_keras_and_numpy_and_what_they_load():
    extra = top_level_modules("import regard") - top_level_modules(
        "import keras, numpy"
    )
    allowed_from_the_standard_library = set(sys.stdlib_module_names)
    assert extra - allowed_from_the_standard_library <= {"regard"}


def test_the_tasks_need_no_extra_before_one_is_made():
    extra = top_level_modules("import regard.tasks")
    assert "babel" not in extra


def test_the_same_check_sees_a_heavier_import():
    extra = top_level_modules("import regard, tokenizers") - top_level_modules(
        "import keras, numpy"
    )
    assert "tokenizers" in extra


BACKEND = "import regard, keras; print(keras.backend.backend())"
# An import hook that hides TensorFlow, as where it is not installed.
HIDE = (
    "import sys, importlib.abc\n"
    "class Hide(importlib.abc.MetaPathFinder):\n"
    "    def find_spec(self, name, path=None, target=None):\n"
    "        if name.split('.')[0] == 'tensorflow':\n"
    "            raise ModuleNotFoundError(name, name=name)\n"
    "sys.meta_path.insert(0, Hide())\n"
    "import importlib.util as util\n"
    "found = util.find_spec\n"
    "util.find_spec = lambda n, p=None: None if n == 'tensorflow' else found(n, p)\n"
)


needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="needs an installed PyTorch"
)


def test_jax_is_taken_where_keras_would_fail(tmp_path):
    home = str(tmp_path)
    assert fresh(HIDE + BACKEND, KERAS_BACKEND=None, KERAS_HOME=home) == "jax"
    # Keras wrote its own default by now, which is no choice of the user's.
    assert (tmp_path / "keras.json").exists()
    assert fresh(HIDE + BACKEND, KERAS_BACKEND=None, KERAS_HOME=home) == "jax"


@needs_torch
def test_a_configured_choice_stays(tmp_path):
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')
    home = str(tmp_path)
    assert fresh(HIDE + BACKEND, KERAS_BACKEND=None, KERAS_HOME=home) == "torch"


@needs_torch
def test_a_choice_by_environment_stays(tmp_path):
    home = str(tmp_path)
    assert fresh(HIDE + BACKEND, KERAS_BACKEND="torch", KERAS_HOME=home) == "torch"


def test_an_installed_tensorflow_stays_the_default(tmp_path):
    code = "import regard, os; print(os.environ.get('KERAS_BACKEND'))"
    pytest.importorskip("tensorflow", reason="needs an installed TensorFlow")
    assert fresh(code, KERAS_BACKEND=None, KERAS_HOME=str(tmp_path)) == "None"


def test_a_damaged_configuration_counts_as_none(tmp_path):
    (tmp_path / "keras.json").write_text("{")
    home = str(tmp_path)
    assert fresh(HIDE + BACKEND, KERAS_BACKEND=None, KERAS_HOME=home) == "jax"


@needs_torch
def test_a_keras_that_is_imported_already_is_left_alone(tmp_path):
    code = "import keras, regard; print(keras.backend.backend())"
    home = str(tmp_path)
    assert fresh(code, KERAS_BACKEND="torch", KERAS_HOME=home) == "torch"


def test_every_public_name_can_be_had():
    for name in regard.__all__:
        assert getattr(regard, name) is not None
    assert "observe" in dir(regard)


@pytest.mark.parametrize("name", ["data", "metrics", "plot", "tasks", "text"])
def test_a_package_shows_what_is_for_users(name):
    package = importlib.import_module(f"regard.{name}")
    assert dir(package) == sorted(package.__all__)
    assert all(hasattr(package, shown) for shown in dir(package))


def test_packages_can_be_had_after_the_import_of_regard_alone():
    code = (
        "import regard, sys\n"
        "assert 'regard.serve' not in sys.modules and 'typer' not in sys.modules\n"
        "regard.metrics.bleu, regard.serve.create_app, regard.comparison.compare\n"
        "regard.decoding.Search, regard.training.TrainingProgress, regard.data\n"
        "print(len({'metrics', 'serve', 'comparison'} & set(dir(regard))))\n"
    )
    assert fresh(code) == "3"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        importlib.import_module("regard").no_such_name  # noqa: B018 - it raises
