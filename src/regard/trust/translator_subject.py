"""A translator and pairs, as an examination measures them, word by word."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from regard._validate import check_same_length
from regard.errors import DataError
from regard.text import SequenceVocabulary
from regard.text.special_ids import END_ID, FIRST_ORDINARY_ID
from regard.text.text_validation import checked_texts
from regard.translation import Translator
from regard.trust.erasure import Effects
from regard.trust.measurement import (
    SHUFFLES,
    Chances,
    ErasureMeasurements,
    Measurements,
    evenness_of,
    join,
    measure_erasure,
)
from regard.trust.subject import Baseline, BoolArray, entropy
from regard.trust.word_groups import CONTENT, FUNCTION, NEITHER
from regard.trust.writer import MOST_PAIRS, Said, Steps, Writer, Written
from regard.types import FloatArray, IntArray

#: The most words of a target that are examined, half of them function words. What a
#: pair costs is to read its source again and again, and that serves all of its words;
#: but each has orders of its own.
WORDS = 2
#: So many of the most frequent types are function words, of small vocabularies a tenth.
FUNCTION_TYPES = 100
# What weights are forced to beside themselves and their shuffles.
_OWN, _ZERO, _EVEN, _OTHERS = 0, 1, 2, 3


class TranslatorSubject:
    """A translator and the pairs it is examined on.

    An answer is a word of the target, the words before it being told. Of each target up
    to ``WORDS`` are drawn, as many content as function words where there are, and what
    is measured on them is averaged: the unit of statistics is the pair. The end of a
    target is examined only where nothing else is written.

    A token of the source that is erased by ``"hole"`` is masked out: the encoder passes
    over it, and the decoder does not see it. By ``"swap"`` a token drawn from the
    sources stands in its place. Either way the source is read anew, and the target is
    told up to the word. Weights are forced in the step that writes the word alone, and
    the state before it stays what it was.

    Args:
        translator: A trained translator.
        sources: The sources; those without a token are passed over.
        targets: What is written for each; None: what the translator writes itself, by
            greedy search.

    Raises:
        ArgumentError: There are not as many targets as sources.
        DataError: No source has a token.
    """

    erasers: tuple[str, ...] = ("hole", "swap")

    def __init__(
        self,
        translator: Translator,
        sources: Sequence[str],
        targets: Sequence[str] | None = None,
    ) -> None:
        trained = translator.trained
        limit = trained.config.max_length
        given = checked_texts(sources, what="sources")
        ids = [each.ids[:limit] for each in trained.source.encode(given)]
        #: The index of each examined pair among those that were given.
        self.indices: IntArray = np.flatnonzero([len(each) > 0 for each in ids])
        if not len(self.indices):
            raise DataError(
                "There is no source to examine.", expected="texts with a word or more"
            )
        kept = self.indices.tolist()
        self._sources = [ids[index] for index in kept]
        self._targets: list[IntArray] | None = None
        if targets is not None:
            wanted = checked_texts(targets, what="targets")
            check_same_length({"sources": given, "targets": wanted})
            written = trained.target.encode(wanted)
            self._targets = [written[index].ids for index in kept]
        # What a swapped token is drawn from: all tokens, as often as they occur.
        self._pool = np.concatenate(self._sources)
        self._function_ids = _function_ids(trained.target)
        self._writer = Writer(trained.model)

    def __len__(self) -> int:
        return len(self._sources)

    def measure(self, texts: IntArray, seed: int) -> Measurements:
        """Measure some pairs; see ``regard.trust.measurement.measure``.

        Args:
            texts: ``(pairs,)``, their indices.
            seed: What chance depends on, together with the index of a pair.
        """
        if len(texts) > MOST_PAIRS:
            cuts = range(MOST_PAIRS, len(texts), MOST_PAIRS)
            return join([self.measure(part, seed) for part in np.split(texts, cuts)])
        sources = [self._sources[text] for text in texts.tolist()]
        targets = self._targets and [self._targets[text] for text in texts.tolist()]
        written = self._writer.write(sources, targets)
        words = self._drawn(written, texts, seed)
        lengths = np.array([len(source) for source in sources])
        weights = written.weights[words.steps.pair, :, words.steps.index]
        baseline = Baseline(
            words.steps.probabilities.astype(float),
            weights.astype(float),
            lengths[words.steps.pair],
            None,
            {},
        )
        chances = Chances(seed, texts, lengths, weights.shape[-1])
        forced = self._writer.forced(
            written, words.steps, _choices(baseline, chances.of(words.steps.pair))
        )
        swapped = self._pool[(chances.draws * len(self._pool)).astype(np.int64)]
        erasers = {
            name: WordEraser(
                name=name,
                writer=self._writer,
                sources=sources,
                before=written.before,
                swapped=swapped,
                steps=words.steps,
                baseline=baseline,
            )
            for name in self.erasers
        }
        erasures = {
            name: measure_erasure(eraser, chances.of(words.steps.pair))
            for name, eraser in erasers.items()
        }
        first = self.erasers[0]
        figures = {
            **_forced_figures(forced),
            **_erased_figures(erasers[first], erasures[first]),
        }
        undisturbed = entropy(baseline.probabilities)
        return Measurements(
            texts=texts,
            lengths=lengths,
            evenness=words.by_pair(evenness_of(baseline)),
            # Of one word that is not written by these weights it is one too many.
            replay=words.largest(forced.largest[:, _OWN]),
            moved=words.by_pair(forced.moved[:, _OTHERS:].mean(axis=1)),
            spread=words.by_pair(
                forced.entropy[:, _OTHERS:].mean(axis=1) - undisturbed
            ),
            # Shuffles are drawn alike: a mean over neighbours is one over all of them.
            apart=words.by_pair(
                forced.moved[:, _OTHERS:].mean(axis=1)
                - forced.between[:, _OTHERS:-1].mean(axis=1)
            ),
            even_gap=words.by_pair(forced.moved[:, _EVEN]),
            idle=None,
            entropy=words.by_pair(undisturbed),
            shuffled_entropy=words.by_pair(forced.entropy[:, _OTHERS:]),
            erasures={
                name: words.of_pairs(erasure) for name, erasure in erasures.items()
            },
            words={
                name: words.in_places(figure)
                for name, figure in {"group": words.group, **figures}.items()
            },
        )

    def _drawn(self, written: Written, texts: IntArray, seed: int) -> "_Words":
        """The words that are examined."""
        places: list[tuple[int, int, int]] = []
        for row, (text, target) in enumerate(
            zip(texts.tolist(), written.targets, strict=True)
        ):
            # What is written has no part in the other chances of the pair.
            generator = np.random.default_rng([seed, text, WORDS])
            noise = generator.random(len(target))
            steps = _some(self._groups(target), noise, np.flatnonzero(target != END_ID))
            places += [(row, step, place) for place, step in enumerate(steps)]
        pair, index, place = np.array(places).T
        target = np.array([written.targets[row][step] for row, step, _ in places])
        drawn = Steps(pair, index, target, written.probabilities[pair, index])
        return _Words(drawn, place, self._groups(target), len(texts))

    def _groups(self, ids: IntArray) -> FloatArray:
        """The group of each symbol."""
        if self._function_ids is None:
            return np.full(len(ids), NEITHER)
        group = np.where(np.isin(ids, self._function_ids), FUNCTION, CONTENT)
        return np.where(ids == END_ID, NEITHER, group)


@dataclass(frozen=True, eq=False)
class _Words:
    """The examined words of some pairs.

    Args:
        steps: The steps that write them.
        place: ``(words,)``, the place of each among those of its pair.
        group: ``(words,)``.
        pairs: The number of pairs.
    """

    steps: Steps
    place: IntArray
    group: FloatArray
    pairs: int

    def in_places(self, values: FloatArray) -> FloatArray:
        """``(pairs, WORDS)``, NaN where a pair has no word."""
        table = np.full((self.pairs, WORDS), np.nan)
        table[self.steps.pair, self.place] = values
        return table

    def by_pair(self, values: FloatArray) -> FloatArray:
        """The mean over the words of each pair, of those for which it is defined."""
        known = np.isfinite(values)
        total, count = (np.zeros((self.pairs, *values.shape[1:])) for _ in range(2))
        np.add.at(total, self.steps.pair, np.where(known, values, 0))
        np.add.at(count, self.steps.pair, known)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def largest(self, values: FloatArray) -> FloatArray:
        """The largest of each pair."""
        largest = np.zeros(self.pairs)
        np.maximum.at(largest, self.steps.pair, values)
        return largest

    def of_pairs(self, erasure: ErasureMeasurements) -> ErasureMeasurements:
        """The means over the words of each pair."""
        return ErasureMeasurements(
            **{
                each.name: {
                    name: self.by_pair(values)
                    for name, values in getattr(erasure, each.name).items()
                }
                for each in fields(erasure)
            }
        )


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


def _some(group: FloatArray, noise: FloatArray, among: IntArray) -> list[int]:
    """Up to ``WORDS`` steps, of content and function words as many where there are.

    Args:
        group: ``(steps,)``, the group of each step's word.
        noise: ``(steps,)``, the order of the draw.
        among: The steps that may be drawn; where there is none, the first is.
    """
    order = among[np.argsort(noise[among])]
    halves = [order[group[order] == each][: WORDS // 2] for each in (CONTENT, FUNCTION)]
    first = np.concatenate(halves)
    rest = order[~np.isin(order, first)]
    chosen: list[int] = np.sort(np.concatenate([first, rest])[:WORDS]).tolist()
    return chosen or [0]


def _keys(rows: IntArray, keep: BoolArray) -> list[bytes]:
    """A key for each row and what is kept of it."""
    numbers = rows.astype(np.uint32).view(np.uint8).reshape(len(rows), -1)
    packed = np.concatenate([numbers, np.packbits(keep, axis=1)], axis=1)
    return [each.tobytes() for each in packed]


def _function_ids(vocabulary: SequenceVocabulary) -> IntArray | None:
    """Function words: the most frequent types, and what has no letter or digit.

    None where the symbols are no words.
    """
    if vocabulary.kind != "word":
        return None
    ids = np.arange(FIRST_ORDINARY_ID, len(vocabulary))
    # The most frequent ones come first.
    frequent = ids[: min(FUNCTION_TYPES, len(ids) // 10)]
    signs = [
        each
        for each in ids.tolist()
        if not any(map(str.isalnum, vocabulary.token(each)))
    ]
    return np.union1d(frequent, np.array(signs, np.int64))


def _choices(baseline: Baseline, chances: Chances) -> FloatArray:
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


def _forced_figures(forced: Said) -> dict[str, FloatArray]:
    """What forced weights did to each word, by name."""
    columns = {
        "zero_max": slice(_ZERO, _ZERO + 1),
        "even": slice(_EVEN, _EVEN + 1),
        "shuffled": slice(_OTHERS, None),
    }
    values = {"changed": forced.changed, "moved": forced.moved, "lost": forced.lost}
    return {
        f"{figure} {choice}": each[:, column].mean(axis=1)
        for choice, column in columns.items()
        for figure, each in values.items()
    }


def _erased_figures(
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
