"""A training that is killed goes on where it was, and ends with the same weights."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from regard.training.checkpoint import load_checkpoint

pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).with_name("train_small.py")
KILLS = 10
# Only what hangs takes that long, on a busy machine too.
GIVE_UP_SECONDS = 1_800


@pytest.fixture
def start(tmp_path):
    def start(checkpoint, weights):
        # Compiled once: what differs between the runs is only where they begin.
        environment = os.environ | {
            "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "programs"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        }
        command = [sys.executable, str(PROGRAM), str(checkpoint), str(weights)]
        return subprocess.Popen(command, env=environment)

    return start


def weights_of(path) -> list[np.ndarray]:
    with np.load(path) as stored:
        return [stored[name] for name in stored.files]


def state_of(checkpoint) -> tuple[int, int]:
    state = load_checkpoint(checkpoint)
    if state is None:
        return -1, -1
    return state.position["epoch"], state.position["step"]


def kill_after_some_steps(process, checkpoint, moment: float) -> None:
    began = state_of(checkpoint)
    while state_of(checkpoint) == began:
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(moment)
    process.kill()
    process.wait()


def test_kills_at_random_moments_change_nothing(start, tmp_path):
    checkpoint = tmp_path / "training"
    whole, disturbed = tmp_path / "whole.npz", tmp_path / "disturbed.npz"
    assert start(tmp_path / "other", whole).wait(GIVE_UP_SECONDS) == 0
    draw = np.random.default_rng(0)
    states = []
    for _ in range(KILLS):
        process = start(checkpoint, disturbed)
        kill_after_some_steps(process, checkpoint, draw.uniform(0, 0.2))
        states.append(state_of(checkpoint))
    # It came further each time, and never to the end.
    assert states == sorted(set(states))
    assert not disturbed.exists()
    assert start(checkpoint, disturbed).wait(GIVE_UP_SECONDS) == 0
    for one, other in zip(weights_of(disturbed), weights_of(whole), strict=True):
        np.testing.assert_array_equal(one, other)
