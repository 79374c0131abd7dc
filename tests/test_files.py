"""Files and folders are whole or not there, and nothing else is left."""

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from regard import _files, _untrusted
from regard._files import staged_file, write_directory, write_file
from regard._untrusted import read_regular_file
from regard.errors import ArgumentError, DataError

ERRORS = [KeyboardInterrupt, OSError, MemoryError]


def _write_staged(target: Path, content: bytes) -> None:
    with staged_file(target) as staged, staged.open("wb") as stream:
        stream.write(content)


def _write_marked(target: Path, content: bytes) -> None:
    with staged_file(target, mark="part") as staged:
        staged.write_bytes(content)


def _write_folder(target: Path, content: bytes) -> None:
    write_directory(target, {"a": content, "b": content})


WRITERS = [write_file, _write_staged, _write_marked, _write_folder]
writers = pytest.mark.parametrize("write", WRITERS)


def content_of(target: Path) -> bytes:
    return (target / "a" if target.is_dir() else target).read_bytes()


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@writers
def test_it_is_written_and_replaced(tmp_path, write):
    target = tmp_path / "x.bin"
    for content in (b"old", b"", b"new"):
        write(target, content)
        assert content_of(target) == content
        assert names(tmp_path) == ["x.bin"]


@writers
@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("there", [True, False])
def test_a_disk_that_fails_leaves_the_old_and_nothing_else(
    tmp_path, monkeypatch, write, error, there
):
    target = tmp_path / "x.bin"
    if there:
        write(target, b"old")

    def fail(_):
        raise error

    monkeypatch.setattr(_files.os, "fsync", fail)
    with pytest.raises(error):
        write(target, b"new")
    assert names(tmp_path) == (["x.bin"] if there else [])
    if there:
        assert content_of(target) == b"old"


@writers
@pytest.mark.parametrize("there", [True, False])
def test_a_rename_that_fails_leaves_the_old_and_nothing_else(
    tmp_path, monkeypatch, write, there
):
    target = tmp_path / "x.bin"
    if there:
        write(target, b"old")
    calls = []

    def fail_at_first(name):
        move = getattr(Path, name)

        def failing(self, new):
            calls.append(new)
            if len(calls) == 1:
                raise OSError("no")
            return move(self, new)

        monkeypatch.setattr(Path, name, failing)

    fail_at_first("rename")
    fail_at_first("replace")
    with pytest.raises(OSError, match="no"):
        write(target, b"new")
    assert names(tmp_path) == (["x.bin"] if there else [])
    if there:
        assert content_of(target) == b"old"


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("mark", [None, "part"])
def test_a_writer_that_fails_half_way_leaves_the_old_and_nothing_else(
    tmp_path, error, mark
):
    target = tmp_path / "x.bin"
    write_file(target, b"old")

    def write_half():
        with staged_file(target, mark=mark) as staged:
            staged.write_bytes(b"ne")
            raise error

    with pytest.raises(error):
        write_half()
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["x.bin"]


def test_a_writer_that_writes_nothing_is_an_error_and_leaves_the_old(tmp_path):
    target = tmp_path / "x.bin"
    write_file(target, b"old")
    with pytest.raises(FileNotFoundError), staged_file(target):
        pass
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["x.bin"]


def test_until_the_end_a_reader_meets_the_old_file(tmp_path):
    target = tmp_path / "x.npz"
    write_file(target, b"old")
    with staged_file(target) as staged:
        np.savez(staged, weights=np.arange(3))
        assert staged.parent == target.parent
        assert staged.suffix == ".npz"
        assert target.read_bytes() == b"old"
    with np.load(target) as stored:
        assert stored["weights"].tolist() == [0, 1, 2]


def test_what_a_killed_writer_left_is_written_over_by_one_of_the_same_mark(tmp_path):
    target = tmp_path / "x.bin"
    with staged_file(target, mark="part") as staged:
        staged.write_bytes(b"half")
        left = Path(staged)
    left.write_bytes(b"left by a killed process")
    _write_marked(target, b"new")
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["x.bin"]


@writers
@pytest.mark.parametrize("mask", [0o022, 0o027, 0o002])
def test_it_may_be_read_by_whom_the_umask_allows(tmp_path, write, mask):
    before = os.umask(mask)
    try:
        write(tmp_path / "x.bin", b"new")
    finally:
        os.umask(before)
    target = tmp_path / "x.bin"
    files = [target, *target.iterdir()] if target.is_dir() else [target]
    for path in files:
        most = 0o777 if path.is_dir() else 0o666
        assert path.stat().st_mode & 0o777 == most & ~mask


def test_a_link_is_replaced_and_what_it_points_to_stays(tmp_path):
    (tmp_path / "kept.bin").write_bytes(b"old")
    (tmp_path / "x.bin").symlink_to("kept.bin")
    write_file(tmp_path / "x.bin", b"new")
    assert (tmp_path / "kept.bin").read_bytes() == b"old"
    assert not (tmp_path / "x.bin").is_symlink()
    assert (tmp_path / "x.bin").read_bytes() == b"new"


@pytest.mark.parametrize("write", [write_file, _write_staged, _write_marked])
def test_a_file_needs_its_folder_and_replaces_none(tmp_path, write):
    with pytest.raises(ArgumentError, match="no folder"):
        write(tmp_path / "none" / "x.bin", b"new")
    (tmp_path / "x.bin").mkdir()
    with pytest.raises(ArgumentError, match="is a folder"):
        write(tmp_path / "x.bin", b"new")
    assert names(tmp_path) == ["x.bin"]


def test_a_folder_makes_its_parents(tmp_path):
    write_directory(tmp_path / "deep" / "er" / "x", {"a": b"new"})
    assert (tmp_path / "deep" / "er" / "x" / "a").read_bytes() == b"new"


@writers
def test_a_place_that_cannot_be_flushed_holds_the_new_all_the_same(
    tmp_path, monkeypatch, write
):
    flush = _files._flush_directory

    def fail(folder):
        if folder == tmp_path:
            raise OSError("not supported")
        flush(folder)

    monkeypatch.setattr(_files, "_flush_directory", fail)
    write(tmp_path / "x.bin", b"new")
    assert content_of(tmp_path / "x.bin") == b"new"
    assert names(tmp_path) == ["x.bin"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with a name")
def test_what_is_no_file_is_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    link = tmp_path / "link"
    link.symlink_to(pipe)
    for target in (pipe, link):
        with pytest.raises(ArgumentError, match="not replaced"):
            write_file(target, b"new")
    assert names(tmp_path) == ["link", "pipe"]
    assert pipe.is_fifo()
    assert link.is_symlink()
    # Names of the system, files among them.
    assert _files._is_device(Path("/dev/null"))


@pytest.fixture
def _no_blocks_counted(monkeypatch):
    """As some file systems have it: of many files no block is counted."""
    fstat = os.fstat

    def uncounted(descriptor):
        status = fstat(descriptor)
        return SimpleNamespace(
            st_mode=status.st_mode, st_size=status.st_size, st_blocks=0
        )

    monkeypatch.setattr(os, "fstat", uncounted)
    monkeypatch.setattr(_untrusted, "_SMALL", 1 << 16)


@pytest.mark.usefixtures("_no_blocks_counted")
def test_a_file_is_read_whatever_its_file_system_counts(tmp_path):
    content = os.urandom(1 << 17)
    (tmp_path / "file").write_bytes(content)
    assert read_regular_file(tmp_path / "file", most=1 << 20) == content


@pytest.mark.usefixtures("_no_blocks_counted")
@pytest.mark.skipif(not hasattr(os, "SEEK_HOLE"), reason="nothing tells of holes here")
def test_a_file_of_holes_is_refused_whatever_its_file_system_counts(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        file.write(b"a")
        file.truncate(1 << 24)
        found = os.lseek(file.fileno(), 0, os.SEEK_HOLE)
    if found == 1 << 24:
        pytest.skip("this file system knows no holes")
    with pytest.raises(DataError, match="are on the disk"):
        read_regular_file(tmp_path / "file", most=1 << 30)
