"""A batch job: what is to be done, what is done already, and who does the rest."""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from regard._files import staged_file, write_file
from regard._lock import locked
from regard._validate import (
    check_choice,
    check_count,
    check_flag,
    check_names,
    check_path,
    wrong_value,
)
from regard._version import __version__
from regard.data.dialect import Dialect
from regard.errors import ArgumentError, DataError, shown
from regard.inference.answer_columns import KeptAttention
from regard.kinds import digests_of, kind_of, load
from regard.scale.input_files import InputFile, find_inputs
from regard.scale.shards import Unit, layout_of, shard_name, units_of
from regard.scale.worker import ABOUT, ERRORS, JOB_FOLDER, Done, Output, work

ENGINES = ("local", "ray")
#: The most rows of a shard: of a few seconds, so that little is done again.
SHARD_ROWS = 1 << 16
_MANIFEST = "manifest.json"
_SCHEMA = 1
_Inputs = str | PathLike[str] | Sequence[str | PathLike[str]]


@dataclass(frozen=True)
class BatchProgress:
    """How far a batch job is.

    Args:
        rows: The rows that are done, those of earlier runs among them.
        expected: About how many there are in all.
        set_aside: The rows that were not answered.
        rows_per_second: Since this run began to answer.
        seconds_left: About; None: nobody can tell yet.
    """

    rows: int
    expected: float
    set_aside: int
    rows_per_second: float
    seconds_left: float | None


@dataclass(frozen=True)
class BatchReport:
    """What a batch job did.

    Args:
        out: The folder of the answers.
        rows: The rows of the input, in all runs of the job.
        set_aside: The rows among them that were not answered, see ``errors``.
        shards: The files of answers.
        errors: The file that says which rows and why; None where all were answered.
        went_on: Whether shards of an earlier run were there.
        seconds: The time of this run.
    """

    out: Path
    rows: int
    set_aside: int
    shards: int
    errors: Path | None
    went_on: bool
    seconds: float


def run(
    bundle: str | PathLike[str],
    inputs: _Inputs,
    out: str | PathLike[str],
    *,
    text: str | None = None,
    columns: Sequence[str] | None = None,
    engine: str = "local",
    address: str | None = None,
    workers: int | None = None,
    attention: str = "full",
    strict: bool = False,
    shard_rows: int = SHARD_ROWS,
    format: str | None = None,  # noqa: A002 - the word users know
    delimiter: str | None = None,
    header: bool = True,
    encoding: str = "utf-8",
    progress: Callable[[BatchProgress], None] | None = None,
) -> BatchReport:
    """Answer the texts of files of any size, into files of Parquet.

    The work is cut into shards, rows of one file; each becomes one file of answers,
    which is there when it is complete. Given again, a job that was stopped in any way
    goes on: the rows are those of a job that was never stopped. Rows that cannot be
    read, a damaged row group among them, are listed in ``_job/errors.parquet``.

    A file of answers has the columns of the input, then those of the answers: of a
    classifier label, probability, probabilities (of all labels, in the order that the
    metadata tells), tokens, offsets and weights; of a translator text, score, tokens
    and alignment.

    Args:
        bundle: The trained model.
        inputs: A Parquet, CSV, TSV or JSON file, a folder of them, or a pattern; also
            as a URI of a file system that Arrow or fsspec opens; or several of these.
        out: The folder of the answers; new, or of this job.
        text: The column of the texts; by default that of the training.
        columns: The columns of the input that are written beside the answers; by
            default all of them. One that is called like one of the answers becomes
            ``input_…``.
        engine: ``"local"``: this process; ``"ray"``: processes of a Ray cluster.
        address: That of a Ray cluster; by default one on this machine.
        workers: The processes of Ray; by default one for each processor.
        attention: How much is written of the attention: ``"full"``, ``"none"``, or
            ``"top:5"``, the strongest five weights of a text.
        strict: Whether the first row that cannot be read ends the job.
        shard_rows: The most rows of a shard.
        format: How the files are read; see ``regard.data.iterate_rows``.
        delimiter: The same.
        header: The same.
        encoding: The same.
        progress: Called with a ``BatchProgress`` as rows are done.

    Returns:
        What was done.

    Raises:
        ArgumentError: The arguments do not fit each other, or the folder is that of
            another job.
        BundleError: There is no bundle, or it is damaged.
        DataError: There is no input, it lacks a column, or a row cannot be read and
            ``strict`` is on.
        InUseError: Another process works on the same job.
        MissingExtraError: The engine or a file system needs a package.
    """
    begin = time.monotonic()
    check_choice("engine", engine, ENGINES, of="a batch job")
    check_flag("strict", strict, of="a batch job")
    check_count("shard_rows", shard_rows, of="a batch job")
    kept = KeptAttention.parse(attention)
    _check_cluster(engine, address, workers)
    columns = None if columns is None else check_names("columns", columns)
    if text is not None and not isinstance(text, str):
        raise wrong_value("text", text, "the name of a column")
    if progress is not None and not callable(progress):
        raise wrong_value("progress", progress, "a function")
    bundle = check_path("bundle", bundle)
    dialect = Dialect(format, delimiter, header, encoding)
    folder = Path(check_path("out", out))
    _check_folder(folder)
    files = _without_answers(find_inputs(inputs, dialect), folder)
    model = load(Path(bundle))
    kind = kind_of(model)
    known: Mapping[str, str] = getattr(model, "columns", {})
    text = text or known.get(kind.text_column, kind.text_column)
    answers = kind.columns(model, kept)
    layout = layout_of(
        files, text, columns, dialect=dialect, rows=shard_rows, most=answers.most
    )
    key = {
        "regard": __version__,
        "model": digests_of(Path(bundle)),
        "attention": attention,
        "text": text,
        "columns": columns,
        "shard_rows": shard_rows,
        "reading": asdict(dialect),
        "inputs": [file.fingerprint for file in files],
    }
    about = {
        "version": __version__,
        "kind": kind.name,
        "model": key["model"],
        "attention": attention,
        **answers.about,
    }
    units = units_of(files, layout)
    with locked(folder):
        went_on = _open_job(folder, key)
        output = Output(folder, about)
        left, before = _left(units, output)
        told = _Told(before, units, progress)
        if engine == "local":
            done = work(left, answers, layout, output, strict=strict)
        else:
            from regard.scale.ray_workers import work_on_ray  # noqa: PLC0415 - an extra

            done = work_on_ray(
                left,
                Path(bundle),
                attention,
                layout,
                Output(folder.absolute(), about),
                address=address,
                workers=workers,
                strict=strict,
            )
        told.follow(done)
        if went_on:
            # Of a text file a shard may have been lost before others that were done.
            _, told.done = _left(units, output)
        errors = _join_errors(output)
        report = BatchReport(
            folder,
            told.done.rows,
            told.done.set_aside,
            told.done.shards,
            errors,
            went_on and bool(before.shards),
            time.monotonic() - begin,
        )
        _write_manifest(folder, key, report)
    return report


def _check_cluster(engine: str, address: str | None, workers: int | None) -> None:
    if workers is not None:
        check_count("workers", workers, of="a batch job")
    given = {"address": address, "workers": workers}
    for name, value in given.items():
        if value is not None and engine == "local":
            raise ArgumentError(
                f"The local engine is one process: '{name}' says nothing to it.",
                fix="Leave it out, or take the engine ray.",
                arguments=[name],
            )


def _without_answers(files: Sequence[InputFile], folder: Path) -> list[InputFile]:
    """The files that are no answers of the job, which may be in a folder of texts."""
    answers = Path(os.path.realpath(folder))
    # Each folder of files is looked up once, whatever way leads there.
    real = lru_cache(None)(os.path.realpath)
    beside = [
        file
        for file in files
        if not (file.uri is None or file.uri.startswith("file://"))
        or not Path(real(Path(file.path).parent)).is_relative_to(answers)
    ]
    if not beside:
        raise DataError(f"{folder} has the answers, and the input as well.")
    return beside


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise ArgumentError(f"{folder} is a file.", expected="a folder")
    if not folder.absolute().parent.is_dir():
        raise ArgumentError(
            f"{folder} cannot be made: there is no folder {folder.parent}.",
            fix="Make the folder first.",
        )


def _open_job(folder: Path, key: Mapping[str, Any]) -> bool:
    """Begin a job in a folder, or make sure that it is the same one.

    Returns:
        Whether it was begun before.

    Raises:
        ArgumentError: The folder is that of another job, or of none.
    """
    manifest = folder / JOB_FOLDER / _MANIFEST
    if not manifest.exists():
        if folder.exists() and {each.name for each in folder.iterdir()} - {JOB_FOLDER}:
            raise ArgumentError(
                f"In {folder} are files that are of no batch job.",
                expected="a new folder, or that of this job",
                fix="Name another folder.",
            )
        manifest.parent.mkdir(parents=True, exist_ok=True)
        _write_manifest(folder, key)
        return False
    try:
        before = json.loads(manifest.read_text("utf-8"))["job"]
        changed = [name for name in key if before.get(name) != _plain(key)[name]]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ArgumentError(
            f"{manifest} is no manifest of a batch job ({error}).",
            fix="Name another folder, or remove this one and begin anew.",
        ) from error
    if changed:
        raise ArgumentError(
            f"In {folder} is another job: {_difference(changed[0], before, key)}.",
            fix="Name another folder, or remove this one and begin anew.",
        )
    # What a killed process left beside the place of its file.
    for left in folder.rglob(".*.*.parquet"):
        left.unlink(missing_ok=True)
    return True


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


def _write_manifest(
    folder: Path, key: Mapping[str, Any], report: BatchReport | None = None
) -> None:
    content: dict[str, Any] = {"schema": _SCHEMA, "job": key, "finished": None}
    if report is not None:
        names = ("rows", "set_aside", "shards")
        content["finished"] = {name: getattr(report, name) for name in names}
    said = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
    write_file(folder / JOB_FOLDER / _MANIFEST, said.encode("utf-8"))


def _left(units: Iterable[Unit], output: Output) -> tuple[list[Unit], Done]:
    """The units in which something is left to do, and what is done."""
    left: list[Unit] = []
    rows = aside = shards = 0
    for unit in units:
        number, is_whole = unit.number, False
        while not is_whole:
            about = _about(output, shard_name(unit.stem, number))
            if about is None:
                left.append(unit)
                break
            rows, aside = rows + about["rows"], aside + about["set_aside"]
            shards += 1
            # Of a text file the last shard knows that it is the last one.
            is_whole = unit.stop is not None or about["is_last"]
            number += 1
    return left, Done(rows, aside, shards)


def _about(output: Output, name: str) -> dict[str, Any] | None:
    """What a file of answers says of itself; None: there is none that can be read."""
    place = output.folder / name
    try:
        about: dict[str, Any] = json.loads(pq.read_metadata(place).metadata[ABOUT])
    except FileNotFoundError:
        return None
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError):
        # Such as a disk that lost what it had confirmed.
        place.unlink()
        return None
    return about


class _Told:
    """Follows what is done, and tells of it."""

    def __init__(
        self,
        before: Done,
        units: Iterable[Unit],
        progress: Callable[[BatchProgress], None] | None,
    ) -> None:
        self.done = self._before = before
        self._expected = sum(unit.expected for unit in units)
        self._progress = progress

    def follow(self, done: Iterator[Done]) -> None:
        """Take all that comes, to the end."""
        first: tuple[float, int] | None = None
        with contextlib.closing(done):  # type: ignore[type-var]  # they are generators
            for each in done:
                total = zip(self.done, each, strict=True)
                self.done = Done(*(now + more for now, more in total))
                if self._progress is None:
                    continue
                now = time.monotonic()
                # What comes first is compiled besides.
                begin, rows = first = first or (now, self.done.rows)
                speed = (self.done.rows - rows) / (now - begin) if now > begin else 0.0
                expected = max(self._expected, self.done.rows)
                left = (expected - self.done.rows) / speed if speed else None
                self._progress(
                    BatchProgress(
                        self.done.rows, expected, self.done.set_aside, speed, left
                    )
                )


def _join_errors(output: Output) -> Path | None:
    """Put the errors of all shards into one file; None: there are none."""
    joined = output.errors_of("").parent / "errors.parquet"
    parts = sorted(output.errors_of("").rglob("*.parquet"))
    if not parts:
        joined.unlink(missing_ok=True)
        return None
    with staged_file(joined) as staged, pq.ParquetWriter(staged, ERRORS) as writer:
        for part in parts:
            writer.write_table(pq.read_table(part, schema=ERRORS, partitioning=None))
    return joined
