import numpy as np
import pytest

from regard.data import iterate_rows
from regard.errors import ArgumentError
from regard.tasks import ArrayPairs, Dates, SequencePairs

PAIRS = SequencePairs(
    sources=(("1", "2"), ("3", "4"), ("5", "6")),
    targets=(("2",), ("4",), ("6",)),
    alignment=(((0, 1),), ((0, 0),), ()),
    groups=("a", "b", "c"),
)


def test_texts_are_joined_by_the_separator():
    assert PAIRS.source_texts == ["1 2", "3 4", "5 6"]
    assert SequencePairs((("a", "b"),), (("c",),), separator="").source_texts == ["ab"]


def test_selecting_keeps_what_belongs_together():
    some = PAIRS.select([2, 0])
    assert some.source_texts == ["5 6", "1 2"]
    assert some.target_texts == ["6", "2"]
    assert some.groups == ("c", "a")
    assert some.alignment == ((), ((0, 1),))
    assert len(some) == 2


def test_what_is_not_there_stays_away():
    plain = SequencePairs((("a",), ("b",)), (("c",), ("d",))).select([1])
    assert plain.alignment is None
    assert plain.groups is None


def test_arrays_are_integers():
    sources, targets = PAIRS.as_arrays()
    np.testing.assert_array_equal(sources, [[1, 2], [3, 4], [5, 6]])
    np.testing.assert_array_equal(targets, [[2], [4], [6]])
    assert sources.dtype == np.int64


def test_lengths_that_differ_make_no_array():
    with pytest.raises(ArgumentError, match="1 to 2 tokens"):
        SequencePairs((("1",), ("1", "2")), (("1",), ("1",))).as_arrays()


def test_words_make_no_array():
    with pytest.raises(ArgumentError, match="integers"):
        SequencePairs((("a",),), (("1",),)).as_arrays()


def test_parts_have_to_fit():
    with pytest.raises(ArgumentError, match="1 sources and 2 targets"):
        SequencePairs((("a",),), (("b",), ("c",)))
    with pytest.raises(ArgumentError, match=r"\(2,\)"):
        ArrayPairs(np.zeros((2, 3)), np.zeros(3), np.zeros((2, 1), int))


def test_a_saved_file_is_read_back_as_it_was(tmp_path):
    path = tmp_path / "pairs.tsv"
    PAIRS.save(path)
    assert path.read_bytes() == b"source\ttarget\n1 2\t2\n3 4\t4\n5 6\t6\n"


def test_texts_of_every_script_survive_a_file(tmp_path):
    path = tmp_path / "dates.tsv"
    pairs = Dates().sample(500)
    pairs.save(path)
    rows = list(iterate_rows(path, ["source", "target"]))
    assert rows == list(zip(pairs.source_texts, pairs.target_texts, strict=True))
