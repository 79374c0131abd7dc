"""Tables that were written come back equal, from every format."""

import csv
import gzip
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.data import iterate_examples, iterate_rows, read_examples

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


def test_labels_may_be_numbers_or_truth_values(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text('{"text": "a", "label": 3}\n{"text": "b", "label": true}\n')
    assert read_examples(path)[1] == ["3", "true"]


def test_a_packed_file_streams(tmp_path):
    """The first row comes before the damage at the end is met."""
    content = "text,label\n" + "".join(f"text {i},x\n" for i in range(50_000))
    path = tmp_path / "data.csv.gz"
    path.write_bytes(gzip.compress(content.encode())[:-100])
    assert next(iterate_examples(path)) == ("text 0", "x")


def test_real_data(shared_data):
    texts, labels = read_examples(shared_data / "sst" / "sst2_dev.tsv")
    assert (len(texts), sorted(set(labels))) == (872, ["0", "1"])
