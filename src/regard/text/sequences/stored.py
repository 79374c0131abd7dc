"""The JSON of a vocabulary, checked before anything relies on it."""

import json
import math
from typing import Any

from regard.errors import BundleError
from regard.text.sequences.cutting import CUTS
from regard.text.sequences.learned import KINDS, SPLITS, VERSION, Learned
from regard.text.special_ids import SPECIAL_TOKENS

_KEYS = {"version", "kind", "symbols", "split", "lowercase", "merges", "scores"}
_LONGEST_SYMBOL = 10_000


def read_learned(content: str) -> Learned:
    """Read what ``Learned.to_json`` wrote; data only, nothing in it is executed.

    Raises:
        BundleError: The JSON is damaged or not that of a vocabulary.
    """
    try:
        stored = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _damaged(f"it is not JSON ({error})") from error
    if not isinstance(stored, dict) or set(stored) != _KEYS:
        raise _damaged("it is not the JSON of a vocabulary")
    if type(stored["version"]) is not int or stored["version"] != VERSION:
        raise _damaged(f"its version is not {VERSION}")
    if stored["kind"] not in KINDS or stored["split"] not in SPLITS:
        raise _damaged("its kind is unknown")
    if not isinstance(stored["lowercase"], bool):
        raise _damaged("'lowercase' is neither true nor false")
    return _checked(stored)


def _checked(stored: dict[str, Any]) -> Learned:
    symbols = _symbols(stored["symbols"])
    learned = Learned(
        stored["kind"],
        symbols,
        stored["split"],
        stored["lowercase"],
        _merges(stored["merges"], set(symbols)),
        _scores(stored["scores"]),
    )
    _check_kind(learned)
    return learned


def _symbols(stored: Any) -> tuple[str, ...]:
    if not isinstance(stored, list) or not all(isinstance(one, str) for one in stored):
        raise _damaged("its symbols are not texts")
    if not all(0 < len(one) <= _LONGEST_SYMBOL for one in stored):
        raise _damaged("a symbol is empty or far too long")
    if not stored or len(set(stored)) != len(stored):
        raise _damaged("there is no symbol, or one stands there twice")
    try:
        "".join(stored).encode("utf-8")
    except UnicodeEncodeError as error:
        raise _damaged("a symbol holds half a surrogate pair") from error
    return tuple(stored)


def _merges(stored: Any, symbols: set[str]) -> tuple[tuple[str, str], ...]:
    if not isinstance(stored, list):
        raise _damaged("its merges are no list")
    for merge in stored:
        if (
            not isinstance(merge, list)
            or len(merge) != 2
            or not all(isinstance(part, str) for part in merge)
            or not {*merge, "".join(merge)} <= symbols
        ):
            raise _damaged("a merge is not one of two symbols into a third")
    return tuple((first, second) for first, second in stored)


def _scores(stored: Any) -> tuple[float, ...]:
    if not isinstance(stored, list) or not all(
        isinstance(score, float) and math.isfinite(score) for score in stored
    ):
        raise _damaged("its scores are not finite numbers")
    return tuple(stored)


def _check_kind(learned: Learned) -> None:
    if bool(learned.merges) and learned.kind != "bpe":
        raise _damaged("it has merges, which its kind does not use")
    expected = len(learned.symbols) if learned.kind == "unigram" else 0
    if len(learned.scores) != expected:
        raise _damaged("its scores do not fit its symbols")
    if not all(_fits(learned, symbol) for symbol in learned.symbols):
        raise _damaged(f"a symbol is none of kind '{learned.kind}'")


def _fits(learned: Learned, symbol: str) -> bool:
    """Whether texts can hold the symbol, cut as they are for this kind."""
    if learned.kind == "character":
        return len(symbol) == 1
    if learned.kind == "word":
        return symbol in {symbol[a:b] for a, b in CUTS[learned.split](symbol)}
    return symbol not in SPECIAL_TOKENS


def _damaged(problem: str) -> BundleError:
    return BundleError(f"This vocabulary cannot be read: {problem}.")
