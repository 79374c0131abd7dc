"""A model whose attention is seen in the pass that makes the prediction."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from regard import _compat
from regard.errors import ArgumentError
from regard.observation.discovery import Selection, select_hook_points
from regard.observation.forward_pass import PassArrays, join, to_arrays
from regard.observation.runners import JitCompile, Run, Runner, eager_pass, make_runner
from regard.types import Observation


class Observed:
    """A Keras model together with the attention of each of its predictions.

    Each pass gives the model's outputs and the weights of the chosen attention layers
    at once. The model is not rebuilt or changed: training, saving and its own
    ``predict`` go on as before, and further training is seen by the next pass.

    In float32 the outputs are those of ``model(x)`` bit for bit when called, and
    those of ``model.predict(x)`` within 1e-6 when compiled. Weights are those before
    dropout. All methods may be called from several threads at once.

    Args:
        model: A Keras model, built or not.
        layers: Which attention layers: a pattern for their paths (``"*"`` stands for
            any text, also across ``/``) or a list of patterns.
        jit_compile: Whether passes are compiled, in the sense of
            ``keras.Model.compile``. ``"auto"`` does as the model's ``predict`` does.

    Raises:
        ArgumentError: ``model`` is not a Keras model.
        ObservationError: No attention layer matches. For a model that is not built
            yet, this is found out in the first pass.
    """

    def __init__(
        self,
        model: keras.Model,
        layers: str | Iterable[str] = "*",
        jit_compile: JitCompile = "auto",
    ) -> None:
        if not isinstance(model, keras.Model):
            raise ArgumentError(
                "Only a Keras model can be observed.",
                expected="a keras.Model",
                received=f"an object of the class {type(model).__name__}",
            )
        self._model = model
        self._patterns = (layers,) if isinstance(layers, str) else tuple(layers)
        self._jit_compile = jit_compile
        self._selection: Selection | None = None
        self._runner: Runner | None = None
        self._programs: dict[str, Run] = {}
        self._compiling = threading.RLock()
        if _compat.is_built(model):
            self._selected()

    @property
    def model(self) -> keras.Model:
        """The observed model itself."""
        return self._model

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of the chosen attention layers."""
        return tuple(point.path for point in self._selected().hook_points)

    def __call__(self, x: Any, training: bool = False, **arguments: Any) -> Observation:
        """Call the model once, eagerly.

        Args:
            x: The inputs, as for ``model(x)``.
            training: Whether the model runs in training mode.
            **arguments: Further arguments of the model's call, such as ``mask``.
        """
        selection = self._selected(x)
        passed = eager_pass(self._model, selection, x, training=training, **arguments)
        return join([to_arrays(*passed)])

    def predict_on_batch(self, x: Any) -> Observation:
        """One compiled pass over one batch as it is.

        It is compiled once for each combination of shapes and dtypes.

        Args:
            x: The inputs of one batch, an array or nested arrays.
        """
        inputs = _arrays(x)
        return join([to_arrays(*self._program(inputs)(inputs))])

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        steps: int | None = None,
    ) -> Observation:
        """Predict in batches, as ``model.predict`` does.

        Where batches differ in length, weights are filled up with zeros at the end.

        Args:
            x: Whatever ``model.predict`` takes.
            batch_size: Samples in a batch, 32 unless told otherwise.
            verbose: ``"auto"`` or 1 for a progress bar, 2 for a line, 0 for nothing.
            steps: The number of batches, where ``x`` does not say.
        """
        batches, count = _compat.batches(x, batch_size, steps)
        seen = list(self._passes(batches, _progress(count, verbose)))
        if not seen:
            raise ArgumentError("There is nothing to observe: the input is empty.")
        return join(seen)

    def _passes(
        self, batches: Iterator[Any], progress: keras.utils.Progbar | None
    ) -> Iterator[PassArrays]:
        """Run one batch while the arrays of the one before are brought home."""
        running = None
        for step, x in enumerate(batches, start=1):
            inputs = _arrays(x)
            started = self._program(inputs)(inputs)
            if running is not None:
                yield to_arrays(*running)
            running = started
            if progress is not None:
                progress.update(step)
        if running is not None:
            yield to_arrays(*running)

    def _program(self, x: Any) -> Run:
        signature = _signature(x)
        program = self._programs.get(signature)
        if program is not None:
            return program
        with self._compiling:
            if signature not in self._programs:
                selection = self._selected(x)
                if self._runner is None:
                    self._runner = make_runner(
                        self._model, selection, self._jit_compile
                    )
                self._programs[signature] = self._runner.compile(x)
            return self._programs[signature]

    def _selected(self, x: Any = None) -> Selection:
        """The chosen layers; a model that is not built yet is built on ``x``."""
        with self._compiling:
            if self._selection is None:
                if x is not None and not _compat.is_built(self._model):
                    with keras.StatelessScope():
                        self._model(x)
                self._selection = select_hook_points(self._model, self._patterns)
            return self._selection


def observe(
    model: keras.Model,
    layers: str | Sequence[str] = "*",
    jit_compile: JitCompile = "auto",
) -> Observed:
    """Observe the attention of a Keras model in the pass that makes its prediction.

    Args:
        model: Any Keras model, trained or not, also one loaded from a file.
        layers: Which attention layers: a pattern for their paths (``"*"`` stands for
            any text, also across ``/``) or a list of patterns.
        jit_compile: Whether passes are compiled, in the sense of
            ``keras.Model.compile``. ``"auto"`` does as the model's ``predict`` does.

    Returns:
        The model with its attention, see :class:`Observed`.

    Raises:
        ArgumentError: ``model`` is not a Keras model.
        ObservationError: No attention layer matches; the message lists what there is.

    Example:
        >>> result = observe(model).predict(ids)
        >>> result.outputs.shape, result.attention["attention_pooling"].shape
        ((8, 2), (8, 1, 40))
    """
    return Observed(model, layers, jit_compile)


def _arrays(x: Any) -> Any:
    return keras.tree.map_structure(_array, x)


def _array(leaf: Any) -> Any:
    if leaf is None or keras.ops.is_tensor(leaf):
        return leaf
    return np.asarray(leaf)


def _signature(x: Any) -> str:
    def describe(leaf: Any) -> Any:
        return None if leaf is None else (tuple(leaf.shape), str(leaf.dtype))

    return repr(keras.tree.map_structure(describe, x))


def _progress(count: int | None, verbose: str | int) -> keras.utils.Progbar | None:
    level = 1 if verbose == "auto" else int(verbose)
    return keras.utils.Progbar(count, verbose=level) if level else None
