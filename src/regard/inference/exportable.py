"""What of a trained thing is exported: its network, and what its inputs are made by."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import keras

#: What begins the name of each thing that an export says of itself.
PREFIX = "regard."


@dataclass(frozen=True, eq=False)
class Exportable:
    """A network, and what a program that runs it needs besides.

    Args:
        model: The network.
        layers: Which of its attention layers are outputs too, as for
            ``regard.observe``.
        outputs: Names of its outputs; none: those they have.
        notes: What stands beside the program, by names that begin with ``PREFIX``:
            labels, and the rules by which a text becomes inputs.
        longest: The most steps that it reads; None: any number.
    """

    model: keras.Model
    layers: str = "*"
    outputs: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
    longest: int | None = None
