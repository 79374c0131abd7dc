"""A model as one function of its inputs that gives outputs and attention."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

import keras

from regard.errors import ExportError
from regard.observation.discovery import select_hook_points
from regard.observation.forward_pass import LayerCall, observed_call
from regard.runtime import backend
from regard.runtime.compilation import FrozenState

#: What the number of rows is called, whatever it is.
ROWS = "batch"
_NO_NAMES: Mapping[str, str] = {}


@dataclass(frozen=True)
class Port:
    """An input or an output of a program.

    Args:
        name: Its name.
        dtype: Its type, ``"int32"`` or ``"float32"`` or another.
        axes: For each axis its size, or the name of a size that may be any.
    """

    name: str
    dtype: str
    axes: tuple[int | str, ...]

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(map(str, self.axes))}) {self.dtype}"


@dataclass(frozen=True)
class Program:
    """A program, and what goes into it and comes out.

    Args:
        content: It as a file.
        inputs: What it reads.
        outputs: What it gives: the outputs of the model, then the weights of its
            attention layers.
        axes: What the axes of the weights are, by the name of the output.
    """

    content: bytes
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    axes: Mapping[str, Sequence[str]]

    def ports(self) -> dict[str, Any]:
        """Inputs and outputs as plain values, ready for JSON."""
        return {
            "inputs": [asdict(port) for port in self.inputs],
            "outputs": [asdict(port) for port in self.outputs],
            "axes": {name: list(axes) for name, axes in self.axes.items()},
        }

    @classmethod
    def of(cls, content: bytes, ports: Mapping[str, Any]) -> "Program":
        """The reverse of ``ports``."""
        inputs, outputs = (
            tuple(
                Port(each["name"], each["dtype"], tuple(each["axes"]))
                for each in ports[side]
            )
            for side in ("inputs", "outputs")
        )
        return cls(content, inputs, outputs, ports["axes"])


class TracedModel:
    """A model whose call an exporter follows.

    Args:
        model: The model, one that knows its inputs.
        layers: Which attention layers are outputs too.
        outputs: Names of the model's outputs; none: those they have.
        longest: The most steps that it reads; None: any number.

    Raises:
        ExportError: It does not know its inputs.
        ObservationError: It has no such attention layer.
    """

    def __init__(
        self,
        model: keras.Model,
        layers: str = "*",
        outputs: Sequence[str] = (),
        longest: int | None = None,
    ) -> None:
        if not getattr(model, "inputs", None):
            raise ExportError(
                f"The model '{model.name}' cannot be exported: it is of a class of its "
                "own, which does not say what its inputs are.",
                expected="a functional model, or a Sequential with an Input",
                fix="Wrap it: inputs = keras.Input(...); keras.Model(inputs, "
                "model(inputs)).",
            )
        self.model, self.longest = model, longest
        self._given = tuple(outputs)
        self._selection = select_hook_points(model, [layers])
        #: What was observed in the last call.
        self.calls: tuple[LayerCall, ...] = ()
        self.inputs = _ports_of(model.inputs)

    @property
    def free(self) -> list[str]:
        """The names of the sizes that may be any, those of rows first."""
        axes = [axis for port in self.inputs for axis in port.axes]
        return list(dict.fromkeys(axis for axis in axes if isinstance(axis, str)))

    def call(self, tensors: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """The flat outputs of the model and the weights, of tensors of the backend.

        State that the model would update stays what it is.
        """
        given = keras.tree.pack_sequence_as(self.model.input, list(tensors))
        with FrozenState():
            passed, layout = observed_call(
                lambda: backend().predict_call(self.model, given),
                self._selection,
                lambda tensor: backend().is_trapped(tensor, in_program=True),
            )
        for call in layout.calls:
            if call.finish is not None:
                raise ExportError(
                    f"The attention of '{call.path}' cannot be exported: the order of "
                    "its axes is known only of arrays.",
                )
        self.calls = layout.calls
        return list(passed.outputs), list(passed.weights)

    def output_ports(
        self, tensors: Sequence[Any], names: Mapping[str, str] = _NO_NAMES
    ) -> tuple[Port, ...]:
        """The outputs, after a call.

        Args:
            tensors: The outputs and the weights, or what stands for them. What is no
                number in their shapes is a size that may be any.
            names: What such a size is called, by how it is written.
        """
        own = _unique([*self._names(), *(call.key for call in self.calls)])
        return tuple(
            Port(
                name,
                str(keras.backend.standardize_dtype(tensor.dtype)),
                tuple(
                    size if isinstance(size, int) else names.get(str(size), str(size))
                    for size in tensor.shape
                ),
            )
            for name, tensor in zip(own, tensors, strict=True)
        )

    @property
    def axes(self) -> dict[str, tuple[str, ...]]:
        """What the axes of the weights are, by the name of the output."""
        names = _unique([*self._names(), *(call.key for call in self.calls)])
        of_weights = names[len(names) - len(self.calls) :]
        return {
            name: call.axes for name, call in zip(of_weights, self.calls, strict=True)
        }

    def _names(self) -> list[str]:
        if self._given:
            return list(self._given)
        output = self.model.output
        if isinstance(output, Mapping):
            # As they come when the nest is flattened.
            names = keras.tree.pack_sequence_as(
                output, list(range(len(keras.tree.flatten(output))))
            )
            if all(isinstance(place, int) for place in names.values()):
                return sorted(names, key=names.__getitem__)
        return list(map(str, self.model.output_names))


def _ports_of(inputs: Sequence[keras.KerasTensor]) -> tuple[Port, ...]:
    alone = len(inputs) == 1
    return tuple(
        Port(
            tensor.name,
            str(keras.backend.standardize_dtype(tensor.dtype)),
            tuple(
                size if size is not None else _name_of(axis, tensor.name, alone)
                for axis, size in enumerate(tensor.shape)
            ),
        )
        for tensor in inputs
    )


def _name_of(axis: int, owner: str, alone: bool) -> str:
    """What a size that may be any is called."""
    if axis == 0:
        return ROWS
    name = "time" if axis == 1 else f"time_{axis}"
    # Of several inputs each may have a length of its own.
    return name if alone else f"{_word(owner)}_{name}"


def _word(name: str) -> str:
    return "".join(each if each.isalnum() else "_" for each in name)


def _unique(names: Sequence[str]) -> list[str]:
    """Names of which each stands there once."""
    kept: list[str] = []
    for name in names:
        others = (f"{name}_{number}" for number in count(2))
        kept.append(
            name if name not in kept else next(o for o in others if o not in kept)
        )
    return kept
