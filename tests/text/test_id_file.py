"""Ids in a file: what was written, in any order, without reading the whole of it."""

import numpy as np
import pytest

from regard.text import features, id_file
from regard.text.features import learn_features
from regard.text.id_file import IdFile, IdFileWriter, lengths_of, some_joined

pytest.importorskip("pyarrow", reason="the extra that reads and writes Arrow")


def documents(count: int, width: int | None = None, seed: int = 0) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    shape = () if width is None else (width,)
    lengths = generator.integers(0, 9, count).tolist()
    return [generator.integers(1, 12, (n, *shape), dtype=np.int32) for n in lengths]


@pytest.fixture(params=[None, 3], ids=["words", "features"])
def rows(request, monkeypatch):
    monkeypatch.setattr(id_file, "_ROWS", 4)
    return documents(23, request.param)


@pytest.mark.parametrize("at_once", [1, 3, 4, 11, 23])
def test_rows_come_back_by_their_number(rows, at_once, tmp_path):
    path, targets = tmp_path / "ids.arrow", np.arange(23)[::-1]
    with IdFileWriter(path) as writer:
        for first in range(0, 23, at_once):
            part = rows[first : first + at_once]
            some = targets[first : first + at_once]
            writer.add(np.concatenate(part), lengths_of(part), some)
    read = IdFile(path)
    assert len(read) == 23
    assert read.lengths.tolist() == [len(row) for row in rows]
    assert read.targets.tolist() == targets.tolist()
    for index in np.random.default_rng(1).permutation(23):
        np.testing.assert_array_equal(read[index], rows[index])
    for one, other in zip(read[5:14], rows[5:14], strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(IndexError):
        read[23]
    together = list(some_joined(read, 3))
    assert max(len(lengths) for _, lengths in together) == 3
    np.testing.assert_array_equal(
        np.concatenate([ids for ids, _ in together]), np.concatenate(rows)
    )


def test_what_was_let_go_of_comes_back(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(id_file, "_HELD", 0)
    with IdFileWriter(tmp_path / "ids") as writer:
        writer.add(np.concatenate(rows), lengths_of(rows))
    read = IdFile(tmp_path / "ids")
    held = [read[index] for index in range(len(read))]
    for one, other in zip(held, rows, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("content", [b"", b"ARROW1\0\0 and no more"])
def test_what_is_damaged_is_none(content, tmp_path):
    path = tmp_path / "ids.arrow"
    path.write_bytes(content)
    with pytest.raises(ValueError):  # noqa: PT011 - as pyarrow says it
        IdFile(path)


@pytest.mark.parametrize(
    ("most", "words", "least"), [(7, 12, 2), (1_000, 12, 1), (5, 2**20, 3), (9, 12, 99)]
)
def test_ngrams_counted_part_by_part_are_the_same(most, words, least, monkeypatch):
    texts = documents(60, seed=2)
    learn = {"order": 3, "min_texts": least, "max_ngrams": most, "columns": 0}
    whole = learn_features(texts, {}, words, **learn)
    monkeypatch.setattr(features, "_MOST_KEYS", 30)
    monkeypatch.setattr(features, "_OF_A_PART", 7)
    parts = learn_features(texts, {}, words, **learn)
    assert [len(keys) for keys in whole.ngrams] == [len(keys) for keys in parts.ngrams]
    for one, other in zip(whole.ngrams, parts.ngrams, strict=True):
        np.testing.assert_array_equal(one, other)
