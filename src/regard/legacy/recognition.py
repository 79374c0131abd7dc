"""What a file does not say and its reader may."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from regard._compat import mask_of
from regard.errors import ArgumentError
from regard.legacy.hdf5.isolated_reader import Weights
from regard.legacy.keras_layers import constructor_arguments
from regard.legacy.layers.encoder_decoder import AttentionDecoder, AttentionLayer
from regard.legacy.layers.feature_gate import Att
from regard.legacy.layers.legacy_attention import LegacyAttention, check_choice
from regard.legacy.layers.linear_pooling import ProbAttention, SeqWeightedAttention
from regard.legacy.layers.many_to_one import BAHDANAU, LUONG, ManyToOneAttention
from regard.legacy.layers.pooling import VARIANTS, AttentionWithContext, KaggleAttention
from regard.legacy.layers.seq_self_attention import VERSIONS, SeqSelfAttention


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


# What the configuration of an old recurrent layer holds and a decoder never looked at.
_RECURRENT_FLAGS = frozenset(
    {"return_sequences", "return_state", "go_backwards", "stateful", "unroll"}
)


@dataclass(frozen=True, eq=False)
class Found:
    """A layer as it stands in a file.

    Args:
        kind: The name of its class.
        config: Its configuration.
        weights: Its arrays.
        inputs: The symbolic tensors it is called on first.
        returns_attention: Whether anything in the model uses its second output.
        options: What the reader of the file said.
        infer: Told of what was inferred.
    """

    kind: str
    config: Mapping[str, Any]
    weights: Weights
    inputs: list[Any]
    returns_attention: bool
    options: Options
    infer: Infer

    @property
    def name(self) -> str:
        """The name of the layer."""
        return str(self.config["name"])

    def make(self, kind: type[keras.Layer], **inferred: Any) -> Any:
        """A layer of the configuration and of what was inferred."""
        given = constructor_arguments(kind, self.config, _RECURRENT_FLAGS)
        return kind(**{**inferred, **given})

    def says(self, key: str) -> bool:
        """Whether the configuration has a setting."""
        return key in self.config

    @property
    def masked(self) -> bool:
        """Whether a mask reaches the layer."""
        return any(mask_of(each) is not None for each in self.inputs)


def recognise(found: Found) -> LegacyAttention | None:
    """The layer, None where its class is not one of the old ones.

    Raises:
        ArgumentError: It can be read in two ways; the message names the option to give.
        DataError: Its configuration makes no sense.
    """
    maker = _MAKERS.get(found.kind)
    return None if maker is None else maker(found)


def _attention(found: Found) -> LegacyAttention:
    """Two packages called their layer ``Attention``."""
    matrices = any(weight.array.ndim > 1 for weight in found.weights)
    if found.says("units") or matrices:
        return _many_to_one(found)
    return _kaggle(found)


def _kaggle(found: Found) -> LegacyAttention:
    inferred: dict[str, Any] = {}
    if not found.says("bias"):
        inferred["bias"] = len(found.weights) == 2
    if not found.says("return_attention"):
        inferred["return_attention"] = found.returns_attention
    if not found.says("step_dim"):
        inferred["step_dim"] = _step_dim(found)
    _tell(found, KaggleAttention, inferred)
    return found.make(KaggleAttention, **inferred)


def _step_dim(found: Found) -> int:
    if len(found.weights) == 2:
        return len(found.weights[1].array)
    steps = found.inputs[0].shape[1] or found.options.step_dim
    if steps is None:
        raise ask(found.name, "Attention", "step_dim", "the length of the sequences")
    return int(steps)


def _with_context(found: Found) -> LegacyAttention:
    inferred: dict[str, Any] = {}
    if not found.says("bias"):
        inferred["bias"] = len(found.weights) == 3
    if not found.says("return_coefficients"):
        inferred["return_coefficients"] = found.returns_attention
    _tell(found, AttentionWithContext, inferred)
    if not found.says("variant"):
        inferred["variant"] = found.options.variant or _variant(found)
    return found.make(AttentionWithContext, **inferred)


def _variant(found: Found) -> str:
    kernel = found.weights[0].array if found.weights else None
    if kernel is not None and (kernel == kernel.T).all():
        return VARIANTS[0]
    raise ask(
        found.name,
        "AttentionWithContext",
        "variant",
        "'dot_product' (x W^T: the listing with a function dot_product, widely copied) "
        "or 'kdot' (x W: the earlier one)",
    )


def _many_to_one(found: Found) -> LegacyAttention:
    inferred: dict[str, Any] = {}
    if not found.says("score"):
        inferred["score"] = BAHDANAU if len(found.weights) == 4 else LUONG
    if not found.says("units") and found.weights:
        inferred["units"] = found.weights[-1].array.shape[-1]
    _tell(found, ManyToOneAttention, inferred)
    return found.make(ManyToOneAttention, **inferred)


def _seq(kind: type[LegacyAttention]) -> Callable[[Found], LegacyAttention]:
    def make(found: Found) -> LegacyAttention:
        version = found.options.version
        if version is None and found.masked:
            raise ask(
                found.name,
                found.kind,
                "version",
                "'0.51' (the newest) or '0.41', which treat padding differently",
            )
        if version is None:
            version = VERSIONS[0]
            _tell(found, kind, {"version": f"{version}, as good as any without a mask"})
        return found.make(kind, version=version)

    return make


def _plain(kind: type[LegacyAttention]) -> Callable[[Found], LegacyAttention]:
    return lambda found: found.make(kind)


def _tell(found: Found, kind: type[Any], inferred: Mapping[str, Any]) -> None:
    if inferred:
        settings = ", ".join(f"{key}={value}" for key, value in inferred.items())
        found.infer(f"'{found.name}' is a {kind.__name__} with {settings}")


_MAKERS: Mapping[str, Callable[[Found], LegacyAttention]] = {
    "Att": _plain(Att),
    "Attention": _attention,
    "AttentionWithContext": _with_context,
    "AttentionLayer": _plain(AttentionLayer),
    "AttentionDecoder": _plain(AttentionDecoder),
    "ProbAttention": _plain(ProbAttention),
    "SeqSelfAttention": _seq(SeqSelfAttention),
    "SeqWeightedAttention": _seq(SeqWeightedAttention),
}
