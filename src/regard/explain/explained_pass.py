"""One pass of a model that is explained: a tensor inside replaced, logits looked up."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from regard import _compat
from regard.classification.temperature import TemperedSoftmax
from regard.errors import ObservationError
from regard.observation.adapters import Adapter
from regard.observation.discovery import walk
from regard.observation.forward_pass import signature_of, watching

_SQUASHING = (keras.activations.softmax, keras.activations.sigmoid)
# Operations of functional models, and layers, by the names of their classes.
_SQUASHING_CLASSES = {"Softmax", "Sigmoid"}


@dataclass(frozen=True, eq=False)
class Inner:
    """A tensor inside of a pass: what one use of a layer gives, or the weights in it.

    Args:
        path: The path of the layer.
        layer: The layer.
        number: The number of the use, from 1 on.
        adapter: Where the weights of an attention layer are meant: how they are
            captured and forced.
    """

    path: str
    layer: keras.Layer
    number: int = 1
    adapter: Adapter | None = None

    @property
    def method(self) -> str:
        """The method of the layer that makes it."""
        return "call" if self.adapter is None else self.adapter.method

    def found(self, method: Any, args: Any, kwargs: Any) -> Any:
        """The tensor, in a use of the layer."""
        if self.adapter is None:
            return method(*args, **kwargs)
        return self.adapter.capture(self.layer, method, self.bound(args, kwargs))[1]

    def replaced(self, args: Any, kwargs: Any, replacement: Any) -> Any:
        """What the layer gives where another tensor is in its place.

        Raises:
            ObservationError: The weights of the layer cannot be forced.
        """
        if self.adapter is None:
            return replacement
        if self.adapter.force is None:
            raise ObservationError(
                f"The weights of the layer '{self.path}' of the class "
                f"{type(self.layer).__name__} cannot be replaced, so that it is not "
                "known what they add."
            )
        return self.adapter.force(self.layer, self.bound(args, kwargs), replacement)

    def mask(self, method: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG002 - a look
        """The mask that a layer makes of ids; None: it makes none.

        It is asked for here, because layers further on may take it away.
        """
        given = _first(args, kwargs)
        if self.adapter is not None or not _is_tensor(given):
            return None
        return mask_made(self.layer, given) if _reads_ids(self.layer, given) else None

    def bound(self, args: Any, kwargs: Any) -> Any:
        """The arguments of a use by their names."""
        return signature_of(self.layer, self.method).bind(*args, **kwargs)


#: Given a tensor inside, and the method and arguments of the use of its layer: what is
#: wanted of it.
Look = Callable[[Inner, Any, Any, Any], Any]


@dataclass
class LayerUse:
    """One call of a layer, as a survey saw it.

    Args:
        path: The path of the layer.
        layer: The layer.
        reads: Which of the inputs it was given as it is; None: none of them.
        given: The shape and the dtype of its first argument.
        gives: The shape and the dtype of its output, None where that is no tensor.
        masked: Whether a mask is made of ids that it is given.
    """

    path: str
    layer: keras.Layer
    reads: int | None
    given: tuple[tuple[int, ...], str]
    gives: tuple[tuple[int, ...], str] | None
    masked: bool = False


@dataclass
class ExplainedPass:
    """What came of a pass.

    Args:
        outputs: What the model gives.
        logits: What went into the softmax or sigmoid that made the outputs; None where
            none was seen to make them.
        mask: The mask that was made where a tensor was replaced, or None.
        uses: The calls of layers, where they were surveyed.
    """

    outputs: Any
    logits: Any
    mask: Any = None
    uses: Sequence[LayerUse] = ()


class _Reached(BaseException):
    """The pass has come to the tensor that was looked for.

    No error, which Keras would wrap.
    """


class _Watcher:
    """Stands between the layers of a pass."""

    def __init__(
        self,
        inner: Inner | None,
        replacement: Any,
        paths: dict[int, str] | None = None,
        look: Look = Inner.found,
    ) -> None:
        self._inner, self._replacement, self._paths = inner, replacement, paths
        self._look = look
        self._uses = 0
        self.found: Any = None
        self.mask: Any = None
        self.ends: list[tuple[Any, Any]] = []
        self.surveyed: list[LayerUse] = []
        self.inputs: Sequence[Any] = ()

    def run(self, layer: Any, method: Any, args: Any, kwargs: Any) -> Any:
        """Run a layer, unless its output is replaced."""
        if self._inner is not None and layer is self._inner.layer:
            self._uses += 1
            if self._uses == self._inner.number:
                if self._replacement is not None:
                    self.mask = self._inner.mask(method, args, kwargs)
                    return self._inner.replaced(args, kwargs, self._replacement)
                self.found = self._look(self._inner, method, args, kwargs)
                raise _Reached
        if makes_probabilities(layer):
            result, logits = _with_logits(layer, method, args, kwargs)
            self.ends.append((result, logits))
        else:
            result = method(*args, **kwargs)
        if self._paths is not None and id(layer) in self._paths:
            self._survey(layer, args, kwargs, result)
        return result

    def _survey(self, layer: Any, args: Any, kwargs: Any, result: Any) -> None:
        given = _first(args, kwargs)
        if not _is_tensor(given) or self._paths is None:
            return
        use = LayerUse(
            self._paths[id(layer)],
            layer,
            next((n for n, x in enumerate(self.inputs) if x is given), None),
            _kind(given),
            _kind(result) if _is_tensor(result) else None,
        )
        if use.gives is not None and _reads_ids(layer, given):
            use.masked = mask_made(layer, given) is not None
        self.surveyed.append(use)


def makes_probabilities(layer: Any) -> bool:
    """Whether the output of a layer is a softmax or a sigmoid."""
    if isinstance(layer, TemperedSoftmax):
        return True
    if type(layer).__name__ in _SQUASHING_CLASSES:
        return True
    activation = getattr(layer, "activation", None)
    is_recurrent = isinstance(layer, keras.layers.RNN) or hasattr(layer, "state_size")
    if activation is None or is_recurrent:
        return False
    return activation in _SQUASHING or type(activation).__name__ in _SQUASHING_CLASSES


def _with_logits(layer: Any, method: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
    if isinstance(layer, TemperedSoftmax):
        given = args[0] if args else kwargs["inputs"]
        return method(*args, **kwargs), given / ops.cast(layer.temperature, given.dtype)
    activation = getattr(layer, "activation", None)
    if activation is None or type(layer).__name__ in _SQUASHING_CLASSES:
        given = args[0] if args else next(iter(kwargs.values()))
        return method(*args, **kwargs), given
    heard: list[Any] = []

    def hear(logits: Any) -> Any:
        heard.append(logits)
        return activation(logits)

    twin = _compat.twin_of(layer, "call", activation=hear)
    result = twin.call(*args, **kwargs)
    return result, heard[-1] if heard else None


def run_pass(
    model: keras.Model, x: Any, mask: Any, inner: Inner | None, replacement: Any
) -> ExplainedPass:
    """Run a model in inference mode, with a tensor inside replaced.

    Args:
        model: The model.
        x: Its inputs, a nest of tensors.
        mask: What its call gets as ``mask``; None: nothing.
        inner: The tensor that is replaced; None: none is.
        replacement: What comes in its place.
    """
    watcher = _Watcher(inner, replacement)
    with watching(_watched(_ends(model), inner), watcher):
        outputs = call_model(model, x, mask)
    return ExplainedPass(outputs, _logits_of(outputs, watcher.ends), watcher.mask)


def survey_pass(
    model: keras.Model, x: Any, mask: Any, inputs: Sequence[Any]
) -> ExplainedPass:
    """Run a model and note the calls of its layers.

    Args:
        model: The model.
        x: Its inputs, a nest of tensors.
        mask: What its call gets as ``mask``; None: nothing.
        inputs: The tensors of ``x``, flat.
    """
    layers = {id(layer): (path, layer) for path, layer in walk(model)}
    paths = {number: path for number, (path, _) in layers.items()}
    watcher = _Watcher(None, None, paths)
    watcher.inputs = inputs
    watched = [layer for _, layer in layers.values()]
    watched += [each for each in _ends(model) if id(each) not in layers]
    with watching([(layer, "call") for layer in watched], watcher):
        outputs = call_model(model, x, mask)
    return ExplainedPass(
        outputs, _logits_of(outputs, watcher.ends), uses=tuple(watcher.surveyed)
    )


def inner_tensor(
    model: keras.Model, x: Any, mask: Any, inner: Inner, look: Look = Inner.found
) -> Any:
    """What a use of a layer gives in a pass, which ends there.

    Args:
        model: The model.
        x: Its inputs, a nest of tensors.
        mask: What its call gets as ``mask``; None: nothing.
        inner: The tensor.
        look: What is wanted of it, where that is not the tensor itself.

    Returns:
        The tensor, None where the pass did not come to it.
    """
    watcher = _Watcher(inner, None, look=look)
    try:
        with watching(_watched((), inner), watcher):
            call_model(model, x, mask)
    except _Reached:
        return watcher.found
    return None


def call_model(model: keras.Model, x: Any, mask: Any) -> Any:
    """Call a model in inference mode, with a mask where there is one."""
    arguments = _compat.inference_arguments(model)
    if mask is not None:
        arguments["mask"] = mask
    return model(x, **arguments)


def _ends(model: keras.Model) -> list[Any]:
    """The layers and operations that may make the probabilities of a model."""
    return [
        each for _, each in walk(model, operations=True) if makes_probabilities(each)
    ]


def _watched(layers: Iterable[Any], inner: Inner | None) -> list[tuple[Any, str]]:
    watched = {id(layer): (layer, "call") for layer in layers}
    if inner is not None:
        watched[id(inner.layer)] = inner.layer, inner.method
    return list(watched.values())


def _logits_of(outputs: Any, ends: Sequence[tuple[Any, Any]]) -> Any:
    """What the probabilities were made of, known by being the very tensor."""
    for result, logits in ends:
        if result is outputs:
            return logits
    return None


def mask_made(layer: keras.Layer, ids: Any) -> Any:
    """The mask that a layer makes of ids; None: it makes none."""
    return layer.compute_mask(ids, _compat.mask_of(ids))


def _first(args: Any, kwargs: Any) -> Any:
    return next(iter((*args, *kwargs.values())), None)


def _reads_ids(layer: Any, tensor: Any) -> bool:
    """Whether a layer is given ids, which an embedding takes as floats, too."""
    is_whole = _kind(tensor)[1].startswith(("int", "uint"))
    return is_whole or isinstance(layer, keras.layers.Embedding)


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _kind(tensor: Any) -> tuple[tuple[int, ...], str]:
    return tuple(tensor.shape), keras.backend.standardize_dtype(tensor.dtype)
