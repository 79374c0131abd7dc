"""The configuration of an old model, parsed: its layers and how they are connected."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from regard.legacy.recognition import without_package
from regard.legacy.settings import in_todays_words

_NOT_OF_GATES = ("kernel_regularizer", "kernel_constraint", "activity_regularizer")
#: A tensor of the graph: the layer, which use of it, which of its outputs.
TensorReference = tuple[str, int, int]


@dataclass(frozen=True, eq=False)
class InboundNode:
    """One use of a layer: the tensors it is called on."""

    inputs: Sequence[TensorReference]


@dataclass(frozen=True, eq=False)
class LayerConfig:
    """A layer of a configuration.

    Args:
        class_name: The name of its class, today's for one of Keras.
        config: Its own configuration, in the words of today for one of Keras.
        nodes: Its uses.
        weights_of: The name its arrays have in the file, where that is another.
        written: Its configuration as it is written down.
    """

    class_name: str
    config: Mapping[str, Any]
    nodes: Sequence[InboundNode] = ()
    weights_of: str | None = None
    written: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the layer."""
        return str(self.config["name"])

    @property
    def weights_name(self) -> str:
        """The name of its arrays in the file."""
        return self.weights_of or self.name

    @property
    def inputs(self) -> list[TensorReference]:
        """The tensors it is called on, in all its uses."""
        return [tensor for node in self.nodes for tensor in node.inputs]


def parse_layer(layer: Mapping[str, Any]) -> LayerConfig:
    """A layer as it is written down.

    Raises:
        ValueError: It is called with more than tensors.
        ArgumentError: A setting is unknown, or is gone and changed numbers.
    """
    config = {"name": layer.get("name"), **layer["config"]}
    nodes = [_parse_node(node) for node in layer.get("inbound_nodes") or ()]
    class_name, settings = in_todays_words(without_package(layer["class_name"]), config)
    return LayerConfig(class_name, settings, nodes, written=config)


def _parse_node(node: Any) -> InboundNode:
    for tensor in node:
        arguments = tensor[3] if len(tensor) > 3 else {}
        if any(value is not None for value in arguments.values()):
            raise ValueError(f"a layer is called with {arguments}")
    return InboundNode(parse_tensors(node))


def parse_tensors(tensors: Any) -> list[TensorReference]:
    """Tensors of the graph as they are written down.

    Raises:
        ValueError: They are none.
    """
    references = [(tensor[0], tensor[1], tensor[2]) for tensor in tensors]
    for name, use, index in references:
        if not (isinstance(name, str) and _is_index(use) and _is_index(index)):
            raise ValueError(f"no place in the graph: {[name, use, index]}")
    if not references:
        raise ValueError("a list of tensors is empty")
    return references


def _is_index(value: Any) -> bool:
    return type(value) is int and value >= 0


def join_gates(
    layers: Sequence[LayerConfig],
    outputs: Sequence[TensorReference],
    square: Collection[str],
) -> tuple[list[LayerConfig], list[TensorReference]]:
    """Make one ``Att`` of each dense layer, softmax and product that are a gate.

    Args:
        layers: The layers of a model.
        outputs: The outputs of the model.
        square: The names that layers with a square kernel alone have in the file.

    Returns:
        The layers with a gate in the place of each product, which has the name of the
        softmax and the weights of the dense layer; the outputs.
    """
    by_name = {layer.name: layer for layer in layers}
    uses = [*outputs, *(tensor for layer in layers for tensor in layer.inputs)]
    counts = {name: sum(tensor[0] == name for tensor in uses) for name in by_name}
    trios = [trio for trio in _gate_trios(by_name, counts) if trio[0] in square]
    joined = {name for trio in trios for name in trio}
    gates = {
        product: _gate(by_name, dense, softmax) for dense, softmax, product in trios
    }
    names = {product: gate.name for product, gate in gates.items()}
    remaining = [
        gates.get(layer.name, layer)
        for layer in layers
        if layer.name not in joined or layer.name in gates
    ]
    return [_renamed(layer, names) for layer in remaining], _redirected(outputs, names)


def _redirected(
    tensors: Sequence[TensorReference], names: Mapping[str, str]
) -> list[TensorReference]:
    """The tensors after products got the names of their gates."""
    return [(names.get(name, name), use, index) for name, use, index in tensors]


def _renamed(layer: LayerConfig, names: Mapping[str, str]) -> LayerConfig:
    nodes = [InboundNode(_redirected(node.inputs, names)) for node in layer.nodes]
    return replace(layer, nodes=nodes)


def _gate_trios(
    by_name: Mapping[str, LayerConfig], counts: Mapping[str, int]
) -> Iterator[tuple[str, str, str]]:
    """The names of dense layer, softmax and product of each gate."""
    for product in by_name.values():
        if product.class_name != "Multiply" or len(product.nodes) != 1:
            continue
        for softmax in map(by_name.get, (tensor[0] for tensor in product.inputs)):
            dense = softmax and _dense_below(by_name, softmax)
            if not (softmax and dense):
                continue
            gated = {*product.inputs, *dense.inputs} - {(softmax.name, 0, 0)}
            only = counts[softmax.name] == counts[dense.name] == 1
            if len(gated) == 1 and len(product.inputs) == 2 and only:
                yield dense.name, softmax.name, product.name


def _dense_below(
    by_name: Mapping[str, LayerConfig], softmax: LayerConfig
) -> LayerConfig | None:
    if softmax.config.get("activation") != "softmax" or len(softmax.inputs) != 1:
        return None
    dense = by_name.get(softmax.inputs[0][0])
    if softmax.class_name != "Activation":
        return None
    if dense is None or dense.class_name != "Dense":
        return None
    config = dense.config
    linear = config.get("activation") in {None, "linear"}
    # A gate has no place for what else a dense layer may have.
    more = any(config.get(setting) is not None for setting in _NOT_OF_GATES)
    plain = linear and not more and not config.get("use_bias", True)
    return dense if plain else None


def _gate(by_name: Mapping[str, LayerConfig], dense: str, softmax: str) -> LayerConfig:
    stated = by_name[dense].config
    config = {"name": softmax, "att_dim": stated.get("units")}
    config |= {key: stated[key] for key in ("trainable", "dtype") if key in stated}
    nodes = [InboundNode(by_name[dense].inputs)]
    return LayerConfig("Att", config, nodes, weights_of=dense)
