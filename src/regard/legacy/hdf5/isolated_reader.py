"""The content of an old file, whatever its layout, read by a process of its own.

A damaged file can send the library for HDF5 into an endless loop, or down, and no check
of ours comes before it: so the process has limits of time and memory.
"""

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from regard.errors import DataError
from regard.legacy.hdf5.untrusted_file import Array, file_error

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
    header, content = _run_reader(path)
    if "error" in header:
        raise DataError(header["error"])
    config = header.pop("config")
    layers = dict(_layers(header.pop("layers"), content))
    return OldFile(path, layers=layers, config=_parsed(path, config), **header)


def _run_reader(path: Path) -> tuple[dict[str, Any], bytes]:
    """The output of the reader: its line of JSON, and the bytes of the arrays."""
    # Threads of a numerical library would reserve more memory than the limit.
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-P", str(_PROGRAM), str(path)]
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
