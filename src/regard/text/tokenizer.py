"""A vocabulary of words, and texts as ids of it with offsets."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice

import numpy as np
import tokenizers

from regard._validate import check_count
from regard.text.pipeline_rules import check_pipeline
from regard.text.segmentation import (
    PADDING_WORD,
    UNKNOWN_WORD,
    Spans,
    Splitter,
    normalised,
    word_pipeline,
)
from regard.text.serialization import read_pipeline
from regard.text.special_ids import PADDING_ID, UNKNOWN_ID
from regard.types import IntArray

_SPECIAL = {PADDING_WORD: PADDING_ID, UNKNOWN_WORD: UNKNOWN_ID}
# Words repeat: looking one up by its spelling saves normalising it again.
_REMEMBERED = 1 << 17
_CHUNK = 1024


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


class Tokenizer:
    """Cuts text into words, knows their ids and where in the text they stand.

    Made by ``Tokenizer.train`` or ``Tokenizer.from_json``. Id 0 is padding, id 1 any
    word outside the vocabulary. It does not change after it was made and may be used
    from several threads.

    Args:
        pipeline: A word-level tokenizer of the Hugging Face library whose first two
            ids are padding and unknown. Its rules are among those that cut a text into
            pieces of it and make a piece little longer.

    Raises:
        ArgumentError: It has other rules.
    """

    PADDING_ID = PADDING_ID
    UNKNOWN_ID = UNKNOWN_ID

    def __init__(self, pipeline: tokenizers.Tokenizer) -> None:
        check_pipeline(pipeline)
        self._pipeline = pipeline
        self._splitter = Splitter(pipeline)
        self._vocabulary: dict[str, int] = pipeline.get_vocab()
        self._words = {id_: word for word, id_ in self._vocabulary.items()}
        self._id_of = lru_cache(_REMEMBERED)(self._look_up)

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        max_vocabulary: int = 30_000,
        min_frequency: int = 1,
    ) -> "Tokenizer":
        """Learn the vocabulary of a stream of texts, most frequent words first.

        Args:
            texts: The texts; read once, a few at a time.
            max_vocabulary: The most ids there may be, padding and unknown among them.
            min_frequency: A word seen less often stays unknown.

        Raises:
            ArgumentError: There is no room for a word.
            DataError: A text is not valid Unicode.
        """
        least = len(_SPECIAL) + 1
        check_count("max_vocabulary", max_vocabulary, least=least, of="a tokenizer")
        counts = cls(word_pipeline(_SPECIAL))._count(texts)
        frequent = [word for word in counts if counts[word] >= min_frequency]
        # Words of one frequency in the order of the alphabet: the same data always
        # gives the same vocabulary.
        frequent.sort(key=lambda word: (-counts[word], word))
        words = frequent[: max_vocabulary - len(_SPECIAL)]
        numbered = {word: id_ for id_, word in enumerate(words, len(_SPECIAL))}
        return cls(word_pipeline(_SPECIAL | numbered))

    @property
    def vocabulary_size(self) -> int:
        """The number of ids, padding and unknown among them."""
        return len(self._vocabulary)

    def encode(self, texts: Sequence[str], max_length: int) -> list[EncodedText]:
        """Cut texts into tokens.

        Args:
            texts: The texts.
            max_length: The most tokens kept of one text; later ones are cut off.

        Raises:
            DataError: A text is not valid Unicode (it holds half a surrogate pair).
        """
        return [
            self._encode(text, spans, max_length)
            for text, spans in zip(texts, self._splitter.split(texts), strict=True)
        ]

    def normalise(self, piece: str) -> str:
        """The word that a piece of text is looked up as."""
        return normalised(self._pipeline, piece)

    def word(self, id_: int) -> str:
        """The normalised word of an id."""
        return self._words[id_]

    def to_json(self) -> str:
        """The tokenizer in the JSON format of the Hugging Face library."""
        return str(self._pipeline.to_str())

    @classmethod
    def from_json(cls, content: str) -> "Tokenizer":
        """Read what ``to_json`` wrote; data only, nothing in it is executed.

        Raises:
            BundleError: The JSON is damaged or not that of such a tokenizer.
        """
        return cls(read_pipeline(content))

    def _encode(self, text: str, spans: Spans, max_length: int) -> EncodedText:
        kept = spans[:max_length]
        ids = [self._id_of(text[start:end]) for start, end in kept]
        ends = np.fromiter(chain.from_iterable(kept), np.int32, 2 * len(kept))
        return EncodedText(
            np.asarray(ids, dtype=np.int32),
            ends.reshape(-1, 2),
            truncated=len(spans) > max_length,
        )

    def _look_up(self, piece: str) -> int:
        id_ = self._vocabulary.get(self.normalise(piece), self.UNKNOWN_ID)
        # A word that spells "[PAD]" is not padding.
        return id_ or self.UNKNOWN_ID

    def _count(self, texts: Iterable[str]) -> Counter[str]:
        """The number of times each normalised word occurs."""
        pieces: Counter[str] = Counter()
        stream = iter(texts)
        while chunk := list(islice(stream, _CHUNK)):
            for text, spans in zip(chunk, self._splitter.split(chunk), strict=True):
                pieces.update(text[start:end] for start, end in spans)
        words: Counter[str] = Counter()
        for piece, count in pieces.items():
            words[self.normalise(piece)] += count
        return words
