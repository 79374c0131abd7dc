"""What stands where a position of an input is erased."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np

from regard import _compat
from regard._validate import check_count, check_flag, wrong_value
from regard.errors import ArgumentError
from regard.trust.inputs import Array, Inputs
from regard.trust.subject import BoolArray
from regard.types import FloatArray

HOLE, ID, VALUE, SWAP = "hole", "id", "value", "swap"
# What spreads the draws of a key over the positions that it reads.
_GOLDEN = 0.6180339887498949

Others: TypeAlias = Mapping[str, Array]
Replaced: TypeAlias = tuple[Array, Others]
#: Of a block of the input, the other inputs, which positions are gone, and a number
#: from 0 to 1 for each: the inputs without them.
Replace: TypeAlias = Callable[[Array, Others, BoolArray, FloatArray], Replaced]


@dataclass(frozen=True)
class Erase:
    """How a position of an input is erased.

    Where nothing is said, positions are masked out if the model can do that; numbers
    are replaced by the mean of the data; and beside it a position of other samples is
    put in their place (``swap``). The verdicts of all that are used have to agree.

    Args:
        id: An id that stands for nothing, such as that of an unknown word.
        value: A number, or one for each feature, that stands for nothing. The mean of
            the data that the model was trained on is such a value; 0 is one only where
            the mean is 0.
        mask: True: positions are masked out, by an input of the model with "mask" in
            its name, by the value of its ``Masking`` layer, or by id 0. A text: by the
            input of this name. False: they are not. None: where it can be done and
            there is no ``id`` and no ``value``.
        swap: Whether positions are replaced by others drawn from the data, too.

    Raises:
        ArgumentError: An id below 0, a value that is no finite number, or a flag that
            is neither True nor False.
    """

    id: int | None = None
    value: float | Sequence[Any] | None = None
    mask: bool | str | None = None
    swap: bool = True

    def __post_init__(self) -> None:
        if self.id is not None:
            check_count("id", self.id, least=0, of="an eraser")
        if self.value is not None:
            try:
                numbers = np.asarray(self.value, float)
            except (TypeError, ValueError):
                numbers = np.array(np.nan)
            if not np.isfinite(numbers).all():
                raise wrong_value("value", self.value, "finite numbers", of="an eraser")
            # Of Python's own, so that erasers can be compared.
            object.__setattr__(self, "value", _frozen(numbers.tolist()))
        if self.mask is not None and not isinstance(self.mask, str):
            check_flag("mask", self.mask, of="an eraser")
        check_flag("swap", self.swap, of="an eraser")


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


class Positions:
    """The positions of the input that is examined, and what is put in their place.

    Args:
        array: ``(samples, positions, …)``, the input.
        valid: ``(samples, positions)``, True where there is something.
        by_column: Whether a position is a feature of its own, so that what replaces it
            is of the same position.
    """

    def __init__(self, array: Array, valid: BoolArray, by_column: bool) -> None:
        self._array = array
        self._by_column = by_column
        self._rows, self._columns = np.nonzero(valid)

    @property
    def mean(self) -> FloatArray:
        """The mean of the data: of each feature, by position where that is one."""
        if self._by_column:
            means: FloatArray = self._array.mean(axis=0)
            return means
        total: FloatArray = self._array[self._rows, self._columns].mean(axis=0)
        return total

    def drawn(self, draws: FloatArray) -> Array:
        """Positions of the data, each by a number from 0 to 1 for its place.

        Args:
            draws: ``(rows, positions)``.

        Returns:
            ``(rows, positions, …)``.
        """
        if self._by_column:
            rows = (draws * len(self._array)).astype(np.int64)
            return np.asarray(self._array[rows, np.arange(draws.shape[1])])
        chosen = (draws * len(self._rows)).astype(np.int64)
        return np.asarray(self._array[self._rows[chosen], self._columns[chosen]])


def spread(draws: FloatArray) -> FloatArray:
    """Draws that differ between the positions of a key."""
    steps: FloatArray = (draws + _GOLDEN * np.arange(draws.shape[-1])) % 1
    return steps


def put(block: Array, gone: BoolArray, replacement: Any) -> Array:
    """A copy of an input with other content where positions are gone.

    Args:
        block: ``(rows, positions, …)``.
        gone: ``(rows, positions)``.
        replacement: What may be broadcast to ``block``.

    Raises:
        ArgumentError: It may not be.
    """
    features = block.shape[2:]
    try:
        whole = np.broadcast_to(replacement, block.shape)
    except ValueError:
        raise ArgumentError(
            "The value that erases a position does not fit one.",
            expected=f"a number, or an array of shape {features or block.shape[1:]}",
            received=f"an array of shape {np.shape(replacement)}",
        ) from None
    is_gone = gone.reshape(*gone.shape, *(1 for _ in features))
    return np.where(is_gone, whole, block).astype(block.dtype)


@dataclass(frozen=True)
class Hole:
    """A way to mask positions out: by a value of theirs, or by an input of the model.

    Args:
        value: The value of a position that is masked out.
        mask: The name of the input that says which positions there are.
    """

    value: Any = None
    mask: str | None = None

    def __str__(self) -> str:
        if self.mask is not None:
            return f"the input '{self.mask}'"
        return f"positions of {self.value:g}"

    def valid(self, inputs: Inputs) -> BoolArray:
        """``(samples, positions)``, True where nothing is masked out."""
        if self.mask is not None:
            return np.not_equal(inputs.others[self.mask], 0)
        differs = np.not_equal(inputs.array, self.value)
        valid: BoolArray = differs.any(axis=tuple(range(2, inputs.array.ndim)))
        return valid

    def dig(
        self,
        block: Array,
        others: Others,
        gone: BoolArray,
        draws: FloatArray,  # noqa: ARG002 - nothing is drawn
    ) -> Replaced:
        """The inputs with positions masked out; see ``Replace``."""
        if self.mask is None:
            return put(block, gone, self.value), others
        mask = others[self.mask]
        return block, {**others, self.mask: np.where(gone, 0, mask).astype(mask.dtype)}


def holes(model: keras.Model, inputs: Inputs, mask: bool | str | None) -> list[Hole]:
    """The ways in which the model may mask positions out, the likeliest first.

    Args:
        model: The model.
        inputs: What it reads.
        mask: See ``Erase``.
    """
    named = inputs.mask_named(mask if isinstance(mask, str) else None)
    if isinstance(mask, str):
        return [Hole(mask=named)]
    found = [] if named is None else [Hole(mask=named)]
    found += [
        Hole(layer.mask_value)
        for layer in _compat.layers_below(model)
        if isinstance(layer, keras.layers.Masking)
    ]
    return [*found, Hole(0)] if inputs.array.dtype.kind == "i" else found


def erasers(
    inputs: Inputs,
    erase: Erase,
    hole: Hole | None,
    positions: Positions,
) -> dict[str, Replace]:
    """The ways to erase positions by their names, the first of them the main one.

    Args:
        inputs: What the model reads.
        erase: What was asked for.
        hole: How the model masks positions out, if it does.
        positions: The positions of the data.

    Raises:
        ArgumentError: What was asked for cannot be done, or nothing can.
    """
    found: dict[str, Replace] = {}
    is_said = erase.id is not None or erase.value is not None
    if hole is not None and (erase.mask or (erase.mask is None and not is_said)):
        found[HOLE] = hole.dig
    elif erase.mask:
        raise ArgumentError(
            "The model does not mask positions out: weight stays on them.",
            expected="a mask that reaches the attention layer, made by an input of the "
            "model, a Masking layer, or an Embedding with mask_zero=True",
            fix="Say what stands for an erased position: erase=Erase(id=1), or "
            "Erase(value=...) with the mean of the training data.",
        )
    has_ids = inputs.array.dtype.kind == "i"
    if erase.id is not None:
        if not has_ids:
            raise wrong_value("id", erase.id, "None where the input is no ids")
        inputs.check_ids(erase.id)
        found[ID] = _putting(erase.id)
    if erase.value is not None:
        found[VALUE] = _putting(np.asarray(erase.value))
    if not found and not has_ids:
        found[VALUE] = _putting(positions.mean)
    if not found and erase.mask is None:
        raise ArgumentError(
            "It is not known what stands for an erased position: at the attention of "
            "the model id 0 is not masked out.",
            expected="erase=regard.trust.Erase(id=1), with the id of an unknown or of "
            "a mask token",
            fix="Without any such id, Erase(mask=False) only swaps positions.",
        )
    if erase.swap:
        found[SWAP] = _swapping(positions)
    if not found:
        raise ArgumentError(
            "There is no way left to erase positions.",
            expected="an eraser with an id, a value, mask=True or swap=True",
        )
    return found


def _putting(value: Any) -> Replace:
    def replace(
        block: Array, others: Others, gone: BoolArray, _: FloatArray
    ) -> Replaced:
        return put(block, gone, value), others

    return replace


def _swapping(positions: Positions) -> Replace:
    def swap(
        block: Array, others: Others, gone: BoolArray, draws: FloatArray
    ) -> Replaced:
        return put(block, gone, positions.drawn(draws)), others

    return swap
