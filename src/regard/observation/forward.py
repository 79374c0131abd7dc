"""One observed forward pass, the same for every backend."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from regard.observation.finding import Plan, out_of_reach
from regard.observation.recording import Entry, recording


@dataclass(frozen=True)
class Use:
    """One use of one layer: where it is, what it is, how its weights are laid out."""

    key: str
    path: str
    kind: str
    axes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Layout:
    """What the tensors of a pass are: known once it was traced.

    Args:
        structure: The structure of the model's outputs.
        uses: The uses of the observed layers, in the order of their weights.
    """

    structure: Any
    uses: tuple[Use, ...]


@dataclass(frozen=True, eq=False)
class Tensors:
    """The tensors of a pass, of a backend: flat outputs and the weights."""

    outputs: Sequence[Any]
    weights: Sequence[Any]


def observed_call(
    call: Callable[[], Any], plan: Plan, is_caught: Callable[[Any], bool]
) -> tuple[Tensors, Layout]:
    """Run a model once and take the weights out of it.

    Args:
        call: Runs the model.
        plan: What is watched.
        is_caught: Whether a tensor belongs to a function inside the pass, such as the
            body of a loop, so that it cannot be given back.

    Raises:
        ObservationError: Weights are caught inside the pass.
    """
    with recording(plan) as recorder:
        outputs = call()
    entries = recorder.entries
    _refuse_caught(entries, is_caught)
    tensors = Tensors(keras.tree.flatten(outputs), [e.weights for e in entries])
    structure = keras.tree.map_structure(lambda _: 0, outputs)
    return tensors, Layout(structure, _uses(entries))


def _refuse_caught(entries: Sequence[Entry], is_caught: Callable[[Any], bool]) -> None:
    caught = {e.site.path: None for e in entries if is_caught(e.weights)}
    if caught:
        free = {e.site.path: None for e in entries if e.site.path not in caught}
        raise out_of_reach(list(caught), list(free))


def _uses(entries: Sequence[Entry]) -> tuple[Use, ...]:
    counts: dict[str, int] = {}
    uses = []
    for entry in entries:
        path = entry.site.path
        counts[path] = number = counts.get(path, 0) + 1
        key = path if number == 1 else f"{path}#{number}"
        uses.append(Use(key, path, type(entry.site.layer).__name__, entry.axes))
    return tuple(uses)
