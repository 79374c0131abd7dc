"""A job on Ray loses and doubles nothing where drivers, workers or machines end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import regard

ray = pytest.importorskip("ray", reason="needs ray, of the extra scale")

pytestmark = pytest.mark.slow

SOURCE = Path(regard.__file__).parents[1]
SHARDS = 30
KILLS = 5


@pytest.fixture(scope="module")
def cluster():
    """Two machines of a processor each; the second one may be killed."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        # Of this machine alone, and gone with the test.
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.setenv("PYTHONPATH", os.pathsep.join([str(SOURCE), *sys.path]))
        head = {"num_cpus": 1, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        cluster.second = cluster.add_node(num_cpus=1)
        yield cluster
        cluster.shutdown()


@pytest.fixture(scope="module")
def start(toy_bundle, cluster, tmp_path_factory):
    import toy

    folder = tmp_path_factory.mktemp("texts")
    path = folder / "in.parquet"
    texts = [*toy.messages(39)[0], None] * SHARDS
    pq.write_table(pa.table({"id": range(len(texts)), "text": texts}), path)

    def start(out):
        command = [sys.executable, "-m", "regard_cli", "batch", toy_bundle, path]
        command += ["--out", out, "--shard-rows", 40, "--engine", "ray"]
        command += ["--address", cluster.address, "--workers", 2]
        programs = {"XDG_CACHE_HOME": str(folder / "cache")}
        return subprocess.Popen(
            list(map(str, command)),
            env=os.environ | programs,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture(scope="module")
def whole(start, tmp_path_factory):
    """The answers of a job that nobody disturbed."""
    out = tmp_path_factory.mktemp("whole") / "out"
    ended(start(out))
    return out


def ended(process):
    with process:
        _, err = process.communicate()
    # Of each shard a row without a text is set aside.
    assert process.returncode == 3, err
    return err


def finished(folder):
    return len(list(folder.glob("in-*.parquet")))


def wait_for(process, folder, shards):
    """Until so many shards are done; whether the job is at work still."""
    while finished(folder) < shards:
        if process.poll() is not None:
            return False
        time.sleep(0.002)
    return process.poll() is None


def workers(cluster):
    """The processes of actors."""
    raylets = {
        str(each.process.pid)
        for node in cluster.list_all_nodes()
        for each in node.all_processes["raylet"]
    }
    for process in Path("/proc").iterdir():
        try:
            name = (process / "cmdline").read_bytes()
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
        except (OSError, IndexError):
            continue
        if parent in raylets and name.startswith(b"ray::Actor"):
            yield int(process.name)


def assert_the_same(folder, whole):
    names = sorted(path.name for path in whole.glob("in-*.parquet"))
    assert sorted(path.name for path in folder.glob("in-*.parquet")) == names
    assert len(names) == SHARDS
    for name in names:
        assert pq.read_table(folder / name).equals(pq.read_table(whole / name))
    one, other = (
        pq.read_table(each / "_job" / "errors.parquet") for each in (folder, whole)
    )
    assert len(one) == SHARDS
    assert one.equals(other)
    assert not list(folder.rglob(".*"))


def test_killed_drivers_change_nothing(start, whole, tmp_path):
    moments = np.random.default_rng(0)
    for killed in range(KILLS):
        with start(tmp_path / "out") as process:
            if wait_for(process, tmp_path / "out", SHARDS * killed / KILLS):
                time.sleep(moments.uniform(0, 0.3))
            process.kill()
    ended(start(tmp_path / "out"))
    assert_the_same(tmp_path / "out", whole)


def test_killed_workers_change_nothing(start, cluster, whole, tmp_path):
    moments = np.random.default_rng(1)
    process = start(tmp_path / "out")
    killed = 0
    for share in range(KILLS):
        if not wait_for(process, tmp_path / "out", SHARDS * share / KILLS):
            break
        time.sleep(moments.uniform(0, 0.3))
        for worker in [*workers(cluster)][:1]:
            os.kill(worker, signal.SIGKILL)
            killed += 1
    ended(process)
    assert killed > 1
    assert_the_same(tmp_path / "out", whole)


def test_a_killed_machine_changes_nothing(start, cluster, whole, tmp_path):
    process = start(tmp_path / "out")
    assert wait_for(process, tmp_path / "out", SHARDS / 4)
    cluster.remove_node(cluster.second, allow_graceful=False)
    ended(process)
    assert_the_same(tmp_path / "out", whole)
