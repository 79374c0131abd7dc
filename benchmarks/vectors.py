"""Word vectors: what they bring where labels are few, and how files are read.

    python benchmarks/vectors.py DATA [--backend jax] [--sizes 200 600 2000] [--seeds 5]
        [--width 100] [--reviews 50000] [--rows 400000] [--file VECTORS]

DATA is the folder of the data sets. The vectors are those of the reviews of IMDB,
without their labels: the singular vectors of the positive pointwise mutual information
of words ten or fewer words apart (Levy et al. 2015), written as a file of GloVe;
`--file` takes another. Each seed draws so many sentences from the training set of
SST-2, on which are trained: the default classifier, without and with the vectors, also
frozen; logistic regression on the mean of the vectors of a text, whose strength is
found by five folds; TF-IDF with logistic regression; and fastText with bigrams, which
also starts from the vectors, where it is installed (`pip install
fasttext-numpy2-wheel`). All are asked the test set; the choices of the library were
made on other sentences of the training set.

In processes of their own a generated file of `--rows` words of 300 numbers is read: as
a classifier reads it, which keeps 50,000 words, and all of it.
"""

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import _backend

os.environ["KERAS_BACKEND"] = _backend.choose_backend("jax")

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from sklearn.linear_model import LogisticRegressionCV

import classification
import regard
from classification import Pairs
from regard.text import Tokenizer, WordVectors

NEAR, LEAST, MOST = 10, 10, 30_000
WIDE = 300


def trained_vectors(texts: list[str], width: int) -> WordVectors:
    """Vectors of the words of texts."""
    tokenizer = Tokenizer.train(texts, MOST, LEAST)
    size = tokenizer.vocabulary_size
    gap = np.zeros(NEAR, np.int32)
    parts = [np.append(each.ids, gap) for each in tokenizer.encode(texts, 1 << 20)]
    ids = np.concatenate(parts)
    counts = scipy.sparse.csr_array((size, size), dtype=np.float32)
    for apart in range(1, NEAR + 1):
        left, right = ids[:-apart], ids[apart:]
        both = (left > 1) & (right > 1)
        ones = np.ones(int(both.sum()), np.float32)
        pairs = scipy.sparse.coo_array((ones, (left[both], right[both])), (size, size))
        counts = counts + pairs.tocsr()
    counts = (counts + counts.T).tocoo()
    total = np.asarray(counts.sum(axis=0)).ravel()
    # Smoothed: rare contexts would say the most.
    context = total**0.75 / (total**0.75).sum()
    row, column = counts.coords
    information = np.log(counts.data / (total[row] * context[column]))
    good = information > 0
    table = scipy.sparse.csr_array(
        (information[good].astype(np.float32), (row[good], column[good])), (size, size)
    )
    start = np.random.default_rng(0).normal(size=size).astype(np.float32)
    left, values, _ = scipy.sparse.linalg.svds(table, k=width, v0=start)
    order = np.argsort(-values)
    found = left[:, order] * np.sqrt(values[order])
    return WordVectors([tokenizer.word(id_) for id_ in range(2, size)], found[2:])


def write(vectors: WordVectors, path: Path) -> None:
    """Write a file of GloVe."""
    with path.open("w", encoding="utf-8") as file:
        for word, row in zip(vectors.words, vectors.values.tolist(), strict=True):
            file.write(f"{word} {' '.join(f'{number:.5f}' for number in row)}\n")


def mean_vectors(train: Pairs, test: Pairs, vectors: WordVectors) -> float:
    """The accuracy of logistic regression on the mean of the vectors of a text."""

    def means(texts: list[str]) -> Any:
        rows = np.zeros((len(texts), vectors.width))
        for row, text in zip(rows, texts, strict=True):
            words = re.findall(classification._TOKENS, text.lower())
            found = [vectors[word] for word in words if word in vectors]
            row[:] = np.mean(found, axis=0) if found else 0
        return rows

    read = means(train[0])
    spread = read.std()
    model = LogisticRegressionCV(Cs=np.logspace(-4, 1, 11), cv=5, max_iter=1000)
    model.fit(read / spread, train[1])
    return float(model.score(means(test[0]) / spread, test[1]))


def of_classifier(train: Pairs, test: Pairs, seed: int, **how: Any) -> float:
    """The accuracy of the default classifier."""
    frozen = {"freeze_vectors": True} if how.pop("frozen", False) else {}
    classifier = regard.TextClassifier(seed=seed, **frozen).fit(*train, **how)
    return classifier.evaluate(*test).accuracy


def compare(whole: Pairs, test: Pairs, size: int, seed: int, file: Path) -> Any:
    """The accuracies of all on one draw of sentences."""
    chosen = np.random.default_rng(seed).permutation(len(whole[0]))[:size].tolist()
    train = [whole[0][i] for i in chosen], [whole[1][i] for i in chosen]
    vectors = WordVectors.read(file)
    yield "default", of_classifier(train, test, seed)
    yield "with vectors", of_classifier(train, test, seed, vectors=file)
    yield "frozen", of_classifier(train, test, seed, vectors=file, frozen=True)
    yield "LR on mean vectors", mean_vectors(train, test, vectors)
    yield "TF-IDF + LR", classification.tfidf(train, test)
    yield "fastText", classification.fasttext_bigrams(train, test)
    with tempfile.TemporaryDirectory() as folder:
        with_header = Path(folder) / "vectors.vec"
        content = file.read_text("utf-8")
        with_header.write_text(f"{len(vectors)} {vectors.width}\n{content}", "utf-8")
        how = {"pretrainedVectors": str(with_header), "dim": vectors.width}
        yield "fastText + vectors", classification.fasttext_bigrams(train, test, **how)


def read_large(rows: int) -> None:
    """Generate a large file, and read it in processes of their own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.txt"
        numbers = np.random.default_rng(0).normal(size=(1000, WIDE)) / 3
        said = [" ".join(f"{each:.5f}" for each in row) for row in numbers.tolist()]
        with path.open("w", encoding="utf-8") as file:
            file.writelines(f"word{row} {said[row % 1000]}\n" for row in range(rows))
        size = path.stat().st_size / 1e9
        print(f"\n{rows:,} words x {WIDE}, {size:.2f} GB of text", flush=True)
        for most in ("50000", "all"):
            command = [sys.executable, __file__, "--read", most, str(path)]
            subprocess.run(command, check=True)


def read_one(path: Path, most: str) -> None:
    """Read a file and say what it took."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin, busy = time.perf_counter(), time.process_time()
    found = WordVectors.read(path, most=None if most == "all" else int(most))
    seconds, busy = time.perf_counter() - begin, time.process_time() - busy
    most_memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"  {len(found):,} kept: {seconds:.1f} s ({busy:.1f} s of the processor), "
        f"{most_memory / 1024:,.0f} MB at most, {before / 1024:,.0f} of them before",
        flush=True,
    )


def main() -> None:
    """Parse the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    _backend.add_argument(parser, "jax")
    parser.add_argument("data", type=Path)
    parser.add_argument("--sizes", nargs="+", type=int, default=[200, 600, 2000])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--width", type=int, default=100)
    parser.add_argument("--reviews", type=int, default=50_000)
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--read", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        read_one(options.data, options.read)
        return
    print(f"{_backend.environment()}\n", flush=True)
    sst = classification.load(options.data, "sst")
    with tempfile.TemporaryDirectory() as folder:
        file = options.file or Path(folder) / "imdb.txt"
        if options.file is None:
            begin = time.perf_counter()
            parts = ("imdb/imdb_train.tsv.gz", "imdb/imdb_test.tsv.gz")
            texts = [
                row["text"]
                for part in parts
                for row in classification.rows(options.data / part)
            ]
            vectors = trained_vectors(texts[: options.reviews], options.width)
            write(vectors, file)
            print(f"{vectors!r} in {time.perf_counter() - begin:.0f} s", flush=True)
        for size in options.sizes:
            found: dict[str, list[float | None]] = {}
            for seed in range(options.seeds):
                for name, accuracy in compare(sst.train, sst.test, size, seed, file):
                    found.setdefault(name, []).append(accuracy)
            for name, accuracies in found.items():
                known = [each for each in accuracies if each is not None]
                said = (
                    f"{statistics.mean(known):.2%} | "
                    f"{min(known):.2%} to {max(known):.2%}"
                    if known
                    else "not installed |"
                )
                print(f"| {size:,} | {name} | {said} |", flush=True)
    if options.rows:
        read_large(options.rows)


if __name__ == "__main__":
    main()
