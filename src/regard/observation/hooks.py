"""Hooks that capture the weights of one forward pass, and leave nothing behind.

While a pass is observed, the watched method of each chosen layer has a stand-in in the
``__dict__`` of that one object; classes are never touched. A stand-in asks who is
recording in the current context, so that other threads that run the same layer pass
straight through it.
"""

import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

import keras
from keras import ops

from regard.errors import ObservationError
from regard.observation.discovery import HookPoint, Selection

_RECORDING: ContextVar["Recorder | None"] = ContextVar("recording", default=None)
_PATCHING = threading.Lock()


@dataclass(frozen=True, eq=False)
class CapturedWeights:
    """The weights of one call of one layer, as the backend's tensor."""

    hook_point: HookPoint
    weights: Any
    axes: tuple[str, ...]


class Recorder:
    """Collects the weights of the selected layers during one forward pass."""

    def __init__(self, selection: Selection) -> None:
        self.captured: list[CapturedWeights] = []
        self._points = {id(point.layer): point for point in selection.hook_points}
        self._distributed = {id(layer) for layer in selection.time_distributed}

    def run(self, layer: keras.Layer, method: Any, args: Any, kwargs: Any) -> Any:
        """Run a watched method and keep the weights made in it."""
        if id(layer) in self._distributed:
            return self._run_steps(method, args, kwargs)
        point = self._points.get(id(layer))
        if point is None:
            return method(*args, **kwargs)
        adapter = point.adapter
        call = _signature(layer, adapter.method).bind(*args, **kwargs)
        result, weights = adapter.capture(layer, method, call)
        if weights is None:
            raise ObservationError(
                f"The layer '{point.path}' of the class {type(layer).__name__} made no "
                "weights when asked for them.",
                fix="Leave it out by choosing other layers with layers=.",
            )
        axes = adapter.axes(layer, len(weights.shape))
        self.captured.append(CapturedWeights(point, weights, axes))
        return result

    def _run_steps(self, method: Any, args: Any, kwargs: Any) -> Any:
        """Run ``TimeDistributed``, which calls its layer once for each time step."""
        before = len(self.captured)
        result = method(*args, **kwargs)
        steps = (args[0] if args else kwargs["inputs"]).shape[1]
        # With an unknown number of steps Keras vectorises: nothing can be stacked.
        if steps is not None:
            self.captured[before:] = _stacked(self.captured[before:], steps)
        return result


def _signature(layer: keras.Layer, method: str) -> inspect.Signature:
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
def recording(selection: Selection) -> Iterator[Recorder]:
    """Record the weights of the selected layers in what runs inside, in this context.

    Args:
        selection: The layers.
    """
    recorder = Recorder(selection)
    watched = [(point.layer, point.adapter.method) for point in selection.hook_points]
    watched += [(layer, "call") for layer in selection.time_distributed]
    with ExitStack() as stack:
        for layer, method in watched:
            _install(layer, method)
            stack.callback(_remove, layer, method)
        token = _RECORDING.set(recorder)
        stack.callback(_RECORDING.reset, token)
        yield recorder


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
