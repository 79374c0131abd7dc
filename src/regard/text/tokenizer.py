"""A vocabulary of words, and texts as ids of it with offsets."""

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain, islice
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import tokenizers

from regard._validate import check_count
from regard.text.joined_texts import Foreign, JoinedTexts, Pieces
from regard.text.pipeline_rules import check_pipeline
from regard.text.segmentation import (
    PADDING_WORD,
    UNKNOWN_WORD,
    Splitter,
    has_our_rules,
    normalised,
    word_pipeline,
)
from regard.text.serialization import read_pipeline
from regard.text.special_ids import PADDING_ID, UNKNOWN_ID
from regard.text.text_validation import not_unicode
from regard.text.word_counts import CountedTexts, WordCounts
from regard.types import FloatArray, IntArray

_SPECIAL = {PADDING_WORD: PADDING_ID, UNKNOWN_WORD: UNKNOWN_ID}
# Words repeat: looking one up by its spelling saves normalising it again.
_REMEMBERED = 1 << 17
# Characters that are cut at once: what they need then stays in the cache. Of a stream
# so many times that are held.
_AT_ONCE, _PORTION = 1 << 19, 16
# Of more the interpreter lock would let no more run.
_THREADS = 4
# Longer ones are not remembered: nobody knows how long they are.
_LONGEST_RUN = 64
ItemT = TypeVar("ItemT")
ValueT = TypeVar("ValueT")


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

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.ids.shape))
        cut = ", truncated" if self.truncated else ""
        return f"EncodedText({len(self)} tokens, ids {shape}{cut})"

    def __len__(self) -> int:
        return len(self.ids)

    def pieces(self, text: str) -> tuple[str, ...]:
        """The tokens as they stand in ``text``, the text that was encoded."""
        starts, ends = self.offsets.T.tolist()
        return tuple([text[start:end] for start, end in zip(starts, ends, strict=True)])

    def names(self, text: str) -> tuple[str, ...]:
        """What each of ``ids`` is of, where a token may have several."""
        return self.pieces(text)

    def summed(self, values: FloatArray, axis: int = -1) -> FloatArray:  # noqa: ARG002 - here they are the same
        """Values of ``ids`` added up to those of tokens."""
        return values

    def spread(self, values: Any, axis: int = -1) -> Any:  # noqa: ARG002 - as above
        """Values of tokens, given to each of their ``ids``."""
        return values


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
        self._id_of = remembering(self._look_up, _REMEMBERED)
        self._is_ours = has_our_rules(pipeline)
        self._runs: dict[str, Foreign] = {}

    def __repr__(self) -> str:
        return f"Tokenizer({len(self._vocabulary):,} words)"

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

    def extended(self, words: Iterable[str]) -> "Tokenizer":
        """One that knows more words, whose ids come after its own.

        Args:
            words: Normalised words that it does not know, all different.
        """
        numbered = {word: id_ for id_, word in enumerate(words, self.vocabulary_size)}
        return Tokenizer(word_pipeline(self._vocabulary | numbered))

    def is_word(self, word: str) -> bool:
        """Whether a text of nothing else is this one word."""
        return next(self._splitter.split([word])) == [(0, len(word))]

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
        return self.encode_each(texts, max_length, lambda _, pieces: pieces.ids)

    def encode_each(
        self,
        texts: Sequence[str],
        max_length: int,
        ids_of: Callable[[Sequence[str], Pieces], IntArray],
    ) -> list[EncodedText]:
        """As ``encode``, with ids that are made of all tokens of some texts at once.

        Args:
            texts: The texts.
            max_length: The most tokens kept of one text.
            ids_of: Maps texts and their tokens to ``(tokens, …)``. Several threads may
                call it.

        Raises:
            DataError: A text is not valid Unicode (it holds half a surrogate pair).
        """

        def encode(some: Sequence[str]) -> list[EncodedText]:
            return list(_encoded_texts(*self._read(some, max_length, ids_of)))

        with _naming_what_is_no_text(texts):
            return list(
                chain.from_iterable(on_all_cores(encode, some_at_a_time(texts)))
            )

    def encode_joined(
        self,
        texts: Sequence[str],
        max_length: int,
        ids_of: Callable[[Sequence[str], Pieces], IntArray],
    ) -> tuple[Pieces, npt.NDArray[np.bool_]]:
        """As ``encode_each``, the tokens of all texts side by side, in this thread.

        Returns:
            The tokens, and for each text whether it goes on after those kept.
        """
        with _naming_what_is_no_text(texts):
            read = [
                self._read(some, max_length, ids_of) for some in some_at_a_time(texts)
            ]
        pieces = Pieces(
            np.concatenate([each.ids for each, _ in read]),
            np.concatenate([each.spans for each, _ in read]),
            np.concatenate([each.counts for each, _ in read]),
            np.concatenate([each.places for each, _ in read]),
        )
        counts = np.concatenate([counts for _, counts in read])
        return pieces, counts > pieces.counts

    def normalise(self, piece: str) -> str:
        """The word that a piece of text is looked up as."""
        if self._is_ours and piece.isascii():
            return piece.lower()
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

    @cached_property
    def _joined(self) -> JoinedTexts:
        return JoinedTexts(self._vocabulary, self._foreign, self._id_of)

    def _read(
        self,
        texts: Sequence[str],
        max_length: int,
        ids_of: Callable[[Sequence[str], Pieces], IntArray],
    ) -> tuple[Pieces, IntArray]:
        """The tokens that are kept of some texts, and how many each has."""
        whole = self._pieces(texts)
        kept = whole.shortened(max_length)
        return kept._replace(ids=ids_of(texts, kept)), whole.counts

    def _pieces(self, texts: Sequence[str]) -> Pieces:
        """The pieces of some texts, all at once where the rules are ours."""
        if self._is_ours:
            return self._joined.pieces(texts)
        return self._pieces_one_by_one(texts)

    def _pieces_one_by_one(self, texts: Sequence[str]) -> Pieces:
        """The same by the rules as they stand: what the faster way must equal."""
        found = [
            ([self._id_of(text[start:end]) for start, end in spans], spans)
            for text, spans in zip(texts, self._splitter.split(texts), strict=True)
        ]
        ids = list(chain.from_iterable(ids for ids, _ in found))
        spans = list(chain.from_iterable(spans for _, spans in found))
        return Pieces.of(
            np.asarray(ids, np.int32),
            np.asarray(spans, np.int32).reshape(-1, 2),
            np.asarray([len(ids) for ids, _ in found], np.int64),
        )

    def _foreign(self, runs: Sequence[str]) -> list[Foreign]:
        """Cut strings that are not of ASCII characters alone; many come again."""
        known = self._runs
        new = [run for run in dict.fromkeys(runs) if run not in known]
        found = {
            run: (spans, [self._id_of(run[start:end]) for start, end in spans])
            for run, spans in zip(new, self._splitter.split(new), strict=True)
        }
        cut = [found.get(run) or known[run] for run in runs]
        kept: dict[str, Foreign] = {
            run: each for run, each in found.items() if len(run) <= _LONGEST_RUN
        }
        # It only grows, as another thread may look things up in it; then comes another.
        if len(known) + len(kept) > _REMEMBERED:
            self._runs = kept
        else:
            known.update(kept)
        return cut

    def _look_up(self, piece: str) -> int:
        id_ = self._vocabulary.get(self.normalise(piece), self.UNKNOWN_ID)
        # A word that spells "[PAD]" is not padding.
        return id_ or self.UNKNOWN_ID

    def _count(self, texts: Iterable[str]) -> Counter[str]:
        """The number of times each normalised word occurs."""
        counts = WordCounts(self._splitter.split, self.normalise)
        first = 0
        for some in portions(texts, _AT_ONCE * _PORTION):
            try:
                for counted in on_all_cores(CountedTexts.of, some_at_a_time(some)):
                    counts.add(counted)
            except UnicodeError as error:
                raise not_unicode(some, first) from error
            first += len(some)
        return counts.words()


def remembering(
    function: Callable[[str], ValueT], most: int
) -> Callable[[str], ValueT]:
    """A function of words that remembers what it gave, but for those of any length.

    Args:
        function: The function.
        most: For how many words.
    """
    remembered = lru_cache(most)(function)
    return lambda word: (
        remembered(word) if len(word) <= _LONGEST_RUN else function(word)
    )


def _encoded_texts(pieces: Pieces, counts: IntArray) -> Iterator[EncodedText]:
    """The pieces of each text by itself.

    Args:
        pieces: Those of some texts.
        counts: How many each text has that is not shortened.
    """
    truncated = (counts > pieces.counts).tolist()
    ends = np.cumsum(pieces.counts).tolist()
    for start, end, cut_off in zip([0, *ends], ends, truncated, strict=False):
        # Copies, so that the others need not be kept.
        ids, spans = pieces.ids[start:end].copy(), pieces.spans[start:end].copy()
        yield EncodedText(ids, spans, cut_off)


def on_all_cores(
    function: Callable[[ItemT], ValueT], items: Iterable[ItemT]
) -> Iterator[ValueT]:
    """The result for each item, on all cores where there are several.

    NumPy lets other threads go on while it computes. Items are taken, and results held,
    a few at a time.
    """
    workers = min(os.cpu_count() or 1, _THREADS)
    items = iter(items)
    first = list(islice(items, 2))
    if workers < 2 or len(first) < 2:
        yield from map(function, chain(first, items))
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="regard-read") as threads:
        begun = deque(threads.submit(function, item) for item in first)
        begun += [threads.submit(function, each) for each in islice(items, 2 * workers)]
        try:
            while begun:
                yield begun.popleft().result()
                for item in islice(items, 1):
                    begun.append(threads.submit(function, item))
        finally:
            for each in begun:
                each.cancel()


@contextmanager
def _naming_what_is_no_text(texts: Sequence[str]) -> Iterator[None]:
    """Say which of the texts was none, where it stopped what is done inside."""
    try:
        yield
    except (AttributeError, UnicodeError) as error:
        if all(isinstance(text, str) and _is_unicode(text) for text in texts):
            raise
        raise not_unicode(texts) from error


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeError:
        return False
    return True


def portions(texts: Iterable[str], characters: int) -> Iterator[list[str]]:
    """The texts of a stream, about so many characters together."""
    held: list[str] = []
    size = 0
    for text in texts:
        held.append(text)
        size += len(text)
        if size >= characters:
            yield held
            held, size = [], 0
    if held:
        yield held


def some_at_a_time(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """So many as are best cut at once."""
    first = size = 0
    for index, text in enumerate(texts):
        if size and size + len(text) > _AT_ONCE:
            yield texts[first:index]
            first, size = index, 0
        size += len(text) + 1
    if first < len(texts):
        yield texts[first:]
