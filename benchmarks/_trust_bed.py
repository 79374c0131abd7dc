"""The trained test bed: models that deserve a verdict, and the verdicts they get."""

import pickle
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from _trust_models import (
    ATTENTION,
    CLASSES,
    EMBEDDING,
    IdsSubject,
    Network,
    Recipe,
    Trained,
    away_from,
    distance,
    far_from,
    train,
)
from _trust_texts import Corpus, Texts
from regard.trust import Subject, Verdict
from regard.trust.examination import judge
from regard.trust.measurement import SHUFFLES, Measurements, join, measure
from regard.trust.statistics import bootstrap, mean
from regard.trust.subject import entropy
from regard.trust.verdict import decide

#: The texts of a draw, as many as an examination takes.
DRAWN = 300
_PART = 100

_NOT_READ = frozenset(
    {
        Verdict.DOES_NOT_EXPLAIN,
        Verdict.MISLEADS,
        Verdict.READ_CONTRIBUTIONS,
        Verdict.SAYS_NOTHING,
    }
)
_EXPLAINS = frozenset({Verdict.EXPLAINS})
_DISPLAYED = frozenset({Verdict.NOT_THE_WEIGHTS})
#: What each model deserves; None where nothing was planted: how much of a state is of
#: its own word is for training to say, and what is over embeddings cannot deceive.
LEVELS: Mapping[str, frozenset[Verdict] | None] = {
    "good": _EXPLAINS,
    "shortcut": _EXPLAINS,
    "uniform": frozenset({Verdict.SAYS_NOTHING}),
    # The answer does rest on the words that weights were put on at random.
    "permuted and used": _NOT_READ | {Verdict.POINTS_ONLY},
    "reported permuted": _DISPLAYED,
    "reported rolled": _DISPLAYED,
    "reported left-padded": _DISPLAYED,
    "sink": frozenset({Verdict.READ_CONTRIBUTIONS}),
    "GRU": None,
    "GRU, adversary": _NOT_READ | {Verdict.POINTS_ONLY},
    "GRU, pushed off, 0.1": _NOT_READ,
    "GRU, pushed off, 1": _NOT_READ,
    "embeddings, pushed off, 0.1": None,
    "embeddings, pushed off, 1": None,
}


@dataclass(frozen=True, eq=False)
class Case:
    """A model under examination.

    Args:
        name: Its row of the table.
        measured: The measurements of all texts.
        facts: What else is known of it, such as its accuracy.
    """

    name: str
    measured: Measurements
    facts: Mapping[str, float]


@dataclass(frozen=True)
class Bed:
    """Models trained on a corpus.

    Args:
        corpus: The corpus.
        texts: The number of texts that are measured.
        cache: Where trained models and measurements are kept, or None.
        epochs: The most epochs of a training.
        whole: Whether it has all of the models, and not only the first few.
    """

    corpus: Corpus
    texts: int
    cache: Path | None = None
    epochs: int = 8
    whole: bool = True

    def cases(self, seed: int) -> Iterator[Case]:
        """Every model of the bed, trained and measured."""
        parts = self.corpus.train, self.corpus.held
        good = self._trained("good", seed, Network(**self._sizes), parts)
        yield self._case("good", seed, good, self._test)
        for name, shown in _SHOWN.items():
            yield self._case(f"reported {name}", seed, good, self._test, shown=shown)
        even = self._trained("uniform", seed, Network(**self._sizes, even=True), parts)
        yield self._case("uniform", seed, even, self._test)
        if not self.whole:
            return
        moved = self._moved(good, seed)
        yield self._case("permuted and used", seed, moved, self._test)
        yield from self._sink(seed)
        yield from self._shortcut(seed)
        for strength in (0.1, 1.0):
            name = f"embeddings, pushed off, {strength:g}"
            pushed = self._pushed(name, Network(**self._sizes), strength, seed)
            yield self._case(name, seed, pushed, self._test)
        yield from self._recurrent(seed)

    def false_alarms(self, seed: int, count: int) -> float:
        """How often S is told from 0 where it is 0.

        The weights of the good model, each time put on other words of a text at random:
        then own and shuffled weights differ by nothing.
        """
        parts = self.corpus.train, self.corpus.held
        good = self._trained("good", seed, Network(**self._sizes), parts)
        subject = AtRandom(good, self._test.ids)
        random = np.random.default_rng(seed)
        alarms = 0
        for draw in range(count):
            chosen = random.permutation(len(subject))[:DRAWN].tolist()
            spread = np.array([subject.spread(text, random) for text in chosen])
            interval = bootstrap(mean, spread, seed=draw)
            alarms += not interval.low <= 0 <= interval.high
        return alarms / count

    def _recurrent(self, seed: int) -> Iterator[Case]:
        network = Network(**self._sizes, encoder="gru")
        parts = self.corpus.train, self.corpus.held
        alone = self._trained("GRU", seed, network, parts)
        yield self._case("GRU", seed, alone, self._test)
        other = self._trained(
            "GRU, adversary",
            seed,
            network,
            parts,
            Recipe(self.epochs, answer=distance, guide=far_from(0.03)),
            targets=[alone.answers(part) for part in parts],
            guides=[alone.weights(part) for part in parts],
        )
        apart = np.abs(other.answers(self._test) - alone.answers(self._test))
        facts = {"distance": float(apart.sum(axis=-1).mean() / 2)}
        yield self._case("GRU, adversary", seed, other, self._test, facts=facts)
        for strength in (0.1, 1.0):
            name = f"GRU, pushed off, {strength:g}"
            pushed = self._pushed(name, network, strength, seed)
            yield self._case(name, seed, pushed, self._test)

    @property
    def _sizes(self) -> dict[str, int]:
        return {"rows": self.corpus.rows, "classes": self.corpus.classes}

    @property
    def _test(self) -> Texts:
        """The texts that are measured, the same for all models."""
        order = np.random.default_rng(0).permutation(len(self.corpus.test))
        return self.corpus.test.take(order[: self.texts])

    def _pushed(
        self, name: str, network: Network, strength: float, seed: int
    ) -> Trained:
        recipe = Recipe(self.epochs, guide=away_from(strength))
        parts = self.corpus.train, self.corpus.held
        return self._trained(name, seed, network, parts, recipe)

    def _moved(self, good: Trained, seed: int) -> Trained:
        """The scores of a good model on other words, and a head for them."""
        network = Network(**self._sizes, moved=True)

        def start(moved: Trained) -> None:
            for name in (EMBEDDING, ATTENTION):
                layer = moved.model.get_layer(name)
                layer.set_weights(good.model.get_layer(name).get_weights())
                layer.trainable = False

        recipe = Recipe(self.epochs, rate=1e-2)
        parts = self.corpus.train, self.corpus.held
        return self._trained(
            "permuted and used", seed, network, parts, recipe, start=start
        )

    def _sink(self, seed: int) -> Iterator[Case]:
        """A first token that is always the same, has no value, and draws weight."""
        first = self.corpus.rows
        parts = [
            Texts(
                [np.concatenate([[first], row]) for row in part.ids],
                part.labels,
                [np.arange(len(row) + 1) > 0 for row in part.ids],
            )
            for part in (self.corpus.train, self.corpus.held, self._test)
        ]
        network = Network(first + 1, self.corpus.classes, sink=0.7)
        sink = self._trained("sink", seed, network, parts[:2])
        yield self._case("sink", seed, sink, parts[2])

    def _shortcut(self, seed: int) -> Iterator[Case]:
        """A token in half of the texts that tells the label; in all that are tested.

        There it tells a label drawn at random: a model that learned it says so.
        """
        random = np.random.default_rng(seed)
        classes = self.corpus.classes
        parts = [
            _with_shortcut(part, self.corpus.rows, classes, share, random)
            for part, share in (
                (self.corpus.train, 0.5),
                (self.corpus.held, 0.5),
                (self._test, 1.0),
            )
        ]
        network = Network(self.corpus.rows + classes, classes)
        learned = self._trained("shortcut", seed, network, parts[:2])
        yield self._case("shortcut", seed, learned, parts[2])

    def _trained(
        self,
        name: str,
        seed: int,
        network: Network,
        parts: Any,
        recipe: Recipe | None = None,
        *,
        start: Callable[[Trained], None] | None = None,
        **guidance: Any,
    ) -> Trained:
        trained = network.build(seed)
        kept = self._file(name, seed, ".weights.h5")
        if kept is not None and kept.exists():
            trained.model.load_weights(kept)
            return trained
        if start is not None:
            start(trained)
        chosen = recipe or Recipe(self.epochs)
        train(trained, parts, chosen, seed, **guidance)
        if kept is not None:
            trained.model.save_weights(kept)
        return trained

    def _case(
        self,
        name: str,
        seed: int,
        trained: Trained,
        texts: Texts,
        *,
        shown: Callable[[Any], Any] | None = None,
        facts: Mapping[str, float] | None = None,
    ) -> Case:
        kept = self._file(name, seed, ".pickle")
        if kept is not None and kept.exists():
            return pickle.loads(kept.read_bytes())  # noqa: S301 - of one's own folder
        subject = IdsSubject(trained, texts.ids, shown)
        known = {
            "accuracy": trained.accuracy(texts),
            "mass": trained.mass(texts),
            **(facts or {}),
        }
        case = Case(name, measured_all(subject, seed), known)
        if kept is not None:
            kept.write_bytes(pickle.dumps(case))
        return case

    def _file(self, name: str, seed: int, suffix: str) -> Path | None:
        if self.cache is None:
            return None
        self.cache.mkdir(parents=True, exist_ok=True)
        plain = "".join(each if each.isalnum() else "_" for each in name)
        corpus = self.corpus.name.replace(" ", "")
        return self.cache / f"{corpus}-{seed}-{plain}{suffix}"


class AtRandom:
    """A model over embeddings whose weights lie anywhere.

    Args:
        trained: The model.
        rows: The ids of each text.
    """

    def __init__(self, trained: Trained, rows: list[Any]) -> None:
        self._weights = [
            each[ATTENTION].weights[0]
            for each in trained.predictor.observe(rows).attention
        ]
        self._states = trained.states(rows)
        self._kernel, self._bias = trained.model.get_layer(CLASSES).get_weights()

    def __len__(self) -> int:
        return len(self._weights)

    def spread(self, text: int, random: Any) -> float:
        """S of one text whose own weights were shuffled, too."""
        own = np.tile(self._weights[text], (1 + SHUFFLES, 1))
        placed = random.permuted(own, axis=1)
        logits = placed @ self._states[text] @ self._kernel + self._bias
        raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
        uncertain = entropy(raised / raised.sum(axis=-1, keepdims=True))
        return float(uncertain[1:].mean() - uncertain[0])


def _with_shortcut(
    texts: Texts, first: int, classes: int, share: float, random: Any
) -> Texts:
    """A token of the label put anywhere into a share of the texts.

    Where all texts have one, it is of a label drawn at random.
    """
    rows, evidence = [], []
    labels = random.integers(classes, size=len(texts)) if share == 1 else texts.labels
    for row, label in zip(texts.ids, labels.tolist(), strict=True):
        place = int(random.integers(len(row) + 1))
        has = random.random() < share
        rows.append(np.insert(row, place, first + label) if has else row)
        evidence.append((np.arange(len(rows[-1])) == place) & has)
    return Texts(rows, labels, evidence)


def _left_padded(weights: Any) -> Any:
    """Weights read as if the padding of their batch had come before them."""
    length = weights.shape[-1]
    before = (16 - length) % 16
    return np.pad(weights, ((0, 0), (before, 0)))[:, :length]


def _permuted(weights: Any) -> Any:
    order = np.random.default_rng(weights.shape[-1]).permutation(weights.shape[-1])
    return weights[:, order]


_SHOWN: Mapping[str, Callable[[Any], Any]] = {
    "permuted": _permuted,
    "rolled": lambda weights: np.roll(weights, 1, axis=-1),
    "left-padded": _left_padded,
}


def measured_all(subject: Subject, seed: int) -> Measurements:
    """The measurements of all texts of a subject, many at a time."""
    texts = np.arange(len(subject))
    return join(
        [
            measure(subject, texts[start : start + _PART], seed)
            for start in range(0, len(texts), _PART)
        ]
    )


def take(measured: Any, chosen: Any) -> Any:
    """The measurements of some of the texts."""
    if isinstance(measured, np.ndarray):
        return measured[chosen]
    if isinstance(measured, Mapping):
        return {name: take(each, chosen) for name, each in measured.items()}
    if measured is None:
        return None
    parts = {
        each.name: take(getattr(measured, each.name), chosen)
        for each in fields(measured)
    }
    return replace(measured, **parts)


@dataclass(frozen=True)
class Judged:
    """The verdict on one draw of texts.

    Args:
        verdict: The verdict.
        same: Whether both ways to erase give the same one by themselves.
        agree: Whether they do, or both deny that weights explain.
    """

    verdict: Verdict
    same: bool
    agree: bool


def draws(case: Case, count: int, seed: int) -> Iterator[Judged]:
    """Judge a model on several samples of the texts it was measured on."""
    random = np.random.default_rng(seed)
    for draw in range(count):
        texts = len(case.measured)
        chosen = random.permutation(texts)[: min(DRAWN, texts)]
        sample = take(case.measured, chosen)
        report = judge(sample, len(chosen), draw)
        of_each = {
            decide(report.gates, {name: gates}, len(chosen))[0]
            for name, gates in report.erasures.items()
        }
        same = len(of_each) == 1
        denied = _NOT_READ | {Verdict.POINTS_ONLY}
        yield Judged(report.verdict, same, same or of_each <= denied)


def report_bed(beds: list[Bed], seeds: int, count: int, alarms: int) -> str:
    """Train, measure and judge; print each model as it comes, return the table.

    Args:
        beds: The beds.
        seeds: How often each model is trained.
        count: The draws of texts that each trained model is judged on.
        alarms: The draws that the errors of S are counted on.
    """
    judged: dict[str, list[Judged]] = {name: [] for name in LEVELS}
    per_corpus: dict[tuple[str, str], list[Judged]] = {}
    facts: dict[tuple[str, str], list[Mapping[str, float]]] = {}
    wrong: list[str] = []
    for bed in beds:
        for seed in range(seeds):
            keras.backend.clear_session()
            for case in bed.cases(seed):
                got = list(draws(case, count, seed))
                judged[case.name] += got
                place = (case.name, bed.corpus.name)
                per_corpus.setdefault(place, []).extend(got)
                facts.setdefault(place, []).append(case.facts)
                if _is_decoy(case.name) and _share(got, _EXPLAINS):
                    accuracy = case.facts["accuracy"]
                    wrong.append(
                        f"{bed.corpus.name}, seed {seed}, {case.name}, whose accuracy "
                        f"is {accuracy:.3f}"
                    )
                print(
                    f"  {bed.corpus.name}, seed {seed}, {case.name}: "
                    f"{_counted(got)}; "
                    + ", ".join(f"{k} {v:.3f}" for k, v in case.facts.items()),
                    flush=True,
                )
    rates = [f"{bed.corpus.name} {bed.false_alarms(0, alarms):.1%}" for bed in beds]
    names = [bed.corpus.name for bed in beds]
    lines = [
        f"| model | {' | '.join(names)} | own level | erasers agree |",
        f"|---|{'---|' * len(names)}---|---|",
    ]
    for name, got in judged.items():
        if not got:
            continue
        cells = [
            f"{_counted(per_corpus[name, corpus])} (accuracy "
            f"{_mean(facts[name, corpus], 'accuracy'):.3f})"
            for corpus in names
        ]
        level = LEVELS[name]
        own = "-" if level is None else f"{_share(got, level):.1%}"
        agree = f"{statistics.mean(each.agree for each in got):.1%}"
        lines.append(f"| {name} | {' | '.join(cells)} | {own} | {agree} |")
    errors = f"S told from 0 where it is 0: {', '.join(rates)} (required: 3 to 7 %)"
    return "\n".join([*lines, "", *_required(judged, wrong), errors])


def _is_decoy(name: str) -> bool:
    level = LEVELS[name]
    return level is not None and Verdict.EXPLAINS not in level


def _required(judged: Mapping[str, list[Judged]], wrong: list[str]) -> Iterator[str]:
    """What is required of the bed, beside what came of it."""
    decoys = [each for name in judged if _is_decoy(name) for each in judged[name]]
    explain = sum(each.verdict is Verdict.EXPLAINS for each in decoys)
    yield f"false 'explains': {explain} of {len(decoys)} draws (required: 0)"
    yield from (f"  {each}" for each in wrong)
    good = _share(judged["good"], _EXPLAINS)
    yield f"good recognised: {good:.1%} (required: 95 %)"
    held = [each for name in judged if LEVELS[name] for each in judged[name]]
    undecided = statistics.mean(each.verdict is Verdict.UNDECIDED for each in held)
    yield f"undecided: {undecided:.1%} (required: at most 10 %)"
    agree = statistics.mean(each.agree for each in held)
    same = statistics.mean(each.same for each in held)
    yield (
        f"erasers agree: {agree:.1%} (required: 95 %); give the very same verdict: "
        f"{same:.1%}"
    )


def _share(got: list[Judged], level: frozenset[Verdict]) -> float:
    return statistics.mean(each.verdict in level for each in got)


def _counted(got: list[Judged]) -> str:
    counts = Counter(each.verdict.value for each in got)
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


def _mean(facts: list[Mapping[str, float]], name: str) -> float:
    return statistics.mean(each[name] for each in facts)
