"""Texts one a line, from a file or a pipe."""

import io

import pytest

from regard.data import iterate_lines
from regard.errors import DataError


def lines(content):
    return list(iterate_lines(io.BytesIO(content), "in.txt"))


def test_every_line_is_a_text():
    assert lines(b"\xef\xbb\xbfa\r\n\n b \nc") == ["a", "", " b ", "c"]
    assert lines(b"") == []
    assert lines("x\u2028y\x0bz\n".encode()) == ["x\u2028y\x0bz"]


def test_a_bad_line_is_named():
    with pytest.raises(DataError, match=r"in\.txt, line 2, byte 3: not valid UTF-8"):
        lines(b"a\nbc\xff\n")
    with pytest.raises(DataError, match="line 1: NUL"):
        lines(b"a\0")
