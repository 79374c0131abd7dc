"""Which model one is: by the file it was loaded from, or by its weights."""

import hashlib
from collections.abc import Callable

import keras

from regard import _compat
from regard.runtime import backend


class ModelIdentity:
    """What tells a model from others, as long as its weights are what they were.

    A model that was loaded is known by its file until its weights are changed. One that
    is in no file is known by its weights: the same model becomes other bytes each time
    it is saved.

    Args:
        model: The model.
        file_hash: The SHA-256 of the file it was just loaded from, "" for none.
    """

    def __init__(self, model: keras.Model, file_hash: str = "") -> None:
        self._model, self._file_hash = model, file_hash
        self._unchanged: Callable[[], bool] = _never
        self._weights = ""
        self._loaded = self._weights_hash() if file_hash else ""

    @property
    def hash(self) -> str:
        """The SHA-256 of the file or of the weights, in hexadecimal.

        Weights are read anew where the backend cannot tell that they were not changed.
        "" while they cannot be read, as in a training.
        """
        weights = self._weights_hash()
        return self._file_hash if weights and weights == self._loaded else weights

    def _weights_hash(self) -> str:
        if self._unchanged():
            return self._weights
        # Asked for before they are read: what comes between shows the next time.
        unchanged = backend().watch(self._model.weights)
        digest = hashlib.sha256()
        # On JAX a running ``fit`` or ``predict`` takes the arrays away.
        try:
            for variable in self._model.weights:
                if _compat.raw_value(variable) is None:
                    return ""
                values = backend().to_numpy(variable.value)
                about = f"{variable.path} {values.shape} {values.dtype}\n"
                digest.update(about.encode())
                digest.update(values.tobytes())
        except RuntimeError:
            return ""
        self._unchanged, self._weights = unchanged, digest.hexdigest()
        return self._weights


def _never() -> bool:
    return False
