"""A program made in a process of its own, in which Keras runs on another backend.

``python -m regard.exports.other_process FOLDER`` is what the process runs: it reads the
model and what is wanted from the folder, and leaves the program, or why there is none.
"""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras

from regard import _compat
from regard.errors import ExportError, RegardError, shortened
from regard.exports.traced_model import Program, TracedModel
from regard.inference.exportable import Exportable

_MODEL, _WANTED, _PROGRAM = "model.keras", "wanted.json", "program"
_PORTS, _REFUSAL = "ports.json", "refusal.json"
#: What writes each format: its module, its function, and the backend it runs on.
WRITERS: Mapping[str, tuple[str, str, str]] = {
    "onnx": ("regard.exports.onnx_program", "to_onnx", "torch"),
    "stablehlo": ("regard.exports.stablehlo", "to_stablehlo", "jax"),
}


def written(traced: TracedModel, form: str) -> Program:
    """The program of a model, in this process.

    Args:
        traced: The model.
        form: The format, a key of ``WRITERS``.
    """
    module, function, _ = WRITERS[form]
    program: Program = getattr(importlib.import_module(module), function)(traced)
    return program


def written_elsewhere(source: Exportable, form: str) -> Program:
    """As ``written``, in a process of its own on the backend of the format.

    Args:
        source: What is exported.
        form: The format.

    Raises:
        ExportError: It cannot be exported, or not be loaded there.
    """
    model = source.model
    wanted = {
        "format": form,
        "modules": _modules_of(model),
        "traced": [source.layers, source.outputs, source.longest],
    }
    with TemporaryDirectory(prefix="regard-export-") as name:
        folder = Path(name)
        model.save(folder / _MODEL)
        (folder / _WANTED).write_text(json.dumps(wanted), "utf-8")
        told = _run(folder, WRITERS[form][2])
        if (folder / _REFUSAL).exists():
            refusal = json.loads((folder / _REFUSAL).read_text("utf-8"))
            raise ExportError(refusal.pop("message"), **refusal)
        if not (folder / _PORTS).exists():
            raise _failed(form, told)
        ports = json.loads((folder / _PORTS).read_text("utf-8"))
        return Program.of((folder / _PROGRAM).read_bytes(), ports)


def _run(folder: Path, backend: str) -> str:
    """Run the process; what it told on its way."""
    environment = os.environ | {
        "KERAS_BACKEND": backend,
        "KERAS_TORCH_DEVICE": "cpu",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    process = subprocess.run(  # noqa: S603 - this file, in this Python
        [sys.executable, "-m", "regard.exports.other_process", str(folder)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return process.stderr


def _failed(form: str, told: str) -> ExportError:
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    backend = WRITERS[form][2]
    reason = shortened(lines[-1], 300) if lines else "it was stopped"
    return ExportError(
        f"The model cannot be exported: the process on the backend '{backend}' that "
        f"writes {form} failed ({reason}).",
        fix="Layers of your own have to be in a module that can be imported, and "
        "registered with Keras; or load the model in a Python that was started with "
        f"KERAS_BACKEND={backend}, and export it there.",
    )


def _modules_of(model: keras.Model) -> list[str]:
    """The modules whose import registers the layers of a model."""
    names = {type(layer).__module__ for layer in _compat.layers_below(model)}
    return sorted(name for name in names if name.partition(".")[0] != "keras")


def _main(folder: Path) -> None:
    wanted = json.loads((folder / _WANTED).read_text("utf-8"))
    for name in wanted["modules"]:
        if name != "__main__":
            importlib.import_module(name)
    model: Any = keras.models.load_model(folder / _MODEL, compile=False)
    try:
        traced = TracedModel(model, *wanted["traced"])
        program = written(traced, wanted["format"])
    except RegardError as error:
        parts = ("message", "expected", "received", "fix")
        refusal = {name: getattr(error, name) for name in parts}
        (folder / _REFUSAL).write_text(json.dumps(refusal), "utf-8")
        return
    (folder / _PROGRAM).write_bytes(program.content)
    (folder / _PORTS).write_text(json.dumps(program.ports()), "utf-8")


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
