"""A checkpoint is whole or is not there, and nothing in it is executed."""

import json
import os
import pickle
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from regard.errors import BundleError
from regard.training import checkpoint as module
from regard.training.checkpoint import (
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
)

GROUPS = {
    "model": [np.arange(6.0).reshape(2, 3), np.array(3, "int32")],
    # More than ten, so that their order is not that of their names.
    "kept": [np.full(2, index, "float32") for index in range(12)],
}
POSITION = {"epoch": 3, "history": [0.1, 1 / 3], "sign": {"seed": 0}}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "new folder" / "training"
    save_checkpoint(path, Checkpoint(POSITION, GROUPS))
    return path


def test_what_is_written_is_read(path):
    restored = load_checkpoint(path)
    assert dict(restored.position) == POSITION
    assert set(restored.groups) == set(GROUPS)
    for name, arrays in GROUPS.items():
        for one, other in zip(restored.groups[name], arrays, strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)


def test_numbers_of_bfloat16_are_read_as_numbers(path):
    numbers = np.array([1.5, -3e38, 0.1], ml_dtypes.bfloat16)
    save_checkpoint(path, Checkpoint({}, {"model": [numbers]}))
    (restored,) = load_checkpoint(path).groups["model"]
    np.testing.assert_array_equal(restored.astype(ml_dtypes.bfloat16), numbers)


def test_where_there_is_none(tmp_path):
    assert load_checkpoint(tmp_path / "training") is None


def test_a_new_one_takes_the_place_of_the_old(path):
    save_checkpoint(path, Checkpoint({"epoch": 4}, {}))
    assert load_checkpoint(path).position == {"epoch": 4}
    assert list(path.parent.iterdir()) == [path]


def test_what_a_killed_training_left_half_written_is_cleared_away(path, monkeypatch):
    def killed(*_):
        raise SystemExit

    with monkeypatch.context() as during:
        # Nothing of ours runs after the signal.
        during.setattr(Path, "replace", killed)
        during.setattr(Path, "unlink", lambda *_, **__: None)
        with pytest.raises(SystemExit):
            save_checkpoint(path, Checkpoint({"epoch": 4}, {}))
    assert len(list(path.parent.iterdir())) == 2
    assert load_checkpoint(path).position == POSITION
    save_checkpoint(path, Checkpoint({"epoch": 5}, {}))
    assert load_checkpoint(path).position == {"epoch": 5}
    assert list(path.parent.iterdir()) == [path]


def test_writing_that_fails_leaves_the_old_one(path, monkeypatch):
    def half(stream, **arrays):
        stream.write(b"PK half")
        raise OSError("no space left")

    monkeypatch.setattr(module.np, "savez", half)
    with pytest.raises(OSError, match="no space"):
        save_checkpoint(path, Checkpoint({"epoch": 4}, {}))
    assert load_checkpoint(path).position == POSITION
    assert list(path.parent.iterdir()) == [path]


def refuses(path) -> None:
    with pytest.raises(BundleError, match="cannot be read") as refused:
        load_checkpoint(path)
    assert str(path) in str(refused.value)
    assert "Remove it" in str(refused.value)


def test_a_file_that_was_cut_off_is_refused(path):
    content = path.read_bytes()
    for size in [0, 1, 3, 10, 100, *range(0, len(content), 97), len(content) - 1]:
        path.write_bytes(content[:size])
        refuses(path)


def test_a_damaged_byte_is_noticed_or_harmless(path):
    content = path.read_bytes()
    noticed = 0
    for place in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        try:
            restored = load_checkpoint(path)
        except BundleError:
            noticed += 1
            continue
        # Such as the time at which a part was written.
        assert restored.position == POSITION
        for name, arrays in GROUPS.items():
            for one, other in zip(restored.groups[name], arrays, strict=True):
                np.testing.assert_array_equal(one, other)
    assert noticed > 50


class Harm:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def bytes_of(position) -> np.ndarray:
    return np.frombuffer(json.dumps(position).encode(), np.uint8)


def test_a_pickle_inside_is_refused_and_not_run(tmp_path):
    path, mark = tmp_path / "training", tmp_path / "harm"
    hidden = np.array([Harm(mark)], dtype=object)
    for arrays in (
        {"training": bytes_of(POSITION), "model-0": hidden},
        {"training": hidden},
    ):
        with path.open("wb") as stream:
            np.savez(stream, **arrays)
        refuses(path)
    path.write_bytes(pickle.dumps(Harm(mark)))
    refuses(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    "arrays",
    [
        {"model-0": np.zeros(2)},
        {"training": bytes_of(POSITION), "model": np.zeros(2)},
        {"training": bytes_of([1, 2])},
        {"training": np.frombuffer(b"{", np.uint8)},
    ],
    ids=["no position", "no place", "position is a list", "no JSON"],
)
def test_another_archive_is_refused(tmp_path, arrays):
    path = tmp_path / "training"
    with path.open("wb") as stream:
        np.savez(stream, **arrays)
    refuses(path)


def test_a_lone_array_is_refused(tmp_path):
    path = tmp_path / "training"
    with path.open("wb") as stream:
        np.save(stream, np.zeros(3))
    refuses(path)
