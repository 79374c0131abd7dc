"""Answers as a table, beside the columns of the file that was asked about."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from regard_cli.targets import check_writable

_SUFFIXES = (".csv", ".jsonl", ".parquet")
Write = Callable[[Mapping[str, Any]], None]


def check_table_target(path: Path, read: Iterable[Path]) -> None:
    """Refuse, before any work is done, a place where no table can be written.

    Raises:
        BadParameter: The suffix is unknown, nothing can be written there, or it is one
            of the files that are read.
        MissingExtraError: The suffix is that of Parquet, without pyarrow.
    """
    hint = "--out"
    if path.suffix.lower() not in _SUFFIXES:
        raise typer.BadParameter(
            f"{path} should end in one of {', '.join(_SUFFIXES)}", param_hint=hint
        )
    check_writable(path, hint)
    if path.exists() and any(each.exists() and path.samefile(each) for each in read):
        raise typer.BadParameter(
            f"{path} is read, and would be written over", param_hint=hint
        )
    if path.suffix.lower() == ".parquet":
        try:
            import pyarrow  # noqa: F401, PLC0415 - an extra, and slow to import
        except ImportError as error:
            from regard.errors import MissingExtraError  # noqa: PLC0415 - loads Keras

            raise MissingExtraError("Writing Parquet", "pyarrow", "data") from error


@contextmanager
def open_table(path: Path, names: Iterable[str]) -> Iterator[Write]:
    """A function that writes a row; the file is there when the block ends well.

    Args:
        path: The file; its suffix says how it is written.
        names: The columns, in order. A row may lack some.
    """
    from regard._files import staged_file  # noqa: PLC0415 - loads Keras

    columns = list(names)
    with staged_file(path) as staged:
        if path.suffix.lower() == ".parquet":
            held: dict[str, list[Any]] = {name: [] for name in columns}

            def keep(row: Mapping[str, Any]) -> None:
                for name, values in held.items():
                    values.append(row.get(name))

            yield keep
            _write_parquet(held, staged)
            return
        with staged.open("w", encoding="utf-8", newline="") as stream:
            if path.suffix.lower() == ".jsonl":

                def write(row: Mapping[str, Any]) -> None:
                    stream.write(json.dumps(row, ensure_ascii=False, default=str))
                    stream.write("\n")

                yield write
                return
            writer = csv.writer(stream)
            writer.writerow(columns)
            yield lambda row: writer.writerow(
                [_cell(row.get(name)) for name in columns]
            )


def _cell(value: Any) -> Any:
    """A value as a field of CSV: what has parts as JSON."""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value


def _write_parquet(held: Mapping[str, list[Any]], path: Path) -> None:
    import pyarrow as pa  # noqa: PLC0415 - an extra, and slow to import
    from pyarrow import parquet  # noqa: PLC0415 - an extra

    arrays = {}
    for name, values in held.items():
        try:
            arrays[name] = pa.array(values)
        except pa.ArrowException:
            # Rows of JSON may hold a number here and a text there.
            texts = [value if value is None else str(_cell(value)) for value in values]
            arrays[name] = pa.array(texts, pa.string())
    parquet.write_table(pa.table(arrays), path)
