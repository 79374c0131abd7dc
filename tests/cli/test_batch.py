"""``regard batch``: files of texts in, Parquet out."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regard_cli import progress_bar


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
    assert f"Wrote {out}: 3 answers in 1 files" in result.err
    assert (
        f"1 rows could not be read: see {out / '_job' / 'errors.parquet'}" in result.err
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


def test_how_far_it_is_is_said_where_nobody_looks(
    run, toy_bundle, texts, tmp_path, monkeypatch
):
    monkeypatch.setattr(progress_bar, "_EVERY", -1)
    result = run("batch", toy_bundle, texts, "--out", tmp_path / "out")
    assert "4 of about 4 rows" in result.err
