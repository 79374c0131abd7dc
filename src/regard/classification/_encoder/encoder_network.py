"""The network of a classifier with an encoder: pieces, states, attention, classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any

import keras
from keras import ops

from regard.classification._encoder.hub_encoder import HubEncoder
from regard.classification._encoder.text_pieces import NO_PIECE
from regard.classification.config import TextClassifierConfig
from regard.classification.network import classified
from regard.training.batches import EncodedExamples

Tensor = Any
Shape = tuple[int | None, ...]
#: The name of the backbone in the model, with which paths of its layers begin.
ENCODER = "encoder"
#: That of the layer which gives the states of the pieces of a text.
STATES = "encoded"
_AROUND = 2


@dataclass(frozen=True, eq=False)
class EncoderNetwork:
    """A network over the states of an encoder; see ``initialization.Network``.

    Args:
        encoder: The encoder, whose weights the training begins with.
    """

    encoder: HubEncoder

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """Which encoder it is."""
        return {"encoder": self.encoder.digest()}

    def build(
        self, classes: int, config: TextClassifierConfig, seed: int
    ) -> keras.Model:
        r"""A model that nothing was learned by.

        .. math::
            p = \mathrm{softmax}\left(\frac{1}{T}\Bigl(b + W \sum_t w_t h_t\Bigr)\right)

        with :math:`h_t` the states of the encoder where the pieces of the text stand,
        those around it left out, and :math:`w` learned attention over them
        (``AttentionPooling``, score ``"context"``).

        Args:
            classes: The number of classes.
            config: The settings.
            seed: What the initial weights and the dropout depend on.

        Returns:
            A model from pieces ``(batch, time)`` to probabilities ``(batch, classes)``.
        """
        # No backend takes a wider seed.
        seeds = (number % 2**31 for number in count(1000 * seed))
        backbone = self.encoder.copy(
            ENCODER, next(seeds), trainable=config.train_encoder
        )
        pieces = keras.Input((None,), dtype="int32", name="tokens")
        names = tuple(sorted(each.name for each in backbone.inputs))
        start, end, padding = self.encoder.around
        inputs = PieceInputs(start, end, padding, names, name="pieces")(pieces)
        encoded = backbone(inputs)
        if isinstance(encoded, dict):
            encoded = encoded["sequence_output"]
        states = PieceStates(name="pieces_of_text")([encoded, pieces])
        # With one input, and so a place where gradients are taken.
        states = keras.layers.Identity(name=STATES)(states)
        probabilities = classified(states, classes, config, seeds)
        return keras.Model(pieces, probabilities, name="text_classifier")

    def start(
        self,
        model: keras.Model,
        train: EncodedExamples,  # noqa: ARG002 - the encoder has learned elsewhere
        classes: int,  # noqa: ARG002 - as above
        config: TextClassifierConfig,  # noqa: ARG002 - as above
        *,
        seed: int,  # noqa: ARG002 - as above
    ) -> None:
        """Let a model start with the weights of the encoder."""
        model.get_layer(ENCODER).set_weights(self.encoder.weights)


@keras.saving.register_keras_serializable(package="regard")
class PieceInputs(keras.layers.Layer):
    """What a backbone reads, of the pieces of a text.

    Before the first piece stands the piece of the beginning, behind the last one that
    of the end. A hole in a text is hidden as padding is; what follows does not move.

    Args:
        start: The id of the piece before each text.
        end: The id of the piece behind it.
        padding: The id of padding.
        names: The names of what the backbone reads: ``token_ids``, ``padding_mask`` and
            ``segment_ids``, or some of them.
        **kwargs: What every Keras layer takes.

    Call arguments:
        inputs: Ids of pieces and 1; 0: no piece.

    Input shape:
        ``(batch, time)``, integers.

    Output shape:
        A dict by ``names``, each ``(batch, time + 2)``.
    """

    def __init__(
        self, start: int, end: int, padding: int, names: Any, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.start, self.end, self.padding = start, end, padding
        self.names = tuple(names)

    def call(self, inputs: Tensor) -> dict[str, Tensor]:
        """Put the text between its beginning and its end; see the class for shapes."""
        pieces = ops.pad(ops.cast(inputs, "int32"), [[0, 0], [1, 1]])
        places = ops.arange(ops.shape(pieces)[1], dtype="int32")[None, :]
        there = ops.cast(ops.not_equal(pieces, NO_PIECE), "int32")
        # A text without a piece ends behind its beginning.
        last = ops.max(there * places, axis=1, keepdims=True) + 1
        ids = ops.where(there > 0, pieces - 1, self.padding)
        ids = ops.where(places == 0, self.start, ids)
        ids = ops.where(places == last, self.end, ids)
        around = ops.logical_or(places == 0, places == last)
        every = {
            "token_ids": ops.cast(ids, "int32"),
            "padding_mask": ops.where(around, 1, there),
            "segment_ids": ops.zeros_like(pieces),
        }
        return {name: every[name] for name in self.names}

    def compute_output_spec(self, inputs: Any) -> dict[str, keras.KerasTensor]:
        """What it gives, of the shape of the pieces."""
        batch, time = inputs.shape
        shape = (batch, None if time is None else time + _AROUND)
        return {name: keras.KerasTensor(shape, "int32") for name in self.names}

    def get_config(self) -> dict[str, Any]:
        """The arguments the layer can be made anew from."""
        return {
            **super().get_config(),
            "start": self.start,
            "end": self.end,
            "padding": self.padding,
            "names": list(self.names),
        }


@keras.saving.register_keras_serializable(package="regard")
class PieceStates(keras.layers.Layer):
    """The states of the pieces of a text, out of those of all that a backbone read.

    Call arguments:
        inputs: The states of the backbone, and what ``PieceInputs`` was given.

    Input shape:
        ``(batch, time + 2, units)`` and ``(batch, time)``.

    Output shape:
        ``(batch, time, units)``. The mask is True where there is a piece.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any) -> Tensor:
        """Leave out what stands around a text; see the class for shapes."""
        return inputs[0][:, 1:-1]

    def compute_mask(
        self,
        inputs: Any,
        previous_mask: Tensor | None = None,  # noqa: ARG002 - Keras gives it
    ) -> Tensor:
        """True where there is a piece."""
        return ops.not_equal(inputs[1], NO_PIECE)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The shape of the states."""
        states, pieces = input_shape
        return (*pieces, states[-1])
