"""The arrays of a file assigned to the layers of a model."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import keras

from regard.errors import ArgumentError
from regard.legacy.hdf5 import LayerWeights, OldFile
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


def assign_weights(model: keras.Model, file: OldFile) -> None:
    """Give each layer of a model its arrays, or leave the model as it was.

    Raises:
        ArgumentError: They do not fit.
    """
    layers = [layer for layer in model.layers if layer.weights]
    stored = _gathered(model, file)
    pairs = _paired(layers, stored, file)
    for layer, weights in pairs:
        _check(layer, weights, file)
    for layer, weights in pairs:
        layer.set_weights([weight.array for weight in weights])


def _gathered(model: keras.Model, file: OldFile) -> dict[str, LayerWeights]:
    """The arrays of each layer, with scattered ones brought together."""
    layers = dict(file.layers)
    scattered = [name for name in _SCATTERED if name in layers]
    owners = [layer for layer in model.layers if isinstance(layer, ManyToOneAttention)]
    if len(owners) != 1 or len(scattered) < 2:
        return layers
    together = [weight for name in scattered for weight in layers[name]]
    gathered: dict[str, LayerWeights] = {}
    for name, weights in layers.items():
        if name == scattered[0]:
            gathered[owners[0].name] = together
        elif name not in scattered:
            gathered[name] = weights
    return gathered


def _paired(
    layers: Sequence[keras.Layer], stored: Mapping[str, LayerWeights], file: OldFile
) -> list[tuple[keras.Layer, LayerWeights]]:
    names = [layer.name if file.by_name else "" for layer in layers]
    if not file.by_name:
        names = _numbered(layers)
    if set(names) == set(stored):
        return [
            (layer, stored[name]) for layer, name in zip(layers, names, strict=True)
        ]
    if len(layers) != len(stored) or not file.by_name:
        raise ArgumentError(
            f"The layers of '{file.path}' are not those of the model.",
            expected=f"weights of the layers {names}",
            received=f"weights of the layers {list(stored)}",
            fix="Build the model as it was when the file was written.",
        )
    return list(zip(layers, stored.values(), strict=True))


def _numbered(layers: Sequence[keras.Layer]) -> list[str]:
    """The names newer files have: that of the class, with a number from the second."""
    counts: Counter[str] = Counter()
    names = []
    for layer in layers:
        is_old = isinstance(layer, LegacyAttention)
        name = _snake(layer.original if is_old else type(layer).__name__)
        names.append(f"{name}_{counts[name]}" if counts[name] else name)
        counts[name] += 1
    return names


def _snake(name: str) -> str:
    apart = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", apart).lower()


def _check(layer: keras.Layer, weights: LayerWeights, file: OldFile) -> None:
    expected = [tuple(variable.shape) for variable in layer.weights]
    received = [weight.array.shape for weight in weights]
    if expected != received:
        raise ArgumentError(
            f"The arrays of '{file.path}' do not fit the layer '{layer.name}'.",
            expected=f"the shapes {expected}",
            received=f"{received}",
        )
