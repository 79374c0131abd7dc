"""A model whose attention is seen in the pass that makes the prediction."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Literal, TypeAlias

import keras
import numpy as np

from regard import _compat
from regard.errors import ArgumentError
from regard.observation.discovery import Selection, select_hook_points
from regard.observation.forward_pass import (
    PassArrays,
    PassLayout,
    PassTensors,
    join,
    observed_call,
    to_arrays,
)
from regard.observation.handmade import SoftmaxChoice, choice_of
from regard.runtime import Programs, backend
from regard.types import Observation

JitCompile: TypeAlias = bool | Literal["auto"]
#: An observed pass over the inputs of one batch.
ObservedPass: TypeAlias = Callable[[Any], tuple[PassTensors, PassLayout]]


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
        softmax: Which layers are attention made by hand: a pattern for the paths of
            layers whose output is a softmax by which others are weighed, a list of
            patterns, or a dictionary of patterns with the axis of the keys or a name
            for each axis.

    Raises:
        ArgumentError: ``model`` is not a Keras model, or the axes of a softmax are no
            axes.
        ObservationError: No attention layer matches. For a model that is not built
            yet, this is found out in the first pass.
    """

    def __init__(
        self,
        model: keras.Model,
        layers: str | Iterable[str] = "*",
        jit_compile: JitCompile = "auto",
        *,
        softmax: SoftmaxChoice = (),
    ) -> None:
        if not isinstance(model, keras.Model):
            raise ArgumentError(
                "Only a Keras model can be observed.",
                expected="a keras.Model",
                received=f"an object of the class {type(model).__name__}",
            )
        self._model = model
        self._patterns = (layers,) if isinstance(layers, str) else tuple(layers)
        self._softmax = choice_of(softmax)
        self._jit_compile = jit_compile
        self._selection: Selection | None = None
        self._selecting = threading.RLock()
        self._compiler = backend().compiler(model)
        self._passes = Programs(self._make_pass)
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
        return join([to_arrays(*self._call_eagerly(x, training=training, **arguments))])

    def predict_on_batch(self, x: Any) -> Observation:
        """One compiled pass over one batch as it is.

        It is compiled once for each combination of shapes and dtypes.

        Args:
            x: The inputs of one batch, an array or nested arrays.
        """
        return join([to_arrays(*self._run(_arrays(x)))])

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
            batch_size: Samples in a batch; 32 where nothing else is said.
            verbose: ``"auto"`` or 1 for a progress bar, 2 for a line, 0 for nothing.
            steps: The number of batches, where ``x`` does not say.
        """
        batches, count = _compat.batches(x, batch_size, steps)
        passes = list(self._run_each(batches, _progress_bar(count, verbose)))
        if not passes:
            raise ArgumentError("There is nothing to observe: the input is empty.")
        return join(passes)

    def _run_each(
        self, batches: Iterator[Any], progress: keras.utils.Progbar | None
    ) -> Iterator[PassArrays]:
        """Run one batch while the arrays of the one before are brought home."""
        running = None
        for step, x in enumerate(batches, start=1):
            started = self._run(_arrays(x))
            if running is not None:
                yield to_arrays(*running)
            running = started
            if progress is not None:
                progress.update(step)
        if running is not None:
            yield to_arrays(*running)

    def _run(self, x: Any) -> tuple[PassTensors, PassLayout]:
        self._selected(x)
        passed: tuple[PassTensors, PassLayout] = self._passes(x)
        return passed

    def _make_pass(self, x: Any) -> ObservedPass:
        """A pass for inputs with the shapes and dtypes of ``x``."""
        model, chosen = self._model, backend()
        jit_compile = self._jit_compile
        if jit_compile == "auto":
            jit_compile = bool(model.jit_compile)
        runs_eagerly = self._jit_compile == "auto" and model.run_eagerly
        if runs_eagerly or not (jit_compile or chosen.has_graphs):
            return self._run_eagerly
        selection = self._selected()
        layouts: list[PassLayout] = []

        def forward(x: Any) -> tuple[list[Any], list[Any]]:
            tensors, layout = observed_call(
                lambda: chosen.predict_call(model, x),
                selection,
                partial(chosen.is_trapped, in_program=True),
            )
            layouts.append(layout)
            return list(tensors.outputs), list(tensors.weights)

        program = self._compiler.compile(forward, (x,), jit_compile)
        return lambda x: (PassTensors(*program(x)), layouts[-1])

    def _run_eagerly(self, x: Any) -> tuple[PassTensors, PassLayout]:
        with backend().without_gradients():
            return self._call_eagerly(x, training=False)

    def _call_eagerly(self, x: Any, **arguments: Any) -> tuple[PassTensors, PassLayout]:
        """Call the model as ``model(x, **arguments)`` does."""
        return observed_call(
            lambda: self._model(x, **arguments),
            self._selected(x),
            partial(backend().is_trapped, in_program=False),
        )

    def _selected(self, x: Any = None) -> Selection:
        """The chosen layers; a model that is not built yet is built on ``x``."""
        if self._selection is not None:
            return self._selection
        with self._selecting:
            if self._selection is None:
                if x is not None and not _compat.is_built(self._model):
                    with keras.StatelessScope():
                        self._model(x)
                self._selection = select_hook_points(
                    self._model, self._patterns, self._softmax
                )
            return self._selection


def observe(
    model: keras.Model,
    layers: str | Sequence[str] = "*",
    jit_compile: JitCompile = "auto",
    *,
    softmax: SoftmaxChoice = (),
) -> Observed:
    """Observe the attention of a Keras model in the pass that makes its prediction.

    Args:
        model: Any Keras model, trained or not, also one loaded from a file.
        layers: Which attention layers: a pattern for their paths (``"*"`` stands for
            any text, also across ``/``) or a list of patterns.
        jit_compile: Whether passes are compiled, in the sense of
            ``keras.Model.compile``. ``"auto"`` does as the model's ``predict`` does.
        softmax: Which layers are attention made by hand: a pattern for the paths of
            layers whose output is a softmax by which others are weighed, a list of
            patterns, or a dictionary of patterns with the axis of the keys or a name
            for each axis.

    Returns:
        The model with its attention, see :class:`Observed`.

    Raises:
        ArgumentError: ``model`` is not a Keras model, or the axes of a softmax are no
            axes.
        ObservationError: No attention layer matches; the message lists what there is.

    Example:
        >>> result = observe(model).predict(ids)
        >>> result.outputs.shape, result.attention["attention_pooling"].shape
        ((8, 2), (8, 1, 40))
    """
    return Observed(model, layers, jit_compile, softmax=softmax)


def _arrays(x: Any) -> Any:
    return keras.tree.map_structure(_array, x)


def _array(leaf: Any) -> Any:
    if leaf is None or keras.ops.is_tensor(leaf):
        return leaf
    return np.asarray(leaf)


def _progress_bar(count: int | None, verbose: str | int) -> keras.utils.Progbar | None:
    level = 1 if verbose == "auto" else int(verbose)
    return keras.utils.Progbar(count, verbose=level) if level else None
