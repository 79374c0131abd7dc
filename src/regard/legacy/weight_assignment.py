"""Putting the arrays of a file into the layers of a model."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import keras

from regard.errors import ArgumentError
from regard.legacy.hdf5.isolated_reader import Stored, Weights
from regard.legacy.layers.legacy_attention import LegacyAttention
from regard.legacy.layers.many_to_one import ManyToOneAttention

# The first versions of the package ``attention`` left their inner layers in the file
# as if they were layers of the model.
_SCATTERED = (
    "attention_score_vec",
    "luong_w",
    "bahdanau_v",
    "bahdanau_w1",
    "bahdanau_w2",
    "attention_vector",
)


def fill(model: keras.Model, stored: Stored) -> None:
    """Give each layer of a model its arrays, or leave the model as it was.

    Raises:
        ArgumentError: They do not fit.
    """
    layers = [layer for layer in model.layers if layer.weights]
    found = _gathered(model, stored)
    pairs = _paired(layers, found, stored)
    for layer, weights in pairs:
        _check(layer, weights, stored)
    for layer, weights in pairs:
        layer.set_weights([each.array for each in weights])


def _gathered(model: keras.Model, stored: Stored) -> dict[str, Weights]:
    """The arrays of each layer, with scattered ones brought together."""
    layers = dict(stored.layers)
    scattered = [name for name in _SCATTERED if name in layers]
    takers = [each for each in model.layers if isinstance(each, ManyToOneAttention)]
    if len(takers) != 1 or len(scattered) < 2:
        return layers
    together = [weight for name in scattered for weight in layers[name]]
    found: dict[str, Weights] = {}
    for name, weights in layers.items():
        if name == scattered[0]:
            found[takers[0].name] = together
        elif name not in scattered:
            found[name] = weights
    return found


def _paired(
    layers: Sequence[keras.Layer], found: Mapping[str, Weights], stored: Stored
) -> list[tuple[keras.Layer, Weights]]:
    names = [layer.name if stored.by_name else "" for layer in layers]
    if not stored.by_name:
        names = _numbered(layers)
    if set(names) == set(found):
        return [(layer, found[name]) for layer, name in zip(layers, names, strict=True)]
    if len(layers) != len(found) or not stored.by_name:
        raise ArgumentError(
            f"The layers of '{stored.path}' are not those of the model.",
            expected=f"weights of the layers {names}",
            received=f"weights of the layers {list(found)}",
            fix="Build the model as it was when the file was written.",
        )
    return list(zip(layers, found.values(), strict=True))


def _numbered(layers: Sequence[keras.Layer]) -> list[str]:
    """The names newer files have: that of the class, with a number from the second."""
    seen: Counter[str] = Counter()
    names = []
    for layer in layers:
        kind = (
            layer.original
            if isinstance(layer, LegacyAttention)
            else type(layer).__name__
        )
        name = _snake(kind)
        names.append(f"{name}_{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return names


def _snake(name: str) -> str:
    apart = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", apart).lower()


def _check(layer: keras.Layer, weights: Weights, stored: Stored) -> None:
    expected = [tuple(each.shape) for each in layer.weights]
    received = [each.array.shape for each in weights]
    if expected != received:
        raise ArgumentError(
            f"The arrays of '{stored.path}' do not fit the layer '{layer.name}'.",
            expected=f"the shapes {expected}",
            received=f"{received}",
        )
