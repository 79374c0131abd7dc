"""The classes of a classifier and their order; a split that keeps their shares."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from regard._label_values import (
    KnownLabels,
    Label,
    label_kind,
    plain_label,
)
from regard._validate import check_number
from regard.errors import DataError
from regard.types import IntArray

_KINDS: Mapping[str, Callable[[str], Label]] = {
    "str": str,
    "int": int,
    "bool": {"False": False, "True": True}.__getitem__,
}


@dataclass(frozen=True)
class Labels:
    """The labels of a classifier, in the order of its probabilities.

    Labels are strings, whole numbers or truth values throughout; predictions come back
    as what was given. ``5.0`` is the whole number 5, and where numbers have a fraction
    all are strings. Looking one up goes by its text, so that the label 1 of a list and
    the "1" or "1.0" of a file are the same, and so are True and "True".

    Args:
        values: The labels, each once.
    """

    values: tuple[Label, ...]

    @classmethod
    def of(cls, labels: Sequence[Any]) -> "Labels":
        """The distinct labels of a training set, sorted.

        Raises:
            MissingValueError: A label is missing.
            DataError: A label is neither a string nor a number nor a truth value, two
                kinds occur, or there is one class only.
        """
        given = [_plain(label, index) for index, label in enumerate(labels)]
        kinds = {label_kind(label) for label in labels}
        if len(kinds) > 1:
            raise DataError(
                "The labels are of two kinds.",
                expected="strings only, numbers only, or truth values only",
                received=f"both, for example {sorted(set(given), key=str)[:4]}",
            )
        distinct: set[Any] = set(given)
        if any(isinstance(label, str) for label in distinct):
            # Of numbers, of which one has a fraction.
            distinct = {str(label) for label in distinct}
        if len(distinct) < 2:
            raise DataError(
                "A classifier needs two classes to tell apart.",
                expected="at least two different labels",
                received=f"{sorted(distinct, key=str)} in {len(labels)} examples",
            )
        return cls(tuple(sorted(distinct)))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def names(self) -> tuple[str, ...]:
        """The labels as strings."""
        return tuple(str(value) for value in self.values)

    def encode(self, labels: Sequence[Any]) -> IntArray:
        """The index of each label.

        Raises:
            DataError: A label is not among those of the training set.
        """
        places = self.find(labels)
        unknown = np.flatnonzero(places < 0).tolist()
        if unknown:
            first = str(_plain(labels[unknown[0]], unknown[0]))
            near = KnownLabels(self.names).nearest(first)
            raise DataError(
                f"Label {first!r} of example {unknown[0]} was not seen in training.",
                expected=f"one of {list(self.values)}",
                received=f"{len(unknown)} examples with other labels",
                fix=None if near is None else f"Did you mean {near!r}?",
            )
        return places

    def find(self, labels: Sequence[Any]) -> IntArray:
        """The index of each label, -1 of those that are not among these."""
        known = KnownLabels(self.names)
        index = {name: position for position, name in enumerate(self.names)}
        given = [str(_plain(label, at)) for at, label in enumerate(labels)]
        found = {label: known.find(label) for label in set(given)}
        places = {
            label: -1 if name is None else index[name] for label, name in found.items()
        }
        return np.asarray([places[label] for label in given], dtype=np.int32)

    def decode(self, indices: IntArray) -> list[Label]:
        """The labels at ``indices``, of the type they were given in."""
        return [self.values[index] for index in indices.tolist()]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON: the labels as strings and what they were."""
        return {"type": type(self.values[0]).__name__, "labels": list(self.names)}

    @classmethod
    def from_dict(cls, stored: Any) -> "Labels":
        """Read what ``to_dict`` wrote.

        Raises:
            DataError: It is something else.
        """
        try:
            kind = _KINDS[stored["type"]]
            labels = cls(tuple(kind(name) for name in stored["labels"]))
            distinct = len(set(labels.values))
        except (TypeError, KeyError, ValueError) as error:
            raise _no_labels() from error
        if not 1 < distinct == len(labels) or labels.to_dict() != stored:
            raise _no_labels()
        return labels


def train_test_split(
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
    check_number("validation_split", fraction, above=0, below=1)
    generator = np.random.default_rng(seed)
    held_out = np.zeros(len(targets), dtype=bool)
    for index, name in enumerate(labels.names):
        members = np.flatnonzero(targets == index)
        if len(members) < 2:
            raise _too_few(name)
        count = min(max(round(fraction * len(members)), 1), len(members) - 1)
        held_out[generator.permutation(members)[:count]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def stratified_folds(
    targets: IntArray, folds: int, seed: int | None = None
) -> IntArray:
    """The fold of each example: those of each class are dealt out in turn.

    Args:
        targets: ``(examples,)``, the index of the class of each example.
        folds: The number of folds; sizes differ by one at most.
        seed: What the order depends on in which they are dealt; None: as they come.

    Returns:
        ``(examples,)``, from 0 to ``folds - 1``.
    """
    order = np.arange(len(targets))
    if seed is not None:
        order = np.random.default_rng(seed).permutation(order)
    fold_of = np.empty(len(targets), np.int64)
    dealt = order[np.argsort(targets[order], kind="stable")]
    fold_of[dealt] = np.arange(len(targets)) % folds
    return fold_of


def _plain(label: Any, index: int) -> Label:
    return plain_label(label, f"The label of example {index}")


def _no_labels() -> DataError:
    return DataError(
        "These are no labels.",
        expected="'type', which is 'str', 'int' or 'bool', and 'labels', two or more "
        "different strings",
    )


def _too_few(name: str) -> DataError:
    return DataError(
        f"Class '{name}' has a single example, which cannot be both trained on and "
        "held out for validation.",
        expected="at least two examples of each class",
        fix="Add examples, give validation=(texts, labels), or validation_split=0.",
        arguments=["validation", "validation_split"],
        elsewhere="Add examples, or give others to choose by: 'validation'.",
    )
