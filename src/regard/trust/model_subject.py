"""A Keras model and its inputs, as an examination asks them."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np

from regard._validate import check_same_length, wrong_value
from regard.errors import ArgumentError, DataError, ObservationError, listed
from regard.text.padding import bucket_of, length_buckets
from regard.trust.answers import AUTO, AnsweringModel, Answers
from regard.trust.explained_orders import COMPLETENESS, SIGNED, ExplainedOrders
from regard.trust.inputs import Array, Inputs
from regard.trust.plausibility import positions_marked
from regard.trust.replacement import (
    Erase,
    Hole,
    Positions,
    Replace,
    erasers,
    holes,
    spread,
)
from regard.trust.subject import Baseline, BoolArray, Passage
from regard.types import FloatArray, IntArray

#: The position that each key reads, -1 for none; or a function from the number of a
#: key to the position or positions that it reads.
Reads: TypeAlias = Sequence[int] | IntArray | Callable[[int], Any]

# The rows of a batch, so many that neither inputs nor weights grow out of hand.
_MOST_ROWS, _MOST_POSITIONS, _MOST_WEIGHTS = 128, 2**14, 2**23
# The samples that are measured at a time, so few that the weights of all of them,
# shuffled some twenty times, are no burden.
_MOST_PART, _MOST_SHUFFLED = 32, 2**20
# So many samples are looked at first, to learn how the model behaves.
_PROBED = 8
# How far answers may be apart that are the same, and what is no weight.
_SAME, _NO_WEIGHT = 1e-4, 1e-6


@dataclass(frozen=True, eq=False)
class _Probe:
    """Some samples, and what the model said of them."""

    samples: IntArray
    width: int
    answers: FloatArray
    weights: FloatArray


class ModelSubject:
    """A Keras model and the samples it is examined on.

    The keys of the attention have to be positions of the input: the words of a text,
    the steps of a series, the members of a bag, the features of a row. Weights of
    several queries are examined together: the order of the keys is that of the mean
    over heads and valid queries, and shuffling moves the keys of all of them alike.

    Args:
        model: A built Keras model.
        x: Its inputs, as for ``model.predict``, or a list of sequences of one input.
        layer: The path of the attention layer, as in ``regard.observe``; with one such
            layer it may be left out.
        erase: How positions are erased; see ``Erase``.
        query: The one query whose weights are meant, where there are several; below 0
            it is counted from the last valid one.
        lengths: ``(samples,)``, how many positions of each sample there are; by default
            those that the model does not mask out.
        positions: Where keys are not positions: the position of each key, -1 for none,
            or a function from a key to the positions that it reads. A position that
            several keys read goes with the first of them that is erased.
        input: The name or number of the input whose positions are meant, where there
            are several.
        output: The same of the outputs.
        outputs: ``"probabilities"``, ``"logits"``, or ``"auto"``.
        softmax: Attention made by hand, as in ``regard.observe``.
        tokens: What the positions of each sample are called where it is shown, for
            those there are; by default ids, or the numbers of the positions.
        classes: What the outputs are called, in their order, which labels may then be
            given by; of one probability the names of no and of yes. By default they
            are numbers.

    Raises:
        ArgumentError: The parts do not fit each other, or something has to be said.
        DataError: There is no sample with a position, or answers are not finite.
        ObservationError: The attention cannot be observed.
    """

    def __init__(
        self,
        model: keras.Model,
        x: Any,
        *,
        layer: str | None = None,
        erase: Erase | None = None,
        query: int | None = None,
        lengths: Sequence[int] | IntArray | None = None,
        positions: Reads | None = None,
        input: str | int | None = None,  # noqa: A002 - the word of Keras
        output: str | int | None = None,
        outputs: str = AUTO,
        softmax: Any = (),
        tokens: Sequence[Sequence[str]] | None = None,
        classes: Sequence[str] | None = None,
    ) -> None:
        if erase is not None and not isinstance(erase, Erase):
            raise wrong_value("erase", erase, "regard.trust.Erase(...), or None")
        self._answers = Answers(model, output, outputs)
        self._model = AnsweringModel(model, self._answers, layer, softmax)
        self._inputs = Inputs(model, x, input)
        self._inputs.check_ids()
        # Learned in the first pass: the number of weights of a sample.
        self._weights_of_one = 1
        probe = self._probed()
        self._reads = self._found_reads(positions, probe)
        erase = erase or Erase()
        if erase.value is not None and self._inputs.array.dtype.kind == "i":
            self._inputs.array = self._inputs.array.astype(np.float32)
        if erase.value is not None:
            _check_value(np.shape(erase.value), self._inputs.array.shape[1:])
        ways = holes(model, self._inputs, erase.mask)
        hole = next((each for each in ways if self._masks(each, probe)), None)
        if hole is not None and hole.mask is None:
            self._inputs.fill(hole.value)
        self._valid = self._found_valid(hole, lengths)
        keys = self._valid if self._reads is None else self._valid @ self._reads.T
        self._sizes: IntArray = keys.sum(axis=1)
        #: The index of each examined sample among those that were given.
        self.indices: IntArray = np.flatnonzero(self._sizes)
        if not len(self.indices):
            raise _no_sample()
        # Those there are come first, in their order.
        self._keys: IntArray = np.argsort(~keys, axis=1, kind="stable")
        self._queries = self._found_queries(query, probe)
        self._widths = self._found_widths(hole is not None)
        array = self._inputs.array
        by_column = array.ndim == 2 and array.dtype.kind == "f" and self._valid.all()
        data = Positions(array, self._valid, bool(by_column))
        self._replace = erasers(self._inputs, erase, hole, data)
        self.erasers: tuple[str, ...] = tuple(self._replace)
        self._has_names = classes is not None
        self.labels = _names_of_classes(classes, probe.answers.shape[1])
        self._tokens = self._checked_tokens(tokens)
        name = self._inputs.name if self._inputs.others else None
        self._orders = ExplainedOrders(
            model,
            self._model.key,
            self._packed(probe.samples, int(self._widths[probe.samples].max())),
            name=name,
            queries=self._queries_asked(probe.samples),
            baseline=_start(erase, array, data),
        )
        #: The samples that are measured at a time, each under many weights at once.
        self.part = min(max(_MOST_SHUFFLED // self._weights_of_one, 1), _MOST_PART)
        # The own weights of the samples that were asked for last.
        self._own: dict[int, FloatArray] = {}

    def __len__(self) -> int:
        return len(self.indices)

    def baseline(self, texts: IntArray) -> Baseline:
        """The undisturbed answers to samples; see ``Subject``."""
        samples = self.indices[texts]
        probabilities = self._look(samples)
        weights = self._reported(samples)
        try:
            replayed = self.forced(texts, weights)
        except ObservationError:
            replayed = None
        labels = probabilities.argmax(axis=-1)
        orders, figures = self._other_orders(samples, labels)
        sizes = self._sizes[samples]
        return Baseline(probabilities, weights, sizes, replayed, orders, figures)

    def _look(self, samples: IntArray) -> FloatArray:
        """The answers to samples, whose own weights are kept until the next look."""
        answers: list[Any] = [None] * len(samples)
        self._own = {}
        for rows, width in self._batches(samples):
            given, weights = self._ask(samples[rows], width)
            for row, answer, own in zip(rows.tolist(), given, weights, strict=True):
                answers[row] = answer
                self._own[int(samples[row])] = own
        return np.stack(answers)

    def erased(
        self, texts: IntArray, keep: BoolArray, eraser: str, draws: FloatArray
    ) -> FloatArray:
        """The answers with positions erased; see ``Subject``."""
        samples = self.indices[texts]
        replace = self._replace[eraser]
        answers: list[Any] = [None] * len(samples)
        for rows, width in self._batches(samples):
            gone, drawn = self._at_positions(samples[rows], keep[rows], draws[rows])
            given, _ = self._ask(
                samples[rows],
                width,
                replace=replace,
                gone=gone[:, :width],
                draws=drawn[:, :width],
            )
            for row, answer in zip(rows.tolist(), given, strict=True):
                answers[row] = answer
        return np.stack(answers)

    def forced(self, texts: IntArray, weights: FloatArray) -> FloatArray:
        """The answers under given weights; see ``Subject``."""
        samples = self.indices[texts]
        answers: list[Any] = [None] * len(samples)
        for rows, width in self._batches(samples):
            whole = [
                self._with(int(samples[row]), weights[row]) for row in rows.tolist()
            ]
            given, _ = self._ask(samples[rows], width, weights=np.stack(whole))
            for row, answer in zip(rows.tolist(), given, strict=True):
                answers[row] = answer
        return np.stack(answers)

    def classes_of(self, labels: Sequence[Any]) -> IntArray:
        """The class of each sample, by the labels of all; see ``Answerable``."""
        given, classes = np.asarray(labels), len(self.labels)
        if given.dtype.kind in "UO" and given.ndim == 1 and self._has_names:
            numbers = {name: at for at, name in enumerate(self.labels)}
            known = np.array([numbers.get(each, -1) for each in given.tolist()])
            expected = f"{len(self._sizes)} of {listed(self.labels)}"
            _check_each("labels", given, known >= 0, expected)
            given = known
        if given.ndim == 2:
            given = given[:, 0] if given.shape[1] == 1 else given.argmax(axis=1)
        expected = f"{len(self._sizes)} whole numbers from 0 to {classes - 1}"
        if given.shape != (len(self._sizes),) or given.dtype.kind not in "biuf":
            raise wrong_value("labels", labels, expected)
        _check_each("labels", given, np.isin(given, range(classes)), expected)
        return given.astype(np.int64)[self.indices]

    def marked(self, gold: Sequence[Any]) -> list[BoolArray]:
        """Which keys of each sample are marked, by its positions; see ``Markable``."""
        check_same_length({"samples": self._sizes, "gold marks": gold})
        marks = []
        for sample, each in enumerate(gold):
            there = np.flatnonzero(self._valid[sample])
            at = positions_marked(each, len(there), f"Sample {sample}")
            whole = np.zeros(self._valid.shape[1], bool)
            whole[there] = at
            of_keys = whole if self._reads is None else self._reads @ whole
            marks.append(of_keys[self._keys[sample, : self._sizes[sample]]])
        return [marks[sample] for sample in self.indices.tolist()]

    def weights(self, texts: IntArray) -> list[FloatArray]:
        """The weights of samples, the mean over their queries too; see ``Markable``."""
        samples = self.indices[texts]
        found: list[Any] = [None] * len(samples)
        for start in range(0, len(samples), self.part):
            of_part = samples[start : start + self.part]
            self._look(of_part)
            for row, sample in enumerate(of_part.tolist(), start):
                found[row] = self._of_keys(sample).mean(axis=(0, 1))
        return found

    def passages(self, texts: IntArray) -> list[Passage]:
        """Samples as they are shown, by their indices."""
        return [Passage.of(self._names(int(self.indices[text]))) for text in texts]

    def _names(self, sample: int) -> list[str]:
        """What the keys of a sample are called."""
        positions = np.flatnonzero(self._valid[sample])
        names = dict(zip(positions.tolist(), map(str, positions.tolist()), strict=True))
        array = self._inputs.array
        if self._tokens is not None:
            names = dict(zip(names, map(str, self._tokens[sample]), strict=True))
        elif array.dtype.kind == "i" and array.ndim == 2:
            names = {at: str(array[sample, at]) for at in names}
        keys = self._keys[sample, : self._sizes[sample]].tolist()
        if self._reads is None:
            return [names[key] for key in keys]
        read = [np.flatnonzero(self._reads[key] & self._valid[sample]) for key in keys]
        return ["+".join(names[at] for at in each.tolist()) for each in read]

    def _checked_tokens(
        self, tokens: Sequence[Sequence[str]] | None
    ) -> Sequence[Sequence[str]] | None:
        if tokens is None:
            return None
        wanted = self._valid.sum(axis=1).tolist()
        if isinstance(tokens, str | Mapping) or not all(
            isinstance(each, Sized) and not isinstance(each, str) for each in tokens
        ):
            raise wrong_value("tokens", tokens, "a list of words for each sample")
        given = [len(each) for each in tokens]
        for sample, (count, named) in enumerate(zip(wanted, given, strict=False)):
            if count != named:
                raise ArgumentError(
                    f"The tokens of sample {sample} are not those of its positions.",
                    expected=f"{count} tokens",
                    received=f"{named}",
                )
        if len(given) != len(wanted):
            raise wrong_value("tokens", f"{len(given)} lists", f"{len(wanted)} lists")
        return tokens

    def _other_orders(
        self, samples: IntArray, labels: IntArray
    ) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
        """Scores of the keys by the names of their orders, and figures of samples."""
        found: dict[str, FloatArray] = {}
        figures: dict[str, FloatArray] = {}
        # One unit speaks for the second class.
        signs = np.where((self._answers.units == 1) & (labels == 0), -1, 1)[:, None]
        sizes = self._sizes[samples]
        inside = np.arange(sizes.max()) < sizes[:, None]
        for rows, width in self._batches(samples):
            x = self._packed(samples[rows], width)
            told = self._orders(x, self._queries_asked(samples[rows]))
            scores = {
                name: each if self._reads is None else each @ self._reads.T
                for name, each in told.of_positions.items()
            }
            for name, each in {**scores, **told.of_keys}.items():
                whole = found.setdefault(name, np.zeros(inside.shape))
                signed = each * signs[rows] if name in SIGNED else each
                keys = self._keys[samples[rows]][:, : inside.shape[1]]
                keys = np.minimum(keys, each.shape[1] - 1)
                own = np.take_along_axis(signed, keys, axis=1)
                whole[rows, : own.shape[1]] = np.where(
                    inside[rows, : own.shape[1]], own, 0
                )
            if told.error is not None:
                of_all = figures.setdefault(COMPLETENESS, np.zeros(len(samples)))
                of_all[rows] = told.error
        return found, figures

    def _reported(self, samples: IntArray) -> FloatArray:
        """The weights of samples, ``(samples, heads * queries, keys)``."""
        parts = [self._of_keys(sample) for sample in samples.tolist()]
        heads, queries, keys = np.max([part.shape for part in parts], axis=0)
        whole = np.zeros((len(parts), heads, queries, keys))
        for row, part in zip(whole, parts, strict=True):
            row[tuple(map(slice, part.shape))] = part
        return whole.reshape(len(parts), heads * queries, keys)

    def _of_keys(self, sample: int) -> FloatArray:
        """Own weights, ``(heads, queries, keys)`` of the keys and queries there are."""
        own = self._own[sample]
        queries = self._queries_of(sample, own)
        keys = self._keys[sample, : self._sizes[sample]]
        part: FloatArray = own[:, queries][:, :, keys]
        return part

    def _with(self, sample: int, weights: FloatArray) -> FloatArray:
        """Own weights with given ones in the place of those that are reported."""
        whole = self._own[sample].copy()
        queries = self._queries_of(sample, whole)
        keys = self._keys[sample, : self._sizes[sample]]
        given = weights.reshape(len(whole), -1, weights.shape[-1])
        whole[:, queries[:, None], keys] = given[:, : len(queries), : len(keys)]
        return whole

    def _queries_of(self, sample: int, own: FloatArray) -> IntArray:
        """The queries of a sample whose weights are meant."""
        if self._queries is not None:
            return self._queries[sample : sample + 1]
        if own.shape[1] == own.shape[2] and self._reads is None:
            # Of self-attention: those of positions that there are.
            return np.flatnonzero(self._valid[sample, : own.shape[1]])
        return np.arange(own.shape[1])

    def _queries_asked(self, samples: IntArray) -> IntArray | None:
        return None if self._queries is None else self._queries[samples]

    def _at_positions(
        self, samples: IntArray, keep: BoolArray, draws: FloatArray
    ) -> tuple[BoolArray, FloatArray]:
        """Which positions are gone, and a draw for each, ``(rows, positions)``."""
        count = keep.shape[1]
        inside = np.arange(count) < self._sizes[samples][:, None]
        keys = self._keys[samples][:, :count]
        gone = np.zeros((len(samples), self._keys.shape[1]), bool)
        drawn = np.zeros(gone.shape)
        np.put_along_axis(gone, keys, ~keep[:, : keys.shape[1]] & inside, axis=1)
        np.put_along_axis(drawn, keys, draws, axis=1)
        if self._reads is None:
            return gone, drawn
        of_positions = (drawn[:, :, None] * self._reads).max(axis=1)
        return gone @ self._reads, spread(of_positions)

    def _batches(self, samples: IntArray) -> Iterator[tuple[IntArray, int]]:
        """The rows that are run together, and the width that they are run at."""
        widths = self._widths[samples]
        for width in np.unique(widths).tolist():
            rows = np.flatnonzero(widths == width)
            height = self._height(width)
            for start in range(0, len(rows), height):
                yield rows[start : start + height], width

    def _height(self, width: int) -> int:
        """The rows of a batch, the same for all: it is compiled once."""
        of_positions = max(_MOST_POSITIONS // width, 8)
        of_weights = max(_MOST_WEIGHTS // self._weights_of_one, 8)
        return min(_MOST_ROWS, of_positions, of_weights)

    def _ask(
        self,
        samples: IntArray,
        width: int,
        *,
        replace: Replace | None = None,
        gone: BoolArray | None = None,
        draws: FloatArray | None = None,
        weights: FloatArray | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """One pass: answers, and weights ``(samples, heads, queries, keys)``."""
        block, others = self._inputs.taken(samples, width)
        if replace is not None and gone is not None:
            drawn = np.zeros(gone.shape) if draws is None else draws
            block, changed = replace(block, others, gone, drawn)
            others = dict(changed)
        height = self._height(width)
        others = {name: _filled(each, height) for name, each in others.items()}
        answers, own = self._model.ask(
            self._inputs.packed(_filled(block, height), others),
            None if weights is None else _filled(weights, height),
        )
        return answers[: len(samples)], own[: len(samples)]

    def _packed(self, samples: IntArray, width: int) -> Any:
        """The undisturbed inputs, as the model takes them."""
        return self._inputs.packed(*self._inputs.taken(samples, width))

    def _probed(self) -> _Probe:
        """The longest samples, and that the model says the same of them again."""
        counts = self._inputs.counts
        array = self._inputs.array
        width = self._inputs.width
        if not array.size or (array.dtype.kind == "i" and not array.any()):
            raise _no_sample()
        present = (array != 0).any(axis=tuple(range(2, array.ndim))).sum(axis=1)
        if counts is not None and not self._inputs.is_fixed:
            # Of one position nothing could be left.
            several = counts[counts > 1] if (counts > 1).any() else counts[counts > 0]
            width = _commonest(several)
            present = np.where(counts == width, present + 1, 0)
        samples = np.argsort(-present, kind="stable")[:_PROBED]
        answers, weights = self._ask(samples, width)
        again, _ = self._ask(samples, width)
        if np.abs(answers - again).max() > _SAME:
            raise ArgumentError(
                "The model answers the same samples differently each time.",
                expected="answers that depend on the inputs alone",
                received=f"differences of up to {np.abs(answers - again).max():.2g}",
                fix="Turn off what is random in it, such as dropout with "
                "training=True.",
            )
        self._weights_of_one = int(np.prod(weights.shape[1:]))
        return _Probe(samples, width, answers, weights)

    def _found_reads(self, positions: Reads | None, probe: _Probe) -> BoolArray | None:
        """Which positions each key reads, ``(keys, positions)``; None: its own."""
        keys = probe.weights.shape[-1]
        if positions is None:
            if keys != probe.width:
                raise ArgumentError(
                    f"The keys of the layer '{self._model.key}' are not the positions "
                    "of the input.",
                    expected=f"{probe.width} keys",
                    received=str(keys),
                    fix="Say which position each key reads: positions=.",
                )
            return None
        if self._inputs.counts is not None and not self._inputs.is_fixed:
            raise ArgumentError(
                "Where keys are not positions, all samples have to be of one length.",
                expected="a filled up array and lengths=, beside positions=",
            )
        given: Any = map(positions, range(keys)) if callable(positions) else positions
        rows = [np.atleast_1d(np.asarray(each)) for each in given]
        if len(rows) != keys or any(
            each.dtype.kind != "i" or each.max(initial=0) >= probe.width
            for each in rows
            if each.size
        ):
            raise ArgumentError(
                "'positions' does not say which position each key reads.",
                expected=f"for each of {keys} keys whole numbers below {probe.width}",
                received=f"{len(rows)} entries",
            )
        reads = np.zeros((keys, probe.width), bool)
        for row, each in zip(reads, rows, strict=True):
            row[each[each >= 0].astype(int)] = True
        return reads

    def _masks(self, hole: Hole, probe: _Probe) -> bool:
        """Whether a position is masked out by a hole: no weight is left on it."""
        valid = hole.valid(self._inputs)[probe.samples, : probe.width]
        rows = np.arange(len(valid))
        top = probe.weights.mean(axis=(1, 2)).argmax(axis=1)
        gone = np.arange(probe.width) == top[:, None]
        if self._reads is not None:
            gone = self._reads[top]
        usable = (gone & valid).any(axis=1) & (~gone & valid).any(axis=1)
        if not usable.any():
            return False
        _, weights = self._ask(probe.samples, probe.width, replace=hole.dig, gone=gone)
        before, after = (
            each[rows, :, :, top][usable] for each in (probe.weights, weights)
        )
        if probe.weights.shape[2] == probe.width:
            # What a query that is masked out looks at is of no account.
            alive = (valid & ~gone)[usable][:, None]
            before, after = before * alive, after * alive
        return bool(before.max() > _NO_WEIGHT >= after.max())

    def _found_valid(
        self, hole: Hole | None, lengths: Sequence[int] | IntArray | None
    ) -> BoolArray:
        """The positions that there are, ``(samples, positions)``."""
        shape = self._inputs.array.shape[:2]
        valid = np.ones(shape, bool) if hole is None else hole.valid(self._inputs)
        for each in (self._inputs.counts, lengths):
            if each is None:
                continue
            counts = np.asarray(each)
            expected = f"{shape[0]} whole numbers from 0 to {shape[1]}, one a sample"
            if counts.shape != shape[:1] or counts.dtype.kind not in "iu":
                raise wrong_value("lengths", each, expected)
            inside = (counts >= 0) & (counts <= shape[1])
            _check_each("lengths", counts, inside, expected)
            valid = valid & (np.arange(shape[1]) < counts[:, None])
        return valid

    def _found_queries(self, query: int | None, probe: _Probe) -> IntArray | None:
        """The query of each sample whose weights are meant; None: all of them."""
        queries, keys = probe.weights.shape[2:]
        if query is None:
            return None
        is_whole = isinstance(query, int | np.integer) and not isinstance(query, bool)
        if not is_whole or not -queries <= query < queries:
            raise wrong_value(
                "query", query, f"a whole number from {-queries} to {queries - 1}"
            )
        if query >= 0:
            return np.full(len(self._sizes), query)
        if queries == keys and self._reads is None:
            last = np.maximum(self._sizes + query, 0)
            return np.take_along_axis(self._keys, last[:, None], axis=1)[:, 0]
        return np.full(len(self._sizes), queries + query)

    def _found_widths(self, is_masked: bool) -> IntArray:
        """The width that each sample is run at.

        Where padding is masked out, samples are cut or filled up to one of a few
        widths, if that leaves their answers as they are.
        """
        inputs = self._inputs
        full = np.full(len(self._sizes), inputs.width)
        exact = full if inputs.counts is None or inputs.is_fixed else inputs.counts
        if not is_masked or inputs.is_fixed or self._reads is not None:
            return exact
        last = inputs.width - np.argmax(self._valid[:, ::-1], axis=1)
        buckets = np.array(length_buckets(inputs.width))
        widths = buckets[bucket_of(last, buckets.tolist())]
        others = self.indices[widths[self.indices] != exact[self.indices]]
        if not len(others):
            return widths
        pairs = list(zip(exact[others], widths[others], strict=True))
        before, after = Counter(pairs).most_common(1)[0][0]
        samples = others[(exact[others] == before) & (widths[others] == after)]
        answers = [
            self._ask(samples[:_PROBED], int(width))[0] for width in (before, after)
        ]
        return widths if np.abs(answers[0] - answers[1]).max() <= _SAME else exact


def _names_of_classes(classes: Sequence[str] | None, count: int) -> tuple[str, ...]:
    if classes is None:
        return tuple(str(at) for at in range(count))
    names = () if isinstance(classes, str) else tuple(classes)
    is_right = all(isinstance(name, str) for name in names)
    if not is_right or len(set(names)) != count or len(names) != count:
        raise wrong_value("classes", classes, f"{count} different names")
    return names


def _start(erase: Erase, array: Array, data: Positions) -> Any:
    """What stands for nothing where gradients are integrated; None: zero vectors."""
    if erase.id is not None:
        return erase.id
    if erase.value is not None:
        return np.asarray(erase.value)
    return None if array.dtype.kind == "i" else data.mean


def _check_value(value: tuple[int, ...], sample: tuple[int, ...]) -> None:
    try:
        fits = np.broadcast_shapes(value, sample) == sample
    except ValueError:
        fits = False
    if not fits:
        raise ArgumentError(
            "The value of the eraser does not fit the input.",
            expected=f"a number, or one for each feature of a sample {sample}",
            received=f"shape {value}",
        )


def _check_each(name: str, given: Array, is_right: BoolArray, expected: str) -> None:
    """Refuse a number a sample, naming the first that is wrong."""
    if not is_right.all():
        sample = int(np.argmin(is_right))
        raise ArgumentError(
            f"'{name}' has a wrong value.",
            expected=expected,
            received=f"{given[sample]} for sample {sample}",
        )


def _no_sample() -> DataError:
    return DataError(
        "There is no sample to examine.",
        expected="samples with a position or more that is not masked out",
    )


def _commonest(counts: IntArray) -> int:
    return int(Counter(counts.tolist()).most_common(1)[0][0])


def _filled(array: Array, height: int) -> Array:
    """An array with its last row repeated up to a height."""
    missing = height - len(array)
    if missing <= 0:
        return array
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)])
