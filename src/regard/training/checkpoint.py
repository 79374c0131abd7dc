"""The state of a training in one file, from which it goes on."""

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from regard._files import staged_file
from regard._validate import wrong_value
from regard.errors import ArgumentError, BundleError, ClusterError
from regard.training.devices import in_first, told_by_first
from regard.types import FloatArray, IntArray

_META = "training"
# Of a large array, so much is widened at a time.
_NUMBERS_AT_ONCE = 1 << 20


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state of a training between two steps.

    Args:
        position: Plain values: the epoch, the step in it, the measures so far, and
            what the training must agree with to go on.
        groups: Arrays by the name of what they belong to.
    """

    position: Mapping[str, Any]
    groups: Mapping[str, Sequence[np.ndarray[Any, Any]]]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint beside the one that is there, then put it in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {
        f"{group}-{index}": _plain(array)
        for group, members in checkpoint.groups.items()
        for index, array in enumerate(members)
    }
    position = json.dumps(dict(checkpoint.position)).encode("utf-8")
    arrays[_META] = np.frombuffer(position, dtype=np.uint8)
    # Always the same name: what a killed training left is written over.
    with staged_file(path, mark="part") as staged, staged.open("wb") as stream:
        np.savez(stream, **arrays)


def _plain(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """An array that NumPy reads again: of bfloat16 it would forget what the bytes are.

    Every number of it is one of float32, and becomes what it was when it is assigned.
    """
    is_foreign = array.dtype.kind == "V"
    return array.astype(np.float32) if is_foreign else array


def checkpoint_path(checkpoint: Any) -> Path | None:
    """The path of a checkpoint that a user named, or None where there is to be none.

    Raises:
        ArgumentError: It is no path of a file.
    """
    if checkpoint is None:
        return None
    if not isinstance(checkpoint, str | os.PathLike) or not str(checkpoint):
        raise wrong_value("checkpoint", checkpoint, "the path of a file")
    path = Path(checkpoint)
    if path.exists() and not path.is_file():
        raise ArgumentError(
            f"'{path}' cannot hold how far a training is.",
            expected="the path of a file, which need not be there",
            received="a folder" if path.is_dir() else "a device or a pipe",
        )
    return path


def load_checkpoint(path: Path) -> Checkpoint | None:
    """Read a checkpoint; None where there is none.

    Of several processes that train together the first one reads it, for all.

    Raises:
        BundleError: The file is damaged.
    """
    try:
        content = told_by_first(
            in_first(lambda: path.read_bytes() if path.exists() else None)
        )
        return None if content is None else _read(content)
    except ClusterError:
        raise
    # A damaged file fails in many ways in the readers of archives and arrays.
    except Exception as error:
        raise unusable(path, str(error)) from error


def is_checkpoint(path: Path) -> bool:
    """Whether a file holds how far a training is, and not something else."""
    try:
        with zipfile.ZipFile(path) as archive:
            return f"{_META}.npy" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def unusable(path: Path, problem: str) -> BundleError:
    """The error of a checkpoint from which no training can go on."""
    return BundleError(
        f"The checkpoint '{path}' cannot be read: {problem.rstrip('.')}.",
        fix="Remove it to train from the start.",
    )


def digest(arrays: Iterable[IntArray | FloatArray]) -> str:
    """The SHA-256 of arrays of numbers, in hexadecimal digits.

    Whole numbers and fractions are told by their values, whatever their width.
    """
    sha256 = hashlib.sha256()
    for array in arrays:
        numbers = np.ravel(array)
        sha256.update(repr(np.shape(array)).encode())
        for start in range(0, len(numbers), _NUMBERS_AT_ONCE):
            part = numbers[start : start + _NUMBERS_AT_ONCE]
            if np.issubdtype(part.dtype, np.floating):
                part = part.astype(np.float64).view(np.int64)
            sha256.update(part.astype(np.int64, copy=False).tobytes())
    return sha256.hexdigest()


def _read(content: bytes) -> Checkpoint:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        # As they are written: what is unpacked is no larger than the file.
        if any(each.compress_type != zipfile.ZIP_STORED for each in archive.infolist()):
            raise ValueError("its arrays are packed")
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    position = json.loads(arrays.pop(_META).tobytes())
    if not isinstance(position, dict):
        raise ValueError("it does not say how far the training is")
    groups: dict[str, list[np.ndarray[Any, Any]]] = {}
    for name in sorted(arrays, key=_place):
        groups.setdefault(_place(name)[0], []).append(arrays[name])
    return Checkpoint(position, groups)


def _place(name: str) -> tuple[str, int]:
    group, _, index = name.rpartition("-")
    return group, int(index)
