"""What an old file holds, whatever its layout.

Files are read in a process of their own, with limits of time and memory: a damaged one
can send the library for HDF5 into an endless loop, or down, and no check of ours comes
before it.
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
from regard.legacy.hdf5 import untrusted_file as hdf5
from regard.legacy.hdf5.untrusted_file import Array, defect

_READER = Path(hdf5.__file__).with_name("__main__.py")
# Where a system has no limit on the time a process computes.
_LONGEST_SECONDS = 120


@dataclass(frozen=True, eq=False)
class Weight:
    """An array and the name it has in the file."""

    name: str
    array: Array

    @property
    def short(self) -> str:
        """The name within its layer: ``luong_w`` of ``attention/luong_w/kernel:0``."""
        *_, last = self.name.partition(":")[0].removesuffix("/kernel").split("/")
        return last


Weights = Sequence[Weight]


@dataclass(frozen=True, eq=False)
class Stored:
    """The content of an old file.

    Args:
        path: Where it was read from.
        layout: The layout, in words.
        layers: The weights of each layer that has any, in the order of the file.
        by_name: Whether the names of the layers are those in the model; newer weight
            files number the classes instead.
        keras_version: The version that wrote the file, as far as it says so.
        config: The configuration of the model; None in a file of weights alone.
    """

    path: Path
    layout: str
    layers: Mapping[str, Weights]
    by_name: bool
    keras_version: str
    config: Mapping[str, Any] | None

    def defect(self, part: str, what: str) -> DataError:
        """The error for a part of the file."""
        return defect(self.path, part, what)


def read_stored(path: str | Path) -> Stored:
    """Read the arrays of an old file, and the configuration where there is one.

    Raises:
        DataError: It cannot be read, or is not as Keras wrote it; the message names the
            file and the part.
    """
    path = Path(path)
    header, content = _in_a_child(path)
    if "error" in header:
        raise DataError(header["error"])
    config = header.pop("config")
    layers = dict(_layers(header.pop("layers"), content))
    return Stored(path, layers=layers, config=_parsed(path, config), **header)


def _in_a_child(path: Path) -> tuple[dict[str, Any], bytes]:
    """What the reader wrote: its line of JSON, and the bytes of the arrays."""
    # Threads of a numerical library would reserve more memory than the limit.
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-P", str(_READER), str(path)]
    try:
        done = subprocess.run(  # noqa: S603 - our own program, and a path as argument
            command,
            capture_output=True,
            check=True,
            env=environment,
            timeout=_LONGEST_SECONDS,
        )
    except subprocess.SubprocessError as error:
        what = f"reading it does not end, or ends badly ({type(error).__name__})"
        raise defect(path, "the file itself", what) from error
    line, _, content = done.stdout.partition(b"\n")
    return json.loads(line), content


def _layers(listed: Any, content: bytes) -> Iterator[tuple[str, Weights]]:
    start = 0
    for name, arrays in listed:
        weights = []
        for each, dtype, shape in arrays:
            count = math.prod(shape)
            flat = np.frombuffer(content, dtype, count, start)
            start += flat.nbytes
            weights.append(Weight(each, flat.reshape(shape)))
        yield name, weights


def _parsed(path: Path, text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise defect(path, "/@model_config", f"it cannot be read ({error})") from error
