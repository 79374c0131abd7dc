"""What a decoder is given in one call, checked and made ready for its steps."""

from collections.abc import Collection
from typing import Any

import keras
from keras import ops, tree

from regard.errors import ArgumentError
from regard.ops.precision import Tensor

ORDERS = ("bahdanau", "luong")
FEEDBACKS = ("teacher", "softmax", "argmax", "scheduled")
_SHAPES = {
    "inputs": ("batch", "steps", "features"),
    "targets": ("batch", "steps"),
    "initial_state": ("batch", "units"),
}


def check_call(
    feedback: str, symbols: int | None, *, inputs: bool, targets: bool
) -> None:
    """Refuse inputs and targets that the feedback has no use for, or lacks.

    Args:
        feedback: One of ``FEEDBACKS``.
        symbols: The number of symbols that are predicted, or None.
        inputs: Whether there are inputs.
        targets: Whether there are targets.
    """
    if inputs and targets:
        raise ArgumentError(
            "A decoder is told the step before by its inputs or by its targets.",
            expected="one of them",
            received="inputs and targets",
        )
    if targets and (symbols is None or feedback not in {"teacher", "scheduled"}):
        raise ArgumentError(
            "The targets would not be used.",
            expected="output_units, and feedback='teacher' or 'scheduled'",
            received=f"output_units={symbols} and feedback='{feedback}'",
        )
    if not inputs and symbols is None:
        raise ArgumentError(
            "The decoder is given nothing, and predicts nothing to feed back.",
            expected="inputs, or output_units",
            received="neither",
        )


def check_shapes(memory: Tensor, **others: Any) -> None:
    """Refuse what is not of the batch of the memory, or has other axes than it should.

    Args:
        memory: ``(batch, keys, features)``.
        **others: Inputs, targets and initial state by name; a nest of tensors or None.
    """
    batch = memory.shape[0]
    for name, given in others.items():
        axes = _SHAPES[name]
        for tensor in tree.flatten(given):
            shape = None if tensor is None else tuple(tensor.shape)
            if shape is None or _fits(shape, batch, len(axes)):
                continue
            raise ArgumentError(
                f"'{name}' does not fit the memory.",
                expected=f"({', '.join(axes)}), with the batch of the memory, {batch}",
                received=str(shape),
            )


def _fits(shape: tuple[int | None, ...], batch: int | None, rank: int) -> bool:
    return len(shape) == rank and (None in {shape[0], batch} or shape[0] == batch)


def check_built(weights: Collection[str], *, inputs: bool) -> None:
    """Refuse inputs where there is no weight for them.

    Args:
        weights: The names of the weights.
        inputs: Whether there are inputs.
    """
    if inputs and "input_kernel" not in weights:
        raise ArgumentError(
            "The decoder was built without inputs, so that it has no weights for them.",
            expected="a call as the first was, without inputs",
            received="inputs",
            fix="Build it with inputs, or make the first call with them.",
        )


def feedback_in_call(
    feedback: str, *, inputs: bool, targets: bool, training: bool | None
) -> str | None:
    """How the prediction is fed back in one call; None: it is not.

    Args:
        feedback: One of ``FEEDBACKS``.
        inputs: Whether there are inputs.
        targets: Whether there are targets.
        training: Whether the call is one of training.
    """
    if feedback == "teacher":
        return None if inputs or targets else "argmax"
    if feedback == "scheduled":
        return "scheduled" if targets and training else "argmax"
    return feedback


def forcing_marks(
    targets: Tensor, symbols: int, rate: Tensor, seeds: Any, dtype: str
) -> dict[str, Tensor]:
    """Which steps of scheduled sampling are told the target before, and what it is.

    Args:
        targets: ``(batch, steps)``.
        symbols: The number of symbols.
        rate: How often a step is told its own symbol instead.
        seeds: What the choice is drawn with.
        dtype: The type of the told symbols.

    Returns:
        ``forced (steps, batch)`` and ``target (steps, batch, symbols)``.
    """
    told = ops.one_hot(ops.transpose(targets[:, :-1]), symbols, dtype=dtype)
    told = ops.pad(told, ((1, 0), (0, 0), (0, 0)))
    drawn = keras.random.uniform(ops.shape(told)[:2], dtype="float32", seed=seeds)
    return {"forced": drawn >= ops.cast(rate, "float32"), "target": told}


def check_state(
    initial: Any, states: int, units: int, dtype: str
) -> tuple[Tensor, ...]:
    """An initial state as a tuple of tensors, empty for None."""
    if initial is None:
        return ()
    given = tuple(initial) if isinstance(initial, (tuple, list)) else (initial,)
    widths = [tensor.shape[-1] for tensor in given]
    if len(given) != states or any(width != units for width in widths):
        raise ArgumentError(
            "The initial state does not fit the cell.",
            expected=f"{states} tensor(s) of (batch, {units})",
            received=", ".join(str(tuple(tensor.shape)) for tensor in given),
        )
    return tuple(ops.cast(tensor, dtype) for tensor in given)


def one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    """Refuse a name that is not known."""
    if value not in known:
        raise ArgumentError(
            f"'{name}' names nothing that a decoder knows.",
            expected="one of " + ", ".join(map(repr, known)),
            received=repr(value),
        )
    return value


def check_rate(rate: float) -> float:
    """Refuse a probability that is none."""
    if not 0 <= rate <= 1:
        raise ArgumentError(
            "'sampling_rate' is a probability.",
            expected="a number from 0 to 1",
            received=repr(rate),
        )
    return rate


def tensors(weights: Any, dtype: str) -> Any:
    """The values of variables in the type that is computed in."""
    return tree.map_structure(lambda weight: ops.cast(weight, dtype), weights)
