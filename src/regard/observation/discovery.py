"""The attention layers of a model and the choice among them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import keras

from regard import _compat
from regard.errors import ObservationError
from regard.observation.adapters import Adapter, adapter_of
from regard.observation.handmade import Axes, adapter_for, softmax_axis

_NO_SOFTMAX: Mapping[str, Axes] = {}


@dataclass(frozen=True, eq=False)
class HookPoint:
    """One attention layer of a model, where its weights can be captured.

    Args:
        path: The names of the layers that hold it and its own, joined by ``/``. The
            second layer of a name beside another has ``@2`` after it, and so on.
        layer: The layer.
        adapter: How its weights are captured.
    """

    path: str
    layer: keras.Layer
    adapter: Adapter


@dataclass(frozen=True, eq=False)
class Selection:
    """The layers of a model that are observed.

    Args:
        hook_points: The chosen attention layers.
        time_distributed: The ``TimeDistributed`` layers around any of them.
    """

    hook_points: tuple[HookPoint, ...]
    time_distributed: tuple[keras.layers.TimeDistributed, ...]


def select_hook_points(
    model: keras.Model,
    patterns: Sequence[str],
    softmax: Mapping[str, Axes] = _NO_SOFTMAX,
) -> Selection:
    """Choose the attention layers of a model whose path matches any pattern.

    Args:
        model: The model.
        patterns: Patterns for the paths of attention layers.
        softmax: Patterns for the paths of layers whose output is attention made by
            hand, with what their axes are as far as it was said. With them a model
            need not have attention layers.

    Raises:
        ObservationError: The model has no attention layer, a pattern matches none, or
            a chosen one runs inside a recurrent loop.
    """
    available = tuple(_hook_points(model))
    if not (softmax and tuple(patterns) == ("*",)):
        _require_matches(model, available, patterns)
    chosen = tuple(
        point
        for point in available
        if any(matches(point.path, pattern) for pattern in patterns)
    )
    chosen += tuple(_made_by_hand(model, softmax, {id(p.layer) for p in chosen}))
    _refuse_loops(model, chosen)
    return Selection(chosen, _around(model, chosen, keras.layers.TimeDistributed))


def _made_by_hand(
    model: keras.Model, softmax: Mapping[str, Axes], taken: set[int]
) -> Iterator[HookPoint]:
    """The layers that were chosen by their softmax, each once.

    Where a pattern matches softmaxes they are meant, and others beside them are not.
    The softmax of an output is a prediction: it is meant where it is named in full, or
    where the pattern matches no other softmax.
    """
    layers = tuple(walk(model, operations=True)) if softmax else ()
    # The layer that is the activation of another is seen there.
    outputs = {id(each) for each in _compat.operations_at_the_end(model)}
    outputs |= {id(getattr(each, "activation", None)) for _, each in layers}
    for pattern, axes in softmax.items():
        matching = [(path, each) for path, each in layers if matches(path, pattern)]
        meant = [
            (path, each)
            for path, each in matching
            if path == pattern
            or (softmax_axis(each) is not None and id(each) not in outputs)
        ]
        if not (meant or matching):
            known = [path for path, each in layers if softmax_axis(each) is not None]
            raise ObservationError(
                f"No layer of the model '{model.name}' matches softmax='{pattern}'.",
                expected="a pattern for a layer whose output is a softmax, as any of "
                f"{', '.join(map(repr, known)) or 'none here'}",
            )
        for path, each in meant or matching:
            if id(each) not in taken:
                taken.add(id(each))
                yield HookPoint(path, each, adapter_for(each, path, axes))


def walk(
    layer: keras.Layer,
    prefix: str = "",
    visited: set[int] | None = None,
    *,
    operations: bool = False,
) -> Iterator[tuple[str, keras.Layer]]:
    """Every layer below a layer once, with the first path that leads to it.

    With ``operations`` also what a functional model does that is no layer.
    """
    visited = set() if visited is None else visited
    below = _compat.sublayers(layer) if isinstance(layer, keras.Layer) else []
    if operations:
        below += _compat.operations_in(layer)
    children = [child for child in below if id(child) not in visited]
    for name, child in _named_apart(children):
        if id(child) in visited:
            # Below one of those before.
            continue
        visited.add(id(child))
        path = f"{prefix}{name}"
        yield path, child
        yield from walk(child, f"{path}/", visited, operations=operations)


def _named_apart(layers: Sequence[keras.Layer]) -> Iterator[tuple[str, keras.Layer]]:
    """Layers with their names, those that share one told apart by a number."""
    taken = {layer.name for layer in layers}
    seen: set[str] = set()
    for layer in {id(layer): layer for layer in layers}.values():
        name, number = layer.name, 1
        while name in seen or (number > 1 and name in taken):
            number += 1
            name = f"{layer.name}@{number}"
        seen.add(name)
        yield name, layer


def matches(path: str, pattern: str) -> bool:
    """Whether a path is one that a pattern stands for."""
    # A path is a pattern of itself, whatever characters are in its names.
    return path == pattern or fnmatchcase(path, pattern)


def _hook_points(model: keras.Model) -> Iterator[HookPoint]:
    for path, layer in walk(model):
        adapter = adapter_of(layer)
        if adapter is not None:
            yield HookPoint(path, layer, adapter)


def _around(
    model: keras.Model, points: Sequence[HookPoint], kind: type[keras.Layer]
) -> tuple[keras.Layer, ...]:
    """The layers of a class that hold any of the hook points, at whatever depth."""
    wanted = {id(point.layer) for point in points}
    return tuple(
        layer
        for _, layer in walk(model)
        if isinstance(layer, kind)
        and any(id(inner) in wanted for _, inner in walk(layer, operations=True))
    )


def _require_matches(
    model: keras.Model, available: Sequence[HookPoint], patterns: Sequence[str]
) -> None:
    if not available:
        classes = sorted({type(layer).__name__ for _, layer in walk(model)})
        raise ObservationError(
            f"The model '{model.name}' has no attention layer that can be observed.",
            expected="a layer of regard.layers or an attention layer of Keras",
            received=f"layers of the classes {', '.join(classes) or 'none'}",
            fix=_softmax_to_choose(model),
        )
    for pattern in patterns:
        if not any(matches(point.path, pattern) for point in available):
            raise ObservationError(
                f"No attention layer of the model '{model.name}' matches '{pattern}'.",
                expected=f"a pattern for any of {_listed(available)}",
            )


def _softmax_to_choose(model: keras.Model) -> str | None:
    """What to do where the model has a softmax that may be attention."""
    outputs = {id(each) for each in _compat.operations_at_the_end(model)}
    paths = [
        path
        for path, each in walk(model, operations=True)
        if softmax_axis(each) is not None and id(each) not in outputs
    ]
    if not paths:
        return None
    return (
        "Attention made by hand is observed by its softmax: "
        f"observe(model, softmax={paths!r})."
    )


def _refuse_loops(model: keras.Model, chosen: Sequence[HookPoint]) -> None:
    for loop in _around(model, chosen, keras.layers.RNN):
        inner = {id(layer) for _, layer in walk(loop, operations=True)}
        trapped = [point for point in chosen if id(point.layer) in inner]
        raise out_of_reach(
            [point.path for point in trapped],
            [point.path for point in chosen if point not in trapped],
        )


def out_of_reach(paths: Sequence[str], others: Sequence[str]) -> ObservationError:
    """The error for layers whose weights cannot leave the loop they are made in."""
    fix = (
        f"Leave it out by choosing among the others: layers={list(others)!r}."
        if others
        else "Compute the attention outside of the loop."
    )
    return ObservationError(
        f"The weights of {', '.join(repr(path) for path in paths)} cannot be "
        "observed: they are made inside a loop, a branch, a vectorised or a "
        "rematerialised function, which they cannot leave.",
        fix=fix,
    )


def _listed(points: Sequence[HookPoint]) -> str:
    return ", ".join(f"'{p.path}' ({type(p.layer).__name__})" for p in points)
