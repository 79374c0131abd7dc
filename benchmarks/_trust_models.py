"""Models of which it is known what their attention deserves, in plain Keras."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
from keras import ops

import regard
from _trust_texts import Texts
from regard.observation.predictor import Predictor
from regard.runtime import compile_function
from regard.text.padding import bucket_of, length_buckets, pad
from regard.trust import Baseline

EMBEDDING, STATES, ATTENTION, CLASSES = "embedding", "states", "attention", "classes"
#: No text has more tokens.
LONGEST = 402
#: Of targets and weights of a batch to a loss.
Loss = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Network:
    """The sizes of a network.

    Args:
        rows: The number of ids.
        classes: The number of labels.
        embedding: The width of an embedded word.
        encoder: What is between words and attention: ``"none"``, ``"tanh"`` (each
            word by itself), ``"gru"`` or ``"lstm"`` (both directions), or
            ``"forward lstm"`` (one).
        units: The width of the encoder, of each direction.
        score: The score of the attention, as ``AttentionPooling`` has it, or
            ``"dot"``, see ``DotPooling``.
        score_units: The width of its hidden layer.
        even: Whether all scores are 0 and stay so.
        moved: Whether scores go to other words, see ``MovedPooling``.
        sink: The share of the weights that the first word draws, which has no value;
            None: it is a word like others.
        spread: The standard deviation of the first embeddings; None: as Keras has it.
        start: How other weights begin: as ``"keras"`` has it or as ``"pytorch"`` does.
    """

    rows: int
    classes: int
    embedding: int = 32
    encoder: str = "none"
    units: int = 32
    score: str = "context"
    score_units: int | None = 32
    even: bool = False
    moved: bool = False
    sink: float | None = None
    spread: float | None = None
    start: str = "keras"

    def build(self, seed: int) -> "Trained":
        """The network with its first weights."""
        keras.utils.set_random_seed(seed)
        ids = keras.Input((None,), dtype="int32", name="ids")
        table = keras.layers.Embedding(
            self.rows,
            self.embedding,
            "uniform"
            if self.spread is None
            else keras.initializers.RandomNormal(stddev=self.spread),
            mask_zero=True,
            embeddings_constraint=None if self.sink is None else LastIsZero(),
            name=EMBEDDING,
        )
        states = self._states(table(ids))
        pooling = self._pooling()
        context, weights = pooling(states, return_attention_scores=True)
        classes = keras.layers.Dense(self.classes, activation="softmax", name=CLASSES)
        answers = classes(context)
        model = keras.Model(ids, answers)
        if self.start == "pytorch":
            _start_as_pytorch(model, seed)
        return Trained(
            model,
            keras.Model(ids, [answers, weights[:, 0]]),
            keras.Model(ids, states),
        )

    def _pooling(self) -> keras.Layer:
        layer = MovedPooling if self.moved else regard.layers.AttentionPooling
        options: dict[str, Any] = {}
        if self.even:
            options = {"kernel_initializer": "zeros", "trainable": False}
        if self.sink is not None:
            return SinkPooling(self.sink, units=self.score_units, name=ATTENTION)
        if self.score == "dot":
            return DotPooling(name=ATTENTION)
        units = self.score_units if self.score == "context" else None
        return layer(self.score, units=units, name=ATTENTION, **options)

    def _states(self, embedded: Any) -> Any:
        if self.encoder == "none":
            return embedded
        if self.encoder == "tanh":
            dense = keras.layers.Dense(self.units, activation="tanh", name=STATES)
            return dense(embedded)
        if self.encoder == "forward lstm":
            forward = regard.layers.LSTM(self.units, return_sequences=True, name=STATES)
            return forward(embedded)
        layer = {"gru": regard.layers.GRU, "lstm": regard.layers.LSTM}[self.encoder]
        around = keras.layers.Bidirectional(
            layer(self.units, return_sequences=True), name=STATES
        )
        return around(embedded)


def _start_as_pytorch(model: keras.Model, seed: int) -> None:
    """Weights of its ``Linear`` and ``LSTM``: even, within one over a root.

    That of the number of inputs, of an LSTM that of its units; a bias as its kernel.
    """
    random = np.random.default_rng(seed)
    for layer in model.layers:
        bound = 0.0
        for weight in [] if layer.name == EMBEDDING else layer.trainable_variables:
            recurrent = "lstm" in weight.path
            if len(weight.shape) == 2:
                units = weight.shape[1] // 4 if recurrent else weight.shape[0]
                bound = units**-0.5
            # A recurrent layer of PyTorch has two biases, which are added.
            addends = 2 if recurrent and len(weight.shape) == 1 else 1
            drawn = random.uniform(-bound, bound, (addends, *weight.shape))
            weight.assign(drawn.sum(axis=0))


@keras.saving.register_keras_serializable(package="benchmarks")
class DotPooling(regard.layers.AttentionPooling):
    r"""Attention by :math:`w^\top h_j / \sqrt{d}` of states of width :math:`d`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("linear", **kwargs)

    def _state_scores(self, states: Any, mask: Any) -> Any:
        return super()._state_scores(states, mask) / states.shape[-1] ** 0.5


class LastIsZero(keras.constraints.Constraint):
    """The last row is zero: that of a word without value."""

    def __call__(self, w: Any) -> Any:
        """The table, with a last row of zeros."""
        return w * ops.cast(ops.arange(w.shape[0]) < w.shape[0] - 1, w.dtype)[:, None]


@keras.saving.register_keras_serializable(package="benchmarks")
class SinkPooling(regard.layers.AttentionPooling):
    """Attention of which a first word without value draws a share."""

    def __init__(self, share: float, **kwargs: Any) -> None:
        super().__init__("context", **kwargs)
        self.share = share

    def _state_scores(self, states: Any, mask: Any) -> Any:
        scores = super()._state_scores(states, mask)
        others = scores[..., 1:]
        valid = others if mask is None else ops.where(mask[:, None, 1:], others, -1e9)
        odds = np.log(self.share / (1 - self.share))
        drawn = ops.logsumexp(valid, axis=-1, keepdims=True) + odds
        is_sink = ops.all(states[:, :1] == 0, axis=-1)[:, None]
        first = ops.where(is_sink, drawn, scores[..., :1])
        return ops.concatenate([first, others], axis=-1)


@keras.saving.register_keras_serializable(package="benchmarks")
class MovedPooling(regard.layers.AttentionPooling):
    """Attention whose scores go to other words than they were computed on.

    To which is a fixed function of the ids and of where they stand. Scores are brought
    to one size, so that not all weight is on one word.
    """

    def _state_scores(self, states: Any, mask: Any) -> Any:
        scores = super()._state_scores(states, mask)
        places = ops.arange(states.shape[1] or ops.shape(states)[1])
        steps = ops.cast(places, states.dtype)
        valid = ops.ones_like(states[..., 0], "bool") if mask is None else mask
        # One number of an embedding, so that no order of a sum has a say.
        key = ops.sin(571.0 * states[..., 0] + 2.3 * steps)
        present = ops.cast(valid, scores.dtype)[:, None]
        count = ops.maximum(ops.sum(present, axis=-1, keepdims=True), 1.0)
        centred = scores - ops.sum(scores * present, axis=-1, keepdims=True) / count
        square = ops.sum(centred**2 * present, axis=-1, keepdims=True) / count
        scores = 2.5 * ops.tanh(centred / ops.sqrt(square + 1e-9) / 2)
        rank = ops.argsort(ops.argsort(ops.where(valid, key, 9.0)))
        packed = ops.argsort(ops.where(valid, places, places + 10_000))
        source = ops.take_along_axis(packed, rank, axis=1)
        return ops.take_along_axis(scores, source[:, None], axis=2)


@dataclass(frozen=True, eq=False)
class Trained:
    """A network.

    Args:
        model: From ids to probabilities.
        guided: From ids to probabilities and weights ``(batch, time)``.
        encoder: From ids to the states that are weighed.
    """

    model: keras.Model
    guided: keras.Model
    encoder: keras.Model

    def answers(self, texts: Texts) -> Any:
        """The probabilities, ``(texts, classes)``."""
        return self.predictor.predict(texts.ids)

    def accuracy(self, texts: Texts) -> float:
        """The share of texts whose label is the likeliest."""
        return float((self.answers(texts).argmax(axis=-1) == texts.labels).mean())

    def weights(self, texts: Texts) -> list[Any]:
        """The weights on each text, ``(tokens,)``."""
        seen = self.predictor.observe(texts.ids).attention
        return [each[ATTENTION].weights[0] for each in seen]

    def mass(self, texts: Texts) -> float:
        """The mean share of the weights on the evidence."""
        pairs = zip(self.weights(texts), texts.evidence, strict=True)
        return float(np.mean([weights[marks].sum() for weights, marks in pairs]))

    @cached_property
    def predictor(self) -> Predictor:
        """Runs the model, compiled for few shapes."""
        return Predictor(self.model, LONGEST, batch_sizes=(32, 256))

    def states(self, rows: Sequence[Any]) -> list[Any]:
        """The states of texts, of each ``(tokens, features)``."""
        found: list[Any] = [None] * len(rows)
        for members, padded in in_batches(rows, 32):
            for row, states in zip(members, self._encode(padded), strict=False):
                found[row] = states[: len(rows[row])]
        return found

    @cached_property
    def _encode(self) -> Any:
        def states(ids: Any) -> Any:
            return self.encoder(ids, training=False)

        return compile_function(self.encoder, states)

    @property
    def head(self) -> Any:
        """From states to logits, ``(features, classes)``, their mean taken off.

        The softmax does not see what all logits share.
        """
        kernel = self.model.get_layer(CLASSES).get_weights()[0]
        return kernel - kernel.mean(axis=1, keepdims=True)


def in_batches(rows: Sequence[Any], size: int) -> Iterator[tuple[list[int], Any]]:
    """Rows by the bucket of their length, as their indices and a padded batch."""
    lengths = length_buckets(LONGEST)
    buckets = bucket_of(np.array([len(each) for each in rows]), lengths)
    for bucket in np.unique(buckets).tolist():
        inside = np.flatnonzero(buckets == bucket)
        for start in range(0, len(inside), size):
            members = inside[start : start + size].tolist()
            chosen = [rows[row] for row in members]
            yield members, pad(chosen, size, lengths[bucket])


class IdsSubject:
    """A network and the texts it is examined on.

    Args:
        trained: The network.
        rows: The ids of each text.
        reported: Of weights ``(heads, tokens)`` to those that are reported of them; by
            default they are the same.
    """

    erasers: tuple[str, ...] = ("hole", "swap")

    def __init__(
        self,
        trained: Trained,
        rows: Sequence[Any],
        reported: Callable[[Any], Any] | None = None,
    ) -> None:
        self._trained, self._rows, self._reported = trained, rows, reported
        self._pool = np.concatenate(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def baseline(self, texts: Any) -> Baseline:
        """The undisturbed answers; see ``regard.trust.Subject``."""
        rows = [self._rows[text] for text in texts.tolist()]
        seen = self._trained.predictor.observe(rows)
        lengths = np.array([len(row) for row in rows])
        weights = np.zeros((len(rows), 1, lengths.max()))
        for row, each in zip(weights, seen.attention, strict=True):
            own = each[ATTENTION].weights
            shown = own if self._reported is None else self._reported(own)
            row[:, : own.shape[-1]] = shown
        labels = seen.outputs.argmax(axis=-1)
        parts = np.zeros((len(rows), lengths.max()))
        of_labels = self._trained.head[:, labels].T
        states = self._trained.states(rows)
        for row, (label, each) in enumerate(zip(of_labels, states, strict=True)):
            parts[row, : len(each)] = weights[row, 0, : len(each)] * (each @ label)
        return Baseline(
            seen.outputs.astype(float),
            weights,
            lengths,
            self.forced(texts, weights),
            {"contribution": parts},
        )

    def erased(self, texts: Any, keep: Any, eraser: str, draws: Any) -> Any:
        """The answers with words erased; see ``regard.trust.Subject``."""
        rows = []
        for text, kept, drawn in zip(texts.tolist(), keep, draws, strict=True):
            row = self._rows[text]
            others: Any = 0
            if eraser == "swap":
                places = (drawn[: len(row)] * len(self._pool)).astype(int)
                others = self._pool[places]
            rows.append(np.where(kept[: len(row)], row, others))
        return self._trained.predictor.predict(rows).astype(float)

    def forced(self, texts: Any, weights: Any) -> Any:
        """The answers under given weights; see ``regard.trust.Subject``."""
        rows = [self._rows[text] for text in texts.tolist()]
        given = [each[:, : len(row)] for row, each in zip(rows, weights, strict=True)]
        answers = self._trained.predictor.predict(rows, attention={ATTENTION: given})
        return answers.astype(float)


# Training


class _Batches(keras.utils.PyDataset):
    """Texts of about a length, whole batches, in another order each epoch."""

    def __init__(
        self, texts: Texts, targets: Any, guides: list[Any], size: int, seed: int
    ) -> None:
        super().__init__()
        self._texts, self._targets, self._guides = texts, targets, guides
        self._random, self._size = np.random.default_rng(seed), size
        self._order: list[tuple[list[int], int]] = []
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        """Draw the batches of the next epoch."""
        rows = self._texts.ids
        lengths = length_buckets(LONGEST)
        buckets = bucket_of(np.array([len(each) for each in rows]), lengths)
        self._order = []
        for bucket in np.unique(buckets).tolist():
            members = self._random.permutation(np.flatnonzero(buckets == bucket))
            # Few texts in a bucket are repeated, so that each batch is full.
            members = np.resize(members, -(-len(members) // self._size) * self._size)
            self._order += [
                (members[start : start + self._size].tolist(), lengths[bucket])
                for start in range(0, len(members), self._size)
            ]
        order = self._random.permutation(len(self._order)).tolist()
        self._order = [self._order[place] for place in order]

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        members, length = self._order[index]
        ids = pad([self._texts.ids[row] for row in members], len(members), length)
        guides = np.zeros((len(members), length), np.float32)
        for guide, row in zip(guides, members, strict=True):
            guide[: len(self._guides[row])] = self._guides[row]
        return ids, (self._targets[members], guides)


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Args:
        epochs: The most epochs; it ends when the held texts say so.
        rate: The learning rate.
        batch: The number of texts in a batch.
        answer: The loss of answers. None: cross-entropy with the labels.
        guide: What is added to it, of the guide of a text and its weights. None:
            nothing.
        patience: After so many epochs that were no better it ends.
        by: What is best: ``"loss"``, ``"accuracy"`` or ``"auc"`` on the held texts.
        passed: So many first epochs are not kept, however good they are.
    """

    epochs: int = 8
    rate: float = 2e-3
    batch: int = 32
    answer: Loss | None = None
    guide: Loss | None = None
    patience: int = 2
    by: str = "loss"
    passed: int = 0


def train(
    trained: Trained,
    parts: Sequence[Texts],
    recipe: Recipe,
    seed: int,
    *,
    targets: Sequence[Any] | None = None,
    guides: Sequence[list[Any]] | None = None,
) -> None:
    """Train a network.

    Args:
        trained: The network.
        parts: The texts that are trained on, and those that are held out.
        recipe: How.
        seed: What the order of the texts depends on.
        targets: Of both parts the answers ``(texts, classes)``, where not the labels.
        guides: Of both parts what guides the weights, of each text ``(tokens,)``;
            where not the evidence.
    """
    classes = trained.model.output_shape[-1]
    data = [
        _Batches(
            texts,
            np.eye(classes)[texts.labels] if targets is None else targets[part],
            texts.evidence if guides is None else guides[part],
            recipe.batch,
            seed + part,
        )
        for part, texts in enumerate(parts)
    ]
    # Of each label against the others: of two labels both areas are the same.
    area = keras.metrics.AUC(500, multi_label=True, num_labels=classes, name="auc")
    trained.guided.compile(
        keras.optimizers.Adam(recipe.rate, amsgrad=True),
        [recipe.answer or cross_entropy, recipe.guide or nothing],
        metrics=[["accuracy", area] if recipe.by == "auc" else ["accuracy"], []],
    )
    by_loss = recipe.by == "loss"
    best = keras.callbacks.EarlyStopping(
        "val_loss" if by_loss else f"val_{CLASSES}_{recipe.by}",
        mode="min" if by_loss else "max",
        patience=recipe.patience,
        restore_best_weights=True,
        start_from_epoch=recipe.passed,
    )
    trained.guided.fit(
        data[0],
        validation_data=data[1],
        epochs=recipe.epochs,
        callbacks=[best],
        verbose=0,
        shuffle=False,
    )


def cross_entropy(targets: Any, answers: Any) -> Any:
    """The negative log-likelihood of the labels."""
    return -ops.sum(targets * ops.log(answers + 1e-9), axis=-1)


def distance(targets: Any, answers: Any) -> Any:
    """The total variation from given answers."""
    return ops.sum(ops.abs(targets - answers), axis=-1) / 2


def nothing(_: Any, weights: Any) -> Any:
    """No loss."""
    return 0.0 * ops.sum(weights, axis=-1)


def away_from(strength: float) -> Loss:
    r"""Pruthi et al. (2020): :math:`-\lambda \log(1 - \sum_{t \in I} w_t)`.

    https://aclanthology.org/2020.acl-main.432
    """

    def loss(marks: Any, weights: Any) -> Any:
        return -strength * ops.log(1 - ops.sum(marks * weights, axis=-1) + 1e-6)

    return loss


def far_from(strength: float) -> Loss:
    r"""Wiegreffe, Pinter (2019): :math:`-\lambda \, KL(w \| w')`, far from others.

    The weights :math:`w'` are those of another network.
    https://aclanthology.org/D19-1002
    """

    def loss(others: Any, weights: Any) -> Any:
        ratio = ops.log(weights + 1e-9) - ops.log(others + 1e-9)
        return -strength * ops.sum(weights * ratio, axis=-1)

    return loss
