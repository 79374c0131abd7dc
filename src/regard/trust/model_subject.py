"""A Keras model and its inputs, as an examination asks them."""

from collections.abc import Mapping, Sequence, Sized
from typing import Any

import keras
import numpy as np

from regard._validate import wrong_value
from regard.errors import ArgumentError, ObservationError
from regard.trust.accuracy import SampleClasses
from regard.trust.answers import AUTO, AnsweringModel, Answers
from regard.trust.explained_orders import ExplainedOrders, scores_of_keys
from regard.trust.inputs import Array, Inputs
from regard.trust.replacement import Erase, Positions, erasers, holes
from regard.trust.sample_batches import SampleBatches
from regard.trust.sample_keys import Reads, SampleKeys, reads_of, valid_positions
from regard.trust.subject import Baseline, BoolArray, Passage
from regard.types import FloatArray, IntArray

# The samples that are measured at a time, so few that the weights of all of them,
# shuffled some twenty times, are no burden.
_MOST_PART, _MOST_SHUFFLED = 32, 2**20


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
        asked = AnsweringModel(model, self._answers, layer, softmax)
        self._inputs = Inputs(model, x, input)
        self._inputs.check_ids()
        self._batches = SampleBatches(asked, self._inputs)
        probe = self._batches.probe
        shown = probe.weights.shape[-1], probe.width
        reads = reads_of(positions, *shown, self._inputs, asked.key)
        erase = erase or Erase()
        if erase.value is not None and self._inputs.array.dtype.kind == "i":
            self._inputs.array = self._inputs.array.astype(np.float32)
        if erase.value is not None:
            _check_value(np.shape(erase.value), self._inputs.array.shape[1:])
        ways = holes(model, self._inputs, erase.mask)
        hole = next((each for each in ways if self._batches.masks(each, reads)), None)
        if hole is not None and hole.mask is None:
            self._inputs.fill(hole.value)
        valid = valid_positions(self._inputs, hole, lengths)
        self._keys = SampleKeys(valid, reads)
        #: The index of each examined sample among those that were given.
        self.indices: IntArray = self._keys.indices
        self._keys.mean_query(query, *probe.weights.shape[2:])
        if hole is not None and reads is None:
            self._batches.fit_widths(self._keys)
        array = self._inputs.array
        by_column = array.ndim == 2 and array.dtype.kind == "f" and valid.all()
        data = Positions(array, valid, bool(by_column))
        self._replace = erasers(self._inputs, erase, hole, data)
        self.erasers: tuple[str, ...] = tuple(self._replace)
        self._classes = SampleClasses(classes, probe.answers.shape[1], len(array))
        self.labels = self._classes.names
        self._tokens = self._checked_tokens(tokens)
        self._orders = ExplainedOrders(
            model,
            asked.key,
            self._batches.packed(probe.samples),
            name=self._inputs.name if self._inputs.others else None,
            queries=self._keys.queries_meant(probe.samples),
            baseline=_start(erase, array, data),
        )
        most = _MOST_SHUFFLED // self._batches.weights_of_one
        #: The samples that are measured at a time, each under many weights at once.
        self.part = min(max(most, 1), _MOST_PART)
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
        # One unit speaks for the second class.
        is_against = (self._answers.units == 1) & (probabilities.argmax(axis=-1) == 0)
        orders, figures = scores_of_keys(
            self._orders,
            self._batches,
            self._keys,
            samples,
            np.where(is_against, -1, 1),
        )
        sizes = self._keys.sizes[samples]
        return Baseline(probabilities, weights, sizes, replayed, orders, figures)

    def _look(self, samples: IntArray) -> FloatArray:
        """The answers to samples, whose own weights are kept until the next look."""
        answers: list[Any] = [None] * len(samples)
        self._own = {}
        for rows, width in self._batches.of(samples):
            given, weights = self._batches.ask(samples[rows], width)
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
        for rows, width in self._batches.of(samples):
            gone, drawn = self._keys.at_positions(
                samples[rows], keep[rows], draws[rows]
            )
            given, _ = self._batches.ask(
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
        for rows, width in self._batches.of(samples):
            whole = [
                self._with(int(samples[row]), weights[row]) for row in rows.tolist()
            ]
            given, _ = self._batches.ask(samples[rows], width, weights=np.stack(whole))
            for row, answer in zip(rows.tolist(), given, strict=True):
                answers[row] = answer
        return np.stack(answers)

    def classes_of(self, labels: Sequence[Any]) -> IntArray:
        """The class of each sample, by the labels of all; see ``Answerable``."""
        return self._classes.of(labels)[self.indices]

    def marked(self, gold: Sequence[Any]) -> list[BoolArray]:
        """Which keys of each sample are marked, by its positions; see ``Markable``."""
        return self._keys.marked(gold)

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
        positions = np.flatnonzero(self._keys.valid[sample]).tolist()
        array = self._inputs.array
        given: Any = positions
        if self._tokens is not None:
            given = self._tokens[sample]
        elif array.dtype.kind == "i" and array.ndim == 2:
            given = array[sample, positions]
        names = dict(zip(positions, map(str, given), strict=True))
        return self._keys.names(sample, names)

    def _checked_tokens(
        self, tokens: Sequence[Sequence[str]] | None
    ) -> Sequence[Sequence[str]] | None:
        if tokens is None:
            return None
        wanted = self._keys.valid.sum(axis=1).tolist()
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
        return self._keys.weights(sample, self._own[sample])

    def _with(self, sample: int, weights: FloatArray) -> FloatArray:
        """Own weights with given ones in the place of those that are reported."""
        return self._keys.with_weights(sample, self._own[sample], weights)


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
