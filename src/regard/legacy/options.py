"""What a file does not say and its reader may."""

from collections.abc import Callable
from dataclasses import dataclass

from regard.errors import ArgumentError
from regard.legacy.base import check_choice
from regard.legacy.seq_self import VERSIONS
from regard.legacy.with_context import VARIANTS


@dataclass(frozen=True)
class Options:
    """The answers to what a file leaves open.

    Args:
        step_dim: The length of the sequences of a ``KaggleAttention`` without bias.
        variant: Which listing an ``AttentionWithContext`` comes from.
        version: Which version of ``keras-self-attention`` a layer comes from.
    """

    step_dim: int | None = None
    variant: str | None = None
    version: str | None = None

    def __post_init__(self) -> None:
        check_choice("variant", self.variant, (None, *VARIANTS))
        check_choice("version", self.version, (None, *VERSIONS))


#: Told of each thing that was not in the file.
Infer = Callable[[str], None]


def ask(layer: str, kind: str, option: str, readings: str) -> ArgumentError:
    """The error for a layer that can be read in two ways."""
    return ArgumentError(
        f"The file does not say which '{kind}' the layer '{layer}' is.",
        expected=f"the option '{option}': {readings}",
        fix=f"In Python {option}=…, on the command line --{option.replace('_', '-')}.",
    )
