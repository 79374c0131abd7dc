"""The files of a batch job, on any file system: found, opened, and what they hold."""

import gzip
import io
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import pyarrow as pa
from pyarrow import fs

from regard._files import open_binary
from regard._validate import check_path, wrong_value
from regard.data.dialect import SUFFIXES, Dialect
from regard.errors import ArgumentError, DataError, MissingExtraError, listed

PARQUET = "parquet"
_URI = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")
_WILD = re.compile(r"[*?]|\[")
#: Files of these names are kept from readers of a folder, by Spark and others too.
HIDDEN = (".", "_")
_PATTERN = re.compile(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]")
_WILDCARDS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


class RowError(NamedTuple):
    """Rows that were not answered, and why.

    Args:
        file: The input file.
        row: The first of them, from 1.
        rows: How many there are; 0: nobody knows.
        reason: What is wrong with them.
    """

    file: str
    row: int
    rows: int
    reason: str


@dataclass(frozen=True)
class InputFile:
    """A file of a batch job.

    Args:
        path: Where it is in its file system.
        name: Its path below the folder that all files of the job share, which the files
            of its answers are named after.
        shown: What it is called in messages and among the errors.
        format: Its format, one of ``regard.data.dialect.FORMATS``.
        size: Its bytes.
        changed: When it was changed last, as its file system tells it.
        uri: The URI of its file system; None: files of this machine.
    """

    path: str
    name: str
    shown: str
    format: str
    size: int
    changed: str
    uri: str | None = None

    @contextmanager
    def open_parquet(self) -> Iterator[Any]:
        """The file for random access."""
        # Held here: an archive that nobody holds closes what was opened of it.
        system, _ = _file_system(self.uri)
        with system.open_input_file(self.path) as file:
            yield file

    @contextmanager
    def open_text(self) -> Iterator[BinaryIO]:
        """The bytes of a text file, unpacked where its name ends in ``.gz``."""
        if self.uri is None:
            with open_binary(Path(self.path)) as file:
                yield file
            return
        system, _ = _file_system(self.uri)
        stream: Any = system.open_input_stream(self.path, compression=None)
        with io.BufferedReader(stream) as packed:
            is_packed = self.path.lower().endswith(".gz")
            unpacked: Any = gzip.GzipFile(fileobj=packed) if is_packed else packed
            yield cast(BinaryIO, unpacked)

    @property
    def fingerprint(self) -> list[Any]:
        """What tells it from another, or from itself after a change."""
        return [self.shown, self.size, self.changed]


def find_inputs(
    inputs: str | PathLike[str] | Sequence[str | PathLike[str]], dialect: Dialect
) -> list[InputFile]:
    """The files that are meant, sorted by where they are.

    Args:
        inputs: A file, a folder with all files below it, a pattern, each also as the
            URI of a file system; or several of these.
        dialect: How the text files among them are written.

    Raises:
        ArgumentError: The file system is unknown, or a format is none of a batch job.
        DataError: There is nothing, or it cannot be opened.
        MissingExtraError: The file system needs fsspec.
    """
    several: list[Any] = []
    if isinstance(inputs, str | PathLike):
        several = [inputs]
    elif isinstance(inputs, Iterable):
        several = list(inputs)
    if not several:
        raise wrong_value("inputs", inputs, "a path, or a list of them")
    found: dict[tuple[str | None, str], tuple[str, Any]] = {}
    for each in several:
        for uri, base, info in _infos(check_path("inputs", each), dialect):
            found[uri, info.path] = base, info
    return [
        _input_file(uri, base, info, dialect)
        for (uri, _), (base, info) in sorted(
            found.items(), key=lambda item: (item[0][0] or "", item[0][1])
        )
    ]


def _infos(place: str, dialect: Dialect) -> Iterator[tuple[str | None, str, Any]]:
    """What a place stands for: the file system, the shared folder, each file."""
    uri = place if _URI.match(place) else None
    try:
        system, path = _file_system(uri, place)
        info = system.get_file_info(path)
        if info.type == fs.FileType.File:
            yield uri, path.rpartition("/")[0], info
            return
        base, fits = path.rstrip("/"), None
        if info.type == fs.FileType.NotFound:
            if not _WILD.search(path):
                raise DataError(f"There is no file {place}.")
            fits = _regex(path)
            base = path[: _WILD.search(path).start()].rpartition("/")[0]  # type: ignore[union-attr]  # found above
        # An archive has no folder that all is in.
        top = base or ("/" if path.startswith("/") else "")
        selector = fs.FileSelector(top, recursive=True, allow_not_found=True)
        count = 0
        for each in system.get_file_info(selector):
            if each.type != fs.FileType.File:
                continue
            taken = (
                _is_data(each.path.removeprefix(base), dialect)
                if fits is None
                else fits.fullmatch(each.path)
            )
            if taken:
                count += 1
                yield uri, base, each
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{place} cannot be opened: {error}.") from error
    if not count:
        raise DataError(
            f"There is nothing to read in {place}."
            if fits is None
            else f"No file is like {place}.",
            expected=f"files that end in one of {', '.join(_SUFFIXES)}",
        )


def _file_system(uri: str | None, place: str = "") -> tuple[Any, str]:
    """A file system, and the path in it that is meant.

    Args:
        uri: Any URI of it; None: this machine's.
        place: The path, where there is no URI.
    """
    if uri is None:
        # A worker elsewhere has another folder to begin at.
        path = os.path.abspath(place)  # noqa: PTH100 - that of pathlib keeps ".."
        return fs.LocalFileSystem(), Path(path).as_posix()
    try:
        return cast(tuple[Any, str], fs.FileSystem.from_uri(uri))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # A scheme of which Arrow knows nothing, or characters of a pattern.
        pass
    scheme = uri.partition("://")[0]
    try:
        import fsspec  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError(f"Reading {scheme}://", "fsspec", "scale") from error
    try:
        system, path = fsspec.core.url_to_fs(uri)
    except ImportError as error:
        raise ArgumentError(
            f"{uri} cannot be opened: {str(error).rstrip('.')}.",
            fix=f"Run: pip install {_packages_of(scheme)}",
        ) from error
    except ValueError as error:
        raise ArgumentError(
            f"{uri} is on no file system that is known.",
            expected="a path, or a URI such as s3://bucket/folder or https://…",
        ) from error
    return fs.PyFileSystem(fs.FSSpecHandler(system)), path


def _packages_of(scheme: str) -> str:
    """What brings a file system of fsspec, as an argument of pip."""
    extras = metadata.metadata("fsspec").get_all("Provides-Extra") or []
    # That of https is called http, as both are one.
    for name in (scheme, scheme.removesuffix("s")):
        if name in extras:
            return f'"fsspec[{name}]"'
    return f"what fsspec needs for {scheme}://"


def _regex(pattern: str) -> re.Pattern[str]:
    """A pattern of paths: ``*`` and ``?`` within a folder, ``**`` across folders."""
    parts, end = [], 0
    for wild in _PATTERN.finditer(pattern):
        parts.append(re.escape(pattern[end : wild.start()]))
        spelled = wild[0].replace("[!", "[^")
        parts.append(_WILDCARDS.get(wild[0], spelled))
        end = wild.end()
    return re.compile("".join([*parts, re.escape(pattern[end:])]), re.DOTALL)


def _is_data(path: str, dialect: Dialect) -> bool:
    """Whether a file of a folder is meant: none that is hidden, nor of another kind."""
    if any(part.startswith(HIDDEN) for part in path.strip("/").split("/")):
        return False
    try:
        return dialect.format_of(Path(path)) in _READ
    except (ArgumentError, DataError):
        return False


_READ = tuple(dict.fromkeys(each for each in SUFFIXES.values() if each != "xlsx"))
_SUFFIXES = sorted(suffix for suffix, each in SUFFIXES.items() if each in _READ)


def _input_file(uri: str | None, base: str, info: Any, dialect: Dialect) -> InputFile:
    name = info.path.removeprefix(base).lstrip("/")
    format_ = dialect.format_of(Path(info.path))
    if format_ not in _READ:
        raise ArgumentError(
            f"{info.path} is no file of a batch job: it is read as {format_}.",
            expected=f"one of {listed(_READ)}",
            fix="Save the sheet as CSV.",
        )
    scheme = "" if uri is None else f"{uri.partition('://')[0]}://"
    changed = str(info.mtime_ns) if info.mtime_ns is not None else ""
    return InputFile(
        info.path, name, f"{scheme}{info.path}", format_, info.size or 0, changed, uri
    )
