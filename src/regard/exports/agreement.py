"""Whether a program gives what the model gives, on inputs made at random."""

import importlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from regard import _compat
from regard.errors import ExportError, shortened
from regard.exports.traced_model import ROWS, Port, Program
from regard.inference.exportable import Exportable
from regard.observation import observe

Array = npt.NDArray[Any]
Runner = Callable[[Mapping[str, Array]], Sequence[Array]]

#: How far apart numbers may be, as a share of the largest where that is above 1.
TOLERANCE = 1e-5
# Of models that compute in fewer digits, each backend rounds in its own places.
_TOLERANCE_OF_HALF = {"float16": 5e-3, "bfloat16": 4e-2}
# What each size that may be any is in turn: others than when it was written, and one.
_SIZES = ((2, 9), (1, 1))
_SEED = 0


def largest_difference(program: Program, form: str, source: Exportable) -> float:
    """How far a program is from its model, on sequences of several lengths.

    Args:
        program: The program.
        form: Its format.
        source: What it was made of, on the backend that is at hand.

    Raises:
        ExportError: The program does not run, or gives other numbers.
    """
    with _running(form, "at all"):
        run = _RUNNERS[form](program)
    model = source.model
    observed = observe(model, source.layers)
    random = np.random.default_rng(_SEED)
    highest = _highest_id(model)
    tolerance = _TOLERANCE_OF_HALF.get(_narrowest(model), TOLERANCE)
    largest = 0.0
    for rows, most in _SIZES:
        sizes = rows, min(most, source.longest or most)
        inputs = {
            port.name: _drawn(port, sizes, highest, random) for port in program.inputs
        }
        given = keras.tree.pack_sequence_as(model.input, list(inputs.values()))
        with warnings.catch_warnings():
            # Keras warns of a softmax over one step.
            warnings.simplefilter("ignore", UserWarning)
            seen = observed.predict_on_batch(given)
        expected = keras.tree.flatten(seen.outputs)
        expected += [each.weights for each in seen.attention.values()]
        with _running(form, f"on inputs of {sizes[0]} rows and {sizes[1]} steps"):
            answers = run(inputs)
        for port, own, other in zip(program.outputs, expected, answers, strict=True):
            apart = _apart(np.asarray(own), np.asarray(other))
            if not apart <= tolerance:
                raise ExportError(
                    f"The model cannot be exported to {form}: the output '{port.name}' "
                    "of the program is another than the model's.",
                    expected=f"a difference of at most {tolerance:g}",
                    received=f"{apart:g}, on {sizes[0]} rows of {sizes[1]} steps",
                )
            largest = max(largest, apart)
    return largest


@contextmanager
def _running(form: str, on: str) -> Iterator[None]:
    """Say of a program that fails on what it does so."""
    try:
        yield
    except Exception as error:
        reason = shortened(" ".join(str(error).split()), 300)
        raise ExportError(
            f"The model cannot be exported to {form}: the program that was written "
            f"does not run {on} ({reason}).",
            fix="Layers that compute in float32 run everywhere; load the model so, or "
            "choose the other format."
            if form == "onnx"
            else None,
        ) from error


def _apart(own: Array, other: Array) -> float:
    if own.shape != other.shape:
        return float("inf")
    own, other = own.astype(np.float64), other.astype(np.float64)
    # What is no number in the model is none in the program.
    known = ~(np.isnan(own) & np.isnan(other)) & (own != other)
    if not known.any():
        return 0.0
    scale = max(1.0, float(np.abs(own[np.isfinite(own)]).max(initial=0)))
    return float(np.abs(own - other)[known].max()) / scale


def _drawn(
    port: Port, sizes: tuple[int, int], highest: int, random: np.random.Generator
) -> Array:
    """An input of some rows and steps; the end of the first row is padding."""
    batch, others = sizes
    shape = [
        axis if isinstance(axis, int) else batch if axis == ROWS else others
        for axis in port.axes
    ]
    if np.issubdtype(port.dtype, np.integer):
        drawn = random.integers(1, highest, shape).astype(port.dtype)
    elif port.dtype == "bool":
        drawn = np.ones(shape, np.bool_)
    else:
        drawn = random.normal(size=shape).astype(port.dtype)
    if len(shape) > 1:
        drawn[0, (shape[1] + 1) // 2 :] = 0
    return drawn


def _highest_id(model: keras.Model) -> int:
    """One above the highest id that all tables of a model have; 2 without any."""
    names = ("input_dim", "rows", "vocabulary_size")
    sizes = [
        size
        for layer in _compat.layers_below(model)
        for name in names
        if isinstance(size := getattr(layer, name, None), int) and size > 1
    ]
    return min(sizes, default=2)


def _narrowest(model: keras.Model) -> str:
    types = {layer.compute_dtype for layer in _compat.layers_below(model)}
    return next((name for name in ("bfloat16", "float16") if name in types), "float32")


def _onnx_runner(program: Program) -> Runner:
    onnxruntime = importlib.import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    # What goes wrong is an error, which says it.
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        program.content, options, providers=["CPUExecutionProvider"]
    )
    names = [port.name for port in program.outputs]
    return lambda inputs: session.run(names, dict(inputs))


def _stablehlo_runner(program: Program) -> Runner:
    export = importlib.import_module("jax.export")
    read = export.deserialize(bytearray(program.content))
    names = [port.name for port in program.outputs]

    def run(inputs: Mapping[str, Array]) -> list[Array]:
        given = read.call(**inputs)
        return [np.asarray(given[name]) for name in names]

    return run


_RUNNERS: Mapping[str, Callable[[Program], Runner]] = {
    "onnx": _onnx_runner,
    "stablehlo": _stablehlo_runner,
}
