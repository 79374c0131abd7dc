"""What forced weights and erased sources do to words of translations."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from regard.trust.erasure import Effects
from regard.trust.examined_words import WORDS
from regard.trust.measurement import SHUFFLES, Chances, ErasureMeasurements
from regard.trust.subject import Baseline, BoolArray
from regard.trust.writer import Said, Steps, Writer
from regard.types import FloatArray, IntArray

#: What weights are forced to beside themselves and their shuffles.
OWN, _ZERO, EVEN, OTHERS = 0, 1, 2, 3


@dataclass(frozen=True, eq=False)
class WordEraser:
    """Erases tokens of sources, and says what that did to words of the targets.

    Erasing that several words ask for is run once, and nothing is run twice.

    Args:
        name: The way to erase.
        writer: Runs the translator.
        sources: The ids of each source.
        before: The symbols that the steps of each target are told.
        swapped: ``(pairs, keys)``, the token that comes in the place of each.
        steps: The steps that write the examined words.
        baseline: What they say undisturbed, with a row for each word.
    """

    name: str
    writer: Writer
    sources: Sequence[IntArray]
    before: Sequence[IntArray]
    swapped: IntArray
    steps: Steps
    baseline: Baseline
    _known: dict[bytes, tuple[float, float, float]] = field(default_factory=dict)

    def effects(self, rows: IntArray, keep: BoolArray) -> Effects:
        """See ``regard.trust.erasure.KeyEraser``."""
        moved, _, changed = self.answers(rows, keep)
        return moved, changed > 0

    def answers(self, rows: IntArray, keep: BoolArray) -> tuple[FloatArray, ...]:
        """What erasing does to some words.

        Args:
            rows: ``(rows,)``, places among the words.
            keep: ``(rows, keys)``, True where a token stays.

        Returns:
            ``(rows,)`` each: the total variation; by how many nats the word becomes
            less probable; 1 where another word becomes the most probable one.
        """
        keys = _keys(rows, keep)
        first = {key: row for row, key in enumerate(keys) if key not in self._known}
        if first:
            new = np.array(list(first.values()))
            self._known.update(zip(first, self._run(rows[new], keep[new]), strict=True))
        return tuple(np.array([self._known[key] for key in keys]).T)

    def _run(self, rows: IntArray, keep: BoolArray) -> list[tuple[float, float, float]]:
        pair = self.steps.pair[rows]
        jobs: dict[bytes, int] = {}
        job = np.array([jobs.setdefault(key, len(jobs)) for key in _keys(pair, keep)])
        _, first = np.unique(job, return_index=True)
        # The place of each word among those that read the same erased source.
        order = np.argsort(job, kind="stable")
        starts = np.searchsorted(job[order], job[order])
        place = np.empty(len(job), np.int64)
        place[order] = np.arange(len(job)) - starts
        reads = np.full((len(jobs), WORDS), -1, np.int32)
        reads[job, place] = self.steps.index[rows]
        outputs = self.writer.read(
            [self._erased(pair[row], keep[row]) for row in first.tolist()],
            [self.before[each] for each in pair[first].tolist()],
            reads,
        )
        said = self.writer.compared(self.steps, rows, outputs[job, place])
        columns = said.moved, said.lost, said.changed
        return list(
            zip(*(each.astype(float).tolist() for each in columns), strict=True)
        )

    def _erased(self, pair: int, keep: BoolArray) -> IntArray:
        source = self.sources[pair]
        kept = keep[: len(source)]
        if self.name == "hole":
            # To a recurrent encoder, and to attention that knows no places, a token
            # that is masked out is one that is not there.
            return source[kept]
        return np.where(kept, source, self.swapped[pair, : len(source)])


def _keys(rows: IntArray, keep: BoolArray) -> list[bytes]:
    """A key for each row and what is kept of it."""
    numbers = rows.astype(np.uint32).view(np.uint8).reshape(len(rows), -1)
    packed = np.concatenate([numbers, np.packbits(keep, axis=1)], axis=1)
    return [each.tobytes() for each in packed]


def choices(baseline: Baseline, chances: Chances) -> FloatArray:
    """The weights that are forced on each word, ``(words, choices, heads, keys)``.

    Its own; without the largest, the rest scaled up; even ones; shuffles.
    """
    own, valid = baseline.weights, baseline.valid[:, None]
    rows = np.arange(len(own))
    zeroed = own.copy()
    zeroed[rows, :, own.mean(axis=1).argmax(axis=-1)] = 0
    total = zeroed.sum(axis=-1, keepdims=True)
    zeroed = np.divide(zeroed, total, out=np.zeros_like(zeroed), where=total > 0)
    even = np.broadcast_to(valid / baseline.lengths[:, None, None], own.shape)
    places = chances.shuffled[:, :, None]
    shape = (len(own), SHUFFLES, *own.shape[1:])
    # All heads move together: what one head knows of another stays.
    shuffled = np.take_along_axis(own[:, None], np.broadcast_to(places, shape), -1)
    shuffled = np.where(valid[:, None], shuffled, 0)
    forced = np.stack([own, zeroed, even], axis=1)
    return np.concatenate([forced, shuffled], axis=1)


def forced_figures(forced: Said) -> dict[str, FloatArray]:
    """What forced weights did to each word, by name."""
    columns = {
        "zero_max": slice(_ZERO, _ZERO + 1),
        "even": slice(EVEN, EVEN + 1),
        "shuffled": slice(OTHERS, None),
    }
    values = {"changed": forced.changed, "moved": forced.moved, "lost": forced.lost}
    return {
        f"{figure} {choice}": each[:, column].mean(axis=1)
        for choice, column in columns.items()
        for figure, each in values.items()
    }


def erased_figures(
    eraser: WordEraser, erasure: ErasureMeasurements
) -> dict[str, FloatArray]:
    r"""What erasing single tokens did to each word, by name.

    .. math:: D_{js} = \log p(y_j | x, y_{<j}) - \log p(y_j | x \setminus s, y_{<j})
    """
    baseline = eraser.baseline
    valid = baseline.valid
    word, key = np.nonzero(valid)
    keep = valid[word] & (np.arange(valid.shape[1]) != key[:, None])
    tables = []
    for values in eraser.answers(word, keep):
        table = np.full(valid.shape, np.nan)
        table[word, key] = values
        tables.append(table)
    moved, lost, changed = tables
    rows = np.arange(len(valid))
    looked_at = baseline.weights.mean(axis=1).argmax(axis=-1)
    best = np.where(valid, lost, -np.inf).argmax(axis=-1)
    figures = {}
    for name, table in (("changed", changed), ("moved", moved), ("lost", lost)):
        figures[f"{name} erased_looked_at"] = table[rows, looked_at]
        figures[f"{name} erased_random"] = np.nanmean(table, axis=-1)
        figures[f"{name} erased_best"] = table[rows, best]
    inside = (looked_at > 0) & (looked_at < baseline.lengths - 1)
    for lag in (-1, 0, 1):
        beside = np.clip(looked_at + lag, 0, valid.shape[1] - 1)
        figures[f"lag {lag}"] = np.where(inside, lost[rows, beside], np.nan)
    figures["reach"] = np.nanmax(np.abs(lost), axis=-1)
    for name, gain in erasure.gain.items():
        figures[f"gain {name}"] = gain
    return figures
