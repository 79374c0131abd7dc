"""A batch job that is killed goes on where it was, and loses and doubles nothing."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import regard

pytestmark = pytest.mark.slow

SOURCE = Path(regard.__file__).parents[1]


@pytest.fixture
def start(toy_bundle, texts, tmp_path):
    path = tmp_path / "in.parquet"
    given = [*texts, None] * 60
    table = pa.table({"id": range(len(given)), "text": given})
    pq.write_table(table, path, row_group_size=1_000)
    programs = {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "programs"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }

    def start(out):
        command = [sys.executable, "-m", "regard_cli", "batch", toy_bundle, path]
        command += ["--out", out, "--shard-rows", 40]
        return subprocess.Popen(
            list(map(str, command)),
            env=os.environ | programs | {"PYTHONPATH": str(SOURCE)},
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def finished(folder):
    return {path.name for path in folder.glob("in-*.parquet")}


def test_kills_change_nothing(start, tmp_path):
    with start(tmp_path / "whole") as process:
        _, err = process.communicate()
    assert process.returncode == 3, err
    names = finished(tmp_path / "whole")
    disturbed = tmp_path / "disturbed"
    for share in (0.1, 0.3, 0.5, 0.8):
        with start(disturbed) as process:
            # On a busy machine it may be further by then, or have ended.
            while len(finished(disturbed)) < share * len(names):
                assert process.poll() in {None, 3}
                time.sleep(0.001)
            process.kill()
    with start(disturbed) as process:
        _, err = process.communicate()
    assert process.returncode == 3, err
    assert "The job went on where it was." in err
    for name in sorted(names | finished(disturbed)):
        one = pq.read_table(tmp_path / "whole" / name)
        assert pq.read_table(disturbed / name).equals(one)
    places = [
        each / "_job" / "errors.parquet" for each in (disturbed, tmp_path / "whole")
    ]
    one, other = (pq.read_table(place) for place in places)
    assert len(one) == 60
    assert one.equals(other)
    assert not list(disturbed.rglob(".*"))
