"""The plan of an explanation: which layers read the inputs, and what comes out."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from keras import ops

from regard import _compat
from regard.errors import ArgumentError, DataError, ObservationError, RegardError
from regard.explain.explained_inputs import Array, Part
from regard.explain.explained_pass import ExplainedPass, Inner, LayerUse, survey_pass
from regard.observation.discovery import matches


@dataclass(frozen=True, eq=False)
class Plan:
    """What is known of a model before it is explained.

    Args:
        inner: The tensor that gradients are taken at; None: the input itself.
        masked: Whether a mask travels with it.
        outputs: How many outputs there are.
        has_logits: Whether they are probabilities whose logits are known.
        squeezed: Whether the outputs have no axis of their own.
    """

    inner: Inner | None
    masked: bool
    outputs: int
    has_logits: bool
    squeezed: bool


def survey_of(model: keras.Model, part: Part) -> ExplainedPass:
    """What the layers of a model are given and give, in symbols.

    Args:
        model: The model, which is built where it is not.
        part: Inputs like those it will be asked for.
    """
    if not _compat.is_built(model):
        first = [keras.ops.convert_to_tensor(leaf[:1]) for leaf in part.leaves]
        with keras.StatelessScope():
            model(packed(part, first), **_compat.inference_arguments(model))
    found: list[ExplainedPass] = []
    refused: list[Any] = []

    def survey(leaves: Any, mask: Any) -> Any:
        first = ops.convert_to_tensor(leaves[0])
        if first is not leaves[0] and not refused:
            # On the device of PyTorch that holds no numbers a tensor that is
            # handed on becomes another, and what reads an input is not known.
            # Keras then runs on one that does.
            refused.append(first)
            raise RuntimeError
        x = packed(part, leaves)
        found.append(survey_pass(model, x, mask, leaves))
        return found[-1].outputs

    leaves = [
        keras.KerasTensor((2, *leaf.shape[1:]), dtype)
        for leaf, dtype in zip(part.leaves, _declared(model, part), strict=True)
    ]
    mask = None
    if gives_mask(model, part) and part.mask is not None:
        mask = keras.KerasTensor((2, *part.mask.shape[1:]), "bool")
    outputs = _compat.output_spec(survey, leaves, mask)
    # Symbols of the trace itself are not kept.
    has_logits = None if found[-1].logits is None else True
    return replace(found[-1], outputs=outputs, logits=has_logits)


def plan_of(
    model: keras.Model,
    part: Part,
    seen: ExplainedPass,
    layer: str | None,
    *,
    has_gradients: bool,
) -> Plan:
    """What is known of a model before it is explained.

    Args:
        model: The model.
        part: Inputs like those it will be asked for.
        seen: The survey of it.
        layer: The path of the layer whose output gradients are taken at.
        has_gradients: Whether the input has to have gradients.

    Raises:
        ArgumentError: No layer has that path, or the outputs are not one array
            ``(batch, outputs)``.
        ObservationError: Nothing that has gradients reads the input.
    """
    shape = _output_shape(model, seen.outputs)
    try:
        use, number = _chosen(model, part, seen.uses, layer)
    except RegardError:
        if has_gradients:
            raise
        use, number = None, 1
    return Plan(
        None if use is None else Inner(use.path, use.layer, number),
        use is not None and use.masked,
        shape[1] if len(shape) > 1 else 1,
        seen.logits is not None,
        len(shape) == 1,
    )


def vocabulary(seen: ExplainedPass, place: int) -> int | None:
    """How many ids an input may have; None where no embedding reads it.

    What is done to an input before an embedding reads it is not looked through.

    Args:
        seen: The survey of a model.
        place: Which of the inputs.
    """
    sizes = [
        int(use.layer.input_dim)
        for use in seen.uses
        if use.reads == place and isinstance(use.layer, keras.layers.Embedding)
    ]
    return min(sizes, default=None)


def checked_ids(ids: Array, size: int) -> Array:
    """Ids as whole numbers, all of them in an embedding of a size.

    Raises:
        DataError: There are others.
    """
    is_id = (ids >= 0) & (ids < size) & (ids == np.round(ids))
    if not is_id.all():
        row = np.unravel_index(int(np.argmin(is_id)), ids.shape)
        raise DataError(
            "The inputs have an id that the embedding which reads them does not have.",
            expected=f"ids from 0 to {size - 1}",
            received=f"{ids[row]} in input {row[0]}",
            fix="Make the ids with the vocabulary that the model was trained on; what "
            "is not in it has an id of its own there.",
        )
    return ids.astype(np.int32)


def packed(part: Part, leaves: Any) -> Any:
    """The inputs as the model takes them."""
    if part.structure == 0:
        return leaves[0]
    return keras.tree.pack_sequence_as(part.structure, leaves)


def gives_mask(model: keras.Model, part: Part) -> bool:
    """Whether the call of a model gets the mask of a part."""
    return part.call_mask and "mask" in inspect.signature(model.call).parameters


def _declared(model: keras.Model, part: Part) -> list[str]:
    """The dtypes of inputs as a model reads them: one of old may read ids as floats."""
    symbols = keras.tree.flatten(getattr(model, "inputs", None) or [])
    if isinstance(part.structure, dict):
        named = {each.name: each for each in symbols}
        symbols = [named[name] for name in sorted(part.structure) if name in named]
    own = part.leaves if len(symbols) != len(part.leaves) else symbols
    return [str(each.dtype) for each in own]


def _output_shape(model: keras.Model, outputs: Any) -> tuple[int, ...]:
    shape = getattr(outputs, "shape", None)
    if shape is None or len(shape) not in {1, 2}:
        received = keras.tree.map_structure(lambda each: tuple(each.shape), outputs)
        raise ArgumentError(
            f"The outputs of the model '{model.name}' cannot be explained.",
            expected="one array of shape (batch, outputs)",
            received=str(received),
            fix="Explain a model that ends in the output in question: "
            "keras.Model(model.inputs, output).",
        )
    return tuple(shape)


def _chosen(
    model: keras.Model, part: Part, uses: Sequence[LayerUse], layer: str | None
) -> tuple[LayerUse | None, int]:
    """The use of a layer at whose output gradients are taken."""
    if layer is not None:
        return _named(model, uses, layer)
    if part.explained.dtype.kind == "f":
        return None, 1
    shape = part.explained.shape[1:]
    reading = [
        use
        for use in uses
        if use.given[0][1:] == shape
        and (
            use.given[1].startswith(("int", "uint", "bool"))
            or isinstance(use.layer, keras.layers.Embedding)
        )
        and use.gives is not None
        and use.gives[1].startswith(("float", "bfloat"))
        and not isinstance(use.layer, keras.Model)
    ]
    for few in (
        [use for use in reading if isinstance(use.layer, keras.layers.Embedding)],
        reading,
    ):
        direct = [use for use in few if use.reads == part.place] or few
        if len({id(use.layer) for use in direct}) == 1:
            use = direct[0]
            same = [each for each in uses if each.layer is use.layer]
            return use, 1 + next(n for n, each in enumerate(same) if each is use)
        if direct:
            paths = ", ".join(repr(use.path) for use in direct)
            raise ArgumentError(
                f"Several layers of the model '{model.name}' read the input.",
                expected=f"layer= one of {paths}",
            )
    raise ObservationError(
        f"No layer of the model '{model.name}' turns the whole numbers of the input "
        "into vectors, so that there is no gradient.",
        fix="Name with layer= the layer whose output gradients are taken at, give "
        "floating numbers, or leave positions out instead: leave_one_out.",
    )


def _named(
    model: keras.Model, uses: Sequence[LayerUse], layer: str
) -> tuple[LayerUse, int]:
    path, _, number = layer.rpartition("#")
    if not (path and number.isdigit()):
        path, number = layer, "1"
    matching = [use for use in uses if matches(use.path, path)]
    paths = dict.fromkeys(use.path for use in matching)
    same = [use for use in matching if use.path == next(iter(paths), None)]
    if len(paths) != 1 or not 0 < int(number) <= len(same):
        known = dict.fromkeys(use.path for use in uses)
        raise ArgumentError(
            f"There is no one layer '{layer}' in the model '{model.name}'.",
            expected=f"one of {', '.join(map(repr, known))}",
            received=", ".join(map(repr, paths)) or None,
        )
    use = same[int(number) - 1]
    if use.gives is None or not use.gives[1].startswith(("float", "bfloat")):
        raise ObservationError(
            f"The layer '{use.path}' gives no floating numbers, which have gradients.",
            fix="Name another layer.",
        )
    return use, int(number)
