"""Models in closed form, of whose attention it is known what it deserves.

A text has a few words of evidence among words without any. States are values of words,
weights are a softmax of scores of words, the answer is the logistic function of the
weighted sum. What differs is what states know of other words, what the scores look at,
and what is reported.
"""

from dataclasses import dataclass

import numpy as np

from regard.trust.subject import Baseline

WORDS, EVIDENCE = 120, 12
SINK = WORDS


def texts(count, seed):
    """Ids ``(texts, 24)`` and lengths: 8 to 24 words, 1 to 3 of them evidence."""
    random = np.random.default_rng(seed)
    lengths = random.integers(8, 25, count)
    ids = random.integers(2 * EVIDENCE, WORDS, (count, 24))
    for text in range(count):
        label = random.integers(2)
        evidence = random.integers(1, 4)
        contrary = int(evidence > 1 and random.random() < 0.3)
        signs = [label] * (evidence - contrary) + [1 - label] * contrary
        places = random.permutation(lengths[text])[: len(signs)]
        words = random.integers(0, EVIDENCE, len(signs)) + EVIDENCE * np.array(signs)
        ids[text, places] = words
    return ids, lengths


VALUES = np.zeros(WORDS + 1)
VALUES[:EVIDENCE], VALUES[EVIDENCE : 2 * EVIDENCE] = -1, 1
IS_EVIDENCE = np.abs(VALUES) > 0


@dataclass
class Planted:
    """A planted model and its texts.

    Args:
        local: The share of a word's state that is its own; the rest is the sum of the
            evidence of the whole text, the same in each state.
        scores: ``(words,)``, the score of each word.
        used: The weights that the model uses: ``"own"``, or those of other places of
            the text, ``"permuted"``.
        reported: The weights that are reported: ``"used"``, ``"permuted"`` or
            ``"shifted"`` by a place.
        scale: The size of the head, which grows where weights miss the evidence.
        finds: Whether it only finds evidence for the second class, and says the first
            where there is none, as a filter does.
        sink: Whether each text begins with a word without value that draws weight.
        pool: The number of words of the data, from which replacements are drawn.
    """

    count: int
    seed: int
    scores: np.ndarray
    local: float = 1.0
    used: str = "own"
    reported: str = "used"
    sink: bool = False
    finds: bool = False
    scale: float = 6.0
    erasers: tuple = ("hole", "swap")

    def __post_init__(self):
        self.ids, self.lengths = texts(self.count, self.seed)
        if self.sink:
            first = np.full((self.count, 1), SINK)
            self.ids = np.concatenate([first, self.ids], axis=1)
            self.lengths = self.lengths + 1
        valid = np.arange(self.ids.shape[1]) < self.lengths[:, None]
        self.valid, self.pool = valid, self.ids[valid]

    def __len__(self):
        return self.count

    def states(self, ids, present):
        values = VALUES[ids] * present
        whole = values.sum(axis=1, keepdims=True) / 2
        return (self.local * values + (1 - self.local) * whole) * present

    def weights(self, ids, present):
        scores = np.where(present, self.scores[ids], -np.inf)
        top = np.where(present.any(1), scores.max(axis=1, initial=-1e9), 0)
        raised = np.exp(scores - top[:, None])
        weights = raised / np.maximum(raised.sum(axis=1, keepdims=True), 1e-30)
        return self.moved(ids, present, weights) if self.used == "permuted" else weights

    @staticmethod
    def moved(ids, present, weights):
        """Permute among the present keys, by a fixed function of the ids."""
        key = np.where(
            present, (ids * 7919 + np.arange(ids.shape[1]) * 104729) % 997, 1e6
        )
        to = np.argsort(key, axis=1, kind="stable")
        packed = np.argsort(~present, axis=1, kind="stable")
        moved = np.zeros_like(weights)
        np.put_along_axis(moved, to, np.take_along_axis(weights, packed, 1), 1)
        return np.where(present, moved, 0)

    def answers(self, weights, states):
        if self.finds:
            states = np.maximum(states, 0)
        found = (weights * states).sum(axis=-1) - self.finds / 3
        logits = self.scale * found
        positive = 1 / (1 + np.exp(-logits))
        return np.stack([1 - positive, positive], axis=-1)

    def baseline(self, rows):
        ids, valid = self.ids[rows], self.valid[rows]
        weights, states = self.weights(ids, valid), self.states(ids, valid)
        reported = weights
        if self.reported == "permuted":
            reported = self.moved(ids, valid, weights)
        if self.reported == "shifted":
            reported = np.roll(weights, 1, axis=1)
            last = self.lengths[rows] - 1
            reported[:, 0] = weights[np.arange(len(rows)), last]
            reported = np.where(valid, reported, 0)
        answers = self.answers(weights, states)
        sign = np.where(answers[:, 1] > 0.5, 1, -1)[:, None]
        return Baseline(
            probabilities=answers,
            weights=reported[:, None],
            lengths=self.lengths[rows],
            replayed=self.answers(reported, states),
            orders={"contribution": np.where(valid, sign * reported * states, 0)},
        )

    def erased(self, rows, keep, eraser, draws):
        ids, valid = self.ids[rows], self.valid[rows]
        present = valid & keep
        if eraser == "swap":
            others = self.pool[(draws * len(self.pool)).astype(int)]
            ids, present = np.where(keep, ids, others), valid
        return self.answers(self.weights(ids, present), self.states(ids, present))

    def forced(self, rows, weights):
        states = self.states(self.ids[rows], self.valid[rows])
        return self.answers(weights[:, 0], states)


def on_evidence(strength=4.0, seed=0):
    noise = np.random.default_rng(seed).normal(0, 0.5, WORDS + 1)
    return np.where(IS_EVIDENCE, strength, noise)


def at_random(seed=0):
    return np.random.default_rng(seed).normal(0, 1.5, WORDS + 1)


def off_evidence(seed=0):
    noise = np.random.default_rng(seed).normal(0, 1.2, WORDS + 1)
    return np.where(IS_EVIDENCE, -4.0, noise)


def with_sink():
    scores = on_evidence()
    scores[SINK] = 6.0
    return scores


MODELS = {
    "good": {"scores": on_evidence()},
    "good, finds": {"scores": on_evidence(), "finds": True, "scale": 12.0},
    "good, certain": {"scores": on_evidence(), "finds": True, "scale": 60.0},
    "uniform": {"scores": np.zeros(WORDS + 1)},
    "permuted and used": {"scores": on_evidence(), "used": "permuted", "scale": 25.0},
    "reported permuted": {"scores": on_evidence(), "reported": "permuted"},
    "reported shifted": {"scores": on_evidence(), "reported": "shifted"},
    "smearing, on evidence": {"scores": on_evidence(), "local": 0.0},
    "smearing, at random": {"scores": at_random(), "local": 0.0},
    "smearing, off evidence": {"scores": off_evidence(), "local": 0.0},
    "half smearing, off evidence": {"scores": off_evidence(), "local": 0.5},
    "mostly smearing, on evidence": {"scores": on_evidence(), "local": 0.15},
    "sink": {"scores": with_sink(), "sink": True, "scale": 30.0},
    "finds, permuted and used": {
        "scores": on_evidence(),
        "used": "permuted",
        "finds": True,
        "scale": 40.0,
    },
    "finds, smearing": {"scores": on_evidence(), "finds": True, "local": 0.0},
    "local, at random": {"scores": at_random(), "scale": 40.0},
}


def plant(name, *, count, seed):
    return Planted(count, seed, **MODELS[name])
