"""Several labels a text, and rare labels: the default classifier beside linear ones.

    python benchmarks/labels.py [--backend jax] [--seeds 3] [--sets tags cwe rare]
        [--data DATA]

`tags` are made messages with none to four of twelve tags, each of which two words
decide together; `cwe` are the weaknesses of MITRE's list that the package `cwe2` ships
(`pip install cwe2`) with the scopes that they have consequences in, a third of them
held out. Beside them stands one logistic regression a label on TF-IDF of words and
pairs of words, fitted to the same texts: it gives a label from the probability 0.5 on;
or so with balanced classes; or from the threshold that its own answers to five parts of
the training texts choose.

`rare` are 1,990 texts of one label and 10 of another, with and without
`class_weight="balanced"`: SupportMessages, and with `--data` (the folder of the data
sets) questions of TREC about people among all others, and sentences of SST. Other texts
say how good they are; what is told is F1 of the rare label.
"""

import argparse
import os
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import _backend

os.environ["KERAS_BACKEND"] = _backend.choose_backend("jax")

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import cross_val_predict
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MultiLabelBinarizer

import regard
from regard.classification.label_sets import fitted_thresholds
from regard.tasks import SupportMessages

# What a message is about and what happened: both words together decide a tag, and each
# stands in messages without it.
PARTS = {
    "invoice": ("invoice", ("is wrong", "never came", "came twice", "is too high")),
    "parcel": ("parcel", ("is late", "never came", "came open", "went to a neighbour")),
    "screen": ("screen", ("stays black", "has a crack", "came open", "is too dark")),
    "battery": ("battery", ("dies at once", "is hot", "never loads", "is too weak")),
    "login": ("password", ("is wrong", "is locked", "never works", "went away")),
    "refund": ("money", ("is not back", "never came", "went away", "is too little")),
    "courier": ("courier", ("was rude", "is late", "went away", "never rang")),
    "app": ("app", ("stays black", "is slow", "never loads", "is locked")),
    "contract": ("contract", ("is too long", "is not mine", "came twice", "must end")),
    "address": ("address", ("is old", "is wrong", "is not mine", "is missing")),
    "gift": ("present", ("is late", "was for my father", "is not mine", "has a crack")),
    "voucher": ("voucher", ("is old", "never works", "is missing", "was a promise")),
}
OPENINGS = ("Hello,", "Since Tuesday", "I wrote before:", "To be short,", "Once more,")
Examples = tuple[list[str], list[tuple[str, ...]]]


def tagged(count: int, seed: int) -> Examples:
    """Messages with none to four of twelve tags, some of them rare.

    A sentence has a tag where it says of a thing what is said of that thing. As many
    sentences speak of a thing that is all right, and have none.
    """
    generator = np.random.default_rng(seed)
    names = list(PARTS)
    shares = 1 / np.arange(2, 2 + len(names))
    texts, labels = [], []
    for _ in range(count):
        number = int(generator.integers(0, 5))
        order = generator.choice(names, 8, replace=False, p=shares / shares.sum())
        sentences = []
        for tag in order[:number].tolist():
            thing, happened = PARTS[tag]
            sentences.append(f"the {thing} {generator.choice(happened)}.")
        rest = order[number : number + int(generator.integers(1, 4))].tolist()
        sentences += [f"the {PARTS[tag][0]} is as it was." for tag in rest]
        opened = [f"{generator.choice(OPENINGS)} {each}" for each in sentences]
        texts.append(" ".join(generator.permutation(opened).tolist()))
        labels.append(tuple(sorted(order[:number].tolist())))
    return texts, labels


def weaknesses() -> Examples:
    """The weaknesses of MITRE's list, and what they have consequences for."""
    import cwe2

    [path] = Path(cwe2.__file__).parent.rglob("cwec_v*.xml")
    root = ElementTree.parse(path).getroot()  # noqa: S314 - as installed
    spaces = {"c": root.tag.partition("}")[0][1:]}
    texts, labels = [], []
    for one in root.iterfind(".//c:Weakness", spaces):
        longer = one.find("c:Extended_Description", spaces)
        parts = [one.get("Name", ""), one.findtext("c:Description", "", spaces)]
        parts += [] if longer is None else ["".join(longer.itertext())]
        scopes = one.iterfind(".//c:Common_Consequences//c:Scope", spaces)
        names = {scope.text for scope in scopes if scope.text}
        if names:
            texts.append(" ".join(" ".join(parts).split()))
            labels.append(tuple(sorted(names)))
    return texts, labels


def split(examples: Examples, seed: int) -> tuple[Examples, Examples]:
    """Two thirds and a third."""
    texts, labels = examples
    order = np.random.default_rng(seed).permutation(len(texts))
    cut = 2 * len(order) // 3
    first, second = (
        ([texts[i] for i in part], [labels[i] for i in part])
        for part in (order[:cut].tolist(), order[cut:].tolist())
    )
    return first, second


def linear(weight: str | None = None) -> Any:
    """A logistic regression on TF-IDF."""
    tfidf = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    return make_pipeline(tfidf, LogisticRegression(C=10, class_weight=weight))


def several(name: str, train: Examples, test: Examples, seeds: int) -> None:
    """Print macro-F1 of the classifier and of one regression a label."""
    binarizer = MultiLabelBinarizer().fit(train[1] + test[1])
    known = binarizer.transform(train[1])
    right = binarizer.transform(test[1])

    def macro(given: Any) -> float:
        return 100 * float(f1_score(right, given, average="macro", zero_division=0))

    peer = OneVsRestClassifier(linear())
    asked = cross_val_predict(peer, train[0], known, cv=5, method="predict_proba")
    thresholds = fitted_thresholds(asked, known)
    peer.fit(train[0], known)
    probabilities = peer.predict_proba(test[0])
    balanced = OneVsRestClassifier(linear("balanced")).fit(train[0], known)
    ours = []
    for seed in range(seeds):
        classifier = regard.TextClassifier(seed=seed, **SETTINGS).fit(*train)
        given = binarizer.transform(classifier.predict(test[0]))
        ours.append(macro(given))
        evaluation = classifier.evaluate(*test)
        print(
            f"  seed {seed}: macro F1 {ours[-1]:.2f}, micro {evaluation.micro_f1:.4f}, "
            f"subset accuracy {evaluation.accuracy:.4f}, loss {evaluation.loss:.4f}",
            flush=True,
        )
    sizes = f"{len(train[0]):,} + {len(test[0]):,} texts, {known.shape[1]} labels"
    print(f"{name}: {sizes}, macro F1")
    for told, value in (
        ("TextClassifier", statistics.mean(ours)),
        ("LR, from 0.5 on", macro(probabilities >= 0.5)),
        ("LR, balanced", macro(balanced.predict(test[0]))),
        ("LR, own thresholds", macro(probabilities >= thresholds)),
    ):
        print(f"  {told:20} {value:6.2f}", flush=True)


def rare(data: Path | None, seeds: int) -> None:
    """Print F1 of a rare label, with and without weights."""
    messages = SupportMessages().sample(12_000, seed=1)
    made = [one.text for one in messages], [one.label for one in messages]
    sets = {"messages": _cut(made, made, "account", ["billing"])}
    if data is not None:
        trec = [_table(data / f"trec/trec_{part}.tsv", 2, 0) for part in _PARTS]
        others = sorted(set(trec[0][1]) - {"HUM"})
        sets["trec"] = _cut(trec[0], trec[1], "HUM", others)
        sst = [_table(data / f"sst/sst2_{part}.tsv", 0, 1) for part in _PARTS]
        sets["sst"] = _cut(sst[0], sst[1], "1", ["0"])
    for name, (train, test) in sets.items():
        right = np.array(test[1]) == "rare"
        found = {}
        for weight in (None, "balanced"):
            of_ours = [
                regard.TextClassifier(seed=seed, class_weight=weight).fit(*train)
                for seed in range(seeds)
            ]
            scores = [f1_score(right, np.array(one.predict(test[0])) == "rare")
                      for one in of_ours]  # fmt: skip
            found[f"TextClassifier, {weight}"] = statistics.mean(scores)
            peer = linear(weight).fit(*train)
            found[f"LR, {weight}"] = f1_score(right, peer.predict(test[0]) == "rare")
        print(
            f"{name}: 1,990 : 10 texts, F1 of the rare label on {len(test[0]):,} texts"
        )
        for told, value in found.items():
            print(f"  {told:26} {value:.3f}", flush=True)


_PARTS = ("train", "test")


def _table(path: Path, text: int, label: int) -> tuple[list[str], list[str]]:
    rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()[1:]]
    return [row[text] for row in rows], [row[label] for row in rows]


def _cut(first: Any, second: Any, rare_label: str, others: Sequence[str]) -> Any:
    """1,990 : 10 texts of the first part of a set, and up to 500 : 500 of the other."""
    generator = np.random.default_rng(0)
    parts = []
    for (texts, labels), few, many, start in (
        (first, 10, 1_990, 0),
        (second, 500, 500, 4_000 if first is second else 0),
    ):
        places = generator.permutation(len(texts)).tolist()
        if first is second:
            # Each half of one set is a part.
            places = [at for at in places if (at < len(texts) // 2) == (start == 0)]
        ours = [at for at in places if labels[at] == rare_label][:few]
        rest = [at for at in places if labels[at] in others][:many]
        named = ["rare"] * len(ours) + ["usual"] * len(rest)
        parts.append(([texts[at] for at in ours + rest], named))
    return parts


SETTINGS: dict[str, Any] = {}


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    _backend.add_argument(parser, "jax")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sets", nargs="+", default=["tags", "cwe", "rare"])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--set", default="")
    given = parser.parse_args()
    print(f"{_backend.environment()}\n")
    for pair in filter(None, given.set.split(",")):
        name, _, value = pair.partition("=")
        SETTINGS[name] = type(
            getattr(regard.classification.TextClassifierConfig(), name)
        )(value)
    if "tags" in given.sets:
        several("tags", tagged(600, 0), tagged(2_000, 1), given.seeds)
    if "cwe" in given.sets:
        several("cwe", *split(weaknesses(), 0), given.seeds)
    if "rare" in given.sets:
        rare(given.data, given.seeds)


if __name__ == "__main__":
    main()
