"""What an old configuration says, taken apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
