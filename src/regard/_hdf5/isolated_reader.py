"""The content of an HDF5 file, whatever its layout, read by a process of its own.

A damaged file can send the library for HDF5 into an endless loop, or down, and no check
of ours comes before it: so the process has limits of time and memory.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from regard._hdf5.plain_layout import plain_arrays
from regard._hdf5.untrusted_file import NOT_FINITE, Array, file_error
from regard.errors import DataError

_PROGRAM = Path(__file__).with_name("__main__.py")
# For a system that has no limit on the time a process computes.
_LONGEST_SECONDS = 120.0


@dataclass(frozen=True, eq=False)
class StoredWeight:
    """An array and the name it has in the file."""

    name: str
    array: Array


LayerWeights = Sequence[StoredWeight]


@dataclass(frozen=True, eq=False)
class OldFile:
    """The content of an old file.

    Args:
        path: Where it was read from.
        layout: The layout, in words.
        layers: The weights of each layer that has any, in the order of the file.
        by_name: Whether the names of the layers are those in the model; newer weight
            files number the classes instead.
        keras_version: The version that wrote the file, as far as it says so.
        backend: What computed the model, as far as it says so.
        config: The configuration of the model; None in a file of weights alone.
    """

    path: Path
    layout: str
    layers: Mapping[str, LayerWeights]
    by_name: bool
    keras_version: str
    backend: str
    config: Mapping[str, Any] | None

    def error(self, part: str, problem: str) -> DataError:
        """The error for a part of the file."""
        return file_error(self.path, part, problem)


def read_old_file(path: str | Path) -> OldFile:
    """Read the arrays of an old file, and the configuration where there is one.

    Raises:
        DataError: It cannot be read, or is not as Keras wrote it; the message names the
            file and the part.
    """
    path = Path(path)
    header, content = _run_reader("content", path)
    if "error" in header:
        raise DataError(header["error"])
    config = header.pop("config")
    layers = dict(_layers(header.pop("layers"), content))
    return OldFile(path, layers=layers, config=_parsed(path, config), **header)


def read_arrays(content: bytes) -> Mapping[str, Array]:
    """The arrays of finite floats in a file of weights, by their paths.

    The layout that such files have had so far is read here; any other one by a process
    of its own.

    Args:
        content: The file. The arrays are views of it.

    Raises:
        DataError: It cannot be read, or has something else in it; the message names the
            array.
    """
    arrays = plain_arrays(content)
    if arrays is None:
        arrays = dict(_placed(content))
    for path, array in arrays.items():
        if not np.isfinite(array).all():
            raise DataError(f"{path}: {NOT_FINITE}.")
    return arrays


def _placed(content: bytes) -> Iterator[tuple[str, Array]]:
    import ml_dtypes  # noqa: PLC0415 - seldom needed, and loaded by every backend

    types = {"bfloat16": np.dtype(ml_dtypes.bfloat16)}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "weights.h5"
        file.write_bytes(content)
        try:
            header, _ = _run_reader("places", file)
            problem = header.get("error")
        except DataError as error:
            problem = error.message
        if problem is not None:
            raise DataError(problem.replace(f"'{file}' cannot", "They cannot"))
    for path, dtype, shape, start in header["places"]:
        kind = types.get(dtype) or np.dtype(dtype)
        yield path, np.frombuffer(content, kind, math.prod(shape), start).reshape(shape)


def _run_reader(what: str, path: Path) -> tuple[dict[str, Any], bytes]:
    """The output of the reader: its line of JSON, and the bytes of the arrays."""
    # Threads of a numerical library would reserve more memory than the limit.
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-P", str(_PROGRAM), what, str(path)]
    try:
        completed = subprocess.run(  # noqa: S603 - our own program, and a path as argument
            command,
            capture_output=True,
            check=True,
            env=environment,
            timeout=_LONGEST_SECONDS,
        )
    except subprocess.SubprocessError as error:
        problem = f"reading it does not end, or ends badly ({type(error).__name__})"
        raise file_error(path, "the file itself", problem) from error
    line, _, content = completed.stdout.partition(b"\n")
    return json.loads(line), content


def _layers(listed: Any, content: bytes) -> Iterator[tuple[str, LayerWeights]]:
    start = 0
    for layer_name, arrays in listed:
        weights = []
        for name, dtype, shape in arrays:
            flat = np.frombuffer(content, dtype, math.prod(shape), start)
            start += flat.nbytes
            weights.append(StoredWeight(name, flat.reshape(shape)))
        yield layer_name, weights


def _parsed(path: Path, text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise file_error(
            path, "/@model_config", f"it cannot be read ({error})"
        ) from error
