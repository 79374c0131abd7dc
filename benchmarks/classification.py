"""Text classification: the default classifier against bags of n-grams.

    python benchmarks/classification.py DATA [--backend jax] [--seeds 3]
        [--sets sst sst600 trec imdb sst_wiki]

DATA is the folder of the data sets. Nothing is chosen by looking at a test set: the
classifier holds a tenth of the training set out for its choice of the best epoch, and
for SST-2 takes the published validation set. Beside it, trained on the same texts in
the same run: TF-IDF with logistic regression, an SVM on naive Bayes features (Wang and
Manning 2012), and fastText with bigrams where it is installed (`pip install
fasttext-numpy2-wheel`). How far probabilities can be believed is the second table: the
loss in nats and the expected calibration error in 15 bins. Beside the accuracy of each
seed stands what an examination of 300 of the test texts says of its attention, and how
much of what the best order of masking words (or swapping them) does the weights' does.
"""

import argparse
import csv
import gzip
import io
import os
import re
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import _backend

os.environ["KERAS_BACKEND"] = _backend.choose_backend("jax")

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

import regard
from regard.classification.class_metrics import evaluate

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
    if name == "sst600":
        whole = load(data, "sst")
        chosen = np.random.default_rng(0).permutation(len(whole.train[0]))[:600]
        few = [[column[index] for index in chosen] for column in whole.train]
        return Task("SST-2, 600 texts", (few[0], few[1]), whole.test)
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


# Words, and each other character that is no space.
_TOKENS = r"\w+|[^\w\s]"


def tfidf(train: Pairs, test: Pairs) -> float:
    """The accuracy of TF-IDF of words and bigrams with logistic regression."""
    return tfidf_model(train).score(*test)


def tfidf_model(train: Pairs) -> Any:
    """TF-IDF of words and bigrams with logistic regression."""
    return make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        LogisticRegression(C=10, max_iter=1000),
    ).fit(*train)


def tfidf_belief(train: Pairs, test: Pairs) -> tuple[float, float]:
    """Loss and calibration error of the same."""
    model = tfidf_model(train)
    probabilities = model.predict_proba(test[0])
    places = {label: index for index, label in enumerate(model.classes_)}
    targets = np.array([places[label] for label in test[1]])
    measured = evaluate(probabilities, targets, [str(each) for each in places])
    return measured.loss, measured.expected_calibration_error


def naive_bayes_svm(train: Pairs, test: Pairs) -> float:
    """The accuracy of a linear SVM on n-grams that naive Bayes weighs.

    Words, bigrams and trigrams that a text has, each class against the others (Wang and
    Manning: Baselines and bigrams, 2012): with their settings or with a weaker penalty
    and the weights as they are, whichever is better on a tenth of the training set.
    """
    kept, held = train_test_split(
        np.arange(len(train[0])), test_size=0.1, random_state=0, stratify=train[1]
    )
    part, asked = (
        ([train[0][index] for index in some], [train[1][index] for index in some])
        for some in (kept, held)
    )
    settings = ((0.1, 0.25), (1.0, 1.0))
    best = max(settings, key=lambda chosen: _naive_bayes_svm(part, asked, *chosen))
    return _naive_bayes_svm(train, test, *best)


def _naive_bayes_svm(train: Pairs, test: Pairs, strength: float, own: float) -> float:
    """The accuracy of one; of its weights ``own`` is not drawn to their mean."""
    reader = CountVectorizer(
        ngram_range=(1, 3), binary=True, token_pattern=_TOKENS, dtype=np.float64
    )
    held, asked = reader.fit_transform(train[0]), reader.transform(test[0])
    classes, targets = np.unique(train[1], return_inverse=True)
    scores = []
    for index in range(len(classes)):
        inside = targets == index
        ratio = _log_share(held[inside]) - _log_share(held[~inside])
        machine = LinearSVC(C=strength, max_iter=4000)
        machine.fit(held.multiply(ratio).tocsr(), inside)
        weights = machine.coef_[0]
        weights = (1 - own) * np.abs(weights).mean() + own * weights
        scores.append(asked @ (ratio * weights) + machine.intercept_[0])
    predicted = classes[np.argmax(scores, axis=0)]
    return float(np.mean(predicted == np.asarray(test[1])))


def _log_share(held: Any) -> Any:
    counts = np.asarray(held.sum(axis=0)).ravel() + 1.0
    return np.log(counts / counts.sum())


def fasttext_bigrams(train: Pairs, test: Pairs, **how: Any) -> float | None:
    """The accuracy of fastText with bigrams; None where it is not installed."""
    try:
        import fasttext
    except ImportError:
        return None

    def line(text: str) -> str:
        return " ".join(re.findall(_TOKENS, text.lower()))

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "train.txt"
        lines = (
            f"__label__{label} {line(text)}\n"
            for text, label in zip(*train, strict=True)
        )
        file.write_text("".join(lines), encoding="utf-8")
        # One thread: with several the result differs from run to run.
        model = fasttext.train_supervised(
            str(file), lr=0.5, epoch=10, wordNgrams=2, thread=1, verbose=0, **how
        )
    # `predict` of fastText 0.9.2 does not know NumPy 2; what is below it does.
    right = [
        model.f.predict(line(text) + "\n", 1, 0.0, "strict")[0][1]
        == f"__label__{label}"
        for text, label in zip(*test, strict=True)
    ]
    return statistics.mean(right)


BASELINES = {
    "TF-IDF + LR": tfidf,
    "NB-SVM": naive_bayes_svm,
    "fastText": fasttext_bigrams,
}


def baselines(task: Task) -> list[str]:
    """The cells of the table: accuracy and seconds of each baseline."""
    cells = []
    for baseline in BASELINES.values():
        begin = time.perf_counter()
        accuracy = baseline(task.train, task.test)
        seconds = time.perf_counter() - begin
        found = (
            "not installed" if accuracy is None else f"{accuracy:.2%}, {seconds:.0f} s"
        )
        cells.append(found)
    return cells


def trained(task: Task, seed: int) -> tuple[regard.TextClassifier, float]:
    """The default classifier, and the seconds of its training."""
    begin = time.perf_counter()
    classifier = regard.TextClassifier(seed=seed)
    classifier.fit(*task.train, validation=task.validation)
    return classifier, time.perf_counter() - begin


def verdict(classifier: regard.TextClassifier, texts: list[str]) -> tuple[str, str]:
    """Whether its attention may be read, and the shares of the best order's gain."""
    report = regard.trust.examine(classifier, texts, examples=0)
    shares = (
        f"{name} {gates['words'].interval.per_cent}"
        for name, gates in report.erasures.items()
        if "words" in gates
    )
    return report.verdict.value, ", ".join(shares)


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


def run(task: Task, seeds: int, data: Path) -> str:
    """Print the line of one data set, and return that of the second table."""
    accuracies, times, beliefs, verdicts = [], [], [], []
    for seed in range(seeds):
        classifier, seconds = trained(task, seed)
        measured = classifier.evaluate(*task.test)
        accuracies.append(measured.accuracy)
        beliefs.append((measured.loss, measured.expected_calibration_error))
        times.append(seconds)
        said, shares = verdict(classifier, task.test[0])
        verdicts.append(said)
        print(
            f"  seed {seed}: {measured.accuracy:.2%}, loss {measured.loss:.3f}, ECE "
            f"{measured.expected_calibration_error:.3f} in {seconds:.0f} s; {said} "
            f"(words: {shares})",
            flush=True,
        )
        if task.name.endswith("Wikipedia"):
            share, tokens = on_evidence(classifier, data)
            print(f"    attention on the review {share:.1%} (tokens {tokens:.1%})")
    cells = [
        task.name,
        f"{statistics.mean(accuracies):.2%}",
        f"{min(accuracies):.2%} to {max(accuracies):.2%}",
        ", ".join(f"{said} {count}" for said, count in Counter(verdicts).most_common()),
        f"{statistics.median(times):.0f} s",
        *baselines(task),
    ]
    print(f"| {' | '.join(cells)} |", flush=True)
    losses, errors = zip(*beliefs, strict=True)
    loss, error = tfidf_belief(task.train, task.test)
    return (
        f"| {task.name} | {statistics.mean(losses):.3f} | {loss:.3f} | "
        f"{statistics.mean(errors):.3f} | {min(errors):.3f} to {max(errors):.3f} | "
        f"{error:.3f} |"
    )


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    _backend.add_argument(parser, "jax")
    parser.add_argument("data", type=Path)
    parser.add_argument(
        "--sets", nargs="+", default=["sst", "sst600", "trec", "imdb", "sst_wiki"]
    )
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    print(
        f"{_backend.environment()}\n\n"
        "| data | accuracy, mean | range | attention | training | "
        f"{' | '.join(BASELINES)} |\n"
        f"|---|---|---|---|---|{'---|' * len(BASELINES)}",
        flush=True,
    )
    beliefs = [
        run(load(options.data, name), options.seeds, options.data)
        for name in options.sets
    ]
    print(
        "\n| data | loss | that of TF-IDF + LR | ECE, mean | range | TF-IDF + LR |\n"
        "|---|---|---|---|---|---|\n" + "\n".join(beliefs)
    )


if __name__ == "__main__":
    main()
