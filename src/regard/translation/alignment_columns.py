"""The answers of a translator as columns of Arrow."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from regard.inference.answer_columns import KeptAttention, list_offsets
from regard.translation.translator import Translator
from regard.types import FloatArray, Translation

# Enough to sort by length and fill batches.
_TEXTS = 1 << 10
# So many columns hold one value of a translation, by its name.
_PLAIN = 4
_LOOKED_AT = [("source", pa.int32()), ("weight", pa.float32())]


class AlignmentColumns:
    """The best translation of each text, and its alignment; see ``AnswerColumns``.

    A text without a token has none: its columns are null.

    Args:
        translator: The translator.
        attention: How much is kept of the attention of each token that is written.
    """

    most: int = _TEXTS
    fields: Sequence[pa.Field]
    about: Mapping[str, Any] = {}

    def __init__(self, translator: Translator, attention: KeptAttention) -> None:
        self._translator, self._kept = translator, attention.most
        fields = [
            pa.field("text", pa.string()),
            pa.field("score", pa.float32()),
            pa.field("log_probability", pa.float32()),
            pa.field("truncated", pa.bool_()),
        ]
        if self._kept != 0:
            names = pa.list_(pa.string())
            fields += [pa.field("source_tokens", names), pa.field("tokens", names)]
        if self._kept is None:
            rows = pa.list_(pa.list_(pa.float32()))
            fields.append(pa.field("alignment", rows))
        elif self._kept:
            rows = pa.list_(pa.list_(pa.struct(_LOOKED_AT)))
            fields.append(pa.field("strongest", rows))
        self.fields = fields

    def read(self, texts: Sequence[str]) -> Sequence[str]:
        """The texts: a search cuts them itself, several at a time."""
        return texts

    def compute(self, read: Sequence[str]) -> list[Translation | None]:
        """The best translation of each text."""
        found = self._translator.translate(read)
        return [best[0] if best else None for best in found]

    def to_arrow(self, computed: Sequence[Translation | None]) -> list[pa.Array]:
        """The columns, a row for each text."""
        columns = [
            pa.array([each and getattr(each, field.name) for each in computed]).cast(
                field.type
            )
            for field in self.fields[:_PLAIN]
        ]
        if self._kept == 0:
            return columns
        names = pa.list_(pa.string())
        for name in ("source_tokens", "target_tokens"):
            tokens = [each and list(getattr(each, name)) for each in computed]
            columns.append(pa.array(tokens, names))
        columns.append(self._alignments(computed))
        return columns

    def _alignments(self, computed: Sequence[Translation | None]) -> pa.Array:
        grids = [
            np.zeros((0, 0), np.float32) if each is None else each.alignment
            for each in computed
        ]
        rows = [len(grid) for grid in grids]
        if self._kept is None:
            widths = [width for grid in grids for width in [grid.shape[1]] * len(grid)]
            values = pa.array(_joined([grid.ravel() for grid in grids], np.float32))
        else:
            sources = [_strongest(grid, self._kept) for grid in grids]
            widths = [
                width for each in sources for width in [each.shape[1]] * len(each)
            ]
            weights = [
                np.take_along_axis(grid, each, axis=1).ravel()
                for grid, each in zip(grids, sources, strict=True)
            ]
            values = pa.StructArray.from_arrays(
                [
                    pa.array(_joined([each.ravel() for each in sources], np.int32)),
                    pa.array(_joined(weights, np.float32)),
                ],
                [name for name, _ in _LOOKED_AT],
            )
        inner = pa.ListArray.from_arrays(list_offsets(widths), values)
        missing = pa.array([each is None for each in computed])
        return pa.ListArray.from_arrays(list_offsets(rows), inner, mask=missing)


def _strongest(grid: FloatArray, most: int) -> Any:
    """The sources that each row looked at most, in the order of the source."""
    kept = np.argsort(-grid, axis=1, kind="stable")[:, :most]
    return np.sort(kept, axis=1)


def _joined(arrays: Sequence[Any], dtype: Any) -> Any:
    return np.concatenate([np.empty(0, dtype), *arrays]).astype(dtype)
