"""What an old configuration says, taken apart."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

#: An output in the graph: the layer, which use of it, which of its outputs.
Place = tuple[str, int, int]


@dataclass(frozen=True, eq=False)
class Call:
    """One use of a layer: on which outputs."""

    sources: Sequence[Place]


@dataclass(frozen=True, eq=False)
class Entry:
    """A layer of a configuration.

    Args:
        kind: The name of its class.
        config: Its configuration.
        calls: Its uses.
        weights_of: The name its arrays have in the file, where that is another.
    """

    kind: str
    config: Mapping[str, Any]
    calls: Sequence[Call] = ()
    weights_of: str | None = None

    @property
    def name(self) -> str:
        """The name of the layer."""
        return str(self.config["name"])

    @property
    def stored_as(self) -> str:
        """The name of its arrays in the file."""
        return self.weights_of or self.name

    @property
    def sources(self) -> list[Place]:
        """What it is called on, in all its uses."""
        return [place for call in self.calls for place in call.sources]


def read_entry(layer: Mapping[str, Any]) -> Entry:
    """A layer as it is written down.

    Raises:
        ValueError: It is called with more than tensors.
    """
    config = {"name": layer.get("name"), **layer["config"]}
    calls = [_call(node) for node in layer.get("inbound_nodes") or ()]
    return Entry(layer["class_name"], config, calls)


def _call(node: Any) -> Call:
    for place in node:
        settings = place[3] if len(place) > 3 else {}
        if any(value is not None for value in settings.values()):
            raise ValueError(f"a layer is called with {settings}")
    return Call(read_places(node))


def read_places(places: Any) -> list[Place]:
    """Outputs in the graph as they are written down.

    Raises:
        ValueError: They are none.
    """
    found = [(place[0], place[1], place[2]) for place in places]
    for name, use, index in found:
        if not (isinstance(name, str) and _is_index(use) and _is_index(index)):
            raise ValueError(f"no place in the graph: {[name, use, index]}")
    if not found:
        raise ValueError("a list of tensors is empty")
    return found


def _is_index(value: Any) -> bool:
    return type(value) is int and value >= 0


def join_gates(
    entries: Sequence[Entry], outputs: Sequence[Place]
) -> tuple[list[Entry], list[Place]]:
    """Make one layer of each dense layer, softmax and product that are a gate.

    Args:
        entries: The layers of a model.
        outputs: The outputs of the model.

    Returns:
        The layers with a gate in the place of each product, which has the name of the
        softmax and the weights of the dense layer; the outputs.
    """
    known = {entry.name: entry for entry in entries}
    uses = [*outputs, *(place for entry in entries for place in entry.sources)]
    counts = {name: sum(place[0] == name for place in uses) for name in known}
    joined = list(_gates(known, counts))
    gone = {name for trio in joined for name in trio}
    gates = {
        product: _gate(known, dense, softmax) for dense, softmax, product in joined
    }
    names = {product: gate.name for product, gate in gates.items()}
    kept = [
        gates.get(entry.name, entry)
        for entry in entries
        if entry.name not in gone or entry.name in gates
    ]
    return [_renamed(entry, names) for entry in kept], _places(outputs, names)


def _places(places: Sequence[Place], names: Mapping[str, str]) -> list[Place]:
    """Places in the graph after products got the names of their gates."""
    return [(names.get(name, name), use, index) for name, use, index in places]


def _renamed(entry: Entry, names: Mapping[str, str]) -> Entry:
    calls = [Call(_places(call.sources, names)) for call in entry.calls]
    return replace(entry, calls=calls)


def _gates(
    known: Mapping[str, Entry], counts: Mapping[str, int]
) -> Iterator[tuple[str, str, str]]:
    """The names of dense layer, softmax and product of each gate."""
    for product in known.values():
        if product.kind != "Multiply" or len(product.calls) != 1:
            continue
        for softmax in map(known.get, (place[0] for place in product.sources)):
            dense = softmax and _dense_below(known, softmax)
            if not (softmax and dense):
                continue
            gated = {*product.sources, *dense.sources} - {(softmax.name, 0, 0)}
            only = counts[softmax.name] == counts[dense.name] == 1
            if len(gated) == 1 and len(product.sources) == 2 and only:
                yield dense.name, softmax.name, product.name


def _dense_below(known: Mapping[str, Entry], softmax: Entry) -> Entry | None:
    if softmax.config.get("activation") != "softmax" or len(softmax.sources) != 1:
        return None
    dense = known.get(softmax.sources[0][0])
    if softmax.kind != "Activation" or dense is None or dense.kind != "Dense":
        return None
    linear = dense.config.get("activation") in {None, "linear"}
    return dense if linear and not dense.config.get("use_bias", True) else None


def _gate(known: Mapping[str, Entry], dense: str, softmax: str) -> Entry:
    config = {"name": softmax, "att_dim": known[dense].config.get("units")}
    calls = [Call(known[dense].sources)]
    return Entry("Att", config, calls, weights_of=dense)
