"""A vocabulary of words, characters or subwords for models of sequences."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import numpy as np

from regard._validate import check_choice, check_count
from regard.errors import ArgumentError
from regard.text.codec import EncodedSequence, codec_of
from regard.text.serialization import KINDS, SPLITS, SymbolTable, read_symbol_table
from regard.text.special_ids import (
    BEGIN_ID,
    END_ID,
    FIRST_ORDINARY_ID,
    PADDING_ID,
    SPECIAL_TOKENS,
    UNKNOWN_ID,
)
from regard.text.text_validation import checked_texts, not_unicode
from regard.text.vocabulary_trainer import learn_bpe, learn_pieces, learn_unigram
from regard.types import IntArray

_SIZES = {"word": 30_000, "character": 30_000, "bpe": 8_000, "unigram": 8_000}


class TextStream(Iterable[str]):
    """Texts that are read anew each time, and never held all at once.

    Args:
        begin: Begins to read them.
    """

    def __init__(self, begin: Callable[[], Iterator[str]]) -> None:
        self._begin = begin

    def __iter__(self) -> Iterator[str]:
        return self._begin()


class SequenceVocabulary:
    """Texts as ids, and ids as texts again.

    Made by ``SequenceVocabulary.train`` or ``SequenceVocabulary.from_json``. Ids 0 to 3
    are padding, unknown, the begin and the end of a sequence; no text can spell them.
    ``decode(encode(text))`` is the text again where no symbol is unknown, up to runs of
    white space where words are the symbols. It does not change after it was made and
    may be used from several threads.

    Args:
        table: The symbols, and how words are spelled with them.
    """

    PADDING_ID = PADDING_ID
    UNKNOWN_ID = UNKNOWN_ID
    BEGIN_ID = BEGIN_ID
    END_ID = END_ID

    def __init__(self, table: SymbolTable) -> None:
        self._table = table
        self._symbols = (*SPECIAL_TOKENS, *table.symbols)
        self._codec = codec_of(table)

    def __repr__(self) -> str:
        return f"SequenceVocabulary({len(self):,} symbols, {self._table.kind!r})"

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
            texts: The texts; or a ``TextStream``, which is read more than once.
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
        check_choice("kind", kind, KINDS, of="a vocabulary")
        check_choice("split", split, SPLITS, of="a vocabulary")
        size = _SIZES[kind] if size is None else size
        check_count("size", size, least=FIRST_ORDINARY_ID + 1, of="a vocabulary")
        check_count("min_frequency", min_frequency, of="a vocabulary")
        forms: Iterable[str]
        if isinstance(texts, TextStream):
            forms = TextStream(partial(_forms, texts, lowercase=lowercase))
        else:
            _, forms = checked_forms(texts, lowercase=lowercase)
        if kind == "bpe":
            table = learn_bpe(forms, size, min_frequency)
        elif kind == "unigram":
            table = learn_unigram(forms, size, min_frequency)
        else:
            table = learn_pieces(forms, kind, split, size, min_frequency)
        return cls(replace(table, lowercase=lowercase))

    @property
    def kind(self) -> str:
        """``"word"``, ``"character"``, ``"bpe"`` or ``"unigram"``."""
        return self._table.kind

    def __len__(self) -> int:
        """The number of ids, the four special ones among them."""
        return len(self._symbols)

    def encode(self, texts: Sequence[str]) -> list[EncodedSequence]:
        """Cut texts into tokens; begin and end are not added.

        Raises:
            ArgumentError: ``texts`` is one string or holds something else.
            DataError: A text is not valid Unicode (it holds half a surrogate pair).
        """
        lowercase = self._table.lowercase
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
        listed = np.asarray(ids).tolist()
        if not listed or (min(listed) >= 0 and max(listed) < len(self._symbols)):
            return [self._symbols[id_] for id_ in listed]
        return [self.token(id_) for id_ in listed]

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
        return self._table.to_json()

    @classmethod
    def from_json(cls, content: str) -> "SequenceVocabulary":
        """Read what ``to_json`` wrote; data only, nothing in it is executed.

        Raises:
            BundleError: The JSON is damaged or not that of a vocabulary.
        """
        return cls(read_symbol_table(content))


def checked_forms(
    texts: Any, *, lowercase: bool, empty: bool = False
) -> tuple[list[str], list[str]]:
    """The texts as a list, and the form of each that is looked up.

    Args:
        texts: Strings.
        lowercase: Whether they are looked up in lower case.
        empty: Whether there may be none.

    Raises:
        ArgumentError: It is one string, is empty, or holds something else.
        DataError: A text is not valid Unicode.
    """
    if empty and isinstance(texts, Sequence) and not texts:
        return [], []
    listed = checked_texts(texts)
    try:
        "".join(listed).encode("utf-8")
    except UnicodeEncodeError as error:
        raise not_unicode(listed) from error
    return listed, [lookup_form(text, lowercase=lowercase) for text in listed]


def _forms(texts: TextStream, *, lowercase: bool) -> Iterator[str]:
    return (lookup_form(text, lowercase=lowercase) for text in texts)


def lookup_form(text: str, *, lowercase: bool) -> str:
    """``text``, in lower case where that is asked for, of the same length always.

    One character of Unicode becomes two in lower case, the capital dotted I of
    Turkish, whose own lower case is ``i``.
    """
    return text.replace("\u0130", "i").lower() if lowercase else text
