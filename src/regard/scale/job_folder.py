"""The folder of a batch job: whose it is, what is done in it, and its errors."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from regard._files import staged_file, write_file
from regard.errors import ArgumentError, shown
from regard.scale.shards import Unit, shard_name
from regard.scale.worker import ABOUT, ERRORS, JOB_FOLDER, Done, Output

_MANIFEST = "manifest.json"
_SCHEMA = 1
# As a path it has one slash.
_URI = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+:/")


class JobFolder:
    """The folder of a batch job.

    Args:
        path: The folder; it may be made yet.

    Raises:
        ArgumentError: It cannot be made.
    """

    def __init__(self, path: Path) -> None:
        if _URI.match(path.as_posix()):
            raise ArgumentError(
                f"The answers cannot be written to {path}.",
                expected="a folder of this machine, or of a disk that it has mounted",
                fix="Copy the folder to its place when the job has ended.",
            )
        if path.exists() and not path.is_dir():
            raise ArgumentError(f"{path} is a file.", expected="a folder")
        if not path.absolute().parent.is_dir():
            raise ArgumentError(
                f"{path} cannot be made: there is no folder {path.parent}.",
                fix="Make the folder first.",
            )
        self.path = path
        self._manifest = path / JOB_FOLDER / _MANIFEST

    def begin(self, key: Mapping[str, Any]) -> bool:
        """Begin a job, or make sure that it is the one that was begun here.

        Args:
            key: What tells the job from others.

        Returns:
            Whether it was begun before.

        Raises:
            ArgumentError: The folder is that of another job, or of none.
        """
        if not self._manifest.exists():
            there = self.path.iterdir() if self.path.exists() else ()
            if {each.name for each in there} - {JOB_FOLDER}:
                raise ArgumentError(
                    f"In {self.path} are files that are of no batch job.",
                    expected="a new folder, or that of this job",
                    fix="Name another folder.",
                )
            self._manifest.parent.mkdir(parents=True, exist_ok=True)
            self._write(key, None)
            return False
        try:
            before = json.loads(self._manifest.read_text("utf-8"))["job"]
            changed = [name for name in key if before.get(name) != _plain(key)[name]]
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ArgumentError(
                f"{self._manifest} is no manifest of a batch job ({error}).",
                fix="Name another folder, or remove this one and begin anew.",
            ) from error
        if changed:
            raise ArgumentError(
                f"In {self.path} is another job: "
                f"{_difference(changed[0], before, key)}.",
                fix="Name another folder, or remove this one and begin anew.",
            )
        self._clear()
        return True

    def left(self, units: Iterable[Unit]) -> tuple[list[Unit], Done]:
        """The units in which something is left to do, and what is done."""
        left: list[Unit] = []
        rows = aside = shards = 0
        for unit in units:
            number, is_whole = unit.number, False
            while not is_whole:
                about = self._about(shard_name(unit.stem, number))
                if about is None:
                    left.append(unit)
                    break
                rows, aside = rows + about["rows"], aside + about["set_aside"]
                shards += 1
                # Of a text file the last shard knows that it is the last one.
                is_whole = unit.stop is not None or about["is_last"]
                number += 1
        return left, Done(rows, aside, shards)

    def end(self, key: Mapping[str, Any], done: Done) -> Path | None:
        """Join what was set aside, and write down that all is done.

        Returns:
            The file of all errors; None where there are none.
        """
        self._clear()
        errors = self._joined_errors()
        self._write(key, done._asdict())
        return errors

    def _clear(self) -> None:
        """Remove what killed processes left beside the places of their files."""
        for left in self.path.rglob(".*.*.parquet"):
            left.unlink(missing_ok=True)

    def _about(self, name: str) -> dict[str, Any] | None:
        """What a file of answers says of itself; None: none there can be read."""
        place = self.path / name
        try:
            about: dict[str, Any] = json.loads(pq.read_metadata(place).metadata[ABOUT])
        except FileNotFoundError:
            return None
        except (pa.ArrowException, OSError, ValueError, KeyError, TypeError):
            # Such as a disk that lost what it had confirmed.
            place.unlink()
            return None
        return about

    def _joined_errors(self) -> Path | None:
        joined = self.path / JOB_FOLDER / "errors.parquet"
        parts = sorted(Output(self.path, {}).errors_of("").rglob("*.parquet"))
        if not parts:
            joined.unlink(missing_ok=True)
            return None
        with staged_file(joined) as staged, pq.ParquetWriter(staged, ERRORS) as writer:
            for part in parts:
                table = pq.read_table(part, schema=ERRORS, partitioning=None)
                writer.write_table(table)
        return joined

    def _write(
        self, key: Mapping[str, Any], finished: Mapping[str, int] | None
    ) -> None:
        content = {"schema": _SCHEMA, "job": key, "finished": finished}
        said = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
        write_file(self._manifest, said.encode("utf-8"))


def _difference(name: str, before: Mapping[str, Any], key: Mapping[str, Any]) -> str:
    """What tells a job from the one whose folder it is to have."""
    if name == "model":
        return "it is of another model"
    if name == "regard":
        return f"it was begun by regard {before.get(name)}, this is {key[name]}"
    if name == "inputs":
        then = {file[0]: file for file in before.get(name, [])}
        now = {file[0]: file for file in _plain(key)[name]}
        for file in sorted({*then, *now}):
            if then.get(file) != now.get(file):
                how = "new" if file not in then else "changed"
                how = "gone" if file not in now else how
                return f"since it was begun, {file} is {how}"
    return f"its setting {name.replace('_', ' ')} was {shown(before.get(name))}"


def _plain(key: Mapping[str, Any]) -> dict[str, Any]:
    """As it is when it comes back out of a file."""
    plain: dict[str, Any] = json.loads(json.dumps(key))
    return plain
