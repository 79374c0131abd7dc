"""Models and weights of Keras 2, loaded as models of Keras 3."""

from dataclasses import dataclass
from pathlib import Path

import keras

from regard.errors import ArgumentError
from regard.legacy.hdf5 import OldFile, read_old_file
from regard.legacy.model_graph import rebuild
from regard.legacy.recognition import LoadOptions
from regard.legacy.weight_assignment import assign_weights


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
            expected="a file of model.save()",
            received=file.layout,
            fix="Build the model and use regard.legacy.load_weights(model, path).",
        )
    if file.keras_version[:2] not in {"1.", "2.", "un"}:
        raise ArgumentError(
            f"'{path}' is not an old file.",
            expected="a version of Keras before 3",
            received=file.keras_version,
            fix="Use keras.models.load_model.",
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
    """Load a full model that Keras 2 saved as HDF5, old attention layers included.

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
