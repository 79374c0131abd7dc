"""Characters: each one of Unicode is looked up, white space as well."""

from collections.abc import Sequence

import numpy as np

from regard.text.sequences.encoded import EncodedSequence
from regard.text.special_ids import FIRST_ORDINARY_ID, UNKNOWN_ID


class Characters:
    """A codec whose tokens are single characters."""

    def __init__(self, symbols: Sequence[str]) -> None:
        self._ids = {
            symbol: id_ for id_, symbol in enumerate(symbols, FIRST_ORDINARY_ID)
        }

    def encode(self, text: str, form: str) -> EncodedSequence:
        """The characters of ``text``, looked up as in ``form``."""
        known = self._ids.get
        ids = [known(character, UNKNOWN_ID) for character in form]
        starts = np.arange(len(text), dtype=np.int32)
        return EncodedSequence(
            np.asarray(ids, dtype=np.int32),
            tuple(text),
            np.column_stack([starts, starts + 1]),
        )

    def join(self, tokens: Sequence[str]) -> str:
        """The tokens one after the other."""
        return "".join(tokens)
