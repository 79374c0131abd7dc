"""The replacement of words that a translator does not know."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from regard.types import FloatArray

#: True: the source word that was looked at; a dictionary: its entry there, else it.
Replacement: TypeAlias = bool | Mapping[str, str]


def replaced(
    tokens: Sequence[str],
    unknown: Sequence[bool],
    sources: Sequence[str],
    weights: FloatArray,
    replacement: Replacement,
) -> tuple[str, ...]:
    """The tokens with those that are unknown replaced.

    Args:
        tokens: What was written.
        unknown: Which of it is unknown.
        sources: The tokens of the source.
        weights: ``(target, source)``.
        replacement: By what.

    References:
        Luong et al.: Addressing the rare word problem in neural machine translation
        (2015), https://aclanthology.org/P15-1002; the alignment there is learned, here
        it is the attention, as in Jean et al. (2015),
        https://aclanthology.org/P15-1001.
    """
    # An empty dictionary is one, too.
    if replacement is False or not len(sources):
        return tuple(tokens)
    entries = {} if replacement is True else replacement
    looked_at = [sources[index] for index in weights.argmax(axis=1).tolist()]
    return tuple(
        entries.get(source, source) if is_unknown else token
        for token, is_unknown, source in zip(tokens, unknown, looked_at, strict=True)
    )
