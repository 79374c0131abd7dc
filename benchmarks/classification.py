"""Text classification: the default classifier against TF-IDF and logistic regression.

    python benchmarks/classification.py DATA [--sets sst trec imdb sst_wiki] [--seeds 3]

DATA is the folder of the data sets. Nothing is chosen by looking at a test set: the
classifier holds a tenth of the training set out for its choice of the best epoch, and
for SST-2 takes the published validation set.
"""

import argparse
import csv
import gzip
import io
import os
import platform
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import regard

Pairs = tuple[list[str], list[str]]


@dataclass(frozen=True)
class Task:
    """A data set: what is trained on, chosen on and tested on."""

    name: str
    train: Pairs
    test: Pairs
    validation: Pairs | None = None


def rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a tab-separated file, which may be compressed."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    text = io.StringIO(content.decode("utf-8"), newline="\n")
    yield from csv.DictReader(text, delimiter="\t", quoting=csv.QUOTE_NONE)


def pairs(path: Path, text: str, label: str) -> Pairs:
    """The texts and labels of a file."""
    found = [(row[text], row[label]) for row in rows(path)]
    return [one for one, _ in found], [label for _, label in found]


def load(data: Path, name: str) -> Task:
    """A data set by its name."""
    if name == "sst":
        parts = [
            pairs(data / f"sst/sst2_{part}.tsv", "text", "label")
            for part in ("train", "test", "dev")
        ]
        return Task("SST-2", *parts)
    if name == "trec":
        parts = [
            pairs(data / f"trec/trec_{part}.tsv", "question", "coarse")
            for part in ("train", "test")
        ]
        return Task("TREC coarse", *parts)
    if name == "imdb":
        parts = [
            pairs(data / f"imdb/imdb_{part}.tsv.gz", "text", "label")
            for part in ("train", "test")
        ]
        return Task("IMDB", *parts)
    parts = [
        pairs(data / f"sst_wiki/sst_wiki_{part}.tsv.gz", "text", "label")
        for part in ("train", "dev")
    ]
    return Task("SST + Wikipedia", *parts)


def baseline(task: Task) -> tuple[float, float]:
    """Accuracy and seconds of training of TF-IDF with logistic regression."""
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        LogisticRegression(C=10, max_iter=1000),
    )
    begin = time.perf_counter()
    model.fit(*task.train)
    seconds = time.perf_counter() - begin
    return model.score(*task.test), seconds


def trained(task: Task, seed: int) -> tuple[regard.TextClassifier, float]:
    """The default classifier, and the seconds of its training."""
    begin = time.perf_counter()
    classifier = regard.TextClassifier(seed=seed)
    classifier.fit(*task.train, validation=task.validation)
    return classifier, time.perf_counter() - begin


def on_evidence(classifier: regard.TextClassifier, data: Path) -> tuple[float, float]:
    """The shares of attention and of tokens on the review beside the distractor."""
    found = list(rows(data / "sst_wiki/sst_wiki_dev.tsv.gz"))
    attention, tokens = [], []
    for row, seen in zip(
        found, classifier.explain([row["text"] for row in found]), strict=True
    ):
        words = row["text"].split(" ")
        inside = np.repeat(
            [flag == "1" for flag in row["block"]], [len(word) + 1 for word in words]
        )
        review = inside[seen.offsets[:, 0]]
        attention.append(float(seen.weights[review].sum()))
        tokens.append(float(review.mean()))
    return statistics.mean(attention), statistics.mean(tokens)


def run(task: Task, seeds: int, data: Path) -> None:
    """Print the line of one data set."""
    accuracies, times = [], []
    for seed in range(seeds):
        classifier, seconds = trained(task, seed)
        accuracies.append(classifier.evaluate(*task.test).accuracy)
        times.append(seconds)
        print(f"  seed {seed}: {accuracies[-1]:.2%} in {seconds:.0f} s", flush=True)
        if task.name.endswith("Wikipedia"):
            share, tokens = on_evidence(classifier, data)
            print(f"    attention on the review {share:.1%} (tokens {tokens:.1%})")
    accuracy, seconds = baseline(task)
    print(
        f"| {task.name} | {statistics.mean(accuracies):.2%} | "
        f"{min(accuracies):.2%} to {max(accuracies):.2%} | "
        f"{statistics.median(times):.0f} s | {accuracy:.2%} | {seconds:.0f} s |",
        flush=True,
    )


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument(
        "--sets", nargs="+", default=["sst", "trec", "imdb", "sst_wiki"]
    )
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    print(
        f"Keras {keras.__version__} on {keras.backend.backend()}, "
        f"{platform.machine()}, {os.cpu_count()} cores\n\n"
        "| data | accuracy, mean | range | training | TF-IDF + LR | training |\n"
        "|---|---|---|---|---|---|",
        flush=True,
    )
    for name in options.sets:
        run(load(options.data, name), options.seeds, options.data)


if __name__ == "__main__":
    main()
