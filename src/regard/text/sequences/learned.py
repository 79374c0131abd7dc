"""What was learned from texts: the symbols, and how words are spelled with them."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from regard.text.special_ids import FIRST_ORDINARY_ID

#: Names the rules by which texts are cut; a change of them has to change it.
VERSION = 1
KINDS = ("word", "character", "bpe", "unigram")
SPLITS = ("whitespace", "words")


@dataclass(frozen=True)
class Learned:
    """A vocabulary as plain data.

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
        """The vocabulary as JSON; ``stored.read_learned`` reads it."""
        return json.dumps(self.to_dict(), ensure_ascii=False)
