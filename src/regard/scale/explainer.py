"""A model as a function of Arrow, for pipelines of the user's own."""

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from os import PathLike
from typing import Any

import pyarrow as pa

from regard._validate import check_names, check_path, wrong_value
from regard.errors import DataError, listed
from regard.inference.answer_columns import AnswerColumns, KeptAttention
from regard.kinds import kind_of, load
from regard.scale.chunks import texts_of
from regard.scale.shards import holds_texts
from regard.scale.worker import answer_schema

# Models that a process keeps: an engine may send the same function again and again.
_KEPT = 4


class Explainer:
    """Answers a column of texts: from Arrow to Arrow, in a pipeline of the user's own.

    Called with a record batch or a table, it gives one with the same columns and rows
    and the columns of the answers, as ``regard.scale.run`` writes them: what Ray Data's
    ``map_batches(…, batch_format="pyarrow")`` takes, or a loop. Called with an iterator
    of record batches it gives one, as Spark's ``mapInArrow`` wants it. Where there is
    no text (null, or one that is
    not valid UTF-8), the answers are null.

    It is sent to other processes as the path of its bundle, which each loads once.

    Args:
        bundle: The trained model; a path that each machine can read.
        text: The column of the texts; by default that of the training.
        columns: The columns of the input that are passed on; by default all.
        attention: As for ``regard.scale.run``.

    Raises:
        ArgumentError: An argument is wrong.

    Example:
        >>> explainer = regard.scale.Explainer("reviews.regard")
        >>> answers = explainer(pa.table({"text": ["It never finds its feet."]}))
    """

    def __init__(
        self,
        bundle: str | PathLike[str],
        *,
        text: str | None = None,
        columns: Sequence[str] | None = None,
        attention: str = "full",
    ) -> None:
        KeptAttention.parse(attention)
        if text is not None and not isinstance(text, str):
            raise wrong_value("text", text, "the name of a column")
        path = check_path("bundle", bundle)
        # Elsewhere the folder that a relative path begins at is another one.
        self._bundle = os.path.abspath(path)  # noqa: PTH100 - not opened yet
        self._attention = attention
        self._text = text
        self._columns = None if columns is None else check_names("columns", columns)

    def __call__(self, rows: Any) -> Any:
        """Answer a record batch, a table, or each record batch of an iterator.

        Raises:
            ArgumentError: It is none of them.
            DataError: There is no column of texts, or one to be passed on is missing.
        """
        if isinstance(rows, pa.Table):
            batches = [self._answered(batch) for batch in rows.to_batches()]
            return pa.Table.from_batches(batches, self.schema(rows.schema))
        if isinstance(rows, pa.RecordBatch):
            return self._answered(rows)
        # Arrays of Arrow are iterable, as texts are, and hold no record batches.
        if isinstance(rows, Iterator | list | tuple) or hasattr(
            rows, "read_next_batch"
        ):
            return self._each(rows)
        raise wrong_value("rows", rows, "a record batch or a table of Arrow")

    def schema(self, rows: Any) -> Any:
        """The columns that come out, where those of a schema come in."""
        columns, text = self._loaded()
        names = rows.names if self._columns is None else self._columns
        for name in (text, *names):
            if rows.get_field_index(name) < 0:
                raise _no_single_column(rows, name, text)
        kind = rows.field(text).type
        if not holds_texts(kind):
            raise DataError(
                f"Column '{text}' holds values of the type {kind}.",
                expected="texts",
                fix="Say which column holds the texts with text=...",
                arguments=["text"],
            )
        return answer_schema(pa.schema([rows.field(name) for name in names]), columns)

    def _each(self, batches: Iterable[Any]) -> Iterator[Any]:
        for batch in batches:
            if not isinstance(batch, pa.RecordBatch):
                raise wrong_value("rows", batch, "record batches of Arrow")
            yield self._answered(batch)

    def _answered(self, batch: Any) -> Any:
        columns, text = self._loaded()
        schema = self.schema(batch.schema)
        texts, _ = texts_of(batch.column(text))
        places = [index for index, each in enumerate(texts) if each is not None]
        given = [each for each in texts if each is not None]
        answers = [pa.array([], field.type) for field in columns.fields]
        parts = [answers]
        for start in range(0, len(places), columns.most):
            some = given[start : start + columns.most]
            parts.append(columns.to_arrow(columns.compute(columns.read(some))))
        answers = [pa.concat_arrays(each) for each in zip(*parts, strict=True)]
        if len(places) < len(texts):
            # A row without a text takes the answers of none.
            of_row = dict(zip(places, range(len(places)), strict=True))
            taken = pa.array([of_row.get(i) for i in range(len(texts))], pa.int64())
            answers = [each.take(taken) for each in answers]
        kept = [
            batch.column(name)
            for name in (batch.schema.names if self._columns is None else self._columns)
        ]
        return pa.RecordBatch.from_arrays([*kept, *answers], schema=schema)

    def _loaded(self) -> tuple[AnswerColumns, str]:
        columns, known = _columns_of(self._bundle, self._attention)
        return columns, self._text or known


def _no_single_column(rows: Any, name: str, text: str) -> DataError:
    if name in rows.names:
        return DataError(
            f"Several columns have the name '{name}'.",
            fix="Rename them, so that one is meant.",
        )
    is_text = name == text
    return DataError(
        f"There is no column '{name}'.",
        expected=f"one of {listed(rows.names)}",
        fix="Say which column holds the texts with text=..."
        if is_text
        else "Say which columns are passed on with columns=[...]",
        arguments=["text" if is_text else "columns"],
    )


@lru_cache(_KEPT)
def _columns_of(bundle: str, attention: str) -> tuple[AnswerColumns, str]:
    """What answers texts, and the column that holds them where nothing is said."""
    model = load(bundle)
    kind = kind_of(model)
    known = getattr(model, "columns", {}).get(kind.text_column, kind.text_column)
    return kind.columns(model, KeptAttention.parse(attention)), known
