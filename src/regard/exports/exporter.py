"""The way in: a trained thing becomes a file that runs without Keras."""

import importlib
import importlib.util
import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras

from regard import kinds
from regard._backend import backend_name
from regard._files import staged_file
from regard._validate import check_choice, check_path, wrong_value
from regard._version import __version__
from regard.errors import ArgumentError, MissingExtraError, shown
from regard.exports.agreement import largest_difference
from regard.exports.other_process import WRITERS, written, written_elsewhere
from regard.exports.traced_model import Port, Program, TracedModel
from regard.inference.exportable import PREFIX, Exportable
from regard.runtime import backend

#: The formats, which are the endings of the files too.
FORMATS = tuple(WRITERS)
#: What each format needs, and the extra that brings it.
_NEEDED = {
    "onnx": {
        "onnx": "export",
        "onnxscript": "export",
        "onnxruntime": "export",
        "torch": "export,torch",
    },
    "stablehlo": {"flatbuffers": "export"},
}
# The rules of what is written beside a program; another number, other rules.
_VERSION = "1"


@dataclass(frozen=True)
class Exported:
    """What was exported.

    Args:
        path: The file.
        format: Its format.
        inputs: What the program reads.
        outputs: What it gives: the outputs of the model, then the weights of its
            attention layers.
        notes: What it says of itself, by names that begin with ``regard.``: labels,
            the axes of the weights, the rules by which a text becomes inputs.
        size: The size of the file in bytes.
        difference: The largest difference from the model that was seen, as a share of
            the largest number where that is above 1.
        opset: Of ONNX, the version of its operators.
        beside: Of StableHLO, the file with what it says of itself.
    """

    path: Path
    format: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    notes: Mapping[str, str] = field(repr=False)
    size: int
    difference: float
    opset: int | None = None
    beside: Path | None = None


def export(
    model: Any,
    path: str | Path,
    *,
    format: str | None = None,  # noqa: A002 - as Keras calls it
    layers: str = "*",
    reader: str | Path | None = None,
) -> Exported:
    """Write a model as a program that runs without Keras, with its attention.

    The outputs of the program are those of the model and the weights of its attention
    layers, before dropout. Any number of rows and, where the model takes any, any
    number of steps run. It is run on inputs made at random and compared with the model
    before anything is written.

    ONNX is written by PyTorch and StableHLO by JAX; where Keras runs on something else
    that happens in a process of its own.

    Args:
        model: A ``TextClassifier``, the path of its bundle, or a Keras model that knows
            its inputs.
        path: The file to write. Beside a program in StableHLO, which has no room for
            what it says of itself, ``path`` with ``.json`` after it says that.
        format: ``"onnx"`` or ``"stablehlo"``; by default the ending of ``path``.
        layers: Which attention layers of a Keras model are outputs too: a pattern for
            their paths.
        reader: A Python file to write too, which makes inputs out of texts with
            ``numpy`` and ``tokenizers`` alone; of a text classifier.

    Raises:
        ArgumentError: There is no such format, or nothing can be written there.
        ExportError: The model cannot be exported, or the program gives other numbers.
        MissingExtraError: A package is not installed.
        ObservationError: The model has no attention layer of that name.

    Example:
        >>> exported = regard.export(classifier, "reviews.onnx")
        >>> [port.name for port in exported.outputs]
        ['probabilities', 'attention']
    """
    target = Path(check_path("path", path))
    form = _format_of(target, format)
    _check_packages(form)
    source = _source(model, layers)
    if reader is not None and f"{PREFIX}features" not in source.notes:
        raise ArgumentError(
            "Nothing makes the inputs of this model out of texts without Keras.",
            expected="a text classifier that has no encoder of KerasHub",
            received=shown(model),
            arguments=["reader"],
            fix="Leave 'reader' out, and make the inputs as in training.",
        )
    beside = target.with_name(f"{target.name}.json") if form != "onnx" else None
    code = None if reader is None else Path(check_path("reader", reader))
    with ExitStack() as stack:
        # Each is written before any has its place; where there is none is said first.
        staged = {
            file: stack.enter_context(staged_file(file))
            for file in (target, beside, code)
            if file is not None
        }
        program = _program(source, form)
        difference = largest_difference(program, form, source)
        notes = _notes(source, program)
        content, opset = program.content, None
        if form == "onnx":
            content, opset = _with_notes(content, notes)
        staged[target].write_bytes(content)
        if beside is not None:
            said = json.dumps(notes, ensure_ascii=False, indent=1) + "\n"
            staged[beside].write_text(said, "utf-8")
        if code is not None:
            staged[code].write_bytes(_reader())
    return Exported(
        target,
        form,
        program.inputs,
        program.outputs,
        notes,
        len(content),
        difference,
        opset,
        beside,
    )


def _program(source: Exportable, form: str) -> Program:
    # What no process can do is said before another one is started.
    traced = TracedModel(source.model, source.layers, source.outputs, source.longest)
    if backend_name() == WRITERS[form][2] and not backend().is_on_gpu:
        return written(traced, form)
    return written_elsewhere(source, form)


def _format_of(target: Path, given: str | None) -> str:
    if given is not None:
        return str(check_choice("format", given, FORMATS))
    form = target.suffix.removeprefix(".").lower()
    if form not in FORMATS:
        raise wrong_value("path", str(target), f"a file that ends in {_endings()}")
    return form


def _endings() -> str:
    return " or ".join(f".{form}" for form in FORMATS)


def _check_packages(form: str) -> None:
    for package, extra in _NEEDED[form].items():
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(f"Exporting to {form}", package, extra)


def _source(model: Any, layers: str) -> Exportable:
    if isinstance(model, keras.Model):
        return Exportable(model, layers)
    if isinstance(model, str | Path):
        model = kinds.load(model)
    return kinds.kind_of(model).exportable(model)


def _notes(source: Exportable, program: Program) -> dict[str, str]:
    """What a program says of itself."""
    return {
        f"{PREFIX}version": _VERSION,
        f"{PREFIX}release": __version__,
        f"{PREFIX}axes": json.dumps(program.ports()["axes"]),
        **source.notes,
    }


def _with_notes(content: bytes, notes: Mapping[str, str]) -> tuple[bytes, int]:
    """A program in ONNX that says these things, and the version of its operators."""
    onnx = importlib.import_module("onnx")
    proto = onnx.load_from_string(content)
    onnx.helper.set_model_props(proto, dict(notes))
    versions = {each.domain: each.version for each in proto.opset_import}
    return proto.SerializeToString(), versions[""]


def _reader() -> bytes:
    return Path(__file__).with_name("text_reader.py").read_bytes()
