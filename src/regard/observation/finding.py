"""The attention layers of a model and the choice among them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import keras

from regard import _compat
from regard.errors import ObservationError
from regard.observation.sight import Sight
from regard.observation.table import sight_of


@dataclass(frozen=True, eq=False)
class Site:
    """One attention layer of a model.

    Args:
        path: The names of the layers that hold it and its own, joined by ``/``.
        layer: The layer.
        sight: How its weights are seen.
    """

    path: str
    layer: keras.Layer
    sight: Sight


@dataclass(frozen=True, eq=False)
class Plan:
    """What is watched in a model.

    Args:
        sites: The chosen attention layers.
        distributed: The ``TimeDistributed`` layers around any of them.
    """

    sites: tuple[Site, ...]
    distributed: tuple[keras.layers.TimeDistributed, ...]


def make_plan(model: keras.Model, patterns: Sequence[str]) -> Plan:
    """Choose the attention layers of a model whose path matches any pattern.

    Raises:
        ObservationError: The model has no attention layer, a pattern matches none, or
            a chosen one runs inside a recurrent loop.
    """
    sites = tuple(_sites(model))
    _require_matches(model, sites, patterns)
    chosen = tuple(
        site for site in sites if any(fnmatchcase(site.path, p) for p in patterns)
    )
    _refuse_loops(model, chosen)
    return Plan(chosen, _around(model, chosen, keras.layers.TimeDistributed))


def _walk(
    layer: keras.Layer, prefix: str = "", seen: set[int] | None = None
) -> Iterator[tuple[str, keras.Layer]]:
    """Every layer below a layer once, with the first path that leads to it."""
    seen = set() if seen is None else seen
    for child in _compat.sublayers(layer):
        if id(child) in seen:
            continue
        seen.add(id(child))
        path = f"{prefix}{child.name}"
        yield path, child
        yield from _walk(child, f"{path}/", seen)


def _sites(model: keras.Model) -> Iterator[Site]:
    for path, layer in _walk(model):
        sight = sight_of(layer)
        if sight is not None:
            yield Site(path, layer, sight)


def _around(
    model: keras.Model, sites: Sequence[Site], kind: type[keras.Layer]
) -> tuple[keras.Layer, ...]:
    """The layers of a kind that hold any of the sites, at whatever depth."""
    wanted = {id(site.layer) for site in sites}
    return tuple(
        layer
        for _, layer in _walk(model)
        if isinstance(layer, kind)
        and any(id(inner) in wanted for _, inner in _walk(layer))
    )


def _require_matches(
    model: keras.Model, sites: Sequence[Site], patterns: Sequence[str]
) -> None:
    if not sites:
        kinds = sorted({type(layer).__name__ for _, layer in _walk(model)})
        raise ObservationError(
            f"The model '{model.name}' has no attention layer that can be observed.",
            expected="a layer of regard.layers or an attention layer of Keras",
            received=f"layers of the classes {', '.join(kinds) or 'none'}",
        )
    for pattern in patterns:
        if not any(fnmatchcase(site.path, pattern) for site in sites):
            raise ObservationError(
                f"No attention layer of the model '{model.name}' matches '{pattern}'.",
                expected=f"a pattern for any of {_listed(sites)}",
            )


def _refuse_loops(model: keras.Model, chosen: Sequence[Site]) -> None:
    for loop in _around(model, chosen, keras.layers.RNN):
        inner = {id(layer) for _, layer in _walk(loop)}
        caught = [site for site in chosen if id(site.layer) in inner]
        raise out_of_reach(
            [site.path for site in caught],
            [site.path for site in chosen if site not in caught],
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


def _listed(sites: Sequence[Site]) -> str:
    return ", ".join(f"'{site.path}' ({type(site.layer).__name__})" for site in sites)
