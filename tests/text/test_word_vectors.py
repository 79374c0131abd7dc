"""Files of word vectors: what they hold, what is kept of them, what is refused."""

import bz2
import gzip
import lzma
import zipfile

import numpy as np
import pytest

from regard.errors import ArgumentError, DataError
from regard.text import WordVectors

WORDS = ["the", "film", "straße", "don't"]
VALUES = np.arange(12, dtype=np.float32).reshape(4, 3) / 8 - 0.5


def lines(words=WORDS, values=VALUES, end="\n"):
    return [
        " ".join([word, *(f"{number:.4f}" for number in row)]) + end
        for word, row in zip(words, values, strict=True)
    ]


def text(*, header=False, **how) -> bytes:
    first = [f"{len(WORDS)} {VALUES.shape[1]}\n"] if header else []
    return "".join(first + lines(**how)).encode()


def binary(*, line_ends: bool) -> bytes:
    end = b"\n" if line_ends else b""
    return b"4 3\n" + b"".join(
        word.encode() + b" " + row.astype("<f4").tobytes() + end
        for word, row in zip(WORDS, VALUES, strict=True)
    )


def read(tmp_path, content: bytes, name="vectors.txt", **how) -> WordVectors:
    path = tmp_path / name
    path.write_bytes(content)
    return WordVectors.read(path, **how)


FORMS = {
    "GloVe": text(),
    "word2vec": text(header=True),
    # Each line of fastText ends with a space.
    "fastText": text(header=True, end=" \n"),
    "word2vec, binary": binary(line_ends=True),
    "gensim, binary": binary(line_ends=False),
    "Windows": text(end="\r\n"),
    "a mark of UTF-8": b"\xef\xbb\xbf" + text(),
    "no last line end": text().rstrip(),
    "empty lines": text().replace(b"\n", b"\n\n"),
    "tabs": text().replace(b" ", b"\t"),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_a_file_gives_the_same_vectors(tmp_path, form):
    found = read(tmp_path, FORMS[form])
    assert found.words == tuple(WORDS)
    np.testing.assert_array_equal(found.values, VALUES)
    assert found.values.dtype == np.float32
    assert (found.width, len(found)) == (3, 4)
    assert "film" in found
    assert "Film" not in found
    np.testing.assert_array_equal(found["film"], VALUES[1])


def test_what_is_packed_is_unpacked(tmp_path):
    packed = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
    for suffix, pack in packed.items():
        found = read(tmp_path, pack(binary(line_ends=False)), f"v.bin.{suffix}")
        np.testing.assert_array_equal(found.values, VALUES)
    with zipfile.ZipFile(tmp_path / "v.zip", "w") as archive:
        archive.writestr("README.md", "about")
        archive.writestr("v.vec", text(header=True))
    np.testing.assert_array_equal(WordVectors.read(tmp_path / "v.zip").values, VALUES)
    with zipfile.ZipFile(tmp_path / "v.zip", "a") as archive:
        archive.writestr("w.vec", text(header=True))
    with pytest.raises(DataError, match="holds 2 files"):
        WordVectors.read(tmp_path / "v.zip")


def test_only_what_is_kept_is_parsed(tmp_path):
    damaged = text().replace(b"0.8750", b"none")
    assert b"none" in damaged
    found = read(tmp_path, damaged, words=["film", "the", "actor"])
    assert found.words == ("the", "film")
    assert read(tmp_path, damaged, most=1).words == ("the",)


def test_words_with_spaces_and_words_that_are_there_twice(tmp_path):
    content = text() + b". . . 1 2 3\nfilm 7 7 7\n\xff\xfe 4 5 6\n  1 1 1\n"
    found = read(tmp_path, content)
    assert found.words == (*WORDS, ". . .", "\ufffd\ufffd")
    np.testing.assert_array_equal(found["film"], VALUES[1])
    np.testing.assert_array_equal(found[". . ."], [1, 2, 3])
    # Also in the first line of all.
    found = read(tmp_path, b". . . 1 2 3\n" + text())
    assert found.words == (". . .", *WORDS)


def test_a_file_of_many_blocks(tmp_path):
    words = [f"w{number}" for number in range(3000)]
    values = np.random.default_rng(0).normal(size=(3000, 2)).astype(np.float32)
    said = [
        f"{word} {a!r} {b!r}\n"
        for word, (a, b) in zip(words, values.tolist(), strict=True)
    ]
    found = read(tmp_path, "".join(said).encode())
    assert found.words == tuple(words)
    np.testing.assert_array_equal(found.values, values)


WRONG = {
    "a word alone": (text() + b"word\nfilms 1 2 3\n", "line 5: 0 numbers"),
    "too few numbers": (text() + b"a 1 2\nb 1 2 3\n", "line 5: 1 numbers|line 5: 2"),
    "no number": (text() + b"a 1 two 3\n", "line 5: could not convert"),
    "infinite": (text() + b"a 1 inf 3\n", "line 5: the vector of 'a' is not finite"),
    "cut": (text().rstrip()[:-10], "ends within line 4"),
    "fewer than said": (text(header=True)[:-27], "ends after 3 words|within line"),
    "fewer in binary": (binary(line_ends=True)[:-30], "ends after 2 words"),
    "within a number": (binary(line_ends=True)[:-3], "ends after 3 words"),
    "empty": (b"", "It is empty"),
    "prose": (b"This is no such file at all.\n" * 3, "line 1|no numbers"),
    "a model of fastText": (b"\xba\x16\x4f\x2f" + bytes(99), "model of fastText"),
    "a text": (b"one two three\nfour five six\n", "hold no numbers"),
    "a table": (b"text,label\na film,good\nno film,bad\n", "hold no numbers"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_file_that_is_wrong_is_refused_in_words(tmp_path, what):
    content, said = WRONG[what]
    with pytest.raises(DataError, match=said):
        read(tmp_path, content)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match="There is no file"):
        WordVectors.read(tmp_path / "none.txt")
    with pytest.raises(DataError, match="is a directory"):
        WordVectors.read(tmp_path)
    with pytest.raises(ArgumentError, match="a path"):
        WordVectors.read(7)
    for suffix, pack in {"gz": gzip.compress, "bz2": bz2.compress}.items():
        with pytest.raises(DataError, match="cannot be unpacked"):
            read(tmp_path, pack(text())[:-9], f"v.txt.{suffix}")
        with pytest.raises(DataError, match="cannot be unpacked"):
            read(tmp_path, text(), f"v.txt.{suffix}")
    with pytest.raises(DataError, match="cannot be unpacked"):
        read(tmp_path, text(), "v.zip")


def test_vectors_of_ones_own(tmp_path):
    vectors = WordVectors(WORDS, VALUES.astype(float).tolist())
    assert vectors.values.dtype == np.float32
    assert "4 words, width 3" in repr(vectors)
    for words, values in (
        (WORDS, VALUES[:3]),
        (WORDS, VALUES[0]),
        (["a", "a", "b", "c"], VALUES),
        (WORDS, np.where(VALUES, VALUES, np.inf)),
        (WORDS, VALUES.astype(str)),
    ):
        with pytest.raises(ArgumentError):
            WordVectors(words, values)
