"""The two shapes an old model has: a chain of layers, or a graph."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras

from regard.errors import RegardError
from regard.legacy.hdf5.isolated_reader import Stored, Weights
from regard.legacy.keras_layers import make_stock, stock_shapes
from regard.legacy.layers.legacy_attention import LegacyAttention
from regard.legacy.model_config import Entry, Place, join_gates, read_entry, read_places
from regard.legacy.recognition import Found, Infer, Options, recognise

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


class Builder:
    """Rebuilds the layers of one file.

    Args:
        stored: The file.
        options: What its reader said.
        infer: Told of what was inferred.
    """

    def __init__(self, stored: Stored, options: Options, infer: Infer) -> None:
        self.stored = stored
        self._options = options
        self._infer = infer
        self._layers: dict[str, keras.Layer] = {}
        #: The layers of which the second output is used.
        self.attended: frozenset[str] = frozenset()
        #: The layers of the file whose arrays were taken.
        self.taken: set[str] = set()

    @contextmanager
    def at(self, part: str) -> Iterator[None]:
        """Whatever fails inside names the file and the layer."""
        try:
            yield
        except RegardError as error:
            if str(self.stored.path) in error.message:
                raise
            # It says what to do; only the place is missing.
            raise type(error)(
                f"'{self.stored.path}' cannot be used: {part}: {error.message}",
                expected=error.expected,
                received=error.received,
                fix=error.fix,
            ) from error
        except Exception as error:
            raise self.stored.defect(part, f"it makes no sense ({error})") from error

    def input(self, config: Mapping[str, Any]) -> Any:
        """An input of the model."""
        with self.at(f"input '{config.get('name')}'"):
            _, *shape = config["batch_input_shape"]
            dtype = config.get("dtype", "float32")
            extents = [extent for extent in shape if extent is not None]
            if dtype not in _INPUT_DTYPES or not all(map(_is_extent, extents)):
                raise ValueError(f"an input of the shape {shape} and type {dtype}")
            return keras.Input(
                batch_shape=(None, *shape), dtype=dtype, name=config["name"]
            )

    def apply(self, entry: Entry, inputs: list[Any]) -> list[Any]:
        """Call a layer, which is made and filled when it is called first."""
        with self.at(f"layer '{entry.name}' ({entry.kind})"):
            layer = self._layers.get(entry.name) or self._made(entry, inputs)
            outputs = _called(layer, inputs)
            if entry.name not in self._layers:
                arrays = [each.array for each in self._weights(entry)]
                layer.set_weights(arrays)
                self._layers[entry.name] = layer
        return list(outputs) if isinstance(outputs, list | tuple) else [outputs]

    def _weights(self, entry: Entry) -> Weights:
        self.taken.add(entry.stored_as)
        return self.stored.layers.get(entry.stored_as, ())

    def _made(self, entry: Entry, inputs: list[Any]) -> keras.Layer:
        layer = self._old(entry, inputs)
        shapes = [each.array.shape for each in self._weights(entry)]
        if layer is None:
            expected = stock_shapes(
                entry.kind, entry.config, inputs[0].shape[-1], shapes
            )
            layer = make_stock(entry.kind, entry.config, shapes)
        else:
            given = [tuple(each.shape) for each in inputs]
            wanted = layer.weight_shapes(given if len(given) > 1 else given[0])
            expected = list(wanted.values())
        if expected != shapes:
            raise ValueError(
                f"its settings ask for arrays of the shapes {expected}, the file has "
                f"{shapes}"
            )
        return layer

    def _old(self, entry: Entry, inputs: list[Any]) -> LegacyAttention | None:
        return recognise(
            Found(
                kind=entry.kind,
                config=entry.config,
                weights=self._weights(entry),
                inputs=inputs,
                returns_attention=entry.name in self.attended,
                options=self._options,
                infer=self._infer,
            )
        )


def _called(layer: keras.Layer, inputs: list[Any]) -> Any:
    if len(inputs) == 1:
        return layer(inputs[0])
    if isinstance(layer, keras.layers.RNN | keras.layers.Bidirectional):
        return layer(inputs[0], initial_state=inputs[1:])
    return layer(inputs)


def _is_extent(extent: Any) -> bool:
    return type(extent) is int and 0 < extent <= _LONGEST


_INPUT_LAYER = "InputLayer"
Outputs = dict[tuple[str, int], list[Any]]


def rebuild(stored: Stored, options: Options, infer: Infer) -> keras.Model:
    """The model of a file, with its weights.

    Args:
        stored: The file, with a configuration.
        options: What its reader said.
        infer: Told of what was inferred.

    Raises:
        DataError: The configuration makes no sense, or does not fit the arrays.
        ArgumentError: It can be read in two ways, or holds an unknown layer.
    """
    builder = Builder(stored, options, infer)
    with builder.at("/@model_config"):
        config: Any = stored.config
        kind, config = config["class_name"], config["config"]
        makers: Mapping[str, Callable[[Builder, Any], keras.Model]] = {
            "Sequential": _chain,
            "Model": _graph,
            "Functional": _graph,
        }
        if kind not in makers:
            raise ValueError(f"a model of the class {kind!r}")
        made = makers[kind](builder, config)
        _require_all_used(builder)
        return made


def _chain(builder: Builder, config: Any) -> keras.Model:
    # Keras 2.0 wrote the list of layers, later versions a name beside it.
    layers = config if isinstance(config, list) else config["layers"]
    name = None if isinstance(config, list) else config.get("name")
    first = {"name": "input", **layers[0]["config"]}
    if layers[0]["class_name"] == _INPUT_LAYER:
        layers = layers[1:]
    else:
        first["name"] = f"{first['name']}_input"
    tensors = [builder.input({"dtype": "float32", **_input_settings(first)})]
    start = tensors[0]
    for layer in layers:
        entry = Entry(layer["class_name"], layer["config"])
        tensors = builder.apply(entry, tensors[:1])
    return keras.Model(start, tensors[0], name=name)


def _input_settings(first: Mapping[str, Any]) -> dict[str, Any]:
    return {key: first[key] for key in ("name", "batch_input_shape")} | (
        {"dtype": first["dtype"]} if "dtype" in first else {}
    )


def _graph(builder: Builder, config: Any) -> keras.Model:
    listed = [read_entry(layer) for layer in config["layers"]]
    inputs = read_places(config["input_layers"])
    entries, outputs = join_gates(listed, read_places(config["output_layers"]))
    sources = [place for entry in entries for place in entry.sources]
    builder.attended = frozenset(
        name for name, _, index in (*outputs, *sources) if index == 1
    )
    made = _run(builder, entries)

    def tensors(places: Sequence[Place]) -> Any:
        found = [made[name, use][index] for name, use, index in places]
        return found if len(found) > 1 else found[0]

    return keras.Model(tensors(inputs), tensors(outputs), name=config.get("name"))


def _run(builder: Builder, entries: Sequence[Entry]) -> Outputs:
    """Call every layer as soon as what it is called on is there."""
    made: Outputs = {}
    waiting = []
    for entry in entries:
        if entry.kind == _INPUT_LAYER:
            made[entry.name, 0] = [builder.input(entry.config)]
        waiting += [(entry, use, call) for use, call in enumerate(entry.calls)]
    while waiting:
        left = []
        for entry, use, call in waiting:
            if any((name, source) not in made for name, source, _ in call.sources):
                left.append((entry, use, call))
                continue
            given = [made[name, source][index] for name, source, index in call.sources]
            made[entry.name, use] = builder.apply(entry, given)
        if len(left) == len(waiting):
            names = sorted({entry.name for entry, *_ in left})
            raise ValueError(f"the layers {names} wait for each other or for nothing")
        waiting = left
    return made


def _require_all_used(builder: Builder) -> None:
    unused = [name for name in builder.stored.layers if name not in builder.taken]
    if unused:
        raise ValueError(f"the arrays of {unused} belong to none of its layers")
