"""Several devices train to what one does, in one process and in several."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import regard
import toy
from regard.errors import ArgumentError
from regard.training.devices import LocalRows, checked_devices, device_count, sharing

PROGRAM = Path(__file__).with_name("train_on_devices.py")
RUNS = (
    "classifier-1",
    "classifier-4",
    "classifier-3",
    "resumed-1",
    "translator-1",
    "translator-3",
    "keras-1",
    "keras-4",
    "kernel-4",
)
# Only what hangs takes that long, on a busy machine too.
GIVE_UP_SECONDS = 900

on_jax = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="several devices are on JAX"
)


def start(out, *runs, cluster="alone", devices=4) -> subprocess.Popen:
    tests = str(PROGRAM.parents[1])
    environment = os.environ | {
        "REGARD_PRODUCTS": "float32",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
        "PYTHONPATH": os.pathsep.join([tests, *filter(None, sys.path)]),
    }
    command = [sys.executable, str(PROGRAM), str(out), cluster, *runs]
    return subprocess.Popen(command, env=environment)


def start_two(folder, *runs) -> list[subprocess.Popen]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return [
        start(
            folder / f"{process}.npz",
            *runs,
            cluster=f"{port},2,{process}",
            devices=2,
        )
        for process in range(2)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("devices")


@pytest.fixture(scope="module")
def found(folder):
    assert start(folder / "found.npz", *RUNS).wait(GIVE_UP_SECONDS) == 0
    with np.load(folder / "found.npz") as stored:
        return dict(stored)


def found_by_two(folder, *runs) -> list[dict[str, np.ndarray]]:
    processes = start_two(folder, *runs)
    assert [process.wait(GIVE_UP_SECONDS) for process in processes] == [0, 0]
    stored = [np.load(folder / f"{process}.npz") for process in range(2)]
    return [dict(each) for each in stored]


def check_equal(found, run, expected, one) -> None:
    losses, weights = (expected[f"{one}/{what}"] for what in ("losses", "weights"))
    assert len(losses) >= 2
    np.testing.assert_allclose(found[f"{run}/losses"], losses, rtol=1e-6)
    np.testing.assert_allclose(found[f"{run}/weights"], weights, rtol=0, atol=1e-5)


@on_jax
@pytest.mark.parametrize(
    ("run", "one"),
    [
        ("classifier-4", "classifier-1"),
        # Of 16 rows three devices get six each, two of them filling.
        ("classifier-3", "classifier-1"),
        ("resumed-1", "classifier-1"),
        ("translator-3", "translator-1"),
        ("keras-4", "keras-1"),
        # Its kernels are not cut by XLA.
        ("kernel-4", "keras-1"),
    ],
)
def test_several_devices_equal_one(found, run, one):
    check_equal(found, run, found, one)


@on_jax
def test_two_processes_equal_one(found, folder):
    for of_process in found_by_two(folder, "different-4", "classifier-4"):
        check_equal(of_process, "classifier-4", found, "classifier-1")
        # Before that they had been given other data each, and did not begin.
        said = str(of_process["different-4/error"])
        assert "training examples, validation examples differ" in said


@on_jax
@pytest.mark.slow
def test_two_processes_train_a_translator_as_one(found, folder):
    for of_process in found_by_two(folder, "translator-4"):
        check_equal(of_process, "translator-4", found, "translator-1")


@on_jax
@pytest.mark.slow
def test_the_others_end_where_a_process_dies(folder):
    survivor, dying = start_two(folder, "dying-4")
    assert dying.wait(GIVE_UP_SECONDS) == -9
    # Twice the time after which it counts as lost, and what a busy machine takes.
    assert survivor.wait(120) != 0


@on_jax
def test_more_devices_than_there_are():
    classifier = regard.TextClassifier(devices=64)
    with pytest.raises(ArgumentError, match="There are not 64 devices") as raised:
        classifier.fit(*toy.messages(30))
    assert "1 or fewer of the kind" in str(raised.value)
    assert "XLA_FLAGS" in str(raised.value)


@pytest.mark.backends
@pytest.mark.parametrize("devices", [0, -1, 1.5, True, "two", [0]])
def test_what_is_no_number_of_devices(devices):
    with pytest.raises(ArgumentError, match="1 or more, or 'all'"):
        regard.Translator(devices=devices)


@pytest.mark.backends
@pytest.mark.parametrize("devices", [2, "all"])
def test_other_backends_say_that_jax_does_it(devices):
    if keras.backend.backend() == "jax":
        assert checked_devices(devices) == devices
        return
    with pytest.raises(ArgumentError, match="KERAS_BACKEND=jax"):
        regard.TextClassifier(devices=devices)


@pytest.mark.backends
def test_one_device_is_what_there_always_was():
    assert checked_devices(np.int64(1)) == 1
    with sharing(1):
        assert device_count() == 1
    assert keras.distribution.distribution() is None


@on_jax
def test_the_distribution_around_is_taken_and_put_back():
    around = keras.distribution.DataParallel(devices=keras.distribution.list_devices())
    with around.scope():
        with sharing(None):
            assert keras.distribution.distribution() is around
        with sharing(1):
            assert keras.distribution.distribution() is None
        assert keras.distribution.distribution() is around


class _Batches(keras.utils.PyDataset):
    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int):
        return np.arange(6).reshape(3, 2), np.ones(3)


def test_a_batch_is_filled_with_zeros(monkeypatch):
    monkeypatch.setattr("regard.training.devices.device_count", lambda: 2)
    ids, shares = LocalRows(_Batches())[0]
    np.testing.assert_array_equal(ids, [[0, 1], [2, 3], [4, 5], [0, 0]])
    np.testing.assert_array_equal(shares, [1, 1, 1, 0])
