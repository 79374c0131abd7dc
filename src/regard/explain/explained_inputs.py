"""The inputs that are explained: arrays of a model, or the texts of a classifier."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from regard.classification import TextClassifier
from regard.classification.artifact import KIND as TEXT_CLASSIFIER
from regard.errors import ArgumentError, shown
from regard.explain.attribution import BoolArray
from regard.text.padding import bucket_of, pad
from regard.text.text_validation import checked_texts
from regard.types import IntArray

Array = npt.NDArray[Any]
#: Given rows of a part and one of their positions each: the input without it.
Erase = Callable[[IntArray, IntArray], Array]


@dataclass(frozen=True, eq=False)
class Part:
    """Inputs of one shape.

    Args:
        rows: The place of each among all inputs.
        leaves: The arrays of the inputs, flat.
        structure: The nest that the model takes them in.
        place: Which of them is explained.
        mask: ``(batch, positions)``, True where there is a position, as far as it was
            said; None: as the model's own mask has it.
        call_mask: Whether the call of the model gets this mask.
        erase: The input without one position of a row, where that is a matter of its
            own; None: a baseline is put there.
    """

    rows: IntArray
    leaves: tuple[Array, ...]
    structure: Any
    place: int
    mask: BoolArray | None = None
    call_mask: bool = False
    erase: Erase | None = None

    @property
    def explained(self) -> Array:
        """The array that is explained."""
        return self.leaves[self.place]

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class ExplainedInputs:
    """All inputs of a call: what runs them, and the parts they run in.

    Args:
        model: The model.
        parts: The inputs by their shapes.
        count: How many there are.
        tokens: The tokens of each text, where they are texts.
        labels: Given names of labels, their indices; None where there are none.
        layer: The path of the layer at whose output gradients are taken, where nothing
            else is said; None: the one that reads the input.
    """

    model: keras.Model
    parts: tuple[Part, ...]
    count: int
    tokens: tuple[tuple[str, ...], ...] | None = None
    labels: Callable[[Sequence[Any]], IntArray] | None = None
    layer: str | None = None


def explained_inputs(
    model: Any, x: Any, *, name: str | None, mask: npt.ArrayLike | None
) -> ExplainedInputs:
    """Read the inputs of a call.

    Args:
        model: A Keras model or a trained ``TextClassifier``.
        x: Its inputs.
        name: Which of several inputs is explained.
        mask: True where the explained input has a position.

    Raises:
        ArgumentError: They do not fit.
    """
    if getattr(model, "kind", None) == TEXT_CLASSIFIER:
        if name is not None or mask is not None:
            raise ArgumentError(
                "Texts have one input, and say themselves where they end.",
                expected="neither input= nor mask=",
            )
        return _of_texts(model, x)
    if not isinstance(model, keras.Model):
        raise ArgumentError(
            "Only a model can be explained.",
            expected="a keras.Model or a trained TextClassifier",
            received=f"an object of the class {type(model).__name__}",
        )
    return _of_arrays(model, x, name, mask)


def _of_arrays(
    model: keras.Model, x: Any, name: str | None, mask: npt.ArrayLike | None
) -> ExplainedInputs:
    structure = keras.tree.map_structure(lambda _: 0, x) if _is_nest(x) else 0
    leaves = tuple(
        _array(leaf) for leaf in (keras.tree.flatten(x) if structure else [x])
    )
    place = _place(model, x, name, len(leaves))
    counts = {len(leaf) for leaf in leaves}
    if len(counts) > 1:
        raise ArgumentError(
            "The inputs do not fit each other.",
            expected="as many rows in each",
            received=", ".join(str(leaf.shape) for leaf in leaves),
        )
    count = counts.pop()
    if not count:
        raise ArgumentError("There is no input.", expected="one row or more")
    valid = None if mask is None else _mask(mask, leaves[place])
    part = Part(np.arange(count), leaves, structure, place, valid, valid is not None)
    return ExplainedInputs(model, (part,), count)


def _is_nest(x: Any) -> bool:
    return isinstance(x, dict | tuple) or (
        isinstance(x, list) and bool(x) and hasattr(x[0], "shape")
    )


def _array(leaf: Any) -> Array:
    if keras.ops.is_tensor(leaf):
        leaf = keras.ops.convert_to_numpy(leaf)
    try:
        array = np.asarray(leaf)
    except ValueError:
        array = np.empty(0, object)
    if array.dtype.kind not in "biuf" or array.ndim < 2:
        raise ArgumentError(
            "The input is no array that can be explained.",
            expected="numbers of shape (batch, positions, …)",
            received=f"{array.dtype} of shape {array.shape}",
            fix="Fill sequences of different lengths up to one, and say with mask= "
            "where they end unless the model masks the filling.",
        )
    if array.dtype.kind == "f":
        return array.astype(np.float32)
    return array.astype(np.int32)


def _place(model: keras.Model, x: Any, name: str | None, count: int) -> int:
    """Which of the flat inputs is explained."""
    if count == 1 and name is None:
        return 0
    if isinstance(x, dict):
        names = sorted(x)
    else:
        inputs = keras.tree.flatten(getattr(model, "inputs", None) or [])
        names = [each.name for each in inputs]
    if name is None or name not in names or len(names) != count:
        raise ArgumentError(
            f"Which of the {count} inputs is explained has to be said.",
            expected=f"input= one of {', '.join(map(repr, names))}",
            received=shown(name),
        )
    return names.index(name)


def _mask(mask: npt.ArrayLike, explained: Array) -> BoolArray:
    array = np.asarray(mask)
    if array.shape != explained.shape[:2] or not np.isin(array, (0, 1)).all():
        raise ArgumentError(
            "The mask does not fit the input.",
            expected=f"truth values of shape {explained.shape[:2]}, True where there "
            "is a position",
            received=f"{array.dtype} of shape {array.shape}",
        )
    return array.astype(bool)


def _of_texts(classifier: TextClassifier, texts: Sequence[str]) -> ExplainedInputs:
    trained = classifier.trained
    texts = checked_texts(texts)
    if not texts:
        raise ArgumentError("There is no text.", expected="one text or more")
    encoded = trained.reader.read(texts)
    rows = [each.ids for each in encoded]
    return ExplainedInputs(
        trained.model,
        parts_of_rows(rows, trained.predictor.lengths, trained.reader.features.without),
        len(texts),
        tuple(
            tuple(each.names(text)) for each, text in zip(encoded, texts, strict=True)
        ),
        lambda names: trained.labels.places(names, range(len(names))),
        trained.differentiated,
    )


def parts_of_rows(
    rows: Sequence[IntArray],
    lengths: Sequence[int],
    without: Callable[[IntArray, BoolArray], IntArray],
) -> tuple[Part, ...]:
    """Sequences of different lengths as parts, each padded to one of a few lengths.

    Args:
        rows: For each sequence ``(tokens, features)``.
        lengths: The lengths that they are padded to.
        without: Given a sequence and which of its tokens stay: the sequence without
            the others.
    """
    sizes = np.array([len(row) for row in rows])
    buckets = bucket_of(sizes, lengths)
    parts = []
    for bucket in np.unique(buckets).tolist():
        members = np.flatnonzero(buckets == bucket)
        length = lengths[bucket]
        padded = pad([rows[row] for row in members.tolist()], len(members), length)
        mask = np.arange(length) < sizes[members][:, None]
        parts.append(
            Part(members, (padded,), 0, 0, mask, erase=_eraser(padded, without))
        )
    return tuple(parts)


def _eraser(
    padded: IntArray, without: Callable[[IntArray, BoolArray], IntArray]
) -> Erase:
    def erase(rows: IntArray, positions: IntArray) -> IntArray:
        keep = np.arange(padded.shape[1]) != positions[:, None]
        each = zip(padded[rows], keep, strict=True)
        return np.stack([without(row, kept) for row, kept in each])

    return erase
