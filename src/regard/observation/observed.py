"""A model whose attention is seen in the pass that makes the prediction."""

import inspect
import threading
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Literal, TypeAlias

import keras
import numpy as np

from regard import _compat
from regard.errors import ArgumentError, ObservationError
from regard.observation.discovery import Selection, select_hook_points
from regard.observation.forced_weights import (
    Forced,
    Weights,
    check_cut,
    check_rows,
    count_rows,
    forced_arrays,
    rows_of,
)
from regard.observation.forward_pass import (
    PassArrays,
    PassLayout,
    PassTensors,
    join,
    observed_call,
    to_arrays,
)
from regard.observation.handmade import SoftmaxChoice, choice_of
from regard.runtime import EagerProgram, Programs, backend
from regard.types import Observation

JitCompile: TypeAlias = bool | Literal["auto"]
#: An observed pass over the inputs of one batch.
ObservedPass: TypeAlias = Callable[..., tuple[PassTensors, PassLayout]]

_MANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Observed:
    """A Keras model together with the attention of each of its predictions.

    Each pass gives the model's outputs and the weights of the chosen attention layers
    at once. The model is not rebuilt or changed: training, saving and its own
    ``predict`` go on as before, and further training is seen by the next pass.

    In float32 the outputs are those of ``model(x)`` bit for bit when called, and
    those of ``model.predict(x)`` within 1e-6 when compiled. Weights are those before
    dropout. State that a pass updates (seeds, counts, recurrent states) stays in the
    model for the next one.

    All methods may be called from several threads at once. The passes of ``predict``
    and ``predict_on_batch`` over models that update state then run one after the other.

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
        self._has_own_step = _compat.has_own_step(model)
        self._selection: Selection | None = None
        self._selecting = threading.RLock()
        self._compiler = backend().compiler(model)
        self._passes = Programs(self._make_pass)
        if _compat.is_built(model):
            self._selected()

    def __repr__(self) -> str:
        found = ", ".join(self.paths) if self._selection else "not built yet"
        return f"Observed({self._model.name!r}, {found})"

    @property
    def model(self) -> keras.Model:
        """The observed model itself."""
        return self._model

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of the chosen attention layers."""
        return tuple(point.path for point in self._selected().hook_points)

    def __call__(
        self,
        x: Any,
        *more: Any,
        training: bool = False,
        attention: Weights | None = None,
        **arguments: Any,
    ) -> Observation:
        """Call the model once, eagerly.

        Args:
            x: The inputs, as for ``model(x)``.
            *more: What the model's call takes after them, such as a target.
            training: Whether the model runs in training mode.
            attention: Weights that are applied in place of a layer's own, by its key
                in ``Observation.attention``: the answer under given weights.
            **arguments: Further arguments of the model's call, such as ``mask``.

        Raises:
            ArgumentError: One of ``more`` would be taken for ``training`` or ``mask``,
                or forced weights do not fit.
            ObservationError: The weights of a layer cannot be forced.
        """
        _check_order(self._model, len(more))
        arguments["training"] = training
        _check_complete(self._model, 1 + len(more), arguments)
        forced = forced_arrays(attention)
        passed = to_arrays(*self._call_eagerly(forced, x, *more, **arguments))
        check_cut([passed], forced)
        return join([passed])

    def predict_on_batch(
        self, x: Any, *, attention: Weights | None = None
    ) -> Observation:
        """One compiled pass over one batch, as ``model.predict_on_batch`` makes it.

        It is compiled once for each combination of shapes and dtypes.

        Args:
            x: The inputs of one batch, an array or nested arrays. A model that prepares
                inputs in its own ``predict_on_batch`` prepares these too.
            attention: Weights that are applied in place of a layer's own, by its key
                in ``Observation.attention``.

        Raises:
            ArgumentError: ``x`` is no array, the model needs more than one argument, or
                forced weights do not fit.
            ObservationError: The weights of a layer cannot be forced.
        """
        x = _prepared(self._model, "predict_on_batch", x)["x"]
        forced = forced_arrays(attention)
        x = (x,) if self._has_own_step else x
        passed = to_arrays(*self._run(x, forced))
        check_cut([passed], forced)
        return join([passed])

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        steps: int | None = None,
        *,
        attention: Weights | None = None,
    ) -> Observation:
        """Predict in batches, as ``model.predict`` does.

        Where batches differ in length, weights are filled up with zeros at the end.

        Args:
            x: Whatever ``model.predict`` takes: arrays, a data set of TensorFlow, a
                loader of PyTorch, a ``PyDataset``, a generator of batches. A model that
                prepares inputs in its own ``predict``, as those of KerasHub do,
                prepares these too.
            batch_size: Samples in a batch; 32 where nothing else is said.
            verbose: ``"auto"`` or 1 for a progress bar, 2 for a line, 0 for nothing.
            steps: The number of batches, where ``x`` does not say.
            attention: Weights that are applied in place of a layer's own, by its key
                in ``Observation.attention``, for all samples in their order. Where
                batches differ in length, they are filled up as the result's are.

        Raises:
            ArgumentError: There is nothing in ``x``, the model needs more than one
                argument, or forced weights do not fit.
            ObservationError: The model's own ``predict`` changes what Keras's gives, or
                the weights of a layer cannot be forced.
        """
        if isinstance(x, Iterator):
            # Keras has no other generators than those of tuples.
            x = (each if isinstance(each, tuple) else (each,) for each in x)
        data = _prepared(self._model, "predict", x, batch_size=batch_size, steps=steps)
        batches, count = _compat.batches(
            data["x"], data["batch_size"], data["steps"], backend().batches
        )
        if not self._has_own_step:
            batches = (
                keras.utils.unpack_x_y_sample_weight(each)[0] for each in batches
            )
        forced = forced_arrays(attention)
        progress = _progress_bar(count, verbose)
        passes = list(self._run_each(batches, forced, progress))
        if not passes:
            raise ArgumentError("There is nothing to observe: the input is empty.")
        check_cut(passes, forced)
        return join(passes)

    def _run_each(
        self,
        batches: Iterator[Any],
        forced: Forced,
        progress: keras.utils.Progbar | None,
    ) -> Iterator[PassArrays]:
        """Run one batch while the arrays of the one before are brought home."""
        running, rows = None, 0
        for step, each in enumerate(batches, start=1):
            x = _arrays(each)
            of_batch = rows_of(forced, rows, x)
            rows += count_rows(x) if forced else 0
            started = self._run(x, of_batch)
            if running is not None:
                yield to_arrays(*running)
            running = started
            if progress is not None:
                progress.update(step)
        check_rows(forced, rows)
        if running is not None:
            yield to_arrays(*running)

    def _run(self, x: Any, forced: Forced) -> tuple[PassTensors, PassLayout]:
        """Run a compiled pass, over inputs or over what the model's own step takes."""
        x = _arrays(x)
        self._selected(*self._inputs(x))
        passed: tuple[PassTensors, PassLayout] = self._passes(x, forced)
        return passed

    def _inputs(self, x: Any) -> tuple[Any]:
        if self._has_own_step:
            return (keras.utils.unpack_x_y_sample_weight(x)[0],)
        return (x,)

    def _make_pass(self, x: Any, forced: Forced) -> ObservedPass:
        """A pass for inputs and forced weights of these shapes and dtypes."""
        model, chosen = self._model, backend()
        if not self._has_own_step:
            _check_complete(model, 1, _compat.inference_arguments(model))
        jit_compile = self._jit_compile
        if jit_compile == "auto":
            jit_compile = bool(model.jit_compile)
        runs_eagerly = self._jit_compile == "auto" and model.run_eagerly
        if runs_eagerly or not (jit_compile or chosen.has_graphs):
            return EagerProgram(model, self._run_eagerly)
        selection = self._selected()
        predict = chosen.predict_step if self._has_own_step else chosen.predict_call
        layouts: list[PassLayout] = []

        def forward(x: Any, forced: Forced) -> tuple[list[Any], list[Any]]:
            tensors, layout = observed_call(
                lambda: predict(model, x),
                selection,
                partial(chosen.is_trapped, in_program=True),
                forced,
            )
            layouts.append(layout)
            return list(tensors.outputs), list(tensors.weights)

        program = self._compiler.compile(forward, (x, forced), jit_compile)
        return lambda *arguments: (PassTensors(*program(*arguments)), layouts[-1])

    def _run_eagerly(self, x: Any, forced: Forced) -> tuple[PassTensors, PassLayout]:
        with backend().without_gradients():
            if self._has_own_step:
                return self._observe(
                    lambda: backend().predict_step(self._model, x), forced
                )
            named = _compat.inference_arguments(self._model)
            return self._call_eagerly(forced, x, **named)

    def _call_eagerly(
        self, forced: Forced, *arguments: Any, **named: Any
    ) -> tuple[PassTensors, PassLayout]:
        """Call the model as ``model(*arguments, **named)`` does."""
        self._selected(*arguments, **named)
        return self._observe(lambda: self._model(*arguments, **named), forced)

    def _observe(
        self, call: Callable[[], Any], forced: Forced
    ) -> tuple[PassTensors, PassLayout]:
        trapped = partial(backend().is_trapped, in_program=False)
        tensors = {
            key: keras.ops.convert_to_tensor(array) for key, array in forced.items()
        }
        return observed_call(call, self._selected(), trapped, tensors)

    def _selected(self, *arguments: Any, **named: Any) -> Selection:
        """The chosen layers; a model that is not built yet is built on arguments."""
        if self._selection is not None:
            return self._selection
        with self._selecting:
            if self._selection is None:
                if arguments and not _compat.is_built(self._model):
                    _check_complete(self._model, len(arguments), named)
                    with keras.StatelessScope():
                        self._model(*arguments, **named)
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


def _prepared(
    model: keras.Model, method: str, x: Any, **arguments: Any
) -> dict[str, Any]:
    """What the ``predict`` of the model's own class gives to the one of Keras."""
    data = _compat.prepared(model, method, x, **arguments)
    if data is None:
        raise ObservationError(
            f"{method}() of the class {type(model).__name__} does more than to prepare "
            f"inputs for {method}() of Keras, so that its answers cannot be observed.",
            expected=f"that it calls super().{method}() once and returns the result",
            fix="Prepare the inputs yourself and observe the call: observed(x).",
        )
    return data


def _check_order(model: keras.Model, count: int) -> None:
    """Refuse what comes in the place of ``training`` or ``mask`` without a name."""
    names = list(inspect.signature(model.call).parameters)
    for name in names[1 : 1 + count]:
        if name in ("training", "mask"):
            raise ArgumentError(
                f"The model's call would take an argument for its '{name}'.",
                expected="training and mask by their names",
                fix="Write observed(x, mask=mask) for a mask and "
                "observed(x, training=True) for training mode.",
            )


def _check_complete(model: keras.Model, count: int, named: Container[str]) -> None:
    """Refuse a pass without all the arguments that the model's call needs.

    Args:
        model: The model.
        count: How many come by their place.
        named: The names of the others.
    """
    parameters = list(inspect.signature(model.call).parameters.values())
    missing = [
        parameter.name
        for parameter in parameters[count:]
        if parameter.name not in named
        and parameter.default is inspect.Parameter.empty
        and parameter.kind not in _MANY
    ]
    if missing:
        wanted = "".join(f", {name}={name}" for name in missing)
        raise ArgumentError(
            f"The call of the model '{model.name}' needs more arguments: "
            f"{', '.join(missing)}.",
            fix=f"Observe a call with all of them: observed(x{wanted}).",
        )


def _arrays(x: Any) -> Any:
    return keras.tree.map_structure(_array, x)


def _array(leaf: Any) -> Any:
    if leaf is None or keras.ops.is_tensor(leaf):
        return leaf
    array = np.asarray(leaf)
    if array.dtype == object and not array.ndim:
        raise ArgumentError(
            "The input of a batch is no array.",
            expected="an array, or a tensor of the backend",
            received=f"an object of the class {type(array.item()).__name__}",
            fix="Make an array of it first: to_tensor() fills a ragged tensor up, "
            "todense() or toarray() a sparse one.",
        )
    return array


def _progress_bar(count: int | None, verbose: str | int) -> keras.utils.Progbar | None:
    level = 1 if verbose == "auto" else int(verbose)
    return keras.utils.Progbar(count, verbose=level) if level else None
