"""Tokenizers and vocabularies as JSON, checked before anything relies on them."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from tokenizers import Tokenizer

from regard._untrusted import parse_json
from regard.errors import BundleError, DataError
from regard.text.pipeline_rules import UnknownRuleError, check_rules
from regard.text.segmentation import CUTS, PADDING_WORD, UNKNOWN_WORD, is_panic
from regard.text.special_ids import (
    FIRST_ORDINARY_ID,
    PADDING_ID,
    SPECIAL_TOKENS,
    UNKNOWN_ID,
)

#: Names the rules by which texts are cut; a change of them has to change it.
VERSION = 1
KINDS = ("word", "character", "bpe", "unigram")
SPLITS = ("whitespace", "words")
_KEYS = {"version", "kind", "symbols", "split", "lowercase", "merges", "scores"}
_LONGEST_SYMBOL = 10_000
_LARGEST_SCORE = 1e6
# What the file of a tokenizer may say beside its words and rules: all of it would
# change ids or offsets behind our back.
_UNUSED = ("added_tokens", "truncation", "padding", "post_processor", "decoder")


@dataclass(frozen=True)
class SymbolTable:
    """A vocabulary as plain data: the symbols, and how words are spelled with them.

    Args:
        kind: One of ``KINDS``.
        symbols: The symbols that stand in texts, in the order of their ids.
        split: One of ``SPLITS``; of words only.
        lowercase: Whether texts are looked up in lower case.
        merges: Of byte pair encoding: the pairs that are merged, first ones first.
        scores: Of a unigram model: the log-probability of each symbol, in nats.
    """

    kind: str
    symbols: tuple[str, ...]
    split: str = "whitespace"
    lowercase: bool = False
    merges: tuple[tuple[str, str], ...] = ()
    scores: tuple[float, ...] = ()

    def __len__(self) -> int:
        return FIRST_ORDINARY_ID + len(self.symbols)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {"version": VERSION, **asdict(self)}

    def to_json(self) -> str:
        """The vocabulary as JSON; ``read_symbol_table`` reads it."""
        return json.dumps(self.to_dict(), ensure_ascii=False)


def read_symbol_table(content: str) -> SymbolTable:
    """Read what ``SymbolTable.to_json`` wrote; data only, nothing in it is executed.

    Raises:
        BundleError: The JSON is damaged or not that of a vocabulary.
    """
    try:
        stored = parse_json(content)
    except DataError as error:
        raise _damaged_vocabulary(error.message) from error
    if not isinstance(stored, dict) or set(stored) != _KEYS:
        raise _damaged_vocabulary("it is not the JSON of a vocabulary")
    if type(stored["version"]) is not int or stored["version"] != VERSION:
        raise _damaged_vocabulary(f"its version is not {VERSION}")
    if stored["kind"] not in KINDS or stored["split"] not in SPLITS:
        raise _damaged_vocabulary("its kind is unknown")
    if not isinstance(stored["lowercase"], bool):
        raise _damaged_vocabulary("'lowercase' is neither true nor false")
    return _checked_table(stored)


def read_pipeline(content: str) -> Tokenizer:
    """Read a pipeline from JSON; data only, nothing in it is executed.

    Raises:
        BundleError: The JSON is damaged or not that of a vocabulary of words.
    """
    _check_pipeline(content)
    try:
        return Tokenizer.from_str(content)
    except BaseException as error:  # the library raises the bare class, or panics
        if not isinstance(error, Exception) and not is_panic(error):
            raise
        raise _damaged_tokenizer(f"the library refuses it ({error})") from error


def _checked_table(stored: dict[str, Any]) -> SymbolTable:
    symbols = _symbols(stored["symbols"])
    table = SymbolTable(
        stored["kind"],
        symbols,
        stored["split"],
        stored["lowercase"],
        _merges(stored["merges"], set(symbols)),
        _scores(stored["scores"]),
    )
    _check_kind(table)
    return table


def _symbols(stored: Any) -> tuple[str, ...]:
    if not isinstance(stored, list) or not all(
        isinstance(item, str) for item in stored
    ):
        raise _damaged_vocabulary("its symbols are not texts")
    if not all(0 < len(symbol) <= _LONGEST_SYMBOL for symbol in stored):
        raise _damaged_vocabulary("a symbol is empty or far too long")
    if not stored or len(set(stored)) != len(stored):
        raise _damaged_vocabulary("there is no symbol, or one stands there twice")
    try:
        "".join(stored).encode("utf-8")
    except UnicodeEncodeError as error:
        raise _damaged_vocabulary("a symbol holds half a surrogate pair") from error
    return tuple(stored)


def _merges(stored: Any, symbols: set[str]) -> tuple[tuple[str, str], ...]:
    if not isinstance(stored, list):
        raise _damaged_vocabulary("its merges are no list")
    for merge in stored:
        if (
            not isinstance(merge, list)
            or len(merge) != 2
            or not all(isinstance(part, str) for part in merge)
            or not {*merge, "".join(merge)} <= symbols
        ):
            raise _damaged_vocabulary("a merge is not one of two symbols into a third")
    return tuple((first, second) for first, second in stored)


def _scores(stored: Any) -> tuple[float, ...]:
    # Sums of them have to be finite as well.
    if not isinstance(stored, list) or not all(
        isinstance(score, float) and abs(score) <= _LARGEST_SCORE for score in stored
    ):
        raise _damaged_vocabulary(
            "its scores are not finite logarithms of probabilities"
        )
    return tuple(stored)


def _check_kind(table: SymbolTable) -> None:
    if bool(table.merges) and table.kind != "bpe":
        raise _damaged_vocabulary("it has merges, which its kind does not use")
    expected = len(table.symbols) if table.kind == "unigram" else 0
    if len(table.scores) != expected:
        raise _damaged_vocabulary("its scores do not fit its symbols")
    if not all(_fits(table, symbol) for symbol in table.symbols):
        raise _damaged_vocabulary(f"a symbol is none of kind '{table.kind}'")


def _fits(table: SymbolTable, symbol: str) -> bool:
    """Whether texts can hold the symbol, cut as they are for this kind."""
    if table.kind == "character":
        return len(symbol) == 1
    if table.kind == "word":
        return symbol in {symbol[a:b] for a, b in CUTS[table.split](symbol)}
    return symbol not in SPECIAL_TOKENS


def _check_pipeline(content: str) -> None:
    try:
        stored = parse_json(content)
    except DataError as error:
        raise _damaged_tokenizer(error.message) from error
    if not isinstance(stored, dict) or not isinstance(stored.get("model"), dict):
        raise _damaged_tokenizer("it is not the JSON of a tokenizer")
    if extras := [name for name in _UNUSED if stored.get(name)]:
        raise _damaged_tokenizer(f"it has parts that are not used here: {extras}")
    try:
        check_rules(
            stored.get("normalizer"), stored.get("pre_tokenizer"), trusted=False
        )
    except UnknownRuleError as error:
        raise _damaged_tokenizer(str(error)) from error
    if stored["model"].get("type") != "WordLevel":
        raise _damaged_tokenizer("its model is not a vocabulary of words")
    _check_vocabulary(stored["model"].get("vocab"))


def _check_vocabulary(vocabulary: Any) -> None:
    if not isinstance(vocabulary, dict):
        raise _damaged_tokenizer("it has no vocabulary")
    ids = list(vocabulary.values())
    if any(type(id_) is not int for id_ in ids) or sorted(ids) != list(range(len(ids))):
        raise _damaged_tokenizer("its ids are not 0, 1, 2, … each once")
    special = {PADDING_WORD: PADDING_ID, UNKNOWN_WORD: UNKNOWN_ID}
    if not special.items() <= vocabulary.items():
        raise _damaged_tokenizer("its first two ids are not padding and unknown")


def _damaged_vocabulary(problem: str) -> BundleError:
    return BundleError(f"This vocabulary cannot be read: {problem}.")


def _damaged_tokenizer(problem: str) -> BundleError:
    return BundleError(f"This tokenizer cannot be read: {problem}.")
