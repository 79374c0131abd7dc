"""Loading what was trained years ago."""

import secrets
from dataclasses import dataclass
from pathlib import Path

import keras

from regard.errors import ArgumentError
from regard.legacy.hdf5.isolated_reader import Stored, read_stored
from regard.legacy.model_graph import rebuild
from regard.legacy.recognition import Options
from regard.legacy.weight_assignment import fill


@dataclass(frozen=True, eq=False)
class Converted:
    """An old model on Keras 3.

    Args:
        model: The model, with its weights; not compiled.
        stored: What the file held.
        inferred: What was not in it, a sentence each.
    """

    model: keras.Model
    stored: Stored
    inferred: tuple[str, ...]


def convert(path: str | Path, options: Options) -> Converted:
    """Rebuild an old full model and say what had to be inferred.

    Raises:
        DataError: As ``load_model``.
        ArgumentError: As ``load_model``.
    """
    stored = read_stored(path)
    if stored.config is None:
        raise ArgumentError(
            f"'{path}' holds weights without a model.",
            expected="a file of model.save()",
            received=stored.layout,
            fix="Build the model and use regard.legacy.load_weights(model, path).",
        )
    if stored.keras_version[:2] not in {"1.", "2.", "un"}:
        raise ArgumentError(
            f"'{path}' is not an old file.",
            expected="a version of Keras before 3",
            received=stored.keras_version,
            fix="Use keras.models.load_model.",
        )
    inferred: list[str] = []
    model = rebuild(stored, options, inferred.append)
    return Converted(model, stored, tuple(inferred))


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
        >>> seen = regard.observe(model).predict(ids)
    """
    return convert(path, Options(step_dim, variant, version)).model


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
    fill(model, read_stored(path))


def write_model(model: keras.Model, path: str | Path) -> None:
    """Save a model beside its place and move it there when it is whole.

    Args:
        model: The model.
        path: The ``.keras`` file, which replaces one that is there.
    """
    target = Path(path)
    staged = target.with_name(f".{target.stem}.{secrets.token_hex(4)}.keras")
    try:
        model.save(staged)
        staged.replace(target)
    finally:
        staged.unlink(missing_ok=True)
