"""Models and weights of Keras 1 and 2, loaded as models of Keras 3."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras

from regard._hdf5 import Array, LayerWeights, OldFile, read_old_file
from regard.errors import ArgumentError
from regard.legacy.keras_layers import arrays_for
from regard.legacy.layers.legacy_attention import LegacyAttention
from regard.legacy.layers.many_to_one import ManyToOneAttention
from regard.legacy.model_graph import rebuild
from regard.legacy.recognition import LoadOptions

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


@dataclass(frozen=True, eq=False)
class ConvertedModel:
    """An old model on Keras 3.

    Args:
        model: The model, with its weights; not compiled.
        file: The content of the file.
        inferred: The settings that were not in it, a sentence each.
    """

    model: keras.Model
    file: OldFile
    inferred: tuple[str, ...]


def convert(path: str | Path, options: LoadOptions) -> ConvertedModel:
    """Rebuild an old full model and say what had to be inferred.

    Raises:
        DataError: As ``load_model``.
        ArgumentError: As ``load_model``.
    """
    file = read_old_file(path)
    if file.config is None:
        raise ArgumentError(
            f"'{path}' holds weights without a model.",
            expected="the file of a whole model",
            received=file.layout,
            fix="Build the model in Python and use regard.legacy.load_weights.",
        )
    if file.keras_version[:2] not in {"1.", "2.", "un"}:
        raise ArgumentError(
            f"'{path}' is not an old file.",
            expected="a version of Keras before 3",
            received=file.keras_version,
            fix="It needs no conversion: keras.models.load_model reads it.",
        )
    inferred: list[str] = []
    model = rebuild(file, options, inferred.append)
    return ConvertedModel(model, file, tuple(inferred))


def load_model(
    path: str | Path,
    *,
    step_dim: int | None = None,
    variant: str | None = None,
    version: str | None = None,
) -> keras.Model:
    """Load a full model that Keras 1 or 2 saved as HDF5, old attention layers included.

    Only arrays and the configuration are read from the file; no code, no optimizer
    state. The layers are those of this package and of Keras 3.

    Args:
        path: The ``.h5`` file.
        step_dim: The length of the sequences of a ``KaggleAttention``, where the file
            does not tell.
        variant: ``"dot_product"`` or ``"kdot"``: which listing its
            ``AttentionWithContext`` comes from, which no file tells.
        version: ``"0.51"`` or ``"0.41"``: which ``keras-self-attention`` it was made
            with, which no file tells and which matters where there are masks.

    Returns:
        The model, not compiled.

    Raises:
        DataError: The file is damaged, hostile, or not one of Keras; the message names
            the file and the part.
        ArgumentError: Two readings are possible, and the message names the option to
            give; or the model has a layer that is not known.

    Example:
        >>> model = regard.legacy.load_model("model_2018.h5")
        >>> result = regard.observe(model).predict(ids)
    """
    return convert(path, LoadOptions(step_dim, variant, version)).model


def load_weights(model: keras.Model, path: str | Path) -> None:
    """Load old weights into a model that was built anew.

    Layers are found by their names where the file has these for all of its layers, and
    by their order where it does not.

    Args:
        model: The model, built, with the layers of this package where the old one had
            those of its time.
        path: An ``.h5`` file of weights, or of a whole model.

    Raises:
        DataError: The file cannot be read; the message names the file and the part.
        ArgumentError: The weights do not fit the model, or fit it in several ways.

    Example:
        >>> regard.legacy.load_weights(model, "weights_2018.h5")
    """
    assign_weights(model, read_old_file(path))


def assign_weights(model: keras.Model, file: OldFile) -> None:
    """Give each layer of a model its arrays, or leave the model as it was.

    Raises:
        ArgumentError: They do not fit.
    """
    layers = [layer for layer in model.layers if layer.weights]
    stored = _gathered(model, file)
    filled = [
        (layer, _arrays(layer, weights, file))
        for layer, weights in _paired(layers, stored, file)
    ]
    for layer, arrays in filled:
        _check(layer, arrays, file)
    for layer, arrays in filled:
        layer.set_weights(arrays)


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
    pairs = list(zip(layers, stored.items(), strict=True))
    for layer, (name, _) in pairs:
        # Names that somebody chose say more than the order.
        if layer.name in stored and layer.name != name and not _is_numbered(layer):
            raise ArgumentError(
                f"The layers of '{file.path}' have another order than those of the "
                f"model, and not all of its names: '{layer.name}' would get the "
                f"weights of '{name}'.",
                expected=f"the names {list(stored)}",
                received=f"{names}",
                fix="Give the layers of the model the names they have in the file.",
            )
    return [(layer, weights) for layer, (_, weights) in pairs]


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


def _is_numbered(layer: keras.Layer) -> bool:
    """Whether the name is that of the class, with or without a number."""
    return (
        re.fullmatch(rf"{_snake(type(layer).__name__)}(_\d+)?", layer.name) is not None
    )


def _snake(name: str) -> str:
    apart = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", apart).lower()


def _arrays(layer: keras.Layer, weights: LayerWeights, file: OldFile) -> list[Array]:
    """In the layout of today."""
    arrays = [weight.array for weight in weights]
    try:
        return arrays_for(layer, arrays, file.backend)
    except ValueError as error:
        raise _misfit(layer, arrays, file) from error


def _check(layer: keras.Layer, arrays: Sequence[Array], file: OldFile) -> None:
    if [tuple(each.shape) for each in layer.weights] != [each.shape for each in arrays]:
        raise _misfit(layer, arrays, file)


def _misfit(
    layer: keras.Layer, arrays: Sequence[Array], file: OldFile
) -> ArgumentError:
    expected = [tuple(variable.shape) for variable in layer.weights]
    received = [array.shape for array in arrays]
    # Bias and kernels of a GRU are alike but for this.
    gated = len(expected) == len(received) and any(
        {len(one), len(other)} == {1, 2}
        for one, other in zip(expected, received, strict=True)
    )
    return ArgumentError(
        f"The arrays of '{file.path}' do not fit the layer '{layer.name}'.",
        expected=f"the shapes {expected}",
        received=f"{received}",
        fix="A GRU whose bias has two rows was made with reset_after=True, one whose "
        "bias has one with reset_after=False."
        if gated
        else None,
    )
