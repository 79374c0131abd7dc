"""Texts as the tokenizer of an encoder cuts them, and where each piece stands.

Tokenizers of KerasHub give ids alone. What stands between white space is therefore cut
by itself, which is what they do, and the spelling of its pieces is laid along it: in
bytes, in one of the forms that tokenizers give to texts. Pieces that are no word
of their own are told together, as the word that they are cut out of.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, pairwise
from typing import Any, Literal, NamedTuple

import numpy as np

from regard.text import EncodedText
from regard.text.joined_texts import Pieces
from regard.text.segmentation import Splitter, word_pipeline
from regard.text.text_validation import not_unicode
from regard.types import FloatArray, IntArray

BoolArray = Any
Span = tuple[int, int]
Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
#: What is read of no piece: the ids of pieces begin at 1.
NO_PIECE = 0
_BETWEEN_SPACES = re.compile(r"\S+")
_REMEMBERED = 1 << 18
# Between white space no word is longer; a text that never ends is no use to remember.
_LONGEST = 1 << 12


@dataclass(frozen=True, eq=False)
class EncodedPieces(EncodedText):
    """The pieces of one text, and the words that they are cut out of.

    ``offsets`` are those of the words.

    Args:
        words: ``(pieces,)``, the number of the word of each piece, ascending.
    """

    words: IntArray | None = None

    def summed(self, values: FloatArray, axis: int = -1) -> FloatArray:
        """Values of pieces added up to those of words."""
        moved = np.moveaxis(np.asarray(values), axis, 0)
        sums = np.zeros((len(self.offsets), *moved.shape[1:]), moved.dtype)
        np.add.at(sums, np.asarray(self.words), moved)
        return np.moveaxis(sums, 0, axis)

    def spread(self, values: Any, axis: int = -1) -> Any:
        """Values of words, given to each of their pieces."""
        return np.take(values, np.asarray(self.words), axis=axis)

    def names(self, text: str) -> tuple[str, ...]:
        """For each piece its word, as it stands in the text."""
        words = self.pieces(text)
        return tuple(words[number] for number in np.asarray(self.words).tolist())


class _Run(NamedTuple):
    """What stands between white space: its ids, their words, and where those stand."""

    ids: tuple[int, ...]
    words: tuple[int, ...]
    spans: tuple[Span, ...]


class PieceReader:
    """Cuts texts into the pieces that an encoder reads.

    Args:
        tokenizer: A tokenizer of KerasHub.
        max_length: The most pieces kept of one text.
    """

    def __init__(self, tokenizer: Any, max_length: int) -> None:
        self.tokenizer = PieceTokenizer(tokenizer)
        self.features = PieceErasure()
        self.max_length = max_length

    def read(self, texts: Sequence[str]) -> list[EncodedPieces]:
        """Each text with ``ids`` of shape ``(pieces,)``: those of pieces, and 1."""
        return self.tokenizer.encode(texts, self.max_length)

    def read_joined(
        self, texts: Sequence[str]
    ) -> tuple[Pieces, BoolArray, Sequence[EncodedPieces]]:
        """The pieces of all texts side by side, and which texts go on after them."""
        encoded = self.read(texts)
        pieces = Pieces.of(
            np.concatenate([each.ids for each in encoded]),
            np.concatenate([each.spread(each.offsets, 0) for each in encoded]),
            np.asarray([len(each.ids) for each in encoded]),
        )
        return pieces, np.asarray([each.truncated for each in encoded]), encoded


class PieceErasure:
    """What takes pieces out of what a model reads; see ``text.features.Features``."""

    def without(self, row: IntArray, keep: BoolArray) -> IntArray:
        """A row with holes where pieces are left out; the others do not move."""
        return np.where(keep, row, NO_PIECE)

    def swapped(self, row: IntArray, keep: BoolArray, others: IntArray) -> IntArray:
        """A row with others in the place of the pieces that are not kept."""
        return np.where(keep, row, others)


class PieceTokenizer:
    """A tokenizer of KerasHub, that says where in a text its pieces stand.

    Args:
        tokenizer: The tokenizer, without a length to fill texts up to.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self._spelling = _spelling_of(tokenizer)
        self._words = Splitter(word_pipeline({}))
        self._runs: dict[str, _Run] = {}
        # The form that fitted last comes first.
        self._forms = list(_FORMS)

    def encode(self, texts: Sequence[str], max_length: int) -> list[EncodedPieces]:
        """Cut texts into pieces.

        Args:
            texts: The texts.
            max_length: The most pieces kept of one text, whole words where it can be.

        Raises:
            DataError: A text is not valid Unicode (it holds half a surrogate pair).
        """
        cut = [list(_runs_of(text)) for text in texts]
        try:
            known = self._known({run for runs in cut for run, _ in runs})
        except UnicodeEncodeError as error:
            raise not_unicode(texts) from error
        return [
            _joined([(known[run], at) for run, at in runs], max_length) for runs in cut
        ]

    def spelled(self, id_: int) -> str:
        """A piece as it stands in the vocabulary."""
        return str(self.tokenizer.id_to_token(id_))

    def _known(self, wanted: set[str]) -> dict[str, _Run]:
        """What is known of strings between white space, with those that are new."""
        known = {run: self._runs[run] for run in wanted if run in self._runs}
        new = sorted(wanted - known.keys())
        if not new:
            return known
        for run in new:
            run.encode("utf-8")  # The library may give up on what is no text.
        found = _listed(self.tokenizer.tokenize(new))
        bare = [run.removeprefix(" ") for run in new]
        words = self._words.split(bare)
        for run, text, ids, spans in zip(new, bare, found, words, strict=True):
            known[run] = self._run(text, ids, spans)
        if len(self._runs) > _REMEMBERED:
            self._runs = {}
        kept = {run: known[run] for run in new if len(run) <= _LONGEST}
        self._runs.update(kept)
        return known

    def _run(self, text: str, ids: Sequence[int], words: Sequence[Span]) -> _Run:
        spellings = [self._spelling.get(id_) for id_ in ids]
        spans = self._spans(text, spellings)
        if spans is None or not any(end > start for start, end in spans):
            spans = [(0, len(text))] * len(ids)
        starts = {start for start, _ in words}
        numbers: list[int] = []
        found: list[list[int]] = []
        for start, end in spans:
            # A piece of nothing, as that of a space, belongs to what comes next.
            ended = bool(found) and found[-1][0] < found[-1][1] <= start < end
            if not found or (ended and start in starts):
                found.append([start, end])
            found[-1][1] = max(found[-1][1], end)
            numbers.append(len(found) - 1)
        return _Run(tuple(ids), tuple(numbers), tuple((a, b) for a, b in found))

    def _spans(self, text: str, spellings: Sequence[bytes | None]) -> list[Span] | None:
        """Where pieces stand in a string; None where they do not spell it."""
        clusters = _clusters(text)
        for form in self._forms:
            forms = [form(text[a:b]).encode("utf-8") for a, b in clusters]
            spans = _laid_along(spellings, forms, clusters)
            if spans is not None:
                if form is not self._forms[0]:
                    others = [each for each in self._forms if each is not form]
                    self._forms = [form, *others]
                return spans
        return None


def _runs_of(text: str) -> Iterator[tuple[str, int]]:
    """What stands between white space, with the space before it, and where."""
    for number, match in enumerate(_BETWEEN_SPACES.finditer(text)):
        yield " " * bool(number) + match.group(), match.start()


def _joined(runs: Sequence[tuple[_Run, int]], most: int) -> EncodedPieces:
    """The pieces of one text, no more than ``most``."""
    ids: list[int] = []
    words: list[int] = []
    spans: list[Span] = []
    for run, at in runs:
        ids += run.ids
        words += [len(spans) + number for number in run.words]
        spans += [(at + start, at + end) for start, end in run.spans]
        if len(ids) > most:
            break
    truncated = len(ids) > most
    if truncated:
        # A word of which a part only would be read is left out, but for the first.
        last = words[most]
        most = words.index(last) or most
        ids, words = ids[:most], words[:most]
        spans = spans[: words[-1] + 1]
    offsets = np.asarray(spans, np.int32).reshape(-1, 2)
    numbers = np.asarray(words, np.int64)
    return EncodedPieces(np.asarray(ids, np.int32) + 1, offsets, truncated, numbers)


def _listed(found: Any) -> list[list[int]]:
    """The ids of each string, as lists; releases of KerasHub give them in many ways."""
    if hasattr(found, "to_list"):
        found = found.to_list()
    return [np.asarray(ids).astype(int).ravel().tolist() for ids in found]


# How tokenizers spell pieces


def _spelling_of(tokenizer: Any) -> dict[int, bytes]:
    """What each piece adds to a text; nothing of those that stand for any text."""
    told = tokenizer.get_vocabulary()
    table = getattr(tokenizer, "vocabulary", None)
    if isinstance(table, dict):
        by_byte = {char: bytes([byte]) for byte, char in _letters_of_bytes().items()}
        return {
            id_: b"".join(by_byte.get(char, char.encode()) for char in piece).lstrip()
            for piece, id_ in table.items()
        }
    unknown = {
        getattr(tokenizer, "oov_token", None),
        getattr(tokenizer, "unk_token", "<unk>"),
        "<unk>",
        "[UNK]",
    }
    behind = getattr(tokenizer, "suffix_indicator", None)
    return {
        id_: _spelled(piece) if behind is None else piece.removeprefix(behind).encode()
        for id_, piece in enumerate(told)
        if piece not in unknown
    }


def _spelled(piece: str) -> bytes:
    """What a piece of SentencePiece adds to a text; it may be a byte."""
    byte = re.fullmatch(r"<0x([0-9A-F]{2})>", piece)
    if byte:
        return bytes.fromhex(byte[1])
    return piece.replace("\u2581", "").encode()


def _letters_of_bytes() -> dict[int, str]:
    """The letters that byte pair encoding writes bytes as, those of GPT-2."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    letters = {byte: chr(byte) for byte in plain}
    return letters | {byte: chr(256 + n) for n, byte in enumerate(others)}


# Where pieces stand


def _clusters(text: str) -> list[Span]:
    """The characters of a text, each with the marks that combine with it."""
    if text.isascii():
        return [(index, index + 1) for index in range(len(text))]
    starts = [
        index
        for index, char in enumerate(text)
        if not index or unicodedata.category(char) not in {"Mn", "Me"}
    ]
    return list(zip(starts, [*starts[1:], len(text)], strict=True))


def _laid_along(
    spellings: Sequence[bytes | None], forms: Sequence[bytes], clusters: Sequence[Span]
) -> list[Span] | None:
    """The span of each piece, where the pieces one after another are the text.

    Args:
        spellings: The bytes of each piece; None: any, one or more.
        forms: The bytes of each character of the text, in some form.
        clusters: Where these characters stand.
    """
    whole = b"".join(forms)
    bounds = _bounds(spellings, whole)
    if bounds is None:
        return None
    owner = np.repeat(np.arange(len(forms)), list(map(len, forms))).tolist()
    spans = []
    for start, end in pairwise(bounds):
        if start == end:
            at = clusters[owner[start]][0] if start < len(owner) else clusters[-1][1]
            spans.append((at, at))
        else:
            spans.append((clusters[owner[start]][0], clusters[owner[end - 1]][1]))
    return spans


def _bounds(spellings: Sequence[bytes | None], whole: bytes) -> list[int] | None:
    """Where each piece begins, and where the last one ends."""
    if None not in spellings:
        known = [each for each in spellings if each is not None]
        if b"".join(known) != whole:
            return None
        return [0, *accumulate(map(len, known))]
    bounds, waiting = [0], 0
    for spelling in spellings:
        if spelling is None:
            waiting += 1
            continue
        at = bounds[-1]
        found = whole.find(spelling, at + waiting) if waiting else at
        if found < 0 or not whole.startswith(spelling, found):
            return None
        bounds += _cut_evenly(at, found, waiting) if waiting else []
        bounds.append(found + len(spelling))
        waiting = 0
    if waiting:
        if len(whole) - bounds[-1] < waiting:
            return None
        bounds += _cut_evenly(bounds[-1], len(whole), waiting)
    return bounds if bounds[-1] == len(whole) else None


def _cut_evenly(start: int, end: int, count: int) -> list[int]:
    """The ends of as many unknown pieces: which is how long, nobody knows."""
    return [start + (end - start) * number // count for number in range(1, count + 1)]


def _form(text: str, normal: Form | None, *, fold: bool, strip: bool) -> str:
    """A text as some tokenizers change it before they look it up."""
    if fold:
        text = text.casefold()
    if normal is not None:
        text = unicodedata.normalize(normal, text)
    if strip:
        text = "".join(char for char in text if unicodedata.category(char) != "Mn")
    return text


_KINDS_OF_FORMS: Sequence[tuple[Form | None, bool, bool]] = (
    (None, False, False),
    (None, True, False),
    ("NFD", True, True),
    ("NFKC", False, False),
    ("NFKC", True, False),
    ("NFD", False, True),
    ("NFKD", True, True),
    ("NFKD", False, True),
    ("NFD", True, False),
    ("NFD", False, False),
)
_FORMS: Sequence[Callable[[str], str]] = [
    partial(_form, normal=normal, fold=fold, strip=strip)
    for normal, fold, strip in _KINDS_OF_FORMS
]
