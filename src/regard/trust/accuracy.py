"""What erasing alone costs: how often answers are right, words erased at random."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from regard.errors import ArgumentError
from regard.trust.erasure import FRACTIONS, key_counts, ranks
from regard.trust.subject import Subject
from regard.types import IntArray

# Beside those of an examination, whose draws depend on the seed and the text alone.
_STREAM = 1
# The texts that are asked for at a time.
_PART = 32


@runtime_checkable
class Answerable(Protocol):
    """A subject that knows classes by their labels."""

    def classes_of(self, labels: Sequence[Any]) -> IntArray:
        """The class of each text, by the labels of all data that were given.

        Raises:
            ArgumentError: There are more or fewer, or labels that the model has not.
        """


def true_classes(subject: Subject, labels: Sequence[Any]) -> IntArray:
    """The class that each text of a subject should be given.

    Args:
        subject: The model and its texts.
        labels: A label for each of the data that were given.

    Raises:
        ArgumentError: They do not fit the data, or the model has no classes.
    """
    if not isinstance(subject, Answerable):
        raise ArgumentError(
            "A model of this kind has no labels.",
            expected="labels=None",
        )
    return subject.classes_of(labels)


def accuracy_after_erasing(
    subject: Subject, texts: IntArray, lengths: IntArray, truth: IntArray, seed: int
) -> dict[str, float]:
    """How often answers are right, before and after erasing keys at random.

    An accuracy that falls at once says that what is left is no text to the model.

    Args:
        subject: The model and its texts; they are erased by its first eraser.
        texts: ``(texts,)``, the indices of those that were examined.
        lengths: ``(texts,)``, their numbers of keys.
        truth: The class of each text of the subject.
        seed: What the order depends on, together with the index of a text.

    Returns:
        Shares of the texts by name, for each of ``FRACTIONS``.
    """
    right = np.zeros((len(texts), 1 + len(FRACTIONS)))
    for start in range(0, len(texts), _PART):
        part = texts[start : start + _PART]
        rows = right[start : start + _PART]
        sizes = lengths[start : start + _PART]
        valid = np.arange(sizes.max()) < sizes[:, None]
        drawn = np.zeros((2, *valid.shape))
        for row, (text, length) in enumerate(
            zip(part.tolist(), sizes.tolist(), strict=True)
        ):
            generator = np.random.default_rng([seed, text, _STREAM])
            drawn[:, row, :length] = generator.random((2, length))
        order, draws = drawn
        places = ranks(order, valid, order)
        counts, _ = key_counts(sizes)
        # Before, nothing is erased.
        for column, erased in enumerate([np.zeros_like(sizes), *counts.T]):
            keep = valid & (places >= erased[:, None])
            answers = subject.erased(part, keep, subject.erasers[0], draws)
            rows[:, column] = answers.argmax(axis=-1) == truth[part]
    names = ["accuracy", *(f"accuracy, {share:.0%} erased" for share in FRACTIONS)]
    return dict(zip(names, right.mean(axis=0).tolist(), strict=True))
