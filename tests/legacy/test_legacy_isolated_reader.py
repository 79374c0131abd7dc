"""The process that reads files: light, and ended where a file keeps it busy."""

import importlib.util
import subprocess
import sys

import pytest

from old_files import OLD_FILES
from regard import legacy
from regard._hdf5 import isolated_reader, read_old_file
from regard.errors import DataError

PROGRAM = isolated_reader._PROGRAM
FILE = OLD_FILES / "kaggle_attention" / "plain_model.h5"
# The program, with the limits it takes for a file, busy without end.
BUSY = f"""
import importlib.util
spec = importlib.util.spec_from_file_location("reader", {str(PROGRAM)!r})
reader = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reader)

reader.limit_resources(0, 0.1)
while True:
    pass
"""
GREEDY = BUSY.replace("while True:\n    pass", "bytes(1 << 30)")
WAITING = "import time\ntime.sleep(600)"


@pytest.fixture
def run_instead(monkeypatch, tmp_path):
    """Puts other code in the place of the program that reads."""

    def put(code):
        program = tmp_path / "program.py"
        program.write_text(code)
        monkeypatch.setattr(isolated_reader, "_PROGRAM", program)

    return put


limited = pytest.mark.skipif(
    importlib.util.find_spec("resource") is None,
    reason="this system cannot limit what a process takes",
)
ENDED = r"plain_model.h5.*the file itself.*ends badly"


@limited
def test_a_process_that_computes_without_end_is_ended(run_instead):
    run_instead(BUSY)
    with pytest.raises(DataError, match=ENDED) as caught:
        legacy.load_model(FILE)
    assert caught.value.__cause__.returncode < 0, "ended by a signal"


@limited
def test_a_process_gets_no_more_memory_than_its_limit(run_instead):
    run_instead(GREEDY)
    with pytest.raises(DataError, match=ENDED) as caught:
        legacy.load_model(FILE)
    assert b"MemoryError" in caught.value.__cause__.stderr


def test_a_process_that_waits_without_end_is_ended(run_instead, monkeypatch):
    run_instead(WAITING)
    monkeypatch.setattr(isolated_reader, "_LONGEST_SECONDS", 0.2)
    with pytest.raises(DataError, match=r"does not end.*TimeoutExpired"):
        legacy.load_model(FILE)


def test_the_process_neither_loads_keras_nor_a_backend():
    completed = subprocess.run(
        [sys.executable, "-P", "-X", "importtime", str(PROGRAM), "content", str(FILE)],
        capture_output=True,
        check=True,
    )
    lines = completed.stderr.decode("utf-8").splitlines()
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in lines}
    assert {"h5py", "numpy", "regard"} <= loaded
    assert not loaded & {"keras", "jax", "tensorflow", "torch", "typer"}


def test_what_the_process_read_is_what_the_file_holds():
    file = read_old_file(FILE)
    assert file.by_name
    assert {name: len(weights) for name, weights in file.layers.items()} == {
        "attention": 2
    }
