"""From an old configuration and its arrays to a model of Keras 3."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras

from regard.errors import RegardError
from regard.legacy.base import LegacyAttention
from regard.legacy.entries import Entry
from regard.legacy.options import Infer, Options
from regard.legacy.recognising import Found, recognise
from regard.legacy.stock import make_stock, stock_shapes
from regard.legacy.stored import Stored, Weights

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
