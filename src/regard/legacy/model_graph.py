"""From an old configuration and its arrays to a model of Keras 3.

An old model is a chain of layers, or a graph.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras

from regard._compat import mask_of
from regard._hdf5 import Array, LayerWeights, OldFile
from regard.errors import RegardError
from regard.legacy.array_layouts import in_todays_layout
from regard.legacy.keras_layers import (
    class_for_masks,
    completed,
    keras_weight_shapes,
    make_keras_layer,
)
from regard.legacy.layers.legacy_attention import LegacyAttention
from regard.legacy.model_config import (
    LayerConfig,
    TensorReference,
    join_gates,
    parse_layer,
    parse_tensors,
)
from regard.legacy.recognition import (
    LoadOptions,
    ReportInference,
    StoredLayer,
    recognize_layer,
)
from regard.legacy.values import dtype_of

_INPUT_LAYER = "InputLayer"
# No sequence of an old model is longer: layers that work step by step would take
# forever over what a damaged file claims.
_LONGEST = 65_536
_INPUT_DTYPES = frozenset(
    {
        "float16",
        "float32",
        "float64",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "bool",
    }
)
#: The outputs of each use of each layer.
Outputs = dict[tuple[str, int], list[Any]]


def rebuild(
    file: OldFile, options: LoadOptions, report: ReportInference
) -> keras.Model:
    """The model of a file, with its weights.

    Args:
        file: The file, with a configuration.
        options: What its reader said.
        report: Told of what was inferred.

    Raises:
        DataError: The configuration makes no sense, or does not fit the arrays.
        ArgumentError: It can be read in two ways, or holds an unknown layer.
    """
    builder = _LayerBuilder(file, options, report)
    with builder.errors_at("/@model_config"):
        config: Any = file.config
        class_name, config = config["class_name"], config["config"]
        makers: Mapping[str, Callable[[_LayerBuilder, Any], keras.Model]] = {
            "Sequential": _chain,
            "Model": _graph,
            "Functional": _graph,
        }
        if class_name not in makers:
            raise ValueError(f"a model of the class {class_name!r}")
        model = makers[class_name](builder, config)
        _require_all_used(builder)
        return model


class _LayerBuilder:
    """Rebuilds the layers of one file.

    Args:
        file: The file.
        options: What its reader said.
        report: Told of what was inferred.
    """

    def __init__(
        self, file: OldFile, options: LoadOptions, report: ReportInference
    ) -> None:
        self.file = file
        self._options = options
        self._report = report
        self._layers: dict[str, keras.Layer] = {}
        #: The layers of which the second output is used.
        self.attended: frozenset[str] = frozenset()
        #: The layers of the file whose arrays were taken.
        self.used: set[str] = set()
        #: Whether a layer keeps its state from batch to batch.
        self.stateful = False

    @contextmanager
    def errors_at(self, part: str) -> Iterator[None]:
        """Let whatever fails inside name the file and the layer."""
        try:
            yield
        except RegardError as error:
            if str(self.file.path) in error.message:
                raise
            # It says what to do; only the place is missing.
            raise type(error)(
                f"'{self.file.path}' cannot be used: {part}: {error.message}",
                expected=error.expected,
                received=error.received,
                fix=error.fix,
                arguments=error.arguments,
                elsewhere=error.elsewhere,
            ) from error
        except Exception as error:
            raise self.file.error(part, f"it makes no sense ({error})") from error

    @property
    def square(self) -> set[str]:
        """The names of the layers whose one array is a square matrix."""
        return {
            name
            for name, weights in self.file.layers.items()
            if len(weights) == 1
            and weights[0].array.shape[1:] == weights[0].array.shape[:1]
        }

    def parse(self, written: Mapping[str, Any]) -> LayerConfig:
        """A layer of the configuration, in the words of today."""
        name, class_name = written["config"].get("name"), written["class_name"]
        with self.errors_at(f"layer '{name}' ({class_name})"):
            layer = parse_layer(written)
            self.stateful |= _is_stateful(layer.config)
            return layer

    def input(self, settings: Mapping[str, Any]) -> Any:
        """An input of the model."""
        with self.errors_at(f"input '{settings.get('name')}'"):
            batch, *shape = settings["batch_input_shape"]
            # States belong to the rows of a batch; else any number of rows will do.
            batch = batch if self.stateful else None
            extents = [extent for extent in (batch, *shape) if extent is not None]
            if not all(map(_is_extent, extents)):
                raise ValueError(f"an input of the shape {shape}")
            return keras.Input(
                batch_shape=(batch, *shape),
                dtype=_input_dtype(settings.get("dtype")),
                name=settings["name"],
            )

    def apply(self, layer_config: LayerConfig, inputs: list[Any]) -> list[Any]:
        """Call a layer, which is made and filled when it is called first."""
        name = layer_config.name
        with self.errors_at(f"layer '{name}' ({layer_config.class_name})"):
            layer = self._layers.get(name) or self._make(layer_config, inputs)
            outputs = _call(layer, inputs)
            if name not in self._layers:
                layer.set_weights(self._arrays(layer_config))
                self._layers[name] = layer
        return list(outputs) if isinstance(outputs, list | tuple) else [outputs]

    def _weights(self, layer_config: LayerConfig) -> LayerWeights:
        self.used.add(layer_config.weights_name)
        return self.file.layers.get(layer_config.weights_name, ())

    def _arrays(self, layer_config: LayerConfig) -> list[Array]:
        """In the layout of today."""
        arrays = [weight.array for weight in self._weights(layer_config)]
        return in_todays_layout(
            layer_config.class_name, layer_config.config, arrays, self.file.backend
        )

    def _make(self, layer_config: LayerConfig, inputs: list[Any]) -> keras.Layer:
        class_name, config = layer_config.class_name, layer_config.config
        layer = self._recognize(layer_config, inputs)
        shapes = [array.shape for array in self._arrays(layer_config)]
        if layer is None:
            config = completed(class_name, config, shapes)
            if config != layer_config.config:
                self._report(
                    f"'{layer_config.name}' ({class_name}): its arrays tell whether "
                    "the reset gate of the GRU comes after"
                )
            expected = list(keras_weight_shapes(class_name, config, inputs[0].shape))
            if class_name == "Conv1D" and self.file.backend == "unknown":
                self._report(
                    f"'{layer_config.name}': its kernel is one of TensorFlow, which "
                    "the file does not say; Theano turned it around"
                )
            layer_class = self._class_for_masks(layer_config, inputs)
            layer = make_keras_layer(class_name, config, layer_class)
        else:
            input_shapes = [tuple(tensor.shape) for tensor in inputs]
            expected = list(
                layer.weight_shapes(
                    input_shapes if len(input_shapes) > 1 else input_shapes[0]
                ).values()
            )
        if expected != shapes:
            raise ValueError(
                f"its settings ask for arrays of the shapes {expected}, the file has "
                f"{shapes}"
            )
        return layer

    def _class_for_masks(
        self, layer: LayerConfig, inputs: list[Any]
    ) -> type[keras.Layer] | None:
        """The class that does with a mask what the layer did; None: that of today."""
        if mask_of(inputs[0]) is None:
            return None
        version = self.file.keras_version
        layer_class, is_open = class_for_masks(layer.class_name, layer.config, version)
        if is_open:
            self._report(
                f"'{layer.name}' ({layer.class_name}) does with padding what the one "
                f"of today does; a release before the last of {version} did not"
            )
        return layer_class

    def _recognize(
        self, layer_config: LayerConfig, inputs: list[Any]
    ) -> LegacyAttention | None:
        return recognize_layer(
            StoredLayer(
                class_name=layer_config.class_name,
                config=layer_config.config,
                weights=self._weights(layer_config),
                inputs=inputs,
                returns_attention=layer_config.name in self.attended,
                options=self._options,
                report=self._report,
            )
        )


def _call(layer: keras.Layer, inputs: list[Any]) -> Any:
    if len(inputs) == 1:
        return layer(inputs[0])
    if isinstance(layer, keras.layers.RNN | keras.layers.Bidirectional):
        return layer(inputs[0], initial_state=inputs[1:])
    return layer(inputs)


def _input_dtype(stated: Any) -> str:
    """The type of an input; a first layer states its policy, or nothing."""
    if isinstance(stated, str) and stated in _INPUT_DTYPES:
        return stated
    policy = dtype_of(stated)
    return policy if policy in _INPUT_DTYPES else "float32"


def _is_stateful(settings: Mapping[str, Any]) -> bool:
    inner = settings.get("layer") or {"config": {}}
    return bool(settings.get("stateful") or inner["config"].get("stateful"))


def _is_extent(extent: Any) -> bool:
    return type(extent) is int and 0 < extent <= _LONGEST


def _chain(builder: _LayerBuilder, config: Any) -> keras.Model:
    # Keras 2.0 wrote the list of layers, later versions a name beside it.
    whole = {"layers": config} if isinstance(config, list) else config
    layers = [builder.parse(layer) for layer in whole["layers"]]
    start = builder.input(_first_input(layers[0], whole))
    tensors = [start]
    for layer in layers:
        if layer.class_name != _INPUT_LAYER:
            tensors = builder.apply(layer, tensors[:1])
    return keras.Model(start, tensors[0], name=whole.get("name"))


def _first_input(first: LayerConfig, whole: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the input of a chain, which the first layer may state."""
    if first.class_name == _INPUT_LAYER:
        return dict(first.config)
    stated = first.written
    shape = stated.get("batch_input_shape") or whole["build_input_shape"]
    return {
        "name": f"{first.name}_input",
        "batch_input_shape": shape,
        "dtype": stated.get("input_dtype") or stated.get("dtype"),
    }


def _graph(builder: _LayerBuilder, config: Any) -> keras.Model:
    listed = [builder.parse(layer) for layer in config["layers"]]
    inputs = parse_tensors(config["input_layers"])
    layers, outputs = join_gates(
        listed, parse_tensors(config["output_layers"]), builder.square
    )
    used = [tensor for layer in layers for tensor in layer.inputs]
    builder.attended = frozenset(
        name for name, _, index in (*outputs, *used) if index == 1
    )
    tensors = _connect(builder, layers)

    def named(references: Sequence[TensorReference]) -> Any:
        listed = [tensors[name, use][index] for name, use, index in references]
        return listed if len(listed) > 1 else listed[0]

    return keras.Model(named(inputs), named(outputs), name=config.get("name"))


def _connect(builder: _LayerBuilder, layers: Sequence[LayerConfig]) -> Outputs:
    """Call every layer as soon as the tensors are there that it is called on."""
    tensors: Outputs = {}
    waiting = []
    for layer in layers:
        if layer.class_name == _INPUT_LAYER:
            tensors[layer.name, 0] = [builder.input(layer.config)]
        waiting += [(layer, use, node) for use, node in enumerate(layer.nodes)]
    while waiting:
        remaining = []
        for layer, use, node in waiting:
            if any((name, source) not in tensors for name, source, _ in node.inputs):
                remaining.append((layer, use, node))
                continue
            inputs = [
                tensors[name, source][index] for name, source, index in node.inputs
            ]
            tensors[layer.name, use] = builder.apply(layer, inputs)
        if len(remaining) == len(waiting):
            names = sorted({layer.name for layer, *_ in remaining})
            raise ValueError(f"the layers {names} wait for each other or for nothing")
        waiting = remaining
    return tensors


def _require_all_used(builder: _LayerBuilder) -> None:
    unused = [name for name in builder.file.layers if name not in builder.used]
    if unused:
        raise ValueError(f"the arrays of {unused} belong to none of its layers")
