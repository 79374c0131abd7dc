"""Training from disk: speed and memory beside training from lists, and after kills.

    python benchmarks/training_from_disk.py FOLDER [--backend jax] [--texts 2000000]
        [--words 100] [--epochs 1] [--tenth 10] [--kills 0] [--smoke]

FOLDER is where reviews are generated, as CSV: frequent and rare words, of which a few
say what is thought. A classifier is trained on the file, streamed, and on a tenth of
the texts as lists, each in a process of its own, in which the texts of the lists are
read before the time begins. Told are the tokens a second of the whole training, what
goes before the first step included, of the epochs alone, the same by the time of the
processors, and the highest memory of the process.

With ``--kills`` a classifier is trained on a tenth of the texts, streamed, and killed
at random moments so often, beside one that nobody disturbs; their weights are compared.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import _backend

os.environ["KERAS_BACKEND"] = _backend.choose_backend("jax")

import numpy as np

import regard
from regard_cli.environment import keep_freed_memory

AT_ONCE = 20_000
VOCABULARY, OPINIONS = 40_000, 200


def reviews(count: int, words: int) -> Iterator[tuple[str, str]]:
    """Texts and their labels; the n-th word is as frequent as 1 / n."""
    generator = np.random.default_rng(0)
    letters = np.array(list("etaoinshrdlucmfw"))
    spelled = {
        "".join(letters[generator.integers(0, 16, size)])
        for size in generator.integers(3, 9, 2 * VOCABULARY).tolist()
    }
    known = np.asarray(sorted(spelled)[:VOCABULARY], object)
    generator.shuffle(known)
    share = 1 / np.arange(10, 10 + len(known))
    ends = np.cumsum(share / share.sum())
    opinions = known[-2 * OPINIONS :].reshape(2, -1)
    for first in range(0, count, AT_ONCE):
        rows = min(AT_ONCE, count - first)
        drawn = np.searchsorted(ends, generator.random((rows, words)))
        texts = known[np.minimum(drawn, len(known) - 1)]
        thought = generator.integers(0, 2, rows)
        # Some are of the other opinion: nothing tells all reviews apart.
        shown = np.where(
            generator.random((rows, 3)) < 0.8, thought[:, None], 1 - thought[:, None]
        )
        places = generator.integers(0, words, (rows, 3))
        said = opinions[shown, generator.integers(0, OPINIONS, (rows, 3))]
        texts[np.arange(rows)[:, None], places] = said
        for text, label in zip(texts.tolist(), thought.tolist(), strict=True):
            yield " ".join(text), ("bad", "good")[label]


def generate(path: Path, count: int, words: int) -> None:
    """Write reviews to a file, unless it is there."""
    if path.exists():
        return
    with path.with_suffix(".part").open("w", encoding="utf-8") as file:
        file.write("text,label\n")
        file.writelines(f"{text},{label}\n" for text, label in reviews(count, words))
    path.with_suffix(".part").rename(path)


def train(options: argparse.Namespace) -> None:
    """Train once, in this process, and tell what it took."""
    path = options.folder / f"{options.rows}.csv"
    data: Any = [path]
    if options.train == "lists":
        data = regard.data.read_examples(path)
    began: list[tuple[float, float]] = []

    def note(_: Any) -> None:
        began.append((time.perf_counter(), time.process_time()))

    classifier = regard.TextClassifier(seed=0, epochs=options.epochs)
    start = time.perf_counter(), time.process_time()
    classifier.fit(
        *data,
        stream=options.train != "lists" or None,
        checkpoint=options.checkpoint,
        progress=note,
    )
    end = time.perf_counter(), time.process_time()
    if options.train == "kill":
        np.savez(options.out, *classifier.trained.model.get_weights())
        return
    tokens = 0.9 * options.rows * options.words * options.epochs
    whole = [stop - begin for begin, stop in zip(start, end, strict=True)]
    first = began[0] if began else start
    steps = [stop - begin for begin, stop in zip(first, end, strict=True)]
    print(
        f"{options.train}: {options.rows:,} texts, accuracy "
        f"{classifier.validation.accuracy:.4f}; all {whole[0]:.0f} s "
        f"({tokens / whole[0]:,.0f} tokens/s, {tokens / whole[1]:,.0f} a processor "
        f"second), before the first step {whole[0] - steps[0]:.0f} s, from then on "
        f"{tokens / steps[0]:,.0f} tokens/s ({tokens / steps[1]:,.0f} a processor "
        "second)",
        flush=True,
    )


def start(options: argparse.Namespace, kind: str, rows: int, *more: object) -> Any:
    """A process that trains."""
    command = [sys.executable, __file__, options.folder, "--backend", options.backend]
    command += ["--train", kind, "--rows", rows, "--words", options.words]
    command += ["--epochs", options.epochs, *more]
    return subprocess.Popen(list(map(str, command)))


def highest_memory(process: Any) -> float:
    """The most MB of memory of a process, when it has ended."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, process.returncode
    return float(usage.ru_maxrss) / 1e3


def kill(options: argparse.Namespace, rows: int) -> None:
    """Train undisturbed and disturbed, and compare the weights."""
    names = [options.folder / each for each in ("whole", "disturbed")]
    begin = time.perf_counter()
    for name in names:
        for left in (name, name.with_suffix(".npz")):
            left.unlink(missing_ok=True)
    whole = ["--checkpoint", names[0], "--out", names[0].with_suffix(".npz")]
    highest_memory(start(options, "kill", rows, *whole))
    seconds = time.perf_counter() - begin
    disturbed = ["--checkpoint", names[1], "--out", names[1].with_suffix(".npz")]
    chance, kills = np.random.default_rng(0), 0
    while True:
        process = start(options, "kill", rows, *disturbed)
        wait = chance.uniform(0.2, 0.9) * seconds if kills < options.kills else 1e6
        try:
            process.wait(wait)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            continue
        assert process.returncode == 0, process.returncode
        break
    one, other = (np.load(name.with_suffix(".npz")) for name in names)
    same = all(np.array_equal(one[each], other[each]) for each in one.files)
    print(f"killed {kills} times: {'the same' if same else 'other'} weights")


def main() -> None:
    """Train in processes, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    _backend.add_argument(parser, "jax")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--texts", type=int, default=2_000_000)
    parser.add_argument("--words", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--tenth", type=int, default=10, help="the part for lists")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--smoke", action="store_true", help="few texts")
    # What the processes are told.
    for name in ("train", "out", "checkpoint"):
        parser.add_argument(f"--{name}", help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        keep_freed_memory()
        train(options)
        return
    if options.smoke:
        options.texts, options.words = 600, 20
    options.folder.mkdir(parents=True, exist_ok=True)
    print(_backend.environment(), flush=True)
    few = options.texts // options.tenth
    for rows in (few, options.texts):
        generate(options.folder / f"{rows}.csv", rows, options.words)
    size = (options.folder / f"{options.texts}.csv").stat().st_size
    print(f"{options.texts:,} texts, {size / 1e6:,.0f} MB", flush=True)
    for kind, rows in (("lists", few), ("file", few), ("file", options.texts)):
        memory = highest_memory(start(options, kind, rows))
        print(f"{kind}, {rows:,} texts: highest memory {memory:,.0f} MB", flush=True)
    if options.kills:
        kill(options, few)


if __name__ == "__main__":
    main()
