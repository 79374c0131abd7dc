"""The decoder with attention that the baseline of ``first-n`` was published against."""

import keras

from regard.layers.shapes import Shape
from regard.legacy import AttentionDecoder
from regard.ops.precision import Tensor

# What starts as an orthogonal matrix: the gates and the first state.
_ORTHOGONAL = ("W_s", *(f"{letter}_{gate}" for letter in "CUW" for gate in "rzpo"))


class PublishedDecoder(keras.layers.Layer):
    """``regard.legacy.AttentionDecoder`` for any number of steps, with a mask.

    Unlike in ``regard.layers.AttentionDecoder``, a prediction is made from the state
    before its step.

    Args:
        units: The width of the state.
        symbols: The number of symbols.
        steps: How many are predicted.
    """

    def __init__(self, units: int, symbols: int, steps: int) -> None:
        super().__init__()
        self.supports_masking = True
        self.steps = steps
        first = dict.fromkeys(_ORTHOGONAL, "orthogonal")
        self.decoder = AttentionDecoder(units, symbols, initializers=first)

    def build(self, memory_shape: Shape) -> None:
        """Make the weights."""
        self.decoder.build(memory_shape)

    def call(self, memory: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities ``(batch, steps, symbols)``, weights ``(batch, steps, keys)``.

        Args:
            memory: ``(batch, keys, features)``.
            valid: ``(batch, keys)``, True where a key is one.
        """
        return self.decoder.write(memory, self.steps, valid)

    def compute_mask(self, *_: object) -> None:
        """None: there is an answer for each step, whatever the keys."""
