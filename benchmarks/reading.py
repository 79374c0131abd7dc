"""Reading texts: all tokens of many at once, against one token after the other.

    python benchmarks/reading.py DATA [--backend jax] [--texts 3000] [--bundle FOLDER]

DATA is the folder of the data sets. Both sides read the same reviews of IMDB with the
features that the default classifier learns on IMDB (n-grams of words) and on SST-2
(with pieces of words), in turns; times are medians, in seconds of processor of one
thread and in seconds that passed with all of them. The first time is that of a reader
that has read nothing yet. What comes out is compared: ids, features and offsets.

With ``--bundle`` this is left out, and a saved classifier answers the reviews, read,
with and without what it looked at. Beside it scikit-learn answers them: a logistic
regression on TF-IDF of words and bigrams, trained on the first 5,000 reviews of IMDB.
"""

import argparse
import gzip
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _backend

os.environ["KERAS_BACKEND"] = _backend.choose_backend("jax")

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import regard
from regard.classification import corpus
from regard.classification.config import TextClassifierConfig, recipe
from regard.text import FeatureReader, tokenizer
from regard_cli.environment import keep_freed_memory

# The plain way is the oracle of the tests.
sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from plain_reading import PlainReader, assert_same

ROUNDS = 3


def lines(path: Path, column: str) -> list[str]:
    """A column of a tab-separated file."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    head, *rows = content.decode("utf-8").removesuffix("\n").split("\n")
    place = head.split("\t").index(column)
    return [row.split("\t")[place] for row in rows]


def learned(texts: list[str]) -> FeatureReader:
    """The reader that a training on these texts, of two classes, begins with."""
    return corpus._learned_reader(texts, TextClassifierConfig(**recipe(len(texts), 2)))[
        0
    ]


def measured(function: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of processor and seconds that passed."""
    begin, cpu = time.perf_counter(), time.process_time()
    function()
    return time.process_time() - cpu, time.perf_counter() - begin


def compare(name: str, make: Callable[[], FeatureReader], texts: list[str]) -> None:
    """Read in turns, and print what it took."""
    ours = make()
    plain = PlainReader(ours, quick=True)
    firsts = {"plain": measured(lambda: plain.read(texts))}
    firsts["regard"] = measured(lambda: ours.read(texts))
    assert_same(ours.read(texts), plain.read(texts))
    sides = {"plain": plain.read, "regard": ours.read}
    alone: dict[str, list[float]] = {side: [] for side in sides}
    together: dict[str, list[float]] = {side: [] for side in sides}
    threads = tokenizer._THREADS
    for _ in range(ROUNDS):
        for side, read in sides.items():
            tokenizer._THREADS = 1
            alone[side].append(measured(lambda read=read: read(texts))[0])
            tokenizer._THREADS = threads
            together[side].append(measured(lambda read=read: read(texts))[1])
    print(f"{name}: {len(texts)} texts, {ours.features.width} features a token")
    for what, before, now in (
        ("first time, processor", firsts["plain"][0], firsts["regard"][0]),
        ("one thread, processor", *map(statistics.median, alone.values())),
        ("all threads, passed", *map(statistics.median, together.values())),
    ):
        print(
            f"  {what:22} plain {before:7.3f} s, regard {now:7.3f} s:"
            f" {before / now:5.1f} times, {len(texts) / now:,.0f} texts a second",
            flush=True,
        )


def explain(bundle: Path, texts: list[str]) -> None:
    """What a saved classifier takes for its answers, loading and compiling included."""
    begin, cpu = time.perf_counter(), time.process_time()
    classifier = regard.load(bundle)
    classifier.explain(texts)
    first = time.perf_counter() - begin, time.process_time() - cpu
    again = measured(lambda: classifier.explain(texts))
    print(
        f"{len(texts)} texts explained: {first[0]:.1f} s from loading on"
        f" ({first[1]:.1f} s of processor),"
        f" once more {again[1]:.1f} s ({again[0]:.1f} s)"
    )
    answered = measured(lambda: classifier.predict(texts))
    print(f"answered alone: {answered[1]:.1f} s ({answered[0]:.1f} s)")


def answer_with_peer(texts: list[str], examples: list[tuple[str, str]]) -> None:
    """What scikit-learn takes for reading and answering, once it is trained."""
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(max_iter=300)
    )
    model.fit(*zip(*examples, strict=True))
    answered = measured(lambda: model.predict(texts))
    print(f"answered by scikit-learn: {answered[1]:.1f} s ({answered[0]:.1f} s)")


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    _backend.add_argument(parser, "jax")
    parser.add_argument("data", type=Path)
    parser.add_argument("--texts", type=int, default=3_000)
    parser.add_argument(
        "--bundle", type=Path, help="of a classifier that explains them"
    )
    parser.add_argument("--smoke", action="store_true", help="few texts, once")
    options = parser.parse_args()
    keep_freed_memory()
    print(f"{_backend.environment()}; load {os.getloadavg()[0]:.1f}")
    if options.smoke:
        global ROUNDS  # noqa: PLW0603 - a run is one process
        ROUNDS = 1
    reviews = lines(options.data / "imdb/imdb_test.tsv.gz", "text")[: options.texts]
    if options.bundle:
        explain(options.bundle, reviews)
        train = options.data / "imdb/imdb_train.tsv.gz"
        examples = zip(lines(train, "text"), lines(train, "label"), strict=True)
        answer_with_peer(reviews, list(examples)[:5_000])
        return
    for name, file in (
        ("IMDB", "imdb/imdb_train.tsv.gz"),
        ("SST-2", "sst/sst2_train.tsv"),
    ):
        trained_on = lines(options.data / file, "text")
        compare(name, lambda trained_on=trained_on: learned(trained_on), reviews)


if __name__ == "__main__":
    main()
