"""The two shapes an old model has: a chain of layers, or a graph."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from regard.legacy.entries import Entry, Place, read_entry, read_places
from regard.legacy.gating import join_gates
from regard.legacy.graph import Builder
from regard.legacy.options import Infer, Options
from regard.legacy.stored import Stored

_INPUT = "InputLayer"
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
    if layers[0]["class_name"] == _INPUT:
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
        if entry.kind == _INPUT:
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
