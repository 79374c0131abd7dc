"""The features of each token: its word, n-grams of words, pieces of its spelling.

A word alone says little to a model trained on a few thousand texts. "not good" says
more than both of its words, and the spelling of a word that was never seen still shows
its stem. Each of these features is a row of one embedding table (``FeatureEmbedding``).
"""

import io
import mmap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from regard._untrusted import EXPANSION, plain_array, read_archive
from regard.errors import BundleError
from regard.text.id_file import lengths_of, some_joined
from regard.text.key_table import KeyTable
from regard.text.tokenizer import on_all_cores
from regard.text.word_pieces import (
    WordPieces,
    frequent_pieces,
    remembered_rows,
    rows_of_word,
)
from regard.types import IntArray

#: The row of what is not there: padding, and features never seen in training.
NOTHING = 0
#: The most pieces that may be read of a word, each a column of features.
MOST_PIECES = 512
# Of a whole number without a sign bit.
_BITS = 63
# So many texts at once.
_AT_ONCE = 256
# Of more keys of n-grams not all are held at a time, but a part of them in turn, which
# a hash tells; then so many texts at once.
_MOST_KEYS, _OF_A_PART = 1 << 25, 1 << 10
_MIXING = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, eq=False)
class Features:
    """The features a model knows, and the row of each.

    The rows begin with the words, whose row is their id; after them come the n-grams,
    order by order, then the pieces of words.

    Args:
        words: The number of word ids, padding and unknown among them.
        ngrams: For the orders 2, 3, …: the sorted keys of the n-grams.
        pieces: The sorted keys of the pieces of words.
        columns: The most pieces that are read of a word.
        spelled: The pieces and their keys, of features that were just learned.
    """

    words: int
    ngrams: tuple[IntArray, ...] = ()
    pieces: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    columns: int = 0
    spelled: Mapping[str, int] | None = None

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(keys):,}" for keys in self.ngrams)
        return (
            f"Features({self.words:,} words, n-grams: {counts or 'none'}, "
            f"{len(self.pieces):,} pieces)"
        )

    @property
    def size(self) -> int:
        """The number of rows."""
        return self.words + sum(map(len, self.ngrams)) + len(self.pieces)

    @property
    def order(self) -> int:
        """The number of words in the longest n-gram."""
        return 1 + len(self.ngrams)

    @property
    def width(self) -> int:
        """The number of features of a token: n-grams first, then pieces."""
        return self.order + self.columns

    def rows(self, ids: IntArray) -> IntArray:
        """The rows of words and n-grams, with room for the pieces.

        Args:
            ids: ``(tokens,)``, the word ids.

        Returns:
            ``(tokens, width)``. The first column is the word id itself. Where there is
            no such feature, or an unknown one, stands 0, as in the columns of pieces.
        """
        return self.rows_of_texts(ids, np.arange(len(ids)))

    def rows_of_texts(self, ids: IntArray, places: IntArray) -> IntArray:
        """As ``rows``, of several texts one after the other.

        Args:
            ids: ``(tokens,)``, the word ids.
            places: ``(tokens,)``, how many tokens come before each in its own text.
        """
        rows = np.zeros((len(ids), self.width), np.int32)
        rows[:, 0] = ids
        self.add_ngrams(rows, places)
        return rows

    def add_ngrams(self, rows: IntArray, places: IntArray) -> None:
        """Fill the columns of n-grams of rows that begin with the word ids."""
        of_orders = _ngram_keys(rows[:, 0], self.order, self.words, places)
        for column, (keys, table) in enumerate(
            zip(of_orders, self._tables, strict=True), start=1
        ):
            found = table.find(keys.view(np.uint64)[None])
            row = found + np.int32(self._starts[column])
            # Much faster than a choice: half of them are found, in no order.
            row *= found >= 0
            rows[:, column] = row

    def without(self, rows: IntArray, keep: npt.NDArray[np.bool_]) -> IntArray:
        """Rows with holes where tokens are left out.

        With a token go the n-grams that hold it: what is left beside the hole was not
        side by side.

        Args:
            rows: ``(tokens, width)``, as ``rows`` gives them.
            keep: ``(tokens,)``, True where a token stays.
        """
        left = np.where(keep[:, None], rows, NOTHING)
        whole = keep
        for column in range(1, self.order):
            before = np.concatenate([np.ones(column, bool), keep])[: len(keep)]
            whole = whole & before
            left[:, column] = np.where(whole, left[:, column], NOTHING)
        return left

    def swapped(
        self, rows: IntArray, keep: npt.NDArray[np.bool_], others: IntArray
    ) -> IntArray:
        """Rows with other tokens in the place of some, and the n-grams that come of it.

        Args:
            rows: ``(tokens, width)``, as ``rows`` gives them.
            keep: ``(tokens,)``, True where a token stays.
            others: ``(tokens, width)``, what comes where it does not.
        """
        mixed = np.where(keep[:, None], rows, others)
        changed = self.rows(mixed[:, 0])
        changed[:, self.order :] = mixed[:, self.order :]
        return changed

    @cached_property
    def _starts(self) -> list[int]:
        sizes = [self.words, *map(len, self.ngrams)]
        return [0, *np.cumsum(sizes).tolist()]

    @cached_property
    def _tables(self) -> list[KeyTable]:
        return [KeyTable(keys.view(np.uint64)[:, None]) for keys in self.ngrams]

    def pieces_of(self, word: str) -> IntArray:
        """The rows of the pieces of a word, ``(columns,)``, filled up with 0.

        Args:
            word: Its normalised spelling.
        """
        return rows_of_word(word, self._row_of_piece, self.columns)

    def word_pieces(self, vocabulary: Iterable[str]) -> WordPieces:
        """What finds the pieces of many words at once.

        Args:
            vocabulary: The words that the features were learned with.
        """
        rows = self._row_of_key
        if self.spelled is None:
            return WordPieces.of(rows, self.columns, vocabulary)
        known = {piece: rows[key] for piece, key in self.spelled.items()}
        return WordPieces(known, None, self.columns)

    @cached_property
    def _row_of_key(self) -> dict[int, int]:
        rows = range(self._starts[-1], self.size)
        return dict(zip(self.pieces.tolist(), rows, strict=True))

    @cached_property
    def _row_of_piece(self) -> Callable[[str], int]:
        return remembered_rows(self._row_of_key)

    def to_bytes(self) -> bytes:
        """The features as a file of plain arrays (``.npz``)."""
        file = io.BytesIO()
        arrays: dict[str, Any] = {
            f"order_{order}": keys for order, keys in enumerate(self.ngrams, start=2)
        }
        arrays["sizes"] = np.asarray([self.words, self.order, self.columns])
        arrays["pieces"] = self.pieces
        np.savez_compressed(file, allow_pickle=False, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Features":
        """Read what ``to_bytes`` wrote; plain arrays only, nothing is executed.

        Raises:
            BundleError: The file is damaged.
        """
        try:
            arrays = read_archive(content, expansion=EXPANSION)
            words, order, columns = plain_array(arrays["sizes.npy"]).tolist()
            if not (words > 1 and 1 <= order <= len(arrays) - 1 and columns >= 0):
                raise ValueError("their sizes are none")
            ngrams = [
                plain_array(arrays[f"order_{n}.npy"]) for n in range(2, order + 1)
            ]
            pieces = plain_array(arrays["pieces.npy"])
        except (ValueError, TypeError, KeyError, EOFError, SyntaxError) as error:
            raise BundleError(f"These features cannot be read: {error}.") from error
        if columns > MOST_PIECES:
            raise BundleError(f"They have more than {MOST_PIECES} pieces of a word.")
        if any(not _is_sorted(keys) for keys in [*ngrams, pieces]):
            raise BundleError("The keys of these features are not sorted numbers.")
        return cls(words, tuple(ngrams), pieces, columns)


def learn_features(
    documents: Sequence[IntArray],
    texts_of: Mapping[str, int],
    words: int,
    *,
    order: int,
    min_texts: int,
    max_ngrams: int,
    columns: int,
) -> Features:
    """The features that occur in enough texts.

    Args:
        documents: The word ids of each text; of many texts best an ``IdFile``.
        texts_of: In how many texts each word occurs, by its normalised spelling.
        words: The number of word ids.
        order: The longest n-grams of words, 1 for words alone.
        min_texts: In how many texts an n-gram or a piece has to occur.
        max_ngrams: The most n-grams of each order, the most frequent ones.
        columns: The most pieces read of a word; 0: none.
    """
    ngrams = tuple(
        _frequent_ngrams(documents, n, words, min_texts, max_ngrams)
        for n in range(2, order + 1)
    )
    if not columns:
        return Features(words, ngrams)
    spelled = frequent_pieces(texts_of, min_texts)
    pieces = np.asarray(sorted(set(spelled.values())), np.int64)
    return Features(words, ngrams, pieces, columns, spelled)


def count_texts(keys: IntArray, owners: IntArray) -> tuple[IntArray, IntArray]:
    """In how many texts each key occurs.

    Args:
        keys: ``(entries,)``, not negative; what is in it is lost.
        owners: ``(entries,)``, the text of each entry.

    Returns:
        The different keys, sorted, and the number of texts of each.
    """
    bits = int(owners.max(initial=0)).bit_length()
    if int(keys.max(initial=0)).bit_length() + bits > _BITS:
        names, keys = np.unique(keys, return_inverse=True)
        found, counts = count_texts(keys, owners)
        return names[found], counts
    # A number for both. In place: most of the time would go into fresh memory.
    pairs = keys.astype(np.int64, copy=False)
    pairs <<= bits
    pairs |= owners
    # ``np.unique`` goes through a table of hashes, which takes twenty times as long.
    pairs.sort()
    others = _changes(pairs)
    pairs >>= bits
    firsts = np.flatnonzero(_changes(pairs))
    if not len(firsts):
        return pairs, pairs
    return pairs[firsts], np.add.reduceat(others, firsts, dtype=np.int64)


def _keys_of_texts(documents: Sequence[IntArray], order: int, words: int) -> IntArray:
    """``ngram_keys`` of texts, one after the other, made in the processor's cache."""
    keys = np.empty(lengths_of(documents).sum(), np.int64)
    end = 0
    for ids, lengths in some_joined(documents, _AT_ONCE):
        of_order = _keys_of_joined(ids, lengths, order, words)
        begin, end = end, end + len(ids)
        keys[begin:end] = of_order
    return keys


def _keys_of_joined(
    ids: IntArray, lengths: IntArray, order: int, words: int
) -> IntArray:
    places = np.arange(len(ids))
    places -= np.repeat(np.cumsum(lengths) - lengths, lengths)
    *_, of_order = _ngram_keys(ids, order, words, places)
    return of_order


def ngram_keys(ids: IntArray, order: int, words: int) -> IntArray:
    r"""A number for the n-gram that ends at each token.

    .. math:: k_t = \sum_{j < n} i_{t-j} V^j

    Before the first token stands padding, so that the first n-gram also says that the
    text begins.

    Args:
        ids: ``(tokens,)``.
        order: ``n``; ``V ** n`` has to fit into 63 bits.
        words: ``V``, above every id.
    """
    places = np.arange(len(ids))
    of_orders = [ids.astype(np.int64), *_ngram_keys(ids, order, words, places)]
    return of_orders[-1]


def _ngram_keys(
    ids: IntArray, order: int, words: int, places: IntArray
) -> Iterator[IntArray]:
    """``ngram_keys`` for the orders from 2 on, of texts one after the other."""
    wide = keys = ids.astype(np.int64)
    for step in range(1, order):
        earlier = np.zeros_like(wide)
        earlier[step:] = wide[:-step]
        earlier[places < step] = 0
        keys = keys + earlier * words**step
        yield keys


def _frequent_ngrams(
    documents: Sequence[IntArray], order: int, words: int, least: int, most: int
) -> IntArray:
    """The sorted keys of n-grams in ``least`` texts, at most the ``most`` frequent."""
    lengths = lengths_of(documents)
    parts = -(-int(lengths.sum()) // _MOST_KEYS)
    if parts <= 1:
        owners = np.repeat(np.arange(len(documents), dtype=np.int32), lengths)
        keys = _keys_of_texts(documents, order, words)
        return np.sort(_most_frequent(*count_texts(keys, owners), least, most)[0])
    kept: IntArray = np.empty(0, np.int64)
    counts: IntArray = np.empty(0, np.int64)
    for part in range(parts):
        more, of_more = _counted_often(
            _part_of_keys(documents, order, words, (part, parts)), least
        )
        kept, counts = np.append(kept, more), np.append(counts, of_more)
        kept, counts = _most_frequent(kept, counts, least, most)
    return np.sort(kept)


def _most_frequent(
    keys: IntArray, counts: IntArray, least: int, most: int
) -> tuple[IntArray, IntArray]:
    """The keys that occur in ``least`` texts, at most the ``most`` frequent of them."""
    enough = counts >= least
    keys, counts = keys[enough], counts[enough]
    if len(keys) > most:
        # Of those that are as frequent the smaller ones.
        chosen = np.lexsort((keys, -counts))[:most]
        keys, counts = keys[chosen], counts[chosen]
    return keys, counts


def _counted_often(keys: IntArray, least: int) -> tuple[IntArray, IntArray]:
    """The keys that are there ``least`` times among sorted ones, and how often."""
    enough = _changes(keys)
    last = max(len(keys) - least + 1, 0)
    # So few that the others need never be written down.
    enough[:last] &= keys[least - 1 :] == keys[:last]
    enough[last:] = False
    firsts = np.flatnonzero(enough)
    often = keys[firsts]
    return often, np.searchsorted(keys, often, side="right") - firsts


def _part_of_keys(
    documents: Sequence[IntArray], order: int, words: int, part: tuple[int, int]
) -> IntArray:
    """A part of all keys, sorted, each as often as there are texts that hold it."""
    number, parts = part

    def keys_of(some: tuple[IntArray, IntArray]) -> IntArray:
        ids, lengths = some
        keys = _keys_of_joined(ids, lengths, order, words)
        mixed = (keys.view(np.uint64) * _MIXING) >> np.uint64(32)
        own = (mixed * np.uint64(parts)) >> np.uint64(32) == np.uint64(number)
        owners = np.repeat(np.arange(len(lengths)), lengths)[own]
        return _once_a_text(keys[own], owners)

    # Only the pages that are filled are memory of the process, and none is afterwards,
    # however memory that is freed is kept.
    pages = mmap.mmap(-1, 2 * _MOST_KEYS * np.dtype(np.int64).itemsize)
    held: IntArray = np.frombuffer(pages, np.int64)
    end = 0
    for keys in on_all_cores(keys_of, some_joined(documents, _OF_A_PART)):
        while end + len(keys) > len(held):
            held = np.append(held, np.empty_like(held))
        held[end : end + len(keys)] = keys
        end += len(keys)
    held = held[:end]
    held.sort()
    return held


def _once_a_text(keys: IntArray, owners: IntArray) -> IntArray:
    """Each key as often as there are texts that hold it."""
    bits = int(owners.max(initial=0)).bit_length()
    if int(keys.max(initial=0)).bit_length() + bits > _BITS:
        names, keys = np.unique(keys, return_inverse=True)
        own: IntArray = names[_once_a_text(keys, owners)]
        return own
    pairs = (keys << bits) | owners
    pairs.sort()
    once: IntArray = pairs[_changes(pairs)] >> bits
    return once


def _changes(ordered: IntArray) -> npt.NDArray[np.bool_]:
    """Where another number begins."""
    changes = np.ones(len(ordered), np.bool_)
    changes[1:] = ordered[1:] != ordered[:-1]
    return changes


def _is_sorted(keys: IntArray) -> bool:
    is_list = keys.dtype == np.int64 and keys.ndim == 1
    return is_list and bool((keys[1:] > keys[:-1]).all())
