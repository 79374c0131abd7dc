"""Two processes do not work on one thing, and a killed one is in nobody's way."""

import errno
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from regard._lock import locked
from regard.errors import InUseError

HOLD = """
import sys
from pathlib import Path
from regard._lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
# As an importer of the package would load Keras, which no lock needs.
LIGHT = f"""
import sys, types
import importlib.util
spec = importlib.util.find_spec("regard")
package = types.ModuleType("regard")
package.__path__ = list(spec.submodule_search_locations)
sys.modules["regard"] = package
{HOLD}
"""


@pytest.fixture
def target(tmp_path):
    return tmp_path / "x.regard"


@pytest.fixture
def holder(target):
    with subprocess.Popen(
        [sys.executable, "-c", LIGHT, str(target)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_other_process_is_named(target, holder):
    with pytest.raises(InUseError) as caught, locked(target):
        pass
    said = str(caught.value)
    assert f"Process {holder.pid} on '{socket.gethostname()}', since 20" in said
    assert f"working on '{target}'" in said


def test_what_a_killed_process_left_is_taken_over(target, holder):
    holder.kill()
    holder.wait()
    assert list(target.parent.iterdir()) == [target.with_name(".x.regard.lock")]
    with locked(target):
        pass
    assert list(target.parent.iterdir()) == []


def test_a_lock_is_free_again_after_the_block_and_leaves_nothing(target):
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), locked(target):
            raise ZeroDivisionError
    assert list(target.parent.iterdir()) == []


def test_two_threads_of_a_process_are_two(target):
    refused = []

    def other():
        with pytest.raises(InUseError) as caught, locked(target):
            pass
        refused.append(str(caught.value))

    with locked(target):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert f"Process {os.getpid()} " in refused[0]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"process": "x"}', b"\xff"])
def test_a_lock_that_says_nothing_holds_all_the_same(target, content):
    with locked(target):
        target.with_name(".x.regard.lock").write_bytes(content)
        with pytest.raises(InUseError, match="Another process is working"):
            locked(target).__enter__()


def test_no_file_is_written_through_a_link(target):
    other = target.with_name("mine")
    other.write_text("mine")
    target.with_name(".x.regard.lock").symlink_to(other)
    with pytest.raises(OSError, match="lock"), locked(target):
        pass
    assert other.read_text() == "mine"


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="nothing counts files")
def test_where_locking_fails_no_file_stays_open(target, monkeypatch):
    def fail(*_):
        raise OSError(errno.EIO, "the network is gone")

    monkeypatch.setattr("fcntl.flock", fail)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(OSError, match="network is gone"), locked(target):
        pass
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.skipif(sys.platform == "win32", reason="another call locks there")
@pytest.mark.parametrize("number", [errno.EAGAIN, errno.EACCES])
def test_a_lock_of_another_is_known_by_whatever_its_system_says(
    target, monkeypatch, number
):
    def refuse(*_):
        raise OSError(number, "refused")

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(InUseError), locked(target):
        pass
