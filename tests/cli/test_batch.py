"""``regard batch``: files of texts in, Parquet out."""

import contextlib
import errno
import signal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regard import scale
from regard_cli import interrupts, progress_bar


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "texts.parquet"
    given = ["my parcel", "a refund", None, "the password"]
    pq.write_table(pa.table({"id": range(4), "text": given}), path)
    return path


def test_it_answers_and_says_what_was_set_aside(run, toy_bundle, texts, tmp_path):
    out = tmp_path / "out"
    options = ("--out", out, "--columns", "id", "--attention", "top:1")
    result = run("batch", toy_bundle, texts, *options)
    assert (result.code, result.out) == (3, "")
    assert f"Wrote {out}: 3 answers in 1 file, " in result.err
    assert (
        f"1 row could not be read: see {out / '_job' / 'errors.parquet'}" in result.err
    )
    rows = pq.read_table(out).to_pylist()
    assert [row["id"] for row in rows] == [0, 1, 3]
    assert [row["tokens"] for row in rows] == [["parcel"], ["refund"], ["password"]]
    again = run("batch", toy_bundle, texts, *options)
    assert again.code == 3
    assert "The job went on where it was." in again.err


def test_it_ends_with_0_where_all_was_answered(run, toy_bundle, table, tmp_path):
    result = run("batch", toy_bundle, table, "--out", tmp_path / "out")
    assert result.code == 0
    rows = pq.read_table(tmp_path / "out").to_pylist()
    assert [row["input_label"] for row in rows] == ["good", "bad"]


def test_strict_ends_at_the_first(run, toy_bundle, texts, tmp_path):
    result = run("batch", toy_bundle, texts, "--out", tmp_path / "out", "--strict")
    assert result.code == 2
    assert "row 3: There is no text (null)." in result.err
    assert "without --strict the job goes on" in result.err


def test_a_folder_of_another_job_is_refused(run, toy_bundle, texts, tmp_path):
    out = ("--out", tmp_path / "out")
    run("batch", toy_bundle, texts, *out)
    result = run("batch", toy_bundle, texts, *out, "--attention", "none")
    assert result.code == 2
    assert "its setting attention was 'full'" in result.err
    assert "Name another folder" in result.err


def test_an_interrupt_says_that_the_same_command_goes_on(
    run, toy_bundle, texts, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    options = ("--out", out, "--shard-rows", 2)

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    # Before the first shard, and after it.
    monkeypatch.setattr(scale.job, "work", interrupted)
    result = run("batch", toy_bundle, texts, *options)
    assert (result.code, result.out) == (130, "")
    assert "Interrupted. Nothing is done yet" in result.err
    monkeypatch.undo()
    monkeypatch.setattr(scale.job.Followed, "follow", interrupting)
    result = run("batch", toy_bundle, texts, *options)
    assert result.code == 130
    said = f"Interrupted. {out} has what is done: the same command goes on from there."
    assert said in result.err
    monkeypatch.undo()
    assert run("batch", toy_bundle, texts, *options).code == 3
    assert len(pq.read_table(out)) == 3


def test_control_c_is_answered_at_once(run, toy_bundle, texts, tmp_path, monkeypatch):
    before, said = signal.getsignal(signal.SIGINT), []
    monkeypatch.setattr(interrupts, "_say", said.append)

    def interrupted(*_, **__):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(scale.job, "work", interrupted)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        result = run("batch", toy_bundle, texts, "--out", tmp_path / "out")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert result.code == 130
    assert said == [b"\nCtrl-C: ending after what is being computed.\n"]


def interrupting(_, done):
    """Ctrl-C when the first rows are done."""
    with contextlib.closing(done):
        next(done)
        raise KeyboardInterrupt


def test_a_full_disk_is_named_and_the_command_goes_on(
    run, toy_bundle, texts, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    options = ("--out", out, "--shard-rows", 2)
    write = pq.ParquetWriter.write_table
    left = iter([True])

    def write_table(*arguments):
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, "Error writing bytes to file")
        return write(*arguments)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", write_table)
    result = run("batch", toy_bundle, texts, *options)
    assert result.code == 1
    assert result.err.endswith(f"Error: {out}: No space left on device.\n")
    assert "the same command goes on from there" in result.err
    assert not list(out.rglob(".*"))
    monkeypatch.undo()
    assert run("batch", toy_bundle, texts, *options).code == 3
    assert len(pq.read_table(out)) == 3


def test_rows_that_nobody_counted_are_not_none(run, toy_bundle, tmp_path):
    (tmp_path / "a.csv").write_bytes("text,id\nfür,1\n".encode("latin-1"))
    (tmp_path / "b.csv").write_text("text,id\nrefund,1\n")
    both = (tmp_path / "a.csv", tmp_path / "b.csv")
    result = run("batch", toy_bundle, *both, "--out", tmp_path / "out")
    assert result.code == 3
    assert "Some rows could not be read: see" in result.err


def test_what_is_wrong_is_said_in_options(run, toy_bundle, texts, tmp_path, table):
    out = ("--out", tmp_path / "out")
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"id": ["x"], "text": ["refund"]}), other)
    result = run("batch", toy_bundle, texts, other, *out)
    assert result.code == 2
    assert "leave the column out of --columns" in result.err
    result = run("batch", toy_bundle, texts, "--text", "id", *out)
    assert "Name the column with the texts: --text" in result.err
    result = run("batch", toy_bundle, table, "--format", "parquet", *out)
    assert "cannot be read as Parquet. Say with --format what it is" in result.err


def test_how_far_it_is_is_said_where_nobody_looks(
    run, toy_bundle, texts, tmp_path, monkeypatch
):
    monkeypatch.setattr(progress_bar, "_EVERY", -1)
    result = run("batch", toy_bundle, texts, "--out", tmp_path / "out")
    assert "4 of about 4 rows" in result.err
