"""Subwords: each word is spelled with the longest pieces that a model knows.

A space is a character like others here, the first one of the subword that begins a
word; the first word of a text is given one, so that a word is spelled the same
wherever it stands. Joining is then nothing but joining: no mark stands for a space,
and none can be mistaken for a character of the text.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, pairwise

import numpy as np
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from regard.text.sequences.cutting import words_with_space
from regard.text.sequences.encoded import EncodedSequence
from regard.text.sequences.learned import Learned
from regard.text.special_ids import FIRST_ORDINARY_ID, SPECIAL_TOKENS, UNKNOWN_ID

SPACE = " "
# The library wants a spelling for every id. No piece mixes letters with other
# characters, so that no text spells these.
UNKNOWN = SPECIAL_TOKENS[UNKNOWN_ID]

_LETTERS, _DIGITS = r"[\p{L}\p{M}]+", r"\p{N}+"
_OTHERS = r"[^\s\p{L}\p{M}\p{N}]+"
_PIECES = rf" ?{_LETTERS}| ?{_DIGITS}| ?{_OTHERS}|\s"
# Words repeat, and spelling one takes long.
_REMEMBERED = 1 << 17


def subword_tokenizer(model: models.Model) -> Tokenizer:
    """``model`` on letters, digits and other characters apart."""
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_PIECES), behavior="isolated")
    return tokenizer


class Subwords:
    """A codec of byte pair encoding (on characters) or of a unigram model.

    Characters in a row that the model does not know are one unknown token.
    """

    def __init__(self, learned: Learned) -> None:
        self._tokenizer = subword_tokenizer(_model(learned))
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


def _model(learned: Learned) -> models.Model:
    if learned.kind == "unigram":
        special = [(name, 0.0) for name in SPECIAL_TOKENS]
        scored = zip(learned.symbols, learned.scores, strict=True)
        return models.Unigram([*special, *scored], UNKNOWN_ID, byte_fallback=False)
    ids = {symbol: id_ for id_, symbol in enumerate(learned.symbols, FIRST_ORDINARY_ID)}
    return models.BPE(
        ids | {UNKNOWN: UNKNOWN_ID},
        list(learned.merges),
        unk_token=UNKNOWN,
        fuse_unk=True,
    )
