"""Bundles that mean harm are refused, or do none: within seconds and megabytes."""

import json
import subprocess
import sys

import hostile_bundles as hostile
import keras
import numpy as np
import pytest

import regard
from regard.errors import BundleError

SECONDS, BYTES = 2, 500_000_000

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the memory of a process is read from /proc"
)


def loaded(names, folder):
    """How the loading of each went: the error, seconds and bytes."""
    for name in names:
        hostile.make(name, folder)
    completed = subprocess.run(
        [sys.executable, hostile.__file__, folder],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    lines = [json.loads(line) for line in completed.stdout.splitlines()]
    went = {name: (error, *taken) for name, error, *taken in lines}
    missing = sorted(set(names) - set(went))
    assert not missing, f"the process ended at {missing[0]}: {completed.stderr[-2000:]}"
    return went


def check(names, folder):
    went = loaded(names, folder)
    for name, (error, seconds, taken) in went.items():
        if error is None:
            assert name in hostile.HARMLESS, f"{name} was loaded"
        else:
            assert f"{name}.regard' cannot be loaded: " in error, name
        assert taken < BYTES, f"{name} took {taken / 1e6:.0f} MB"
        yield name, seconds


def test_some_hostile_bundles(tmp_path):
    assert dict(check(sorted(hostile.QUICK), tmp_path)).keys() == hostile.QUICK


@pytest.mark.slow
def test_all_hostile_bundles(tmp_path):
    seconds = dict(check(list(hostile.HARMS), tmp_path))
    assert len(seconds) > 130
    # Of computing; what waits without end, the process that loads them ends with.
    assert max(seconds.values()) < SECONDS, max(seconds, key=seconds.get)


def test_each_of_them_is_vouched_for(tmp_path):
    for name in ("wide_dense", "packed_features", "precompiled", "endless_scores"):
        path = hostile.make(name, tmp_path)
        parts = json.loads((path / "manifest.json").read_text())["parts"]
        for part, digest in parts.items():
            content = (path / part).read_bytes()
            assert len(content) == digest["size"]
            assert hostile.hashlib.sha256(content).hexdigest() == digest["sha256"]


# Not so large that a process which made them would come to harm.
SMALL = {
    "no_number_in_the_weights": r"dense/vars/0: it holds values that are not finite",
    "infinity_in_the_weights": r"dense/vars/0: it holds values that are not finite",
    "no_number_in_another_layout": r"dense/vars/0: it holds values that are not finite",
    "an_array_more": r"other weights than the file holds.*\(7, 7\)",
    "an_array_less": r"other weights than the file holds.*\(40, 3\)",
    "untied": r"other weights than the file holds",
    "moved_away": r"model.keras: it is a link to a place outside of the folder",
    "precompiled": r"tokenizer.json.*'Precompiled' is no normaliser that is taken",
}


@pytest.mark.backends
@pytest.mark.parametrize(("name", "message"), SMALL.items())
def test_what_is_wrong_is_said(tmp_path, name, message):
    path = hostile.make(name, tmp_path)
    with pytest.raises(BundleError, match=rf"{name}.regard' cannot be.*{message}"):
        regard.load(path)


@pytest.mark.backends
def test_weights_in_another_layout_are_the_same(tmp_path):
    other = regard.load(hostile.make("another_layout", tmp_path))
    saved = regard.load(hostile.BUNDLES / "text-classifier.regard")
    weights = other.trained.model.weights, saved.trained.model.weights
    for one, two in zip(*weights, strict=True):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(one), keras.ops.convert_to_numpy(two)
        )
