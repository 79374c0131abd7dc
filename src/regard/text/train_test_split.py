"""The split in two that keeps the shares of the classes."""

import numpy as np

from regard.errors import ArgumentError, DataError
from regard.text.labels import Labels
from regard.types import IntArray


def stratified_split(
    targets: IntArray, fraction: float, labels: Labels, seed: int
) -> tuple[IntArray, IntArray]:
    """Split examples in two, the same share of each class in both.

    Args:
        targets: ``(examples,)``, the index of the class of each example.
        fraction: The share of the second part, between 0 and 1. Every class has at
            least one example in each part.
        labels: The labels, for the message of the error.
        seed: What the choice depends on, and nothing else.

    Returns:
        The indices of the first and of the second part, each ascending.

    Raises:
        ArgumentError: ``fraction`` is not between 0 and 1.
        DataError: A class has a single example.
    """
    if not 0 < fraction < 1:
        raise ArgumentError(
            "The validation split is a share of the examples.",
            expected="a number between 0 and 1",
            received=str(fraction),
        )
    generator = np.random.default_rng(seed)
    held_out = np.zeros(len(targets), dtype=bool)
    for index, name in enumerate(labels.names):
        members = np.flatnonzero(targets == index)
        if len(members) < 2:
            raise _too_few(name)
        count = min(max(round(fraction * len(members)), 1), len(members) - 1)
        held_out[generator.permutation(members)[:count]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _too_few(name: str) -> DataError:
    return DataError(
        f"Class '{name}' has a single example, which cannot be both trained on and "
        "held out for validation.",
        expected="at least two examples of each class",
        fix="Add examples, give validation=(texts, labels), or validation_split=0.",
    )
