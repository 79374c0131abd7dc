"""Wrong files: the message names the file, the line or field, and the way out."""

import gzip
import json
import tracemalloc

import pytest

from regard.data import iterate_rows, lines, read_examples
from regard.errors import ArgumentError, DataError


@pytest.fixture
def write(tmp_path):
    def write(content, name="data.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def complaint(path, **arguments):
    with pytest.raises(DataError) as caught:
        read_examples(path, **arguments)
    assert str(path) in str(caught.value)
    return str(caught.value)


HEAD = "text,label\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", ["is empty"]),
        ("\n\n", ["is empty"]),
        ("\ufeff", ["is empty"]),
        (HEAD, ["has a header and no rows"]),
        (HEAD + "a,x\nb\n", ["line 3", "too few fields", "2 ('text', 'label')"]),
        (HEAD + "a,x\nb,y,z\n", ["line 3", "too many fields", "Received: 3"]),
        (HEAD + "a,x\nb,\n", ["line 3", "label", "empty"]),
        (HEAD + "a,x\nb,  \n", ["line 3", "label", "empty"]),
        (HEAD + 'a,x\n"b\nc",y\nd\n', ["line 5", "too few fields"]),
        (HEAD + 'a,x\n"b\nc', ["line 3", "never closed"]),
        (HEAD + '"a\na",x\n"b\nc","y\n', ["line 5", "never closed"]),
        (HEAD + 'a,"x"\n"b\nc ""d""\n', ["line 3", "never closed"]),
        (HEAD + 'a,x\n"b"c,y\n', ["line 3", "not a valid row"]),
        (HEAD + "a,x\nb\0,y\n", ["line 3", "NUL", "character 2"]),
        (HEAD + f'a,x\n"{"long" * 2**22}",y\n', ["line 3", "longer than 16,777,216"]),
        (
            HEAD + 'a,x\n"' + "never closed\n" * 2**21,
            ["line 3", "longer than 16,777,216", "quotation mark"],
        ),
        ("text,Label \na,x\n", ["no column 'label'", "'Label '", "Did you mean"]),
        ("text,txet,y\na,b,c\n", ["no column 'label'", "'text', 'txet', 'y'"]),
        ("text,label,label\na,b,c\n", ["2 columns", "'label'"]),
        (HEAD.encode() + b"a,x\nb\xe9b,y\n", ["line 3, byte 2", "not valid UTF-8"]),
        ("text,label\na,x".encode("utf-16-le"), ["line 1", "NUL", "UTF-16"]),
    ],
)
def test_wrong_csv(write, content, said):
    message = complaint(write(content))
    for part in said:
        assert part in message


def test_invalid_utf8_far_into_the_file_is_placed_exactly(write):
    rows = [b"some text,x\r\n"] * 5_000
    rows[4_000] = b"\xff,x\r\n"
    assert "line 4002, byte 1" in complaint(write(HEAD.encode() + b"".join(rows)))


def test_an_encoding_that_is_not_utf8_is_named(write):
    message = complaint(write(HEAD + "é,x\n"), encoding="ascii")
    assert "not valid ascii" in message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", ["is empty"]),
        ('{"text": "a", "label": "x"}\n{"text": "a",\n', ["line 2", "not valid JSON"]),
        ('["a", "x"]\n', ["line 1", "not a JSON object", '["a", "x"]']),
        ('{"text": "a"}\n', ["line 1", "no column 'label'", "'text'"]),
        ('{"text": null, "label": "x"}\n', ["line 1", "'text'", "null"]),
        ('{"text": 3, "label": "x"}\n', ["line 1", "'text'", "3 (int)"]),
        ('{"text": ["a"], "label": "x"}\n', ["line 1", "a list"]),
        ('{"text": "a", "label": null}\n', ["line 1", "'label'", "null"]),
        ('{"text": "a", "label": NaN}\n', ["line 1", "'label'", "missing", "nan"]),
        ('{"text": "a", "label": {"a": 1}}\n', ["line 1", "'label'", "(an object)"]),
        ('{"text": "a", "label": ""}\n', ["line 1", "'label'", "empty"]),
        ('{"text": "\\ud83d", "label": "x"}\n', ["line 1", "surrogate"]),
        ('{"text": ' + "[" * 100_000, ["line 1", "cannot be read"]),
        ('{"text": ' + "9" * 10_000 + "}", ["line 1", "cannot be read"]),
    ],
)
def test_wrong_json_lines(write, content, said):
    message = complaint(write(content, "data.jsonl"))
    for part in said:
        assert part in message


def test_a_missing_file_and_a_directory(tmp_path):
    assert "There is no file" in complaint(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "is a directory" in complaint(tmp_path / "folder.csv")


@pytest.mark.parametrize("name", ["data", "data.txt", "x.parquet.gz"])
def test_a_name_that_does_not_say_its_format(write, name):
    assert ".jsonl" in complaint(write(HEAD + "a,x\n", name))


def test_unknown_format_and_encoding(write):
    path = write(HEAD + "a,x\n")
    with pytest.raises(ArgumentError, match="'csv', 'tsv', 'json', 'jsonl'"):
        read_examples(path, format="pdf")
    with pytest.raises(ArgumentError, match="encoding 'utf-9'"):
        read_examples(path, encoding="utf-9")


def test_a_damaged_archive(write):
    whole = gzip.compress((HEAD + "some text,x\n" * 9_999).encode())
    assert "damaged" in complaint(write(whole[:-20], "cut.csv.gz"))
    assert "damaged" in complaint(write(b"text,label\na,x\n", "not.csv.gz"))


def test_a_packed_line_without_end_is_met_before_it_fills_the_memory(
    write, monkeypatch
):
    """A line of 2 GB in a file of 9 MB took 3.8 GB before it was refused."""
    monkeypatch.setattr(lines, "LONGEST_LINE", 2**16)
    packed = gzip.compress(HEAD.encode() + b"x" * 2**25)
    path = write(packed, "bomb.csv.gz")
    tracemalloc.start()
    assert "line 2: longer than" in complaint(path)
    assert tracemalloc.get_traced_memory()[1] < 4e6
    tracemalloc.stop()


def test_rows_before_the_error_are_given(write):
    rows = iterate_rows(write(HEAD + "a,x\nb\n"), ["label", "text"])
    assert next(rows) == ("x", "a")
    with pytest.raises(DataError, match="line 3"):
        next(rows)


def test_parquet_that_is_none(write):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    assert "Parquet" in complaint(write(b"PAR1 no more", "data.parquet"))


def test_parquet_rows_are_counted(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    from pyarrow import parquet

    path = tmp_path / "data.parquet"
    parquet.write_table(pa.table({"text": ["a", None], "label": [0, 1]}), path)
    assert "row 2" in complaint(path)
    assert "no column 'y'" in complaint(path, label="y")
    parquet.write_table(pa.table({"text": pa.array([], pa.string())}), path)
    with pytest.raises(DataError, match="no rows"):
        list(iterate_rows(path, ["text"]))


def test_parquet_without_pyarrow_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    path = tmp_path / "data.parquet"
    path.write_bytes(b"")
    with pytest.raises(ImportError, match=r'pip install "regard\[data\]"'):
        read_examples(path)


def test_a_quotation_mark_in_tsv_opens_nothing(write):
    path = write('text\tlabel\n"a\tx\nb"\ty\n', "data.tsv")
    assert read_examples(path) == (['"a', 'b"'], ["x", "y"])


def test_one_message_serves_json_too(write):
    rows = [json.dumps({"text": "a", "label": "x"})] * 2
    assert "line 3" in complaint(write("\n".join([*rows, "{}"]), "data.ndjson"))


def test_a_label_never_seen_is_placed(write):
    path = write(HEAD + "a,x\nb,z\n")
    assert read_examples(path, known_labels={"x", "z"})[1] == ["x", "z"]
    message = complaint(path, known_labels=["y", "x"])
    assert "line 3" in message
    assert "'z' was never seen" in message
    assert "'x', 'y'" in message
