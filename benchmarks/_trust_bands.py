"""Published numbers of attention as explanation, and what comes of them here.

Jain and Wallace (2019), https://aclanthology.org/N19-1357: how weights rank words
beside how gradients and leaving words out do. Pruthi et al. (2020),
https://aclanthology.org/2020.acl-main.432: weights that are pushed off the words that
the label rests on. Mohankumar et al. (2020),
https://aclanthology.org/2020.acl-main.387: how alike the states of an LSTM are.
"""

import csv
import hashlib
import pickle
import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import jax
import keras
import numpy as np
from keras import ops
from scipy import stats

from _trust_bed import measured_all
from _trust_models import (
    ATTENTION,
    CLASSES,
    EMBEDDING,
    STATES,
    IdsSubject,
    Network,
    Recipe,
    Trained,
    away_from,
    in_batches,
    train,
)
from _trust_texts import Corpus, Texts
from regard.trust.examination import judge

_SHORTEST = 5

Measured = TypeVar("Measured")


@dataclass(frozen=True)
class Correlations:
    """How weights rank the words of texts, beside another order of them.

    Args:
        mean: The mean of Kendall's tau over texts.
        deviation: Its standard deviation.
        significant: The share of texts on which its p-value is below 0.05.
    """

    mean: float
    deviation: float
    significant: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} ± {self.deviation:.3f} ({self.significant:.0%})"


def correlations(first: list[Any], second: list[Any]) -> Correlations:
    """Of scores of the words of texts with others; the frame of a text left out."""
    found = [
        stats.kendalltau(one[1:-1], other[1:-1])
        for one, other in zip(first, second, strict=True)
    ]
    taus = np.array([each.statistic for each in found])
    values = np.array([each.pvalue for each in found])
    defined = np.isfinite(taus)
    return Correlations(
        float(taus[defined].mean()),
        float(taus[defined].std()),
        float((values[defined] < 0.05).mean()),
    )


def gradients(trained: Trained, rows: list[Any]) -> list[Any]:
    """The size of gradient times input of each word, the weights held.

    Their gradient stops at the weights: it says how the answer changes with a word
    where attention stays as it was.
    """
    layer = trained.model.get_layer
    names = {each.name for each in trained.model.layers}

    def answer(embedded: Any, mask: Any) -> Any:
        states = embedded
        if STATES in names:
            states = layer(STATES)(embedded, **_masked(layer(STATES), mask))
        _, weights = layer(ATTENTION)(states, mask=mask, return_attention_scores=True)
        held = jax.lax.stop_gradient(weights)
        return ops.sum(layer(CLASSES)(ops.matmul(held, states)[:, 0])[:, 1])

    @jax.jit
    def product(ids: Any) -> Any:
        embedded = layer(EMBEDDING)(ids)
        return ops.sum(embedded * jax.grad(answer)(embedded, ids != 0), axis=-1)

    found: list[Any] = [None] * len(rows)
    for members, padded in in_batches(rows, 32):
        products = np.abs(product(padded))
        for row, each in zip(members, products, strict=False):
            found[row] = each[: len(rows[row])]
    return found


def _masked(layer: keras.Layer, mask: Any) -> dict[str, Any]:
    return {"mask": mask} if isinstance(layer, keras.layers.Bidirectional) else {}


def leaving_out(trained: Trained, rows: list[Any]) -> list[Any]:
    """How far the answer moves without each word by itself."""
    before = trained.predictor.predict(rows)
    without = [
        np.where(np.arange(len(row)) == place, 0, row)
        for row in rows
        for place in range(len(row))
    ]
    after = trained.predictor.predict(without)
    text = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    moved = np.abs(after - before[text]).sum(axis=-1) / 2
    return np.split(moved, np.cumsum([len(row) for row in rows])[:-1])


def published(data: Path, name: str) -> dict[tuple[str, str], tuple[float, float]]:
    """Jain and Wallace's means of tau, with the gradient and with leaving out.

    By the encoder and the score, as ``Network`` calls them.
    """
    found: dict[tuple[str, str], dict[str, float]] = {}
    for row in _rows(data / "reference/jain_wallace_2019_kendalltau.csv"):
        if row["dataset"] == name and row["class"] == "Overall":
            encoder = {"average": "tanh"}.get(row["encoder"], row["encoder"])
            place = encoder, row["attention"]
            found.setdefault(place, {})[row["measure"]] = float(row["mean"])
    return {
        place: (
            each.get("attention_vs_gradient", np.nan),
            each.get("attention_vs_leave_one_out", np.nan),
        )
        for place, each in found.items()
    }


def _rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


@dataclass(frozen=True)
class Reproduced:
    """A model of Jain and Wallace, trained and measured here.

    Args:
        accuracy: On the texts that are measured.
        gradient: The correlation of weights with gradients.
        left_out: The same with leaving words out.
        verdict: What an examination says.
        shares: The share of the best gain that the order of the weights has, by the
            name of the eraser.
        moved: How far shuffling the weights moves the answer.
    """

    accuracy: float
    gradient: Correlations
    left_out: Correlations
    verdict: str
    shares: Mapping[str, str]
    moved: str
    evenness: str


@dataclass(frozen=True)
class Settings:
    """How many texts, and how long.

    Args:
        epochs: The most epochs of a training.
        gradients: The most texts that gradients are taken of.
        left_out: The most texts that words are left out of.
        examined: The most texts that a verdict is on.
        encoders: What is trained between words and attention.
        scores: The scores of attention that are trained.
        start: How weights begin, as ``Network`` calls it.
        cache: Where what was measured is kept, or None.
    """

    epochs: int = 8
    gradients: int = 2_000
    left_out: int = 2_000
    examined: int = 300
    encoders: tuple[str, ...] = ("tanh", "lstm")
    scores: tuple[str, ...] = ("tanh", "dot")
    start: str = "keras"
    cache: Path | None = None

    def measured(
        self,
        corpus: Corpus,
        network: Network,
        recipe: Recipe,
        seed: int,
        measure: Callable[[Trained], Measured],
        *,
        name: str = "",
    ) -> Measured:
        """What is measured of a network that is trained for it, or was before."""
        told = replace(recipe, answer=None, guide=None)
        texts = [len(part) for part in (corpus.train, corpus.held, corpus.test)]
        sizes = self.gradients, self.left_out, self.examined
        how = network, told, texts, sizes
        digest = hashlib.sha256(repr(how).encode()).hexdigest()[:12]
        parts = corpus.name, network.encoder, network.score, name, str(seed), digest
        file = "-".join(["bands", *parts]).replace(" ", "") + ".pickle"
        kept = None if self.cache is None else self.cache / file
        if kept is not None and kept.exists():
            return pickle.loads(kept.read_bytes())  # noqa: S301 - of one's own folder
        keras.backend.clear_session()
        trained = network.build(seed)
        train(trained, (corpus.train, corpus.held), recipe, seed)
        found = measure(trained)
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(pickle.dumps(found))
        return found


#: Embeddings start with numbers of the size that those of fastText have, which Jain and
#: Wallace start from: the root mean square of "hello" and "world" is 0.3.
_SPREAD = 0.3


def _network(corpus: Corpus, encoder: str, score: str, settings: Settings) -> Network:
    """Their sizes: embeddings of 300, states of 128 in each direction."""
    one_way = encoder == "forward lstm"
    width = 128 if encoder == "tanh" else 256
    return Network(
        corpus.rows,
        corpus.classes,
        embedding=300,
        encoder=encoder,
        units=width if one_way else 128,
        score="context" if score == "tanh" else "dot",
        score_units=width // 2,
        spread=_SPREAD,
        start=settings.start,
    )


def _recipe(settings: Settings) -> Recipe:
    """Theirs: of at most eight epochs that of the largest area, never the first."""
    return Recipe(settings.epochs, 1e-3, by="auc", passed=1)


def reproduce(
    corpus: Corpus, encoder: str, score: str, seed: int, settings: Settings
) -> Reproduced:
    """Train and measure one of Jain and Wallace's models."""
    long = [
        place for place, row in enumerate(corpus.test.ids) if len(row) > _SHORTEST + 2
    ]
    texts = corpus.test.take(long)
    return settings.measured(
        corpus,
        _network(corpus, encoder, score, settings),
        _recipe(settings),
        seed,
        lambda trained: measured_model(trained, texts, settings, seed),
    )


def measured_model(
    trained: Trained, texts: Texts, settings: Settings, seed: int
) -> Reproduced:
    """What is measured of one of Jain and Wallace's models."""
    rows = texts.ids
    weights = trained.weights(texts)
    many, some = rows[: settings.gradients], rows[: settings.left_out]
    few = np.random.default_rng(seed).permutation(len(rows))[: settings.examined]
    subject = IdsSubject(trained, texts.take(few).ids)
    report = judge(measured_all(subject, seed), len(few), seed)
    return Reproduced(
        trained.accuracy(texts),
        correlations(weights[: len(many)], gradients(trained, many)),
        correlations(weights[: len(some)], leaving_out(trained, some)),
        report.verdict.value,
        {name: str(gates["words"].interval) for name, gates in report.erasures.items()},
        str(report.gates["moved"].interval),
        str(report.gates["evenness"].interval),
    )


#: The names of encoders in tables.
_CALLED = {"tanh": "average", "lstm": "BiLSTM", "none": "embeddings"}
_LARGEST_GAP = 0.1


def report_correlations(
    corpus: Corpus, data: Path, seeds: int, settings: Settings
) -> str:
    """The models of Jain and Wallace beside what they published."""
    theirs = published(data, corpus.name.lower())
    lines = [
        f"{corpus.name}: Kendall's tau of weights, mean over texts (of {seeds} seeds); "
        "in brackets that of Jain and Wallace (2019)",
        "",
        "| model | with gradient x input | with leaving out | accuracy | verdicts |",
        "|---|---|---|---|---|",
    ]
    means: dict[tuple[str, str], tuple[float, float]] = {}
    for score in settings.scores:
        for encoder in settings.encoders:
            found = []
            for seed in range(seeds):
                found.append(reproduce(corpus, encoder, score, seed, settings))
                print(f"  {corpus.name}, {encoder}, {score}: {found[-1]}", flush=True)
            place = encoder, score
            means[place] = (
                statistics.mean(each.gradient.mean for each in found),
                statistics.mean(each.left_out.mean for each in found),
            )
            cells = [
                f"{mine:.3f} ({other:.3f}{_held(mine, other)})"
                for mine, other in zip(means[place], theirs[place], strict=True)
            ]
            accuracy = statistics.mean(each.accuracy for each in found)
            verdicts = ", ".join(each.verdict for each in found)
            lines.append(
                f"| {_CALLED[encoder]}, {score} | {' | '.join(cells)} | {accuracy:.3f} "
                f"| {verdicts} |"
            )
    return "\n".join([*lines, "", *_orderings(means)])


def _held(mine: float, other: float) -> str:
    return "" if abs(mine - other) <= _LARGEST_GAP else ", further than 0.10"


def _orderings(means: Mapping[tuple[str, str], tuple[float, float]]) -> Iterator[str]:
    pairs = [
        ("no context above BiLSTM", ("tanh", "tanh"), ("lstm", "tanh")),
        ("no context above BiLSTM, dot", ("tanh", "dot"), ("lstm", "dot")),
        ("tanh above dot, BiLSTM", ("lstm", "tanh"), ("lstm", "dot")),
        ("tanh above dot, average", ("tanh", "tanh"), ("tanh", "dot")),
    ]
    for said, above, below in pairs:
        if above in means and below in means:
            both = zip(means[above], means[below], strict=True)
            holds = all(one > other for one, other in both)
            yield f"{said}: {'holds' if holds else 'does not hold'}"


@dataclass(frozen=True)
class Pushed:
    """A model that was trained to look away from the evidence."""

    accuracy: float
    mass: float
    verdict: str


def report_mass(corpus: Corpus, data: Path, seeds: int, settings: Settings) -> str:
    """The models of Pruthi et al. beside what they published."""
    theirs = {
        (row["model"], float(row["lambda"])): (
            float(row["accuracy"]),
            float(row["attention_mass_on_sst_tokens"]),
        )
        for row in _rows(data / "reference/pruthi_2020_table3_sst_wiki.csv")
        if row["impermissible_tokens_present"] == "yes"
    }
    lines = [
        f"{corpus.name}: accuracy and share of the weights on the review, in % (of "
        f"{seeds} seeds); in brackets those of Pruthi et al. (2020)",
        "",
        "| model | lambda | accuracy | on the review | verdicts |",
        "|---|---|---|---|---|",
    ]
    falls = []
    for encoder, name in (("lstm", "bilstm"), ("none", "embedding")):
        masses, accuracies = [], []
        for strength in (0.0, 0.1, 1.0):
            found = []
            for seed in range(seeds):
                found.append(push(corpus, encoder, strength, seed, settings))
                print(f"  {encoder}, {strength:g}: {found[-1]}", flush=True)
            accuracy = 100 * statistics.mean(each.accuracy for each in found)
            mass = 100 * statistics.mean(each.mass for each in found)
            masses.append(mass)
            accuracies.append(accuracy)
            published_accuracy, published_mass = theirs[name, strength]
            lines.append(
                f"| {_CALLED[encoder]} | {strength:g} | {accuracy:.1f} "
                f"({published_accuracy:g}) | {mass:.2f} ({published_mass:g}) | "
                f"{', '.join(each.verdict for each in found)} |"
            )
        falls.append(
            f"{_CALLED[encoder]}, lambda 1: the mass falls {masses[0] / masses[2]:.0f} "
            f"times, accuracy by {accuracies[0] - accuracies[2]:.1f} points"
        )
    return "\n".join([*lines, "", *falls])


def push(
    corpus: Corpus, encoder: str, strength: float, seed: int, settings: Settings
) -> Pushed:
    """Train and measure one of the models of Pruthi et al."""
    network = Network(
        corpus.rows,
        corpus.classes,
        embedding=128,
        encoder=encoder,
        units=64,
        score="linear",
        spread=1.0,
    )
    guide = away_from(strength) if strength else None
    recipe = Recipe(settings.epochs, 1e-3, guide=guide, patience=2, by="accuracy")
    texts = corpus.test

    def measure(trained: Trained) -> Pushed:
        few = np.random.default_rng(seed).permutation(len(texts))[: settings.examined]
        subject = IdsSubject(trained, texts.take(few).ids)
        report = judge(measured_all(subject, seed), len(few), seed)
        return Pushed(
            trained.accuracy(texts), trained.mass(texts), report.verdict.value
        )

    name = f"{strength:g}"
    return settings.measured(corpus, network, recipe, seed, measure, name=name)


@dataclass(frozen=True)
class Alike:
    """How alike the states of a plain LSTM are.

    Args:
        accuracy: On the texts that are measured.
        conicity: The mean over texts of the mean cosine of states with their mean.
        counted: The same as their program counts it: cosines without their sign, of all
            tokens, their sum over the number of tokens without the two of the frame.
    """

    accuracy: float
    conicity: float
    counted: float


def conicity(trained: Trained, rows: list[Any]) -> tuple[float, float]:
    """As Mohankumar et al. define it, and as their program counts it."""
    found = []
    for states in trained.states(rows):
        middle = states.mean(axis=0)
        lengths = np.linalg.norm(states, axis=-1) * np.linalg.norm(middle)
        cosines = states @ middle / np.maximum(lengths, 1e-12)
        found.append((cosines.mean(), np.abs(cosines).sum() / (len(states) - 2)))
    means = np.mean(found, axis=0)
    return float(means[0]), float(means[1])


def report_conicity(corpus: Corpus, data: Path, seeds: int, settings: Settings) -> str:
    """A plain LSTM of one direction with attention, as Mohankumar et al. train it."""
    theirs = {
        row["dataset"]: row
        for row in _rows(data / "reference/mohankumar_2020_accuracy_conicity.csv")
    }[corpus.name]
    texts = corpus.test

    def measure(trained: Trained) -> Alike:
        return Alike(trained.accuracy(texts), *conicity(trained, texts.ids))

    network = _network(corpus, "forward lstm", "tanh", settings)
    found = []
    for seed in range(seeds):
        found.append(
            settings.measured(corpus, network, _recipe(settings), seed, measure)
        )
        print(f"  {corpus.name}, plain LSTM: {found[-1]}", flush=True)
    accuracy, defined, counted = (
        statistics.mean(getattr(each, name) for each in found)
        for name in ("accuracy", "conicity", "counted")
    )
    return (
        f"{corpus.name}, plain LSTM of {seeds} seeds: conicity {defined:.2f}, counted "
        f"as by Mohankumar et al. (2020) {counted:.2f} "
        f"({theirs['vanilla_conicity']}, by others who ran their program "
        f"{theirs['vanilla_conicity_rerun']}); accuracy {100 * accuracy:.1f} % "
        f"({theirs['vanilla_acc']})"
    )
