"""Texts one a line, from a file or a pipe."""

import gzip
import io
import tracemalloc

import pytest

from regard import _files
from regard.data import iterate_lines
from regard.errors import ArgumentError, DataError


def lines(content, encoding="utf-8"):
    return list(iterate_lines(io.BytesIO(content), "in.txt", encoding))


def test_every_line_is_a_text():
    assert lines(b"\xef\xbb\xbfa\r\n\n b \nc") == ["a", "", " b ", "c"]
    assert lines(b"") == []
    assert lines("x\u2028y\x0bz\n".encode()) == ["x\u2028y\x0bz"]


def test_a_bad_line_is_named():
    with pytest.raises(DataError, match=r"in\.txt, line 2, byte 3: not valid UTF-8"):
        lines(b"a\nbc\xff\n")
    with pytest.raises(DataError, match="line 1: NUL"):
        lines(b"a\0")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "cp1252", "shift_jis", "gbk"])
def test_other_encodings(encoding):
    texts = ["é", "ü"] if encoding == "cp1252" else ["良い", "", "木"]
    if encoding == "shift_jis":
        texts = ["良い", "", "表ソ"]  # Bytes of these are those of a backslash.
    assert lines("\r\n".join(texts).encode(encoding), encoding) == texts


@pytest.mark.parametrize("wide", ["utf-16", "utf-32"])
def test_a_mark_says_the_encoding(wide):
    assert lines("a\nb\n\nc".encode(wide)) == ["a", "b", "", "c"]
    for end in ("le", "be"):
        content = "\ufeffé\nĊ\n".encode(f"{wide}-{end}")
        assert lines(content) == ["é", "Ċ"]
        assert lines(content, f"{wide}-{end}") == ["é", "Ċ"]


def test_wrong_encodings():
    for name in ("utf-9", "hex", "a\0b", "é" * 9):
        with pytest.raises(ArgumentError, match="There is no encoding"):
            lines(b"a", name)
    with pytest.raises(DataError, match="not valid ascii"):
        lines("é".encode(), "ascii")
    with pytest.raises(DataError, match="not valid utf-16"):
        lines("a\nb".encode("utf-16")[:-1])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_line_without_end_is_met_before_it_fills_the_memory(tmp_path, encoding):
    """40 kB of a packed file would become 40 MB, and 9 MB would become 2 GB."""
    path = tmp_path / "bomb.txt.gz"
    head = "a\n".encode(encoding)
    with gzip.open(path, "wb") as file:
        file.write(head)
        for _ in range(40):
            file.write(b"x" * 2**20)
    tracemalloc.start()
    read = _files.read_lines(path)
    assert next(read) == "a"
    with pytest.raises(DataError, match=r"line 2: longer than 65,536 characters"):
        next(read)
    assert tracemalloc.get_traced_memory()[1] < 4e6
    tracemalloc.stop()


@pytest.fixture(autouse=True)
def _short_lines(monkeypatch):
    # As the limit is, in small.
    monkeypatch.setattr(_files, "LONGEST_LINE", 2**16)
