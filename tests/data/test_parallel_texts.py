"""Pairs of texts out of one file or two, and the messages where they do not pair."""

import gzip
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.data import read_pairs, read_parallel
from regard.errors import ArgumentError, DataError

# A line of a text file, as other tools count lines.
LINES = st.text(
    # A byte order mark in front of the text cannot be told from that of the file.
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\n\ufeff"),
    max_size=20,
).filter(lambda line: line.strip() and not line.endswith("\r"))
PAIRS = st.lists(st.tuples(LINES, LINES), min_size=1, max_size=6)


@pytest.fixture
def write(tmp_path):
    def write(content, name):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_every_format_gives_the_same_pairs(write, tmp_path):
    expected = (["ein hund", "zwei, drei"], ["a dog", "two, three"])
    rows = list(zip(*expected, strict=True))
    csv = 'en,de\n"a dog","ein hund"\n"two, three","zwei, drei"'
    tsv = "de\tid\ten\r\nein hund\t1\ta dog\r\nzwei, drei\t2\ttwo, three\r\n"
    lines = "".join(json.dumps({"de": de, "en": en}) + "\n" for de, en in rows)
    paths = [
        write("\ufeff" + csv, "pairs.csv"),
        write(tsv, "pairs.tsv"),
        write(gzip.compress(lines.encode()), "pairs.jsonl.gz"),
    ]
    for path in paths:
        assert read_pairs(path, "de", "en") == expected
    assert read_pairs(write(csv, "pairs"), "de", "en", format="csv") == expected


def test_parquet(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    from pyarrow import parquet

    path = tmp_path / "pairs.parquet"
    parquet.write_table(pa.table({"source": ["a", "b"], "target": ["c", " "]}), path)
    with pytest.raises(DataError, match="a text is empty: row 2"):
        read_pairs(path)


def test_the_columns_of_other_encodings(write):
    path = write("source\ttarget\né\tü\n".encode("latin-1"), "pairs.tsv")
    assert read_pairs(path, encoding="latin-1") == (["é"], ["ü"])


@pytest.mark.parametrize(
    ("empty", "said"),
    [
        ([1], ["a text is empty: line 2."]),
        ([0, 2], ["2 pairs have an empty text: line 1, line 3."]),
        (range(1, 9), ["8 pairs", "line 2, line 3, line 4, line 5, line 6 and 3 more"]),
    ],
)
def test_empty_texts_are_named(write, empty, said):
    texts = ["" if i in empty else "text" for i in range(10)]
    plain = write("\n".join(texts) + "\n", "a.txt")
    other = write("text\n" * 10, "b.txt")
    rows = [json.dumps({"source": "text", "target": text}) for text in texts]
    for read, named in [
        (lambda: read_pairs(write("\n".join(rows), "pairs.jsonl")), "pairs.jsonl"),
        (lambda: read_parallel(plain, other), "a.txt"),
        (lambda: read_parallel(other, plain), "a.txt"),
    ]:
        with pytest.raises(DataError) as caught:
            read()
        for part in [f"{named}: ", "leave these pairs out", *said]:
            assert part in str(caught.value)


def test_the_line_of_an_empty_text_counts_the_header(write):
    path = write("source\ttarget\na\tb\n \tb\n", "pairs.tsv")
    with pytest.raises(DataError, match=r"pairs\.tsv: a text is empty: line 3\."):
        read_pairs(path)


def test_wrong_columns_and_values(write):
    path = write("de\ten\na\tb\n", "pairs.tsv")
    with pytest.raises(DataError, match="no column 'source'"):
        read_pairs(path)
    with pytest.raises(ArgumentError, match="'de' twice"):
        read_pairs(path, "de", "de")
    null = write('{"source": "a", "target": null}\n', "pairs.jsonl")
    with pytest.raises(DataError, match=r"line 1: column 'target'.*null"):
        read_pairs(null)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("parallel")


@given(PAIRS, st.sampled_from(["", "\ufeff"]), st.booleans(), st.booleans())
def test_parallel_files(folder, pairs, mark, closed, packed):
    sides = tuple(map(list, zip(*pairs, strict=True)))
    paths = []
    for name, texts in zip("ab", sides, strict=True):
        data = (mark + "\n".join(texts) + "\n" * closed).encode()
        paths.append(folder / f"{name}.txt{'.gz' * packed}")
        paths[-1].write_bytes(gzip.compress(data) if packed else data)
    assert read_parallel(*paths) == sides


def test_lines_end_at_a_line_feed_and_nowhere_else(write):
    source_path = write(b"\xef\xbb\xbfa\r\nb\x0bc\r\nd\re", "sources.txt")
    target_path = write("x\u2028y\nz\x85\n w \n", "targets.txt")
    assert read_parallel(source_path, target_path) == (
        ["a", "b\x0bc", "d\re"],
        ["x\u2028y", "z\x85", " w "],
    )


@pytest.mark.parametrize(("sources", "targets"), [(3, 2), (2, 3), (1_200, 7)])
def test_counts_that_differ_are_both_named(write, sources, targets):
    paths = write("a\n" * sources, "sources.txt"), write("b\n" * targets, "targets.txt")
    with pytest.raises(DataError) as caught:
        read_parallel(*paths)
    assert f"{paths[0]} has {sources:,} lines and {paths[1]} has {targets:,}" in str(
        caught.value
    )


def test_parallel_files_that_cannot_be_read(write, tmp_path):
    good = write("a\nb\n", "good.txt")
    packed = gzip.compress("".join(f"text {i}\n" for i in range(9_999)).encode())
    for path, said in [
        (tmp_path / "none.txt", "There is no file"),
        (write("", "empty.txt"), "is empty"),
        (write(b"a\nb\xff\n", "bytes.txt"), "line 2, byte 2: not valid UTF-8"),
        (write(b"a\n\0\n", "nul.txt"), "line 2: NUL"),
        (write(packed[:-20], "cut.gz"), "damaged"),
        (write(b"a\nb\n", "plain.gz"), "damaged"),
    ]:
        for paths in [(path, good), (good, path)]:
            with pytest.raises(DataError, match=said) as caught:
                read_parallel(*paths)
            assert str(path) in str(caught.value)


def test_files_are_read_side_by_side(monkeypatch):
    """The second file is met at its first line, not after the whole of the first."""
    from regard import _files

    def opened(path):
        return io.BytesIO(b"\xff\n" if path.name == "b" else b"a\n" * 9)

    monkeypatch.setattr(_files, "open_binary", opened)
    with pytest.raises(DataError, match="b, line 1, byte 1"):
        read_parallel("a", "b")


def test_real_data(shared_data):
    folder = shared_data / "multi30k" / "tok"
    sources, targets = read_parallel(
        folder / "val.lc.norm.tok.de.gz", folder / "val.lc.norm.tok.en.gz"
    )
    assert len(sources) == len(targets) == 1_014
    assert targets[0] == "a group of men are loading cotton onto a truck"
