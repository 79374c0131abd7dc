"""How often answers are right: by what labels, and with words erased at random."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from regard._validate import check_each, wrong_value
from regard.errors import ArgumentError, listed
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


class SampleClasses:
    """The classes of a model by what they are called, and those of its samples.

    Args:
        names: What the classes are called, in their order; None: by their numbers.
        classes: How many there are.
        samples: The number of samples that were given.

    Raises:
        ArgumentError: There are not as many different names.
    """

    def __init__(self, names: Sequence[str] | None, classes: int, samples: int) -> None:
        self._has_names, self._samples = names is not None, samples
        #: What each class is called.
        self.names: tuple[str, ...] = tuple(map(str, range(classes)))
        if names is not None:
            self.names = () if isinstance(names, str) else tuple(names)
            is_right = all(isinstance(name, str) for name in self.names)
            if not is_right or not len(set(self.names)) == len(self.names) == classes:
                raise wrong_value("classes", names, f"{classes} different names")

    def of(self, labels: Sequence[Any]) -> IntArray:
        """The class of each sample, by its name, its number or one number a class.

        Raises:
            ArgumentError: There are more or fewer, or labels that the model has not.
        """
        given, classes = np.asarray(labels), len(self.names)
        if given.dtype.kind in "UO" and given.ndim == 1 and self._has_names:
            numbers = {name: at for at, name in enumerate(self.names)}
            known = np.array([numbers.get(each, -1) for each in given.tolist()])
            expected = f"{self._samples} of {listed(self.names)}"
            check_each("labels", given, known >= 0, expected)
            given = known
        if given.ndim == 2:
            given = given[:, 0] if given.shape[1] == 1 else given.argmax(axis=1)
        expected = f"{self._samples} whole numbers from 0 to {classes - 1}"
        if given.shape != (self._samples,) or given.dtype.kind not in "biuf":
            raise wrong_value("labels", labels, expected)
        check_each("labels", given, np.isin(given, range(classes)), expected)
        return given.astype(np.int64)


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
