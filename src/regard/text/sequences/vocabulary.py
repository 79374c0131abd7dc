"""A vocabulary of words, characters or subwords for models of sequences."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from regard.errors import ArgumentError
from regard.text.sequences.characters import Characters
from regard.text.sequences.codec import Codec
from regard.text.sequences.cutting import CUTS, JOINS
from regard.text.sequences.encoded import EncodedSequence
from regard.text.sequences.forms import checked_choice, checked_forms
from regard.text.sequences.learned import KINDS, SPLITS, Learned
from regard.text.sequences.learning import learn_bpe, learn_pieces, learn_unigram
from regard.text.sequences.stored import read_learned
from regard.text.sequences.subwords import Subwords
from regard.text.sequences.words import Words
from regard.text.special_ids import (
    BEGIN_ID,
    END_ID,
    FIRST_ORDINARY_ID,
    PADDING_ID,
    SPECIAL_TOKENS,
    UNKNOWN_ID,
)
from regard.types import IntArray

_SIZES = {"word": 30_000, "character": 30_000, "bpe": 8_000, "unigram": 8_000}


class SequenceVocabulary:
    """Texts as ids, and ids as texts again.

    Made by ``SequenceVocabulary.train`` or ``SequenceVocabulary.from_json``. Ids 0 to 3
    are padding, unknown, the begin and the end of a sequence; no text can spell them.
    ``decode(encode(text))`` is the text again where no symbol is unknown, up to runs of
    white space where words are the symbols. It does not change after it was made and
    may be used from several threads.

    Args:
        learned: The symbols, and how words are spelled with them.
    """

    PADDING_ID = PADDING_ID
    UNKNOWN_ID = UNKNOWN_ID
    BEGIN_ID = BEGIN_ID
    END_ID = END_ID

    def __init__(self, learned: Learned) -> None:
        self._learned = learned
        self._symbols = (*SPECIAL_TOKENS, *learned.symbols)
        self._codec = _codec(learned)

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        kind: Literal["word", "character", "bpe", "unigram"] = "word",
        *,
        size: int | None = None,
        min_frequency: int = 1,
        split: Literal["whitespace", "words"] = "whitespace",
        lowercase: bool = False,
    ) -> "SequenceVocabulary":
        r"""Learn a vocabulary; the same texts always give the same one.

        Args:
            texts: The texts.
            kind: The symbols: ``"word"``, ``"character"`` (one of Unicode, white space
                as well), or subwords by byte pair encoding (``"bpe"``) or a unigram
                model (``"unigram"``).
            size: The most ids there may be, the four special ones among them; by
                default 30,000, of subwords 8,000.
            min_frequency: What is seen less often is unknown: words; characters, of
                which subwords are made as well; pairs that byte pair encoding merges.
            split: Where words are cut: at ASCII ``"whitespace"`` alone, for texts that
                are tokenised already, or into ``"words"`` (``\w+``) and every other
                character by itself.
            lowercase: Whether letter case makes no difference.

        Raises:
            ArgumentError: An argument is wrong, or the size has no room for the
                characters of the texts.
            DataError: A text is not valid Unicode, or nothing is frequent enough.
        """
        checked_choice("kind", kind, KINDS)
        checked_choice("split", split, SPLITS)
        size = _SIZES[kind] if size is None else size
        _check_counts(size, min_frequency)
        _, forms = checked_forms(texts, lowercase=lowercase)
        if kind == "bpe":
            learned = learn_bpe(forms, size, min_frequency)
        elif kind == "unigram":
            learned = learn_unigram(forms, size, min_frequency)
        else:
            learned = learn_pieces(forms, kind, split, size, min_frequency)
        return cls(replace(learned, lowercase=lowercase))

    @property
    def kind(self) -> str:
        """``"word"``, ``"character"``, ``"bpe"`` or ``"unigram"``."""
        return self._learned.kind

    def __len__(self) -> int:
        """The number of ids, the four special ones among them."""
        return len(self._symbols)

    def encode(self, texts: Sequence[str]) -> list[EncodedSequence]:
        """Cut texts into tokens; begin and end are not added.

        Raises:
            ArgumentError: ``texts`` is one string or holds something else.
            DataError: A text is not valid Unicode (it holds half a surrogate pair).
        """
        lowercase = self._learned.lowercase
        listed, forms = checked_forms(texts, lowercase=lowercase, empty=True)
        pairs = zip(listed, forms, strict=True)
        return [self._codec.encode(text, form) for text, form in pairs]

    def token(self, id_: int) -> str:
        """The symbol of an id; ``<pad>``, ``<unk>``, ``<s>``, ``</s>`` of 0 to 3.

        Raises:
            ArgumentError: There is no such id.
        """
        if not 0 <= id_ < len(self):
            raise ArgumentError(
                "An id is outside of the vocabulary.",
                expected=f"0 to {len(self) - 1}",
                received=str(id_),
            )
        return self._symbols[id_]

    def tokens(self, ids: IntArray | Sequence[int]) -> list[str]:
        """The symbol of each id, special ones as well.

        Raises:
            ArgumentError: An id is outside of the vocabulary.
        """
        return [self.token(id_) for id_ in np.asarray(ids).tolist()]

    def decode(self, ids: IntArray | Sequence[int]) -> str:
        """The text that the ids before the first end spell.

        Padding and begin are left out; unknown reads ``<unk>``.

        Raises:
            ArgumentError: An id is outside of the vocabulary.
        """
        listed = np.asarray(ids).tolist()
        if END_ID in listed:
            listed = listed[: listed.index(END_ID)]
        silent = (PADDING_ID, BEGIN_ID)
        return self.join([self.token(id_) for id_ in listed if id_ not in silent])

    def join(self, tokens: Sequence[str]) -> str:
        """The text that tokens make, which need not be in the vocabulary."""
        return self._codec.join(tokens)

    def to_json(self) -> str:
        """The vocabulary as JSON: symbols and options, no rules."""
        return self._learned.to_json()

    @classmethod
    def from_json(cls, content: str) -> "SequenceVocabulary":
        """Read what ``to_json`` wrote; data only, nothing in it is executed.

        Raises:
            BundleError: The JSON is damaged or not that of a vocabulary.
        """
        return cls(read_learned(content))


def _codec(learned: Learned) -> Codec:
    if learned.kind == "character":
        return Characters(learned.symbols)
    if learned.kind == "word":
        cut, join = CUTS[learned.split], JOINS[learned.split]
        return Words(learned.symbols, cut, join)
    return Subwords(learned)


def _check_counts(size: int, min_frequency: int) -> None:
    if size <= FIRST_ORDINARY_ID:
        raise ArgumentError(
            "A vocabulary needs room for symbols beside the four special ones.",
            expected=f"a size above {FIRST_ORDINARY_ID}",
            received=str(size),
        )
    if min_frequency < 1:
        raise ArgumentError(
            "What was never seen cannot be learned.",
            expected="a min_frequency of 1 or more",
            received=str(min_frequency),
        )
