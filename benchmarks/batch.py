"""Batch jobs: rows per second and memory, and what is left of a job that is killed.

    python benchmarks/batch.py BUNDLE [--rows 100000] [--attention full]
        [--engine local] [--workers 2] [--kills 0] [--input FILE] [--loop 300]

BUNDLE is a text classifier. The job answers generated texts of 20 to 60 words of its
vocabulary, the frequent ones more often, or those of a Parquet file of your own, as a
process of its own, of which the highest memory is told. Beside it, in this process, the
same number of ready token ids run through the classifier's predictor, with attention,
and ``classifier.explain`` answers some texts one by one. With ``--kills`` the job is
killed at random moments and given again, until it was killed so often and has ended;
its rows are compared with those of a job that nobody disturbed, sorted, by their hash.
"""

import argparse
import hashlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _backend

os.environ["KERAS_BACKEND"] = _backend.choose_backend("jax")

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import regard
from regard import scale
from regard_cli.environment import keep_freed_memory

ROUNDS = 3
# Texts of the comparison: their ids are held in memory.
READY = 16_384
AT_ONCE = 50_000


def generate(path: Path, rows: int, words: list[str]) -> None:
    """Write texts of 20 to 60 words; the n-th is as frequent as 1 / n."""
    generator = np.random.default_rng(0)
    share = 1 / np.arange(3, 3 + len(words))
    known = np.asarray(words, object)
    schema = pa.schema([("id", pa.int64()), ("text", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        for first in range(0, rows, AT_ONCE):
            count = min(AT_ONCE, rows - first)
            sizes = generator.integers(20, 61, count)
            drawn = generator.choice(len(known), sizes.sum(), p=share / share.sum())
            cut = np.split(known[drawn], np.cumsum(sizes)[:-1])
            texts = [" ".join(each) for each in cut]
            ids = np.arange(first, first + count)
            writer.write_table(pa.table({"id": ids, "text": texts}))


def command(options: argparse.Namespace, texts: Path, out: Path) -> list[str]:
    """The job as it is given."""
    job = [sys.executable, "-m", "regard_cli", "batch", str(options.bundle), str(texts)]
    job += ["--out", str(out), "--attention", options.attention]
    job += ["--shard-rows", str(options.shard_rows), "--engine", options.engine]
    if options.engine == "ray":
        job += ["--workers", str(options.workers)]
    return job


def run_job(job: list[str]) -> tuple[float, float]:
    """Seconds and the most MB of memory of the process."""
    begin = time.perf_counter()
    process = subprocess.Popen(job)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, process.returncode
    return time.perf_counter() - begin, usage.ru_maxrss / 1e3


def disturbed(job: list[str], out: Path, kills: int, shards: int) -> int:
    """Kill and give again; how often it was killed until it had ended."""
    moments = np.random.default_rng(0)
    killed = 0
    while True:
        done = len(list(out.glob("*.parquet")))
        # Some kills come while the job starts, the others while it writes.
        more = moments.integers(0, 2 * (shards - done) // (kills - killed + 1) + 1)
        process = subprocess.Popen(job, stderr=subprocess.DEVNULL)
        while killed < kills and process.poll() is None:
            if len(list(out.glob("*.parquet"))) >= done + more:
                time.sleep(moments.uniform(0, 0.5))
                process.kill()
                break
            time.sleep(0.002)
        if process.wait() == -signal.SIGKILL:
            killed += 1
            continue
        assert process.returncode == 0, process.returncode
        return killed


def digest(out: Path) -> str:
    """The hash of all rows, sorted by their id."""
    table = pq.read_table(out).sort_by("id").combine_chunks()
    digest = hashlib.sha256()
    for batch in table.to_batches():
        for row in batch.to_pylist():
            digest.update(repr(row).encode())
    return digest.hexdigest()


def per_second(function: Callable[[], Any], count: int) -> float:
    """The median of how many are done in a second."""
    seconds = []
    for _ in range(ROUNDS + 1):
        begin = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - begin)
    # What came first was compiled besides.
    return count / statistics.median(seconds[1:])


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    _backend.add_argument(parser, "jax")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--input", type=Path, help="Parquet in place of made texts")
    parser.add_argument("--attention", default="full")
    parser.add_argument("--engine", default="local")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--shard-rows", type=int, default=65_536)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--loop", type=int, default=300, help="texts one by one")
    parser.add_argument("--smoke", action="store_true", help="few texts, once")
    options = parser.parse_args()
    if options.smoke:
        global ROUNDS
        ROUNDS, options.rows, options.loop = 1, 200, 2
    keep_freed_memory()
    print(f"{_backend.environment()}; load {os.getloadavg()[0]:.1f}")
    classifier = regard.load(options.bundle)
    trained = classifier.trained
    with tempfile.TemporaryDirectory(prefix="regard-batch-") as scratch:
        folder = Path(scratch)
        texts = options.input or folder / "texts.parquet"
        if options.input is None:
            words = trained.reader.tokenizer
            known = [words.word(each) for each in range(2, words.vocabulary_size)]
            generate(texts, options.rows, known)
        rows = pq.read_metadata(texts).num_rows
        some = next(pq.ParquetFile(texts).iter_batches(READY, columns=["text"]))
        ready = some.column(0).to_pylist()
        job = command(options, texts, folder / "out")
        seconds, memory = run_job(job)
        size = sum(file.stat().st_size for file in (folder / "out").glob("*.parquet"))
        # From the first rows on, for which all is compiled: what a long job comes to.
        told: list[scale.BatchProgress] = []
        scale.run(
            options.bundle,
            texts,
            folder / "again",
            attention=options.attention,
            progress=told.append,
        )
        speed = told[-1].rows_per_second or rows
        print(
            f"{rows:,} rows, attention {options.attention}, engine {options.engine}: "
            f"{seconds:.1f} s, {memory:,.0f} MB, {size / rows:,.0f} bytes a row"
        )
        ids = [each.ids for each in trained.reader.read(ready)]
        observed = per_second(lambda: trained.predictor.observe(ids), len(ids))
        predicted = per_second(lambda: trained.predictor.predict(ids), len(ids))
        loop = ready[: options.loop]
        alone = per_second(
            lambda: [classifier.explain(each) for each in loop], len(loop)
        )
        print(
            f"rows a second: job {speed:,.0f}; predictor on ready ids, with attention "
            f"{observed:,.0f} ({speed / observed:.2f}), without {predicted:,.0f} "
            f"({speed / predicted:.2f}); one by one {alone:,.0f} ({speed / alone:.1f})"
        )
        if options.kills:
            out = folder / "killed"
            shards = len(list((folder / "out").glob("*.parquet")))
            killed = disturbed(command(options, texts, out), out, options.kills, shards)
            same = digest(out) == digest(folder / "out")
            print(f"killed {killed} times: {'the same rows' if same else 'DIFFERENT'}")


if __name__ == "__main__":
    main()
