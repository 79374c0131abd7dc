"""Batch jobs: what is read, what is written, and that nothing is lost or doubled."""

import gzip
import json
import os
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import regard
from regard import scale
from regard._lock import locked
from regard.errors import ArgumentError, DataError, InUseError
from regard.kinds import digests_of


@pytest.fixture
def job(toy_bundle, tmp_path):
    """Runs a job in small shards."""

    def job(inputs, name="out", **options):
        options = {"shard_rows": 10, "attention": "top:2"} | options
        return scale.run(toy_bundle, inputs, tmp_path / name, **options)

    return job


class StopError(Exception):
    pass


def stopped_after(chunks):
    """What stops a job when so many chunks were written, as a callback."""
    left = iter(range(chunks))

    def stop(_):
        if next(left, None) is None:
            raise StopError

    return stop


def answers(folder):
    """All rows of a folder of answers, as any reader of such folders has them."""
    return pq.read_table(folder)


def about(path):
    return json.loads(pq.read_metadata(path).metadata[b"regard"])


def errors(folder):
    return pq.read_table(folder / "_job" / "errors.parquet").to_pylist()


def names(folder):
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "_job" not in path.parts
    )


def write_csv(path, texts, extra=""):
    lines = [f"{number},{text}" for number, text in enumerate(texts)]
    content = "\n".join(["id,text", *lines]) + "\n" + extra
    packed = path.suffix == ".gz"
    path.write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    return path


# What is written


def test_answers_stand_beside_their_rows_in_their_order(
    job, parquet, texts, toy_classifier
):
    report = job(parquet, attention="full")
    assert (report.rows, report.set_aside, report.errors) == (60, 0, None)
    assert not report.went_on
    # Row groups of 25, 25 and 10 rows, cut into shards of at most ten.
    assert names(report.out) == [f"in-{number:05}.parquet" for number in range(7)]
    rows = answers(report.out)
    assert rows["id"].to_pylist() == list(range(60))
    assert rows["text"].to_pylist() == texts
    alone = toy_classifier.explain(texts)
    assert rows["label"].to_pylist() == [each.label for each in alone]
    for weights, each in zip(rows["weights"].to_pylist(), alone, strict=True):
        np.testing.assert_allclose(weights, each.weights, atol=1e-6)
    assert rows.schema.field("probabilities").type == pa.list_(pa.float32())


def test_a_file_says_what_it_is(job, parquet, toy_bundle, toy_classifier):
    said = about(job(parquet).out / "in-00001.parquet")
    assert said["labels"] == list(toy_classifier.labels)
    assert said["version"]
    assert (said["input"], said["first_row"]) == (str(parquet), 11)
    assert (said["rows"], said["set_aside"]) == (10, 0)
    manifest = json.loads((toy_bundle / "manifest.json").read_text())
    assert said["model"]["model.keras"] in json.dumps(manifest)


def test_the_columns_that_are_asked_for(job, tmp_path, table):
    path = tmp_path / "in.parquet"
    given = table.append_column("label", pa.array(["gold"] * len(table)))
    given = given.append_column("day", pa.array([5] * len(table), pa.date32()))
    pq.write_table(given, path)
    rows = answers(job(path, columns=["label", "day"], attention="none").out)
    told = ["label", "probability", "probabilities", "truncated"]
    # The one that answers have as well stays, under another name.
    assert rows.column_names == ["input_label", "day", *told]
    assert set(rows["input_label"].to_pylist()) == {"gold"}
    assert rows.schema.field("day").type == pa.date32()
    with pytest.raises(DataError, match=r"there is no column 'days'.*'day'"):
        job(path, "other", columns=["days"])


def test_small_row_groups_are_put_together(job, tmp_path, table):
    path = tmp_path / "in.parquet"
    pq.write_table(table, path, row_group_size=4)
    assert len(names(job(path).out)) == 8


def test_a_folder_a_pattern_and_several_places(job, tmp_path, table, texts):
    folder = tmp_path / "in"
    for part in ("a=1", "a=2", "_hidden"):
        (folder / part).mkdir(parents=True)
        pq.write_table(table.slice(0, 3), folder / part / "x.parquet")
    write_csv(folder / "x.csv.gz", texts[:4])
    write_csv(folder / "x.csv", texts[:5])
    (folder / "README.md").write_text("no data")
    report = job(folder, columns=["text"], shard_rows=100)
    # Files that would have one name keep their suffixes.
    written = ["a=1/x-00000.parquet", "a=2/x-00000.parquet"]
    assert names(report.out) == [
        *written,
        "x.csv-00000.parquet",
        "x.csv.gz-00000.parquet",
    ]
    assert report.rows == 15
    some = job(f"{folder}/a=*/*.parquet", "some")
    assert names(some.out) == written
    both = job([folder / "a=1", f"file://{folder}/x.csv"], "both", columns=["text"])
    assert both.rows == 8
    for nothing in (tmp_path / "none.parquet", f"{folder}/*.tsv"):
        with pytest.raises(DataError, match=r"There is no|No file is like"):
            job(nothing, "nothing")


def test_a_file_system_of_fsspec(job, table):
    fsspec = pytest.importorskip("fsspec", reason="needs fsspec, of the extra scale")
    memory = fsspec.filesystem("memory")
    memory.makedirs("/batch/texts", exist_ok=True)
    with memory.open("/batch/texts/one.parquet", "wb") as file:
        pq.write_table(table, file)
    with memory.open("/batch/texts/two.csv", "wb") as file:
        file.write(b"id,text\n1,my parcel\n")
    report = job("memory://batch/texts", columns=["text"])
    assert report.rows == 61
    assert "two-00000.parquet" in names(report.out)


def test_a_file_system_that_needs_more_says_what_to_install(job, monkeypatch):
    fsspec = pytest.importorskip("fsspec", reason="needs fsspec, of the extra scale")

    def opened(uri):
        raise ImportError(f"{uri.partition(':')[0]} requires more.")

    monkeypatch.setattr(fsspec.core, "url_to_fs", opened)
    for uri, package in (
        ("https://host/a.csv", r'"fsspec\[http\]"'),
        ("abfs://host/a.csv", r'"fsspec\[abfs\]"'),
        ("odd://host/a.csv", "what fsspec needs for odd://"),
    ):
        with pytest.raises(ArgumentError, match=f"more. Run: pip install {package}"):
            job(uri)


def test_the_answers_may_go_into_the_folder_of_the_texts(job, parquet, tmp_path):
    for _ in range(2):
        assert job(tmp_path, "answers").rows == 60
    with pytest.raises(DataError, match="the input as well"):
        job(tmp_path / "answers", "answers")


@pytest.mark.parametrize("as_given", ["{}", "file://{}", "link"])
def test_a_job_in_the_folder_of_its_texts_goes_on(job, tmp_path, texts, as_given):
    folder = tmp_path / "texts"
    folder.mkdir()
    write_csv(folder / "a.csv", texts[:5])
    (tmp_path / "link").symlink_to(folder)
    given = str(tmp_path / "link") if as_given == "link" else as_given.format(folder)
    assert job(given, "texts/out").rows == 5
    assert job(given, "texts/out").went_on


def test_no_two_files_have_answers_in_one_place(job, tmp_path, texts):
    places = [tmp_path / name for name in ("x/a.csv", "y/a.csv", "z/a.csv.2.csv")]
    for place in places:
        place.parent.mkdir()
        write_csv(place, texts[:5])
    job(places)
    assert answers(tmp_path / "out").num_rows == 15


def test_answers_stay_in_their_folder_where_readers_see_them(job, tmp_path, texts):
    pytest.importorskip("fsspec", reason="needs fsspec, of the extra scale")
    packed = tmp_path / "packed.zip"
    places = ["a/../../../b.csv", "_job/errors/c.csv", ".d.csv", "e//f.csv", "e/f.csv"]
    with zipfile.ZipFile(packed, "w") as archive:
        for place in places:
            archive.writestr(place, f"id,text\n0,{texts[0]}\n")
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    report = job(f"zip://**.csv::{packed}")
    assert report.rows == len(names(report.out)) == 5
    assert report.errors is None
    assert answers(report.out).num_rows == 5
    made = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert all(path.is_relative_to(report.out) for path in made)


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "tsv", "jsonl"])
def test_text_files_become_shards_of_so_many_rows(job, tmp_path, texts, suffix):
    path = tmp_path / f"in.{suffix}"
    if suffix == "jsonl":
        lines = [
            json.dumps({"id": n, "text": text, "of": [n]})
            for n, text in enumerate(texts)
        ]
        path.write_text("\n".join(lines))
    elif suffix == "tsv":
        path.write_text(
            "\n".join(["id\ttext", *(f"{n}\t{t}" for n, t in enumerate(texts))])
        )
    else:
        write_csv(path, texts)
    seen = []
    report = job(path, shard_rows=25, progress=seen.append)
    assert names(report.out) == [f"in-{number:05}.parquet" for number in range(3)]
    rows = answers(report.out)
    assert rows["text"].to_pylist() == texts
    of = int if suffix == "jsonl" else str
    assert rows["id"].to_pylist() == [of(number) for number in range(60)]
    assert [about(report.out / name)["is_last"] for name in names(report.out)] == [
        False,
        False,
        True,
    ]
    assert seen[-1].rows == 60
    assert 20 < seen[0].expected < 180
    # Given again there is nothing left to do.
    assert job(path, shard_rows=25) == report.__class__(
        **{**report.__dict__, "went_on": True, "seconds": pytest.approx(0, abs=1e9)}
    )


# Rows that cannot be read


def test_rows_without_a_text_are_set_aside(job, tmp_path):
    path = tmp_path / "in.parquet"
    bad = pa.array([b"my parcel", b"\xff\xfe", b"refund", None], pa.binary())
    texts = pa.StringArray.from_buffers(
        4, bad.buffers()[1], bad.buffers()[2], bad.buffers()[0]
    )
    pq.write_table(pa.table({"id": [1, 2, 3, 4], "text": texts}), path)
    report = job(path)
    assert answers(report.out)["id"].to_pylist() == [1, 3]
    assert (report.rows, report.set_aside) == (4, 2)
    assert report.errors == report.out / "_job" / "errors.parquet"
    shown = {"file": str(path), "rows": 1}
    assert errors(report.out) == [
        shown | {"row": 2, "reason": "The text is not valid UTF-8."},
        shown | {"row": 4, "reason": "There is no text (null)."},
    ]
    with pytest.raises(DataError, match="row 2: The text is not valid UTF-8"):
        job(path, "strict", strict=True)


def test_a_damaged_row_group_is_set_aside(job, parquet, tmp_path):
    group = pq.read_metadata(parquet).row_group(1).column(1)
    content = bytearray(parquet.read_bytes())
    begin = group.data_page_offset
    content[begin : begin + 40] = bytes(40)
    parquet.write_bytes(content)
    report = job(parquet)
    ids = [*range(25), *range(50, 60)]
    assert answers(report.out)["id"].to_pylist() == ids
    assert (report.rows, report.set_aside) == (60, 25)
    found = errors(report.out)
    assert [(each["row"], each["rows"]) for each in found] == [
        (26, 10),
        (36, 10),
        (46, 5),
    ]
    assert all("Row group 1 cannot be read" in each["reason"] for each in found)


def test_a_file_that_is_no_parquet_does_not_stop_the_others(job, parquet, tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and nothing more")
    report = job([parquet, tmp_path / "a.parquet"])
    assert len(answers(report.out)) == 60
    [error] = errors(report.out)
    assert error["file"] == str(tmp_path / "a.parquet")
    assert "cannot be read as Parquet" in error["reason"]
    with pytest.raises(
        DataError, match=r"a\.parquet cannot be read as Parquet\. Check"
    ):
        job(tmp_path / "a.parquet", "alone")


def test_a_file_that_cannot_be_decoded_does_not_stop_the_others(job, tmp_path, texts):
    bad = tmp_path / "a.csv"
    bad.write_bytes("id,text\n1,für immer\n".encode("latin-1"))
    header = tmp_path / "b.csv"
    header.write_bytes("id,text,Größe\n1,my parcel,3\n".encode("latin-1"))
    packed = write_csv(tmp_path / "c.csv.gz", texts * 20)
    packed.write_bytes(packed.read_bytes()[:-90])
    part = tmp_path / "d.csv"
    long = f"1,my parcel {'x' * 4_000}\n"
    part.write_bytes(f"id,text\n{long * 30}2,für\n".encode("latin-1"))
    others = write_csv(tmp_path / "e.csv", texts[:5])
    # Without those that have no rows at all, what columns are follows from its first.
    first = job(part, "first")
    report = job([bad, header, packed, part, others], shard_rows=5_000)
    found = {each["file"]: each for each in errors(report.out)}
    assert set(found) == {str(each) for each in (bad, header, packed, part)}
    assert "not valid UTF-8" in found[str(bad)]["reason"]
    assert 0 < first.rows < 31
    assert errors(first.out) == [found[str(part)]]
    assert (found[str(part)]["row"], found[str(part)]["rows"]) == (first.rows + 1, 0)
    rows = answers(report.out)
    assert rows["id"].to_pylist()[-6:] == ["1", *map(str, range(5))]
    # Where nothing can be read there is nothing to be done.
    with pytest.raises(DataError, match="not valid UTF-8"):
        job([bad, header], "alone")


@pytest.mark.parametrize("content", ["", "id,text\n", "\n"])
@pytest.mark.parametrize("suffix", ["csv", "tsv", "csv.gz"])
def test_a_later_file_without_rows_is_no_error(job, tmp_path, texts, content, suffix):
    write_csv(tmp_path / "a.csv", texts[:5])
    empty = tmp_path / f"b.{suffix}"
    content = content.replace(",", "\t") if suffix == "tsv" else content
    packed = suffix.endswith("gz")
    empty.write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    report = job([tmp_path / "a.csv", empty])
    assert (report.rows, report.set_aside, report.errors) == (5, 0, None)
    # As of a Parquet file without rows there is a file of answers, which says so.
    assert about(report.out / "b-00000.parquet")["rows"] == 0
    assert job([tmp_path / "a.csv", empty]).went_on


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")], ids=" ".join)
def test_a_file_without_the_column_is_refused(job, tmp_path, texts, order):
    write_csv(tmp_path / "a.csv", texts[:5])
    (tmp_path / "b.csv").write_text("id,body\n1,my parcel\n")
    with pytest.raises(DataError, match=r"b\.csv.*no column 'text'"):
        job([tmp_path / f"{name}.csv" for name in order])
    assert not (tmp_path / "out").exists()


def test_errors_go_where_a_shard_is_done_again_without_any(job, tmp_path, texts):
    table = write_csv(tmp_path / "in.csv", texts[:4], "4,b,c\n")
    folder = job(table).out
    written = folder / "_job" / "errors" / "in-00000.parquet"
    stale = written.read_bytes()
    clean = write_csv(tmp_path / "clean.csv", texts[:4])
    other = job(clean, "other").out
    (other / "_job" / "errors").mkdir()
    left = other / "_job" / "errors" / "clean-00000.parquet"
    left.write_bytes(stale)
    (other / "clean-00000.parquet").unlink()
    report = job(clean, "other")
    assert (report.rows, report.set_aside, report.errors) == (4, 0, None)
    assert not left.exists()


@pytest.mark.parametrize("content", ["", "id,text\n"])
def test_a_first_file_without_rows_does_not_stop_the_others(
    job, tmp_path, texts, content
):
    (tmp_path / "a.csv").write_text(content)
    others = write_csv(tmp_path / "b.csv", texts[:5])
    assert job([tmp_path / "a.csv", others]).rows == 5
    with pytest.raises(DataError, match=r"a\.csv (is empty|has a header and no rows)"):
        job(tmp_path / "a.csv", "other")


def test_wrong_lines_of_text_files_are_set_aside(job, tmp_path, texts):
    table = write_csv(tmp_path / "in.csv", texts[:4], "4,b,c\n5,refund\n")
    lines = tmp_path / "in.jsonl"
    rows = ['{"id": 1, "text": "refund"}', "{", '{"id": "x", "text": "refund"}']
    rows += ['{"id": 4}', '{"id": 5, "text": null}', '{"id": 6, "text": "parcel"}']
    lines.write_text("\n".join(rows))
    report = job(table, shard_rows=3)
    assert answers(report.out)["id"].to_pylist() == ["0", "1", "2", "3", "5"]
    [error] = errors(report.out)
    assert (error["row"], error["rows"]) == (5, 1)
    assert "line 6: too many fields" in error["reason"]
    # What columns are follows from the first rows that can be read: here all of them.
    report = job(lines, "lines", columns=["id"])
    assert answers(report.out)["id"].to_pylist() == ["1", "x", "6"]
    assert [each["row"] for each in errors(report.out)] == [2, 4, 5]
    with pytest.raises(DataError, match=r"row 5: .*too many fields.*without 'strict'"):
        job(table, "strict", strict=True)


def test_a_value_of_another_type_than_in_the_first_rows_is_set_aside(
    job, tmp_path, monkeypatch
):
    monkeypatch.setattr("regard.scale.text_rows._SAMPLE", 2)
    lines = tmp_path / "in.jsonl"
    rows = [{"id": 1, "text": "a"}, {"text": "b"}, {"id": "x", "text": "c"}]
    lines.write_text("\n".join(map(json.dumps, [*rows, {"id": 4, "text": "d"}])))
    report = job(lines)
    assert answers(report.out)["id"].to_pylist() == [1, None, 4]
    [error] = errors(report.out)
    assert (error["row"], error["reason"][:11]) == (3, "Column 'id'")


# Going on


@pytest.fixture(params=["parquet", "csv"])
def with_an_error(request, tmp_path, table, texts):
    path = tmp_path / f"in.{request.param}"
    if request.param == "csv":
        return write_csv(path, texts, "1,2,3\n")
    # One text is missing, of a shard that is done before a stop.
    missing = [None, *texts[1:]]
    pq.write_table(table.set_column(1, "text", pa.array(missing)), path)
    return path


@pytest.mark.parametrize("after", [0, 1, 4])
def test_a_stopped_job_goes_on_and_ends_as_one_that_never_stopped(
    job, tmp_path, with_an_error, after
):
    path = with_an_error
    whole = job(path, "whole")
    with pytest.raises(StopError):
        job(path, progress=stopped_after(after))
    assert not list((tmp_path / "out").glob(".*"))
    finished = names(tmp_path / "out")
    assert len(finished) == after + 1
    before = [(tmp_path / "out" / name).stat().st_mtime_ns for name in finished]
    seen = []
    report = job(path, progress=seen.append)
    assert report.went_on
    assert seen[0].rows > 10 * after
    assert [(tmp_path / "out" / name).stat().st_mtime_ns for name in finished] == before
    assert names(report.out) == names(whole.out)
    assert answers(report.out).equals(answers(whole.out))
    assert errors(report.out) == errors(whole.out)
    assert (report.rows, report.set_aside) == (whole.rows, whole.set_aside)
    for name in names(whole.out):
        assert about(report.out / name) == about(whole.out / name)


def test_what_a_killed_job_left_is_done_again(job, parquet):
    whole = job(parquet, "whole")
    report = job(parquet)
    (report.out / "in-00002.parquet").unlink()
    # A disk that lost the end of a file, and the file of a process that was killed.
    cut = report.out / "in-00003.parquet"
    cut.write_bytes(cut.read_bytes()[:-9])
    (report.out / ".in-00002.0123abcd.parquet").write_bytes(b"PAR1")
    again = job(parquet)
    assert again.rows == 60
    assert names(again.out) == names(whole.out)
    assert answers(again.out).equals(answers(whole.out))


def test_a_lost_file_of_answers_is_done_again_and_all_are_counted(job, tmp_path, texts):
    path = write_csv(tmp_path / "a.csv", texts[:35])
    before = job(path)
    (before.out / "a-00001.parquet").unlink()
    after = job(path)
    assert (after.rows, after.shards) == (before.rows, before.shards) == (35, 4)


def test_another_job_is_refused_in_its_folder(job, parquet, toy_translator_bundle):
    report = job(parquet)
    before = names(report.out)
    for options, said in (
        ({"attention": "none"}, "setting attention was 'top:2'"),
        ({"columns": ["id"]}, "setting columns was None"),
        ({"shard_rows": 11}, "setting shard rows was 10"),
    ):
        with pytest.raises(ArgumentError, match=f"{said}.*Name another folder"):
            job(parquet, **options)
    with pytest.raises(ArgumentError, match="it is of another model"):
        scale.run(
            toy_translator_bundle,
            parquet,
            report.out,
            text="text",
            attention="top:2",
            shard_rows=10,
        )
    os.utime(parquet, ns=(1, 1))
    with pytest.raises(ArgumentError, match=r"in\.parquet is changed"):
        job(parquet)
    other = parquet.with_name("other.parquet")
    pq.write_table(pq.read_table(parquet), other)
    with pytest.raises(ArgumentError, match=r"in\.parquet is gone"):
        job(other)
    with pytest.raises(ArgumentError, match=r"changed|other\.parquet is new"):
        job([parquet, other])
    assert names(report.out) == before


def test_a_shortlist_that_was_learned_since_makes_another_model(
    toy_translator, tmp_path
):
    import toy_pairs

    bundle = tmp_path / "toy.regard"
    toy_translator.save(bundle)
    assert "shortlist.npz" not in digests_of(bundle)
    translator = regard.load(bundle)
    sources, targets = toy_pairs.sentences(20)
    translator.learn_shortlist(sources, targets).save(bundle)
    assert "shortlist.npz" in digests_of(bundle)


def test_a_folder_of_something_else_is_left_alone(job, parquet, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("all of it")
    with pytest.raises(ArgumentError, match="files that are of no batch job"):
        job(parquet)
    with pytest.raises(ArgumentError, match="is a file"):
        job(parquet, "in.parquet")
    with pytest.raises(ArgumentError, match="there is no folder"):
        job(parquet, "a/b")
    with pytest.raises(ArgumentError, match="a folder of this machine"):
        scale.run("toy.regard", parquet, "s3://bucket/out")


def test_two_processes_do_not_work_in_one_folder(job, parquet, tmp_path):
    with locked(tmp_path / "out"), pytest.raises(InUseError, match="is working on"):
        job(parquet)


# Arguments


def test_arguments_that_do_not_fit_are_refused(job, parquet, toy_bundle):
    for options, said in (
        ({"engine": "spark"}, "'local', 'ray'"),
        ({"workers": 2}, "'workers' says nothing to it"),
        ({"address": "ray://x"}, "'address' says nothing to it"),
        ({"attention": "top"}, "top:5"),
        ({"columns": "id,text"}, "a list of names"),
        ({"shard_rows": 0}, "shard_rows"),
        ({"strict": "yes"}, "strict"),
        ({"columns": 5}, "a list of names"),
        ({"columns": ["id", 5]}, "a list of names"),
        ({"text": 5}, "'text'.*the name of a column"),
        ({"progress": 5}, "'progress'.*a function"),
        ({"delimiter": 5}, "5 separates no fields"),
        ({"header": "no"}, "'header' of a file"),
        ({"encoding": 5}, "no encoding '5'"),
    ):
        with pytest.raises(ArgumentError, match=said):
            job(parquet, **options)
    for inputs in (5, None, [], [None], "a\0b"):
        with pytest.raises(ArgumentError, match="'inputs' has a wrong value"):
            job(inputs)
    for bundle, out, said in ((None, "out", "'bundle'"), (toy_bundle, 5, "'out'")):
        with pytest.raises(ArgumentError, match=said):
            scale.run(bundle, parquet, out)
    with pytest.raises(DataError, match="column 'id' holds values of the type int64"):
        job(parquet, text="id")
    with pytest.raises(DataError, match=r"there is no column 'texts'.*mean 'text'"):
        job(parquet, text="texts")


def test_two_columns_of_one_name_are_refused(job, tmp_path):
    twice = pa.table([["refund"], [1], [2]], names=["text", "id", "id"])
    pq.write_table(twice, tmp_path / "twice.parquet")
    with pytest.raises(DataError, match="several columns have the name 'id'"):
        job(tmp_path / "twice.parquet")


def test_files_of_one_job_have_columns_of_one_type(job, parquet, table):
    other = table.set_column(0, "id", pa.array(map(str, range(60))))
    path = parquet.with_name("other.parquet")
    pq.write_table(other, path)
    with pytest.raises(DataError, match="column 'id' has another type"):
        job([parquet, path])
    assert job([parquet, path], columns=["text"]).rows == 120


def test_a_folder_without_files_of_a_job_says_which_there_are(job, tmp_path):
    (tmp_path / "sheets").mkdir()
    (tmp_path / "sheets" / "a.xlsx").touch()
    with pytest.raises(DataError, match=r"one of \.csv, (?!.*xlsx).*\.parquet"):
        job(tmp_path / "sheets")


def test_columns_of_one_name_are_refused_where_both_are_meant(job, tmp_path, texts):
    columns = [pa.array([1]), pa.array([2]), pa.array(texts[:1])]
    table = pa.Table.from_arrays(columns, ["id", "id", "text"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(DataError, match="several columns have the name 'id'"):
        job(tmp_path / "a.parquet")
    assert job(tmp_path / "a.parquet", columns=["text"]).rows == 1


def test_stored_once_and_very_long_texts(job, tmp_path, monkeypatch, texts):
    monkeypatch.setattr("regard.scale.chunks._CHARACTERS", 100)
    path = tmp_path / "in.parquet"
    given = [*texts[:5], "refund " * 40, *texts[5:9]]
    pq.write_table(pa.table({"text": pa.array(given).dictionary_encode()}), path)
    seen = []
    rows = answers(job(path, progress=seen.append).out)
    assert len(seen) > 3
    assert rows["text"].to_pylist() == given
    assert rows["truncated"].to_pylist() == [index == 5 for index in range(10)]
