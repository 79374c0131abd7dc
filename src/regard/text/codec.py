"""The codecs of sequences: characters, words and subwords, cut, looked up, joined."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Protocol

import numpy as np
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from regard.text.segmentation import CUTS, JOINS, Cut, Join, words_with_space
from regard.text.serialization import SymbolTable
from regard.text.special_ids import FIRST_ORDINARY_ID, SPECIAL_TOKENS, UNKNOWN_ID
from regard.types import IntArray

SPACE = " "
# The library wants a spelling for every id. No piece mixes letters with other
# characters, so that no text spells these.
UNKNOWN_SPELLING = SPECIAL_TOKENS[UNKNOWN_ID]
_LETTERS, _DIGITS = r"[\p{L}\p{M}]+", r"\p{N}+"
_OTHERS = r"[^\s\p{L}\p{M}\p{N}]+"
_PIECES = rf" ?{_LETTERS}| ?{_DIGITS}| ?{_OTHERS}|\s"
# Words repeat, and spelling one takes long.
_REMEMBERED = 1 << 17


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


class Codec(Protocol):
    """Cuts texts into tokens with ids, and joins tokens again."""

    def encode(self, text: str, form: str) -> EncodedSequence:
        """Cut ``text``; ``form``, of the same length, is what is looked up."""

    def join(self, tokens: Sequence[str]) -> str:
        """The text that the tokens make."""


def codec_of(table: SymbolTable) -> Codec:
    """The codec of a vocabulary."""
    if table.kind == "character":
        return Characters(table.symbols)
    if table.kind == "word":
        return Words(table.symbols, CUTS[table.split], JOINS[table.split])
    return Subwords(table)


class Characters:
    """A codec whose tokens are single characters."""

    def __init__(self, symbols: Sequence[str]) -> None:
        self._ids = {
            symbol: id_ for id_, symbol in enumerate(symbols, FIRST_ORDINARY_ID)
        }

    def encode(self, text: str, form: str) -> EncodedSequence:
        """The characters of ``text``, looked up as in ``form``."""
        known = self._ids.get
        ids = [known(character, UNKNOWN_ID) for character in form]
        starts = np.arange(len(text), dtype=np.int32)
        return EncodedSequence(
            np.asarray(ids, dtype=np.int32),
            tuple(text),
            np.column_stack([starts, starts + 1]),
        )

    def join(self, tokens: Sequence[str]) -> str:
        """The tokens one after the other."""
        return "".join(tokens)


class Words:
    """A codec whose tokens are the pieces a text is cut into.

    Args:
        symbols: The pieces that are known.
        cut: Where a text is cut.
        join: The reverse of ``cut``.
    """

    def __init__(self, symbols: Sequence[str], cut: Cut, join: Join) -> None:
        self._ids = {
            symbol: id_ for id_, symbol in enumerate(symbols, FIRST_ORDINARY_ID)
        }
        self._cut = cut
        self._join = join

    def encode(self, text: str, form: str) -> EncodedSequence:
        """The pieces of ``text``, looked up as they are spelled in ``form``."""
        spans = self._cut(text)
        tokens = tuple([text[start:end] for start, end in spans])
        spelled = tokens if form == text else [form[start:end] for start, end in spans]
        known = self._ids.get
        ids = [known(piece, UNKNOWN_ID) for piece in spelled]
        return EncodedSequence(
            np.asarray(ids, dtype=np.int32),
            tokens,
            np.asarray(spans, dtype=np.int32).reshape(-1, 2),
        )

    def join(self, tokens: Sequence[str]) -> str:
        """The text that the tokens make."""
        return self._join(tokens)


class Subwords:
    """A codec of byte pair encoding (on characters) or of a unigram model.

    Characters in a row that the model does not know are one unknown token.
    """

    def __init__(self, table: SymbolTable) -> None:
        self._tokenizer = subword_tokenizer(_subword_model(table))
        self._spell = lru_cache(_REMEMBERED)(self._spell_anew)

    def encode(self, text: str, form: str) -> EncodedSequence:
        """The subwords of ``text``, spelled as in ``form``."""
        ids: list[int] = []
        lengths: list[int] = []
        for piece in words_with_space(SPACE + form) if form else ():
            piece_ids, piece_lengths = self._spell(piece)
            ids += piece_ids
            lengths += piece_lengths
        places, whole = list(accumulate(lengths, initial=0)), SPACE + text
        spans = np.asarray([places[:-1], places[1:]], dtype=np.int32).T
        return EncodedSequence(
            np.asarray(ids, dtype=np.int32),
            tuple([whole[start:end] for start, end in pairwise(places)]),
            np.maximum(spans - len(SPACE), 0),  # the first space was ours
        )

    def join(self, tokens: Sequence[str]) -> str:
        """The tokens one after the other, without the space before the first word."""
        return "".join(tokens).removeprefix(SPACE)

    def _spell_anew(self, piece: str) -> tuple[list[int], list[int]]:
        encoding = self._tokenizer.encode(piece)
        return encoding.ids, [end - start for start, end in encoding.offsets]


def subword_tokenizer(model: models.Model) -> Tokenizer:
    """``model`` on letters, digits and other characters apart."""
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_PIECES), behavior="isolated")
    return tokenizer


def _subword_model(table: SymbolTable) -> models.Model:
    if table.kind == "unigram":
        special = [(name, 0.0) for name in SPECIAL_TOKENS]
        scored = zip(table.symbols, table.scores, strict=True)
        return models.Unigram([*special, *scored], UNKNOWN_ID, byte_fallback=False)
    ids = {symbol: id_ for id_, symbol in enumerate(table.symbols, FIRST_ORDINARY_ID)}
    return models.BPE(
        ids | {UNKNOWN_SPELLING: UNKNOWN_ID},
        list(table.merges),
        unk_token=UNKNOWN_SPELLING,
        fuse_unk=True,
    )
