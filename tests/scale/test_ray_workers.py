"""The engine on Ray: the same files, also where workers end."""

import os
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import regard
from ending_worker import EndingWorker
from regard import scale
from regard.errors import ArgumentError, DataError, MissingExtraError
from regard.scale import ray_workers


def test_without_ray_the_install_is_named(toy_bundle, parquet, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r'pip install "regard\[scale\]"'):
        scale.run(toy_bundle, parquet, tmp_path / "out", engine="ray")


def test_a_cluster_of_its_own_ends_with_the_job(job):
    pytest.importorskip("ray", reason="needs ray, of the extra scale")
    report = job("own", engine="ray", workers=1)
    assert rows(report)["id"].to_pylist() == list(range(60))
    assert job("own", engine="ray").went_on
    with pytest.raises(ArgumentError, match=r"no Ray cluster at 127\.0\.0\.1:1: "):
        job("none", engine="ray", address="127.0.0.1:1")


@pytest.fixture(scope="module")
def ray():
    ray = pytest.importorskip("ray", reason="needs ray, of the extra scale")
    source = str(Path(regard.__file__).parents[1])
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join([source, *sys.path])}},
    )
    yield ray
    ray.shutdown()


@pytest.fixture
def job(toy_bundle, parquet, tmp_path):
    def job(name, **options):
        options = {"shard_rows": 10} | options
        return scale.run(toy_bundle, parquet, tmp_path / name, **options)

    return job


def rows(report):
    return pq.read_table(report.out)


def test_the_files_are_those_of_the_local_engine(ray, job):
    report, local = job("ray", engine="ray", workers=3), job("local")
    assert (report.rows, report.shards) == (local.rows, local.shards) == (60, 7)
    assert (
        rows(report)
        .drop(["weights", "probability", "probabilities"])
        .equals(rows(local).drop(["weights", "probability", "probabilities"]))
    )


def test_a_worker_that_ends_is_replaced(ray, job, monkeypatch):
    monkeypatch.setattr(ray_workers, "_Worker", EndingWorker)
    report = job("ray", engine="ray", workers=2)
    assert (report.out / "_job" / "ended").exists()
    assert (report.rows, report.shards) == (60, 7)
    assert rows(report)["id"].to_pylist() == list(range(60))
    # Nor does what it had begun to write stay.
    assert not list(report.out.rglob(".*"))


def test_an_error_of_a_row_comes_home(ray, toy_bundle, tmp_path):
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"text": ["refund", None]}), path)
    with pytest.raises(DataError, match="row 2: There is no text"):
        scale.run(toy_bundle, path, tmp_path / "out", engine="ray", strict=True)
    report = scale.run(toy_bundle, path, tmp_path / "out", engine="ray")
    assert (report.rows, report.set_aside) == (2, 1)
