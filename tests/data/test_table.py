"""Tables that were written come back equal, from every format."""

import csv
import gzip
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.data import iterate_examples, iterate_rows, read_examples
from regard.errors import ArgumentError, DataError

# Any text that UTF-8 can carry and a text file may hold.
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30
)
LABELS = TEXTS.filter(str.strip)
ROWS = st.lists(st.tuples(TEXTS, LABELS), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("reading")


def written(path, content, packed):
    data = content.encode("utf-8")
    path = path.with_name(path.name + ".gz") if packed else path
    path.write_bytes(gzip.compress(data) if packed else data)
    return path


@given(ROWS, st.booleans(), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_csv(folder, rows, packed, line_end, marked):
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator=line_end)
    writer.writerows([("text", "other", "label"), *((t, "", y) for t, y in rows)])
    content = ("\ufeff" if marked else "") + buffer.getvalue()
    path = written(folder / "rows.csv", content, packed)
    assert list(iterate_examples(path)) == rows


@given(ROWS, st.booleans(), st.booleans())
def test_json_lines(folder, rows, packed, ascii_only):
    lines = [
        json.dumps({"label": label, "text": text}, ensure_ascii=ascii_only)
        for text, label in rows
    ]
    path = written(folder / "rows.jsonl", "\n".join(lines) + "\n", packed)
    assert list(iterate_rows(path, ["text", "label"])) == rows


@given(ROWS)
def test_tsv(folder, rows):
    plain = [
        tuple(
            part.replace("\t", "_").replace("\r", "_").replace("\n", "_")
            for part in row
        )
        for row in rows
    ]
    content = "".join("\t".join(row) + "\n" for row in [("text", "label"), *plain])
    path = written(folder / "rows.tsv", content, packed=False)
    assert list(iterate_examples(path)) == plain


@given(ROWS)
def test_parquet(folder, rows):
    pa = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    from pyarrow import parquet

    texts, labels = map(list, zip(*rows, strict=True))
    path = folder / "rows.parquet"
    parquet.write_table(pa.table({"text": texts, "label": labels}), path)
    assert read_examples(path) == (texts, labels)


def test_line_endings_blank_lines_and_a_last_line_without_end(tmp_path):
    path = tmp_path / "data.csv"
    for end in ("\n", "\r\n", "\r"):
        path.write_bytes(end.join(["text,label", "a,x", "", '"b,c",y']).encode())
        assert read_examples(path) == (["a", "b,c"], ["x", "y"])


def test_line_ends_inside_quotes_stay_as_they_are(tmp_path):
    path = tmp_path / "data.csv"
    path.write_bytes(b'text,label\r\n"a\r\nb\nc\rd",x\r\n')
    assert read_examples(path) == (["a\r\nb\nc\rd"], ["x"])


def test_other_column_names_encoding_and_format(tmp_path):
    path = tmp_path / "data.dat"
    path.write_bytes("mark,body\n1,café\n".encode("latin-1"))
    read = read_examples(path, "body", "mark", format="csv", encoding="latin-1")
    assert read == (["café"], ["1"])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_the_encoding(tmp_path, encoding):
    """Excel saves "Unicode text" so."""
    path = tmp_path / "data.tsv"
    path.write_bytes("text\tlabel\r\ncœur\tx\r\n".encode(encoding))
    assert read_examples(path) == (["cœur"], ["x"])
    path.write_bytes("\ufefftext\tlabel\ncœur\tx\n".encode("utf-16-be"))
    assert read_examples(path, encoding="utf-16-be") == (["cœur"], ["x"])


def test_labels_may_be_numbers_or_truth_values(tmp_path):
    path = tmp_path / "data.jsonl"
    labels = [3, True, 5.0, 1.5, "x"]
    path.write_text(
        "".join(json.dumps({"text": "a", "label": label}) + "\n" for label in labels)
    )
    assert read_examples(path)[1] == ["3", "True", "5", "1.5", "x"]


def test_whole_numbers_with_a_fraction_are_whole_numbers_in_text_files_too(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("text,label\na,5.0\nb,1.0\nc,\n")
    assert read_examples(path, lenient=True)[1] == ["5", "1", ""]
    path.write_text("text,label\na,1.0\nb,1.1\n")
    assert read_examples(path)[1] == ["1.0", "1.1"]


def test_known_labels_are_spelled_as_they_are_known(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("text,label\na,5.0\nb,5\nc,true\n")
    assert read_examples(path, known_labels=["5", "True"])[1] == ["5", "5", "True"]
    with pytest.raises(DataError, match=r"line 2: .*'5\.0' was never seen"):
        read_examples(path, known_labels=["05", "True"])
    path.write_text("text,label\na,Good \n")
    with pytest.raises(DataError, match=r"line 2: .*Did you mean 'good'\?"):
        read_examples(path, known_labels=["good", "bad"])


def test_text_and_label_are_two_columns(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("text,label\na,x\n")
    with pytest.raises(ArgumentError, match=r"same column.*'label' twice"):
        read_examples(path, text="label")


@pytest.mark.parametrize("column", ["int64", "float64", "bool", "decimal"])
def test_numbers_of_parquet_are_labels(tmp_path, column):
    pa = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    from pyarrow import parquet

    labels, wanted = [1, 0], ["1", "0"]
    if column == "bool":
        labels, wanted = [True, False], ["True", "False"]
    kinds = {"bool": pa.bool_(), "decimal": pa.decimal128(4, 1)}
    kind = kinds[column] if column in kinds else getattr(pa, column)()
    path = tmp_path / "data.parquet"
    table = pa.table({"text": ["a", "b"], "label": pa.array(labels, kind)})
    parquet.write_table(table, path)
    assert read_examples(path)[1] == wanted


def test_a_packed_file_streams(tmp_path):
    """The first row comes before the damage at the end is met."""
    content = "text,label\n" + "".join(f"text {i},x\n" for i in range(50_000))
    path = tmp_path / "data.csv.gz"
    path.write_bytes(gzip.compress(content.encode())[:-100])
    assert next(iterate_examples(path)) == ("text 0", "x")


def test_real_data(shared_data):
    texts, labels = read_examples(shared_data / "sst" / "sst2_dev.tsv")
    assert (len(texts), sorted(set(labels))) == (872, ["0", "1"])
