"""One observed forward pass: hooks that capture weights, and the arrays they become.

While a pass is observed, the watched method of each chosen layer has a stand-in in the
``__dict__`` of that one object; classes are never touched. A stand-in asks who is
recording in the current context, so that other threads that run the same layer pass
straight through it.
"""

import functools
import inspect
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import count, islice
from typing import Any, Protocol, cast

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from regard.errors import ArgumentError, ObservationError, RegardError
from regard.observation.adapters import Finish, Force
from regard.observation.discovery import HookPoint, Selection, out_of_reach
from regard.runtime import backend
from regard.types import AttentionMap, Observation

_RECORDING: ContextVar["Watcher | None"] = ContextVar("recording", default=None)
_PATCHING = threading.Lock()
_NOTHING: Mapping[str, Any] = {}


class Watcher(Protocol):
    """Runs the watched methods of layers, and may take or give what it wants."""

    def run(self, layer: keras.Layer, method: Any, args: Any, kwargs: Any, /) -> Any:
        """What the method of the layer returns."""


@dataclass(frozen=True, eq=False)
class CapturedWeights:
    """The weights of one call of one layer, as the backend's tensor."""

    hook_point: HookPoint
    weights: Any
    axes: tuple[str, ...]


class Recorder:
    """Collects the weights of the selected layers during one forward pass.

    Args:
        selection: The layers.
        forced: Weights that are applied in place of a layer's own, by the keys of the
            result.
    """

    def __init__(
        self, selection: Selection, forced: Mapping[str, Any] = _NOTHING
    ) -> None:
        self.captured: list[CapturedWeights] = []
        #: What was refused inside of a layer, whose ``__call__`` wraps errors.
        self.refusal: RegardError | None = None
        self._points = {id(point.layer): point for point in selection.hook_points}
        self._distributed = {id(layer) for layer in selection.time_distributed}
        self._paths = {point.path for point in selection.hook_points}
        self._forced = forced
        self._applied: set[str] = set()
        # The numbers of steps of the TimeDistributed layers that run, outer ones first,
        # and how many weights there were when the outermost began.
        self._steps: list[int] = []
        self._before_steps = 0

    def run(self, layer: keras.Layer, method: Any, args: Any, kwargs: Any) -> Any:
        """Run a watched method and keep the weights made in it."""
        try:
            return self._run(layer, method, args, kwargs)
        except RegardError as refusal:
            self.refusal = refusal
            raise

    def _run(self, layer: keras.Layer, method: Any, args: Any, kwargs: Any) -> Any:
        if id(layer) in self._distributed:
            return self._run_steps(method, args, kwargs)
        point = self._points.get(id(layer))
        if point is None:
            return method(*args, **kwargs)
        adapter = point.adapter
        call = signature_of(layer, adapter.method).bind(*args, **kwargs)
        result, weights = adapter.capture(layer, method, call)
        if weights is None:
            raise ObservationError(
                f"The layer '{point.path}' of the class {type(layer).__name__} made no "
                "weights when asked for them.",
                fix="Leave it out by choosing other layers with layers=.",
            )
        axes = adapter.axes(layer, len(weights.shape))
        given = self._given(point, weights, axes)
        if given is not None:
            call = signature_of(layer, adapter.method).bind(*args, **kwargs)
            result, weights = cast(Force, adapter.force)(layer, call, given), given
        self.captured.append(CapturedWeights(point, weights, axes))
        return result

    def _given(self, point: HookPoint, own: Any, axes: tuple[str, ...]) -> Any:
        """The weights that are forced in this call of a layer, None where none are."""
        if not self._forced:
            return None
        earlier, within = self.captured, []
        if self._steps:
            earlier, within = (
                self.captured[: self._before_steps],
                self.captured[self._before_steps :],
            )
        number = 1 + sum(each.hook_point is point for each in earlier)
        key = _key(point.path, number, self._paths)
        if key not in self._forced:
            return None
        if point.adapter.force is None:
            raise ObservationError(
                f"The weights of the layer '{point.path}' of the class "
                f"{type(point.layer).__name__} cannot be forced: it makes them in a "
                "loop, or their axes are not known before they are made.",
                fix="Force the weights of other layers.",
            )
        self._applied.add(key)
        step = sum(each.hook_point is point for each in within)
        return _fitted(key, self._at_step(key, step), own, axes)

    def _at_step(self, key: str, step: int) -> Any:
        """Forced weights at one call inside of ``TimeDistributed``."""
        given = self._forced[key]
        if not self._steps:
            return given
        if step >= np.prod(self._steps) or len(given.shape) <= len(self._steps):
            raise ArgumentError(
                f"The weights forced on '{key}' do not fit the steps of its "
                "TimeDistributed layer.",
                expected=f"one call in each step, and axes of {self._steps} steps "
                "after the batch",
                received=f"weights of shape {tuple(given.shape)}",
            )
        for index in np.unravel_index(step, self._steps):
            given = given[:, int(index)]
        return given

    def check_all_applied(self) -> None:
        """Refuse forced weights of keys that there are not.

        Raises:
            ArgumentError: Weights were to be forced on what did not run.
        """
        for key in self._forced:
            if key not in self._applied:
                keys = [call.key for call in _layer_calls(self.captured)]
                raise ArgumentError(
                    f"There is no attention '{key}' to force weights on.",
                    expected=f"one of {', '.join(map(repr, keys)) or 'none'}",
                )

    def _run_steps(self, method: Any, args: Any, kwargs: Any) -> Any:
        """Run ``TimeDistributed``, which calls its layer once for each time step."""
        before = len(self.captured)
        steps = (args[0] if args else kwargs["inputs"]).shape[1]
        if not self._steps:
            self._before_steps = before
        self._steps.append(steps or 1)
        try:
            result = method(*args, **kwargs)
        finally:
            self._steps.pop()
        # With an unknown number of steps Keras vectorises: nothing can be stacked.
        if steps is not None:
            self.captured[before:] = _stacked(self.captured[before:], steps)
        return result


def _fitted(key: str, given: Any, own: Any, axes: tuple[str, ...]) -> Any:
    """Forced weights in the place of a layer's own, cut to their shape.

    Raises:
        ArgumentError: They have not as many axes, or too few entries on one.
    """
    sizes = tuple(own.shape)
    shape = tuple(given.shape)
    fits = len(shape) == len(sizes) and all(
        size is None or got is None or got == size or (got > size and _may_end(axis))
        for axis, got, size in zip(axes, shape, sizes, strict=True)
    )
    if not fits:
        raise ArgumentError(
            f"The weights forced on '{key}' have another shape than its own.",
            expected=str(sizes),
            received=str(shape),
        )
    inside = tuple(slice(size) for size in sizes)
    return ops.cast(given[inside], own.dtype)


def _may_end(axis: str) -> bool:
    """Whether batches may differ on an axis, and the shorter are filled up."""
    return axis.startswith(("keys", "queries"))


def signature_of(layer: keras.Layer, method: str) -> inspect.Signature:
    """The arguments of a method by name, also where a subclass passes them through."""
    own: Any = None
    for base in type(layer).__mro__:
        if method in vars(base):
            function = functools.partial(vars(base)[method], layer)
            signature = inspect.signature(function)
            own = own or signature
            kinds = {each.kind for each in signature.parameters.values()}
            if inspect.Parameter.VAR_POSITIONAL not in kinds:
                return signature
    return cast(inspect.Signature, own)


def _stacked(captured: list[CapturedWeights], steps: int) -> Iterator[CapturedWeights]:
    """Join the weights of each call over the steps, along an axis after the batch."""
    for point in dict.fromkeys(each.hook_point for each in captured):
        of_layer = [each for each in captured if each.hook_point is point]
        calls, rest = divmod(len(of_layer), steps)
        if rest:
            raise ObservationError(
                f"The layer '{point.path}' did not run equally often in each step of "
                "a TimeDistributed layer.",
                expected=f"a multiple of {steps} runs",
                received=f"{len(of_layer)}",
            )
        for call in range(calls):
            over_steps = of_layer[call::calls]
            weights = ops.stack([each.weights for each in over_steps], axis=1)
            batch, *inner = over_steps[0].axes
            axes = (batch, _step_name(inner), *inner)
            yield CapturedWeights(point, weights, axes)


def _step_name(axes: list[str]) -> str:
    """``step``, or ``step_2`` around an inner ``step``, and so on outwards."""
    depth = 1 + sum(axis.startswith("step") for axis in axes)
    return "step" if depth == 1 else f"step_{depth}"


@contextmanager
def recording(
    selection: Selection, forced: Mapping[str, Any] = _NOTHING
) -> Iterator[Recorder]:
    """Record the weights of the selected layers in what runs inside, in this context.

    Args:
        selection: The layers.
        forced: Weights that are applied in place of a layer's own, by its key.
    """
    recorder = Recorder(selection, forced)
    watched = [(point.layer, point.adapter.method) for point in selection.hook_points]
    watched += [(layer, "call") for layer in selection.time_distributed]
    with watching(watched, recorder):
        yield recorder


@contextmanager
def watching(
    watched: Iterable[tuple[keras.Layer, str]], watcher: Watcher
) -> Iterator[None]:
    """Let a watcher run the given methods of layers, in this context only.

    Args:
        watched: Layers with the names of their methods.
        watcher: What runs them.
    """
    with ExitStack() as stack:
        for layer, method in watched:
            _install(layer, method)
            stack.callback(_remove, layer, method)
        token = _RECORDING.set(watcher)
        stack.callback(_RECORDING.reset, token)
        yield


@dataclass
class _StandIn:
    """A method of one layer while anybody observes it, counted by its observers."""

    shadowed: Any
    observers: int = 0


# Empty whenever nobody observes.
_STAND_INS: dict[tuple[int, str], _StandIn] = {}


def _install(layer: keras.Layer, method: str) -> None:
    # Through ``__dict__``: Keras and PyTorch track what is set as an attribute.
    with _PATCHING:
        key = (id(layer), method)
        if key not in _STAND_INS:
            _STAND_INS[key] = _StandIn(layer.__dict__.get(method))
            layer.__dict__[method] = _passing(layer, getattr(layer, method))
        _STAND_INS[key].observers += 1


def _remove(layer: keras.Layer, method: str) -> None:
    with _PATCHING:
        stand_in = _STAND_INS[id(layer), method]
        stand_in.observers -= 1
        if stand_in.observers:
            return
        del _STAND_INS[id(layer), method]
        if stand_in.shadowed is None:
            del layer.__dict__[method]
        else:
            layer.__dict__[method] = stand_in.shadowed


def _passing(layer: keras.Layer, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def observed(*args: Any, **kwargs: Any) -> Any:
        recorder = _RECORDING.get()
        if recorder is None:
            return original(*args, **kwargs)
        return recorder.run(layer, original, args, kwargs)

    return observed


Array = npt.NDArray[Any]


@dataclass(frozen=True)
class LayerCall:
    """One call of an observed layer: its key in the result, and what its weights are.

    Args:
        key: The path, and from the second call of a layer on the number of the call.
        path: The path of the layer.
        layer_class: The name of its class.
        axes: A name for each axis of the weights.
        finish: What puts them in order; None: they are.
    """

    key: str
    path: str
    layer_class: str
    axes: tuple[str, ...]
    finish: Finish | None = None

    def attention(self, weights: Array) -> AttentionMap:
        """The weights of the call in all batches, with the names of their axes."""
        axes = self.axes
        if self.finish is not None:
            weights, axes = self.finish(weights, axes)
        return AttentionMap(weights, axes, self.path, self.layer_class)


@dataclass(frozen=True, eq=False)
class PassLayout:
    """The meaning of the tensors of a pass: known once it was traced.

    Args:
        structure: The structure of the model's outputs.
        calls: The calls of the observed layers, in the order of their weights.
    """

    structure: Any
    calls: tuple[LayerCall, ...]


@dataclass(frozen=True, eq=False)
class PassTensors:
    """The tensors of a pass, of a backend: flat outputs and the weights."""

    outputs: Sequence[Any]
    weights: Sequence[Any]


@dataclass(frozen=True, eq=False)
class PassArrays:
    """The arrays of a pass over one batch, and what they are."""

    outputs: Sequence[Array]
    weights: Sequence[Array]
    layout: PassLayout


def observed_call(
    call: Callable[[], Any],
    selection: Selection,
    is_trapped: Callable[[Any], bool],
    forced: Mapping[str, Any] = _NOTHING,
) -> tuple[PassTensors, PassLayout]:
    """Run a model once and take the weights out of it.

    Args:
        call: Runs the model.
        selection: The layers that are observed.
        is_trapped: Whether a tensor belongs to a function inside the pass, such as the
            body of a loop, so that it cannot be given back.
        forced: Weights that are applied in place of a layer's own, by its key.

    Raises:
        ArgumentError: Forced weights do not fit.
        ObservationError: Weights are trapped inside the pass, or cannot be forced.
    """
    with recording(selection, forced) as recorder:
        try:
            outputs = call()
        except Exception:
            if recorder.refusal is not None:
                # Without the arguments and escape codes that Keras puts around it.
                raise recorder.refusal from None
            raise
    captured = recorder.captured
    recorder.check_all_applied()
    _refuse_trapped(captured, is_trapped)
    tensors = PassTensors(keras.tree.flatten(outputs), [c.weights for c in captured])
    structure = keras.tree.map_structure(lambda _: 0, outputs)
    return tensors, PassLayout(structure, _layer_calls(captured))


def to_arrays(tensors: PassTensors, layout: PassLayout) -> PassArrays:
    """Bring the tensors of a pass home."""
    outputs, weights = backend().to_numpy((tensors.outputs, tensors.weights))
    return PassArrays(outputs, weights, layout)


def join(passes: Sequence[PassArrays]) -> Observation:
    """One observation of the passes over all batches, in their order.

    Weights of batches of different lengths are filled up with zeros at the end of the
    axes that differ: a key that is not there has no weight.

    Raises:
        ObservationError: The batches do not fit each other.
    """
    layout = passes[0].layout
    if any(each.layout.calls != layout.calls for each in passes):
        raise ObservationError(
            "The model ran its attention layers differently on different batches.",
            fix="Observe the batches one by one with predict_on_batch().",
        )
    outputs = [
        _concatenated(parts)
        for parts in zip(*(each.outputs for each in passes), strict=True)
    ]
    weights = [
        _padded(parts) for parts in zip(*(each.weights for each in passes), strict=True)
    ]
    return Observation(
        keras.tree.pack_sequence_as(layout.structure, outputs),
        {
            call.key: call.attention(array)
            for call, array in zip(layout.calls, weights, strict=True)
        },
    )


def _refuse_trapped(
    captured: Sequence[CapturedWeights], is_trapped: Callable[[Any], bool]
) -> None:
    paths = dict.fromkeys(each.hook_point.path for each in captured)
    trapped = dict.fromkeys(
        each.hook_point.path for each in captured if is_trapped(each.weights)
    )
    if trapped:
        raise out_of_reach(
            list(trapped), [path for path in paths if path not in trapped]
        )


def _layer_calls(captured: Sequence[CapturedWeights]) -> tuple[LayerCall, ...]:
    counts: dict[str, int] = {}
    calls = []
    paths = {each.hook_point.path for each in captured}
    for each in captured:
        path = each.hook_point.path
        counts[path] = number = counts.get(path, 0) + 1
        key = _key(path, number, paths)
        name = type(each.hook_point.layer).__name__
        finish = each.hook_point.adapter.finish
        calls.append(LayerCall(key, path, name, each.axes, finish))
    return tuple(calls)


def _key(path: str, number: int, paths: Set[str]) -> str:
    """The key of a use of a layer in the result, given the number of the use."""
    free = (n for n in count(2) if f"{path}#{n}" not in paths)
    # Another layer may have a name that looks like the number of a use.
    return path if number == 1 else f"{path}#{next(islice(free, number - 2, None))}"


def _concatenated(arrays: Sequence[Array]) -> Array:
    if len(arrays) == 1:
        return arrays[0]
    shapes = {array.shape[1:] for array in arrays}
    if len(shapes) > 1:
        raise ObservationError(
            "The outputs of the batches have different shapes.",
            expected="outputs of one shape besides the batch",
            received=", ".join(map(str, sorted(shapes))),
            fix="Pad the inputs to one length or observe them batch by batch.",
        )
    return np.concatenate(arrays)


def _padded(arrays: Sequence[Array]) -> Array:
    if len(arrays) == 1:
        return arrays[0]
    longest = np.max([array.shape[1:] for array in arrays], axis=0)
    if all(array.shape[1:] == tuple(longest) for array in arrays):
        return np.concatenate(arrays)
    rows = sum(len(array) for array in arrays)
    joined = np.zeros((rows, *longest), arrays[0].dtype)
    start = 0
    for array in arrays:
        inside = tuple(slice(size) for size in array.shape[1:])
        joined[start : start + len(array)][(slice(None), *inside)] = array
        start += len(array)
    return joined
