"""A command that is killed goes on where it was, and ends with the same weights."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import regard
import toy

pytestmark = [pytest.mark.slow, pytest.mark.backends]

SOURCE = Path(regard.__file__).parents[1]
EPOCHS = 5


@pytest.fixture
def start(tmp_path):
    texts, labels = toy.messages(90)
    table = tmp_path / "data.csv"
    rows = map(",".join, zip(texts, labels, strict=True))
    table.write_text("\n".join(["text,label", *rows]), "utf-8")
    programs = {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "programs"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }

    def start(out, *options):
        command = [sys.executable, "-m", "regard_cli", "train", "classify", table]
        command += ["--out", out, "--epochs", EPOCHS, "--batch-size", 16, *options]
        return subprocess.Popen(
            list(map(str, command)),
            env=os.environ | programs | {"PYTHONPATH": str(SOURCE)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def weights_of(bundle):
    return regard.load(bundle).trained.model.get_weights()


@pytest.mark.parametrize("options", [(), ("--stream",)], ids=["lists", "streamed"])
def test_kills_change_nothing(start, tmp_path, options):
    whole, disturbed = tmp_path / "whole.regard", tmp_path / "disturbed.regard"
    with start(whole) as process:
        _, err = process.communicate()
    assert process.returncode == 0, err
    for epoch in (1, 3):
        with start(disturbed, *options) as process:
            while f"epoch  {epoch} " not in process.stderr.readline():
                assert process.poll() is None
            time.sleep(0.05 * epoch)
            process.kill()
        assert not disturbed.exists()
        # The lock of the killed one is there still, and holds nobody back.
        assert (tmp_path / ".disturbed.regard.lock").exists()
    with start(disturbed, *options) as process:
        _, err = process.communicate()
    assert process.returncode == 0, err
    assert "Going on from" in err
    assert "epoch  1 " not in err
    for one, other in zip(weights_of(disturbed), weights_of(whole), strict=True):
        np.testing.assert_array_equal(one, other)
    left = {path.name for path in tmp_path.iterdir() if path.name != "programs"}
    assert left == {"data.csv", "whole.regard", "disturbed.regard"}
