"""The classes of a classifier and their order; a split that keeps their shares."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from regard._label_values import (
    KnownLabels,
    Label,
    label_kind,
    label_name,
    plain_label,
)
from regard._validate import check_number
from regard.errors import DataError
from regard.types import IntArray

_FORMS = ("one", "tuple", "row")
_SETS = (tuple, list, set, frozenset)
_KINDS: Mapping[str, Callable[[str], Label]] = {
    "str": str,
    "int": int,
    "bool": {"False": False, "True": True}.__getitem__,
    "float": lambda name: _finite(float(name)),
}


@dataclass(frozen=True)
class Labels:
    """The labels of a classifier, in the order of its probabilities.

    Labels are strings, numbers or truth values throughout; predictions come back as
    what was given, whole numbers as ``float`` where another has a fraction. Without one
    ``5.0`` is the whole number 5. Looking one up goes by its text, so that the label 1
    of a list and the "1" or "1.0" of a file are the same, and so are True and "True".

    A text has one label, or it may have several: then each is given as a tuple, a list
    or a set of labels, which may be empty, or as a row of a matrix that has 1 where the
    text has the label. Predictions come back as tuples, or as such a matrix.

    Args:
        values: The labels, each once.
        form: What the labels of a text are: ``"one"``, ``"tuple"`` or ``"row"``.
    """

    values: tuple[Label, ...]
    form: str = "one"

    @property
    def several(self) -> bool:
        """Whether a text may have several labels."""
        return self.form != "one"

    @staticmethod
    def are_several(labels: Sequence[Any]) -> bool:
        """Whether these are labels of texts that may have several."""
        return bool(len(labels)) and _form(labels[0]) != "one"

    @classmethod
    def of(cls, labels: Sequence[Any]) -> "Labels":
        """The distinct labels of a training set, sorted.

        Raises:
            MissingValueError: A label is missing.
            DataError: A label is neither a string nor a number nor a truth value, two
                kinds occur, or there is one class only.
        """
        form = _form_of(labels)
        if form == "row":
            if _width(labels) < 2:
                raise DataError(
                    "The matrix of labels has one column.",
                    expected="two or more, one for each label",
                    fix="Give that column as a list: labels[:, 0].tolist().",
                )
            return cls(tuple(range(_width(labels))), form)
        if form == "tuple":
            _check_no_rows(labels)
            owners = [at for at, each in enumerate(labels) for _ in each]
            texts, labels = len(labels), [label for each in labels for label in each]
        else:
            owners = list(range(len(labels)))
            texts = len(labels)
        given = [_plain(*pair) for pair in zip(labels, owners, strict=True)]
        kinds = {label_kind(label) for label in labels}
        if len(kinds) > 1:
            raise DataError(
                "The labels are of two kinds.",
                expected="strings only, numbers only, or truth values only",
                received=f"both, for example {sorted(set(given), key=str)[:4]}",
            )
        distinct: set[Any] = set(given)
        if kinds == {"number"} and any(isinstance(label, str) for label in distinct):
            # One of them has a fraction.
            distinct = set(map(float, distinct))
        if form == "tuple" and len(distinct) < 2:
            raise DataError(
                "A classifier that gives several labels needs two to give.",
                expected="at least two different labels in the lists of all texts",
                received=f"{sorted(distinct, key=str)} in those of {texts} texts",
                fix="Where there is one, let True be the label of texts that have it, "
                "and False of those that have it not."
                if distinct
                else None,
            )
        if len(distinct) < 2:
            raise DataError(
                "A classifier needs two classes to tell apart.",
                expected="at least two different labels",
                received=f"one class, {sorted(distinct, key=str)}, in {len(labels)} "
                "examples",
            )
        return cls(tuple(sorted(distinct)), form)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def names(self) -> tuple[str, ...]:
        """The labels as strings."""
        return tuple(map(label_name, self.values))

    def encode(self, labels: Sequence[Any]) -> IntArray:
        """The index of each label; ``(texts, labels)`` where there may be several.

        Raises:
            DataError: A label is not among those of the training set, or there is one
                where there may be several.
        """
        form = _form_of(labels) if len(labels) else self.form
        if (form != "one") != self.several:
            raise DataError(
                "The classifier gives "
                f"{'several labels' if self.several else 'one label'} a text.",
                expected="a tuple of labels for each text"
                if self.several
                else "one label for each text",
                received="one" if self.several else "several labels a text",
            )
        if not self.several:
            return self.places(labels, range(len(labels)))
        targets = np.zeros((len(labels), len(self)), np.int32)
        if form == "row":
            if len(labels) and _width(labels) != len(self):
                raise DataError(
                    "The matrix of labels has another number of columns.",
                    expected=f"{len(self)}, one for each label",
                    received=str(_width(labels)),
                )
            targets[:] = np.stack(labels) if len(labels) else 0
            return targets
        owners = [at for at, each in enumerate(labels) for _ in each]
        flat = [label for each in labels for label in each]
        targets[owners, self.places(flat, owners)] = 1
        return targets

    def places(self, labels: Sequence[Any], owners: Sequence[int]) -> IntArray:
        """The index of each of some labels.

        Args:
            labels: The labels.
            owners: The example that each is of, for the message of the error.

        Raises:
            DataError: A label is not among those of the training set.
        """
        places = self.find(labels)
        unknown = np.flatnonzero(places < 0).tolist()
        if unknown:
            first = str(_plain(labels[unknown[0]], unknown[0]))
            near = KnownLabels(self.names).nearest(first)
            raise DataError(
                f"Label {first!r} of example {owners[unknown[0]]} was not seen in "
                "training.",
                expected=f"one of {list(self.values)}",
                received=f"{len(unknown)} examples with other labels",
                fix=None if near is None else f"Did you mean {near!r}?",
            )
        return places

    def known_sets(self, labels: Sequence[Any]) -> tuple[Sequence[Any], Any]:
        """Labels of texts that may have several, without those that were never seen.

        Args:
            labels: A tuple, list or set of labels for each text; rows of a matrix stay.

        Returns:
            Those of each text that are among these, and ``(texts,)``, False where
            another one was.
        """
        is_known = np.ones(len(labels), bool)
        if not len(labels) or _form_of(labels) != "tuple":
            return labels, is_known
        owners = [at for at, each in enumerate(labels) for _ in each]
        flat = [label for each in labels for label in each]
        kept: list[list[Any]] = [[] for _ in labels]
        places = self.find(flat).tolist()
        for at, label, place in zip(owners, flat, places, strict=True):
            if place < 0:
                is_known[at] = False
            else:
                kept[at].append(label)
        return kept, is_known

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

    def decode(self, indices: IntArray) -> Any:
        """The labels at ``indices``, of the type they were given in.

        Args:
            indices: ``(texts,)``; or ``(texts, labels)``, 1 where a text has the label.

        Returns:
            A list of labels; of several a text one of tuples, or the matrix.
        """
        if self.form == "row":
            return np.asarray(indices, np.int64)
        if self.form == "tuple":
            return [
                tuple(self.values[place] for place in np.flatnonzero(row).tolist())
                for row in indices
            ]
        return [self.values[index] for index in indices.tolist()]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON: the labels as strings and what they were."""
        about = {"type": type(self.values[0]).__name__, "labels": list(self.names)}
        return about | ({"of a text": self.form} if self.several else {})

    @classmethod
    def from_dict(cls, stored: Any) -> "Labels":
        """Read what ``to_dict`` wrote.

        Raises:
            DataError: It is something else.
        """
        try:
            kind = _KINDS[stored["type"]]
            form = stored.get("of a text", "one")
            labels = cls(tuple(kind(name) for name in stored["labels"]), form)
            distinct = len(set(labels.values))
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise _no_labels() from error
        if (
            form not in _FORMS
            or not 1 < distinct == len(labels)
            or labels.to_dict() != stored
        ):
            raise _no_labels()
        return labels


def train_test_split(
    targets: IntArray, fraction: float, labels: Labels, seed: int
) -> tuple[IntArray, IntArray]:
    """Split examples in two, the same share of each class in both.

    Args:
        targets: ``(examples,)``, the index of the class of each example; or
            ``(examples, labels)``, 1 where an example has the label.
        fraction: The share of the second part, between 0 and 1. Every class has at
            least one example in each part; of labels of which a text may have several
            each that two examples have.
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
    if targets.ndim == 2:
        held_out = _split_of_sets(targets, fraction, generator)
        return np.flatnonzero(~held_out), np.flatnonzero(held_out)
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
    # Of several labels a text those with the same ones are dealt out in turn.
    keys = targets[order].T[::-1] if targets.ndim == 2 else targets[None, order]
    dealt = order[np.lexsort(keys)]
    fold_of[dealt] = np.arange(len(targets)) % folds
    return fold_of


def _split_of_sets(
    targets: IntArray, fraction: float, generator: np.random.Generator
) -> Any:
    """Which examples are held out, so that of each label about the same share is.

    The rarest labels choose first: what is left over of them is least.

    References:
        Sechidis, Tsoumakas, Vlahavas: On the stratification of multi-label data (2011),
        https://doi.org/10.1007/978-3-642-23808-6_10.
    """
    held_out = np.zeros(len(targets), bool)
    is_dealt = np.zeros(len(targets), bool)
    counts = targets.sum(axis=0)
    # Those without a label are dealt out last.
    for label in [*np.argsort(counts, kind="stable").tolist(), None]:
        members = targets[:, label] == 1 if label is not None else ~is_dealt
        count = int(members.sum())
        least = min(1, count - 1)
        wanted = min(max(round(fraction * count), least), max(count - 1, 0))
        waiting = generator.permutation(np.flatnonzero(members & ~is_dealt))
        there = int((members & held_out & is_dealt).sum())
        held_out[waiting[: max(wanted - there, 0)]] = True
        is_dealt[waiting] = True
    return held_out


def _form_of(labels: Sequence[Any]) -> str:
    """What the labels of a text are: one, several of them, or a row of a matrix.

    Raises:
        DataError: They are not all the same.
    """
    forms = {_form(label) for label in labels}
    if len(forms) > 1:
        first = next(at for at, each in enumerate(labels) if _form(each) == "one")
        raise DataError(
            "Some texts have one label, others a list of them.",
            expected="one label for each text, or a list for each",
            received=f"{labels[first]!r:.60} for example {first}",
        )
    return forms.pop() if forms else "one"


def _form(label: Any) -> str:
    if isinstance(label, np.ndarray) and label.ndim == 1:
        return "row"
    return "tuple" if isinstance(label, _SETS) else "one"


def _finite(number: float) -> float:
    if not np.isfinite(number):
        raise ValueError(number)
    return number


def _width(rows: Sequence[Any]) -> int:
    return len(rows[0])


def _check_no_rows(labels: Sequence[Any]) -> None:
    """Refuse rows of a matrix that came as lists: 0 and 1 are no labels there."""
    lengths = {len(each) for each in labels}
    values = {
        label for each in labels for label in each if isinstance(label, int | float)
    }
    if len(lengths) == 1 and values == {0, 1} and max(lengths) > 2:
        raise DataError(
            "The lists of labels look like the rows of a matrix of 0 and 1.",
            expected="the labels of each text",
            fix="Give it as an array: numpy.array(labels).",
        )


def _plain(label: Any, index: int) -> Label:
    return plain_label(label, f"The label of example {index}")


def _no_labels() -> DataError:
    return DataError(
        "These are no labels.",
        expected="'type', which is 'str', 'int', 'float' or 'bool', and 'labels', two "
        "or more different strings",
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
