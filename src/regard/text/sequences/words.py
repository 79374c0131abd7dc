"""Words: each piece of a text is looked up as a whole."""

from collections.abc import Sequence

import numpy as np

from regard.text.sequences.cutting import Cut, Join
from regard.text.sequences.encoded import EncodedSequence
from regard.text.special_ids import FIRST_ORDINARY_ID, UNKNOWN_ID


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
