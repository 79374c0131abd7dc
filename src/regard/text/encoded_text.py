"""One text as a model reads it."""

from dataclasses import dataclass

from regard.types import IntArray


@dataclass(frozen=True, eq=False)
class EncodedText:
    """The tokens of one text: their ids and where in the text they stand.

    Args:
        ids: ``(tokens,)``, never the padding id; or ``(tokens, features)``, where a
            model reads more of a token than its word.
        offsets: ``(tokens, 2)``: start and end of each token in the text as it came,
            counted in characters, the end exclusive. Ordered, none empty, none
            overlapping.
        truncated: Whether the text goes on after the last token here.
    """

    ids: IntArray
    offsets: IntArray
    truncated: bool = False

    def __len__(self) -> int:
        return len(self.ids)

    def pieces(self, text: str) -> tuple[str, ...]:
        """The tokens as they stand in ``text``, the text that was encoded."""
        return tuple(text[start:end] for start, end in self.offsets.tolist())


@dataclass(frozen=True, eq=False)
class EncodedSequence:
    """The tokens of one text: their ids, their spelling, and where they stand.

    Args:
        ids: ``(tokens,)``, int32; only unknown and ordinary symbols.
        tokens: The tokens as they stand in the text, letter case and all. The space
            before a word belongs to its first subword, and the first word of a text
            is given one; punctuation that was cut off a word keeps its spaces.
            ``SequenceVocabulary.join`` makes the text of them again.
        offsets: ``(tokens, 2)``, int32: start and end of each token in the text,
            counted in characters, the end exclusive. Ordered, not overlapping; empty
            only for a subword that is nothing but the space given to the first word.
    """

    ids: IntArray
    tokens: tuple[str, ...]
    offsets: IntArray

    def __len__(self) -> int:
        return len(self.tokens)
