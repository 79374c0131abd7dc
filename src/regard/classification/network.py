"""The network of a text classifier: features, attention pooling, classes."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import keras
from keras import ops

from regard.classification.config import TextClassifierConfig
from regard.classification.evidence_pooling import (
    Evidence,
    EvidencePooling,
    LabelEvidencePooling,
)
from regard.classification.temperature import (
    PROBABILITIES,
    TemperedSigmoid,
    TemperedSoftmax,
)
from regard.errors import ArgumentError
from regard.layers import GRU, AttentionPooling

Tensor = Any
Shape = tuple[int | None, ...]

#: The name of the layer whose attention says what a prediction rests on.
ATTENTION = "attention"
EMBEDDING, CLASSES = "features", "classes"
_AROUND = "around"


def build_text_classifier(
    config: TextClassifierConfig,
    *,
    rows: int,
    ngrams: int,
    width: int,
    classes: int,
    seed: int,
    frozen: int = 0,
    several: bool = False,
) -> keras.Model:
    r"""A network that reads features of tokens and gives probabilities.

    .. math::
        p = \mathrm{softmax}(z / T), \qquad z = b + \sum_t w_t e_t

    with :math:`e_t` the evidence (``Evidence``) of the embedding of token :math:`t`
    (``FeatureEmbedding``) and :math:`w` the attention on it (``EvidencePooling``).
    Where ``config.sharpness`` is 0 the attention is learned instead
    (``AttentionPooling``, score ``"context"``), with several heads and the state of a
    bidirectional GRU beside each embedding as ``config`` asks for them. The temperature
    :math:`T` (``TemperedSoftmax``) is 1 while the rest is trained. Where a text may
    have several labels each has its own attention (``LabelEvidencePooling``), and in
    place of the softmax there is a sigmoid (``TemperedSigmoid``).

    Args:
        config: The settings.
        rows: The number of features, row 0 for none included.
        ngrams: How many of the columns hold n-grams of words.
        width: The number of columns, the features of a token.
        classes: The number of classes.
        seed: What the initial weights and the dropout depend on, and nothing else.
        frozen: Of how many of the first rows a part is not trained.
        several: Whether a text may have several labels.

    Returns:
        A model from features ``(batch, time, width)`` to probabilities ``(batch,
        classes)``.
    """
    # No backend takes a wider seed.
    seeds = (number % 2**31 for number in count(1000 * seed))
    features = keras.Input((None, width), dtype="int32", name="tokens")
    states = FeatureEmbedding(
        rows,
        config.embedding_units,
        ngrams,
        dropout=config.feature_dropout,
        seed=next(seeds),
        frozen=frozen,
        name=EMBEDDING,
    )(features)
    probabilities = classified(states, classes, config, seeds, several=several)
    return keras.Model(features, probabilities, name="text_classifier")


def classified(
    states: keras.KerasTensor,
    classes: int,
    config: TextClassifierConfig,
    seeds: Iterator[int],
    *,
    several: bool = False,
) -> keras.KerasTensor:
    """The probabilities of classes, by attention over the states of tokens.

    Args:
        states: ``(batch, time, units)``, with a mask.
        classes: The number of classes.
        config: The settings.
        seeds: What the initial weights and the dropout depend on.
        several: Whether a text may be in several.

    Returns:
        ``(batch, classes)``.
    """
    if config.sharpness:
        pooling = LabelEvidencePooling if several else EvidencePooling
        logits = _evidence_pooled(states, classes, config, seeds, pooling)
    else:
        logits = _states_pooled(states, classes, config, seeds)
    squashing = TemperedSigmoid if several else TemperedSoftmax
    probabilities: keras.KerasTensor = squashing(name=PROBABILITIES)(logits)
    return probabilities


def _evidence_pooled(
    states: keras.KerasTensor,
    classes: int,
    config: TextClassifierConfig,
    seeds: Iterator[int],
    pooling: type[EvidencePooling],
) -> keras.KerasTensor:
    """The logits of attention on the evidence of each token."""
    # The same units in all of a text, as if they were left out of what is pooled.
    dropped = keras.layers.Dropout(
        config.dropout, noise_shape=(None, 1, None), seed=next(seeds)
    )(states)
    evidence = Evidence(
        classes,
        kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
        name=CLASSES,
    )(dropped)
    return pooling(dropout=config.attention_dropout, seed=next(seeds), name=ATTENTION)(
        evidence
    )


def _states_pooled(
    states: keras.KerasTensor,
    classes: int,
    config: TextClassifierConfig,
    seeds: Iterator[int],
) -> keras.KerasTensor:
    """The logits of what a learned attention pools."""
    initializers = keras.initializers
    if config.recurrent_units:
        states = _with_context(states, config, seeds)
    context = AttentionPooling(
        score="context",
        units=config.attention_units,
        num_heads=config.num_heads,
        dropout=config.attention_dropout,
        # A score that starts small starts as the mean, and departs from it slowly.
        kernel_initializer=initializers.VarianceScaling(0.1, seed=next(seeds)),
        seed=next(seeds),
        name=ATTENTION,
    )(states)
    context = keras.layers.Dropout(config.dropout, seed=next(seeds))(context)
    return keras.layers.Dense(
        classes,
        kernel_initializer=initializers.GlorotUniform(seed=next(seeds)),
        name=CLASSES,
    )(context)


def with_evidence(model: keras.Model) -> keras.Model:
    r"""A classifier that also says what each of its tokens has to say.

    .. math::
        z_k = b_k + \sum_t \sum_h a_{ht} \, e_{thk}, \qquad e_{thk} = h_t \cdot W_{hk}

    The logits :math:`z` are a sum over tokens, because nothing stands between the
    pooled vector and the output layer.

    Args:
        model: A model of ``build_text_classifier``; its weights are shared.

    Returns:
        A model with two outputs, the probabilities and the evidence :math:`e`
        ``(batch, time, heads, classes)`` in nats, at temperature 1.
    """
    attention = model.get_layer(ATTENTION)
    pooled = keras.tree.flatten(attention.input)[0]
    if isinstance(attention, EvidencePooling):
        evidence = ops.expand_dims(pooled, 2)
    else:
        evidence = _Read(model.get_layer(CLASSES), attention.num_heads)(pooled)
    return keras.Model(model.input, [model.output, evidence], name=model.name)


def settings_of(model: keras.Model) -> dict[str, Any]:
    """The settings that a classifier was built with, as far as its layers tell."""
    layers = {layer.name: layer for layer in model.layers}
    settings = {"embedding_units": layers[EMBEDDING].units}
    if not isinstance(layers[ATTENTION], EvidencePooling):
        settings["num_heads"] = layers[ATTENTION].num_heads
        around = layers.get(_AROUND)
        settings["recurrent_units"] = 0 if around is None else _width(around)
    return settings


def _width(around: Any) -> int:
    return int(around.forward_layer.units)


def is_of_labels(model: keras.Model) -> bool:
    """Whether each label has an attention of its own."""
    return isinstance(model.get_layer(ATTENTION), LabelEvidencePooling)


def bias_of(model: keras.Model) -> Tensor:
    """The variable ``(classes,)`` that is added to the logits."""
    attention = model.get_layer(ATTENTION)
    holds_it = isinstance(attention, EvidencePooling)
    return (attention if holds_it else model.get_layer(CLASSES)).bias


class _Read(keras.layers.Layer):
    """What the output layer reads in each state, for each head and class."""

    def __init__(self, classes: keras.layers.Dense, heads: int) -> None:
        super().__init__(name="evidence")
        self._classes, self._heads = classes, heads
        self.supports_masking = True

    def call(self, states: Tensor) -> Tensor:
        kernel = self._classes.kernel
        shape = (self._heads, states.shape[-1], kernel.shape[-1])
        return ops.einsum("btf,hfc->bthc", states, ops.reshape(kernel, shape))


def _with_context(
    states: keras.KerasTensor, config: TextClassifierConfig, seeds: Iterator[int]
) -> keras.KerasTensor:
    """The states, and beside each what a recurrent layer knows there."""
    dropped = keras.layers.Dropout(config.dropout, seed=next(seeds))(states)
    layer = GRU(
        config.recurrent_units,
        return_sequences=True,
        kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
        recurrent_initializer=keras.initializers.Orthogonal(seed=next(seeds)),
        seed=next(seeds),
        name="gru",
    )
    around = keras.layers.Bidirectional(layer, name=_AROUND)(dropped)
    return keras.layers.Concatenate(name="states")([states, around])


@keras.saving.register_keras_serializable(package="regard")
class FeatureEmbedding(keras.layers.Layer):
    r"""Sum of the embeddings of the features of a token.

    .. math::
        h_t = \sum_{i \le n} E_{x_{ti}} + \frac{1}{\sqrt{m_t}} \sum_{i > n} E_{x_{ti}}

    over the ``ngrams`` first columns, and over the :math:`m_t` pieces of the word that
    are known. Row 0 means that there is no such feature and adds nothing.

    Args:
        rows: The number of features, row 0 included.
        units: The width of the embedding.
        ngrams: How many columns hold n-grams; the rest hold pieces of the word.
        dropout: The share of features left out in training, each for itself; the
            others are scaled up by as much.
        seed: What the dropout depends on.
        frozen: Of how many of the first rows, words, a part is not trained, which is
            added to the embedding of their tokens and never dropped.
        **kwargs: What every Keras layer takes.

    Attributes:
        table: :math:`E`, ``(rows, units)``.
        frozen_table: That part, ``(frozen, units)``; None where there is none.

    Call arguments:
        inputs: Rows of features.
        training: Whether dropout is on.

    Input shape:
        ``(batch, time, features)``, integers from 0 to ``rows - 1``.

    Output shape:
        ``(batch, time, units)``. The mask is True where the first column is not 0.

    References:
        Bojanowski et al.: Enriching word vectors with subword information (2017),
        https://aclanthology.org/Q17-1010.
    """

    def __init__(
        self,
        rows: int,
        units: int,
        ngrams: int,
        dropout: float = 0.0,
        seed: int | None = None,
        *,
        frozen: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rows, self.units, self.ngrams = rows, units, ngrams
        self.frozen, self.frozen_table = frozen, None
        self.dropout, self.seed = dropout, seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Make the table; it starts at zero, see ``start_randomly``."""
        if len(input_shape) != 3 or (input_shape[-1] or self.ngrams) < self.ngrams:
            raise ArgumentError(
                "The features of tokens have another shape.",
                expected=f"(batch, time, {self.ngrams} or more)",
                received=str(input_shape),
            )
        self.table = self.add_weight(
            shape=(self.rows, self.units), initializer="zeros", name="table"
        )
        if self.frozen:
            self.frozen_table = self.add_weight(
                shape=(self.frozen, self.units),
                initializer="zeros",
                trainable=False,
                name="frozen_table",
            )

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Embed each token; see the class for arguments and shapes."""
        present = ops.cast(ops.not_equal(inputs, 0), self.compute_dtype)
        shares = ops.concatenate(
            [present[..., : self.ngrams], self._spread(present[..., self.ngrams :])],
            axis=-1,
        )
        if training and self.dropout:
            shares = keras.random.dropout(
                shares, self.dropout, seed=self.seed_generator
            )
        table = ops.cast(self.table, self.compute_dtype)
        if not training and isinstance(inputs.shape[-1], int):
            return self._with_frozen(_summed(table, inputs, shares), inputs)
        embedded = ops.take(table, inputs, axis=0)
        return self._with_frozen(ops.sum(embedded * shares[..., None], axis=2), inputs)

    def _with_frozen(self, embedded: Tensor, inputs: Tensor) -> Tensor:
        if self.frozen_table is None:
            return embedded
        table = ops.cast(self.frozen_table, self.compute_dtype)
        return embedded + ops.take(table, inputs[..., 0], axis=0)

    def _spread(self, present: Tensor) -> Tensor:
        known = ops.sum(present, axis=-1, keepdims=True)
        return present / ops.sqrt(ops.maximum(known, 1.0))

    def compute_mask(
        self,
        inputs: Tensor,
        previous_mask: Tensor | None = None,  # noqa: ARG002 - Keras gives it
    ) -> Tensor:
        """True where there is a token."""
        return ops.not_equal(inputs[..., 0], 0)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The shape of the embedded tokens."""
        return (*input_shape[:2], self.units)

    def get_config(self) -> dict[str, Any]:
        """The arguments the layer can be made anew from."""
        return {
            **super().get_config(),
            "rows": self.rows,
            "units": self.units,
            "ngrams": self.ngrams,
            "dropout": self.dropout,
            "seed": self.seed,
            **({"frozen": self.frozen} if self.frozen else {}),
        }


def _summed(table: Tensor, rows: Tensor, shares: Tensor) -> Tensor:
    """The sum over columns of ``table[rows] * shares``, column by column.

    XLA makes one loop of it and keeps no embedding of a feature: on a CPU an eighth of
    the time. Its gradient would take longer than that of one lookup.
    """
    columns = range(rows.shape[-1])
    return sum(
        ops.take(table, rows[..., column], axis=0) * shares[..., column, None]
        for column in columns
    )
