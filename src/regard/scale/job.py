"""A batch job: what is to be done, what is done already, and who does the rest."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import Any

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
from regard.errors import ArgumentError, DataError
from regard.inference.answer_columns import KeptAttention
from regard.kinds import digests_of, kind_of, load
from regard.scale.batch_progress import BatchProgress, BatchReport, Followed
from regard.scale.input_files import InputFile, find_inputs
from regard.scale.job_folder import JobFolder
from regard.scale.shards import layout_of, units_of
from regard.scale.worker import Output, work

ENGINES = ("local", "ray")
#: The most rows of a shard: of a few seconds, so that little is done again.
SHARD_ROWS = 1 << 16
_Inputs = str | PathLike[str] | Sequence[str | PathLike[str]]


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
    folder = JobFolder(Path(check_path("out", out)))
    files = _without_answers(find_inputs(inputs, dialect), folder.path)
    digests = digests_of(Path(bundle))
    with ExitStack() as stack:
        ray = None if engine == "local" else _on_ray(address, workers, stack)
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
            "model": digests,
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
            "model": digests,
            "attention": attention,
            **answers.about,
        }
        units = units_of(files, layout)
        stack.enter_context(locked(folder.path))
        went_on = folder.begin(key)
        left, before = folder.left(units)
        followed = Followed(before, units, progress)
        output = Output(folder.path.absolute(), about)
        if ray is None:
            done = work(left, answers, layout, output, strict=strict)
        else:
            done = ray.work(
                left, Path(bundle), attention, layout, output, strict=strict
            )
        followed.follow(done)
        if went_on:
            # Of a text file a shard may have been lost before others that were done.
            _, followed.done = folder.left(units)
        errors = folder.end(key, followed.done)
        return BatchReport(
            folder.path,
            *followed.done,
            errors,
            went_on and bool(before.shards),
            time.monotonic() - begin,
        )


def _on_ray(address: str | None, workers: int | None, stack: ExitStack) -> Any:
    from regard.scale.ray_workers import RayWorkers  # noqa: PLC0415 - an extra

    return stack.enter_context(RayWorkers(address, workers))


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
