"""A process that was forked says so where it would wait for ever."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

BUNDLES = Path(__file__).resolve().parents[1] / "data" / "bundles" / "0.1.0"

pytestmark = [
    pytest.mark.backends,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
]

# What a child says on its way, and how it ended; one that waits is ended by the alarm.
PROGRAM = """
import os, signal, sys, warnings
warnings.simplefilter("ignore")
import regard
from regard.errors import ForkedProcessError

def child(do):
    sys.stdout.flush()
    if not (pid := os.fork()):
        signal.alarm(60)
        try:
            do()
        except ForkedProcessError as error:
            print("refused", "'spawn'" in str(error), flush=True)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0, "it waited"

def work():
    print("worked", sum(range(10)), flush=True)

child(work)
model = regard.load(sys.argv[1])
model.explain(["a b"])
child(work)
child(lambda: model.explain(["a b"]))
child(lambda: model.explain(["a b c d e f g h i j k l m n"]))
child(lambda: regard.load(sys.argv[1]))
child(lambda: model.fit(["a", "b"] * 9, ["x", "y"] * 9))
model.explain(["a b"])
print("and the first goes on", flush=True)
"""


def test_a_child_refuses_to_compute_and_does_all_else():
    path = BUNDLES / "text-classifier.regard"
    completed = subprocess.run(
        [sys.executable, "-c", PROGRAM, path],
        env=os.environ | {"OMP_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr[-2000:]
    assert completed.stdout.splitlines() == [
        "worked 45",
        "worked 45",
        *["refused True"] * 4,
        "and the first goes on",
    ]


def test_a_child_of_a_process_that_only_imported_may_do_all():
    program = """
import os, warnings
warnings.simplefilter("ignore")
import regard
from regard.runtime import check_not_forked
if not (pid := os.fork()):
    check_not_forked()
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    completed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert completed.stdout.split() == ["7"]


@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="others cannot work without threads"
)
def test_a_child_that_works_without_threads_may_compute():
    program = """
import os, signal, sys, warnings
warnings.simplefilter("ignore")
import regard, torch
model = regard.load(sys.argv[1])
expected = model.predict(["a b"])
if not (pid := os.fork()):
    signal.alarm(60)
    torch.set_num_threads(1)  # as the workers of its DataLoader begin
    os._exit(7 if model.predict(["a b"]) == expected else 1)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    completed = subprocess.run(
        [sys.executable, "-c", program, BUNDLES / "text-classifier.regard"],
        env=os.environ | {"OMP_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert completed.stdout.split() == ["7"]
