"""The texts that a command is asked about, out of arguments, files and pipes."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import typer

from regard_cli.options import Reading


class Question(NamedTuple):
    """A text that is asked about, and the columns of its row."""

    text: str
    row: Mapping[str, Any]


class Questions:
    """The texts of a command, from its arguments, a file or a pipe, as they stream by.

    ``-``, as the only argument or as the file, is standard input. A file with columns
    is told by its suffix, or by what is said of it; any other has a text a line.

    Args:
        arguments: The texts that were given as arguments.
        file: The file that was given in place of them.
        reading: How it is read.
        column: The column with the texts, or what a text is called where there is none.
        is_named: Whether the user named the column.
        whole: Whether the other columns are read, too.

    Attributes:
        names: The columns of the rows; all of them after ``check``.

    Raises:
        BadParameter: A column is named, of what has none.
    """

    def __init__(
        self,
        arguments: list[str],
        file: str | None,
        reading: Reading,
        *,
        column: str,
        is_named: bool = False,
        whole: bool = False,
    ) -> None:
        from regard.data.dialect import Dialect, is_table  # noqa: PLC0415 - loads Keras

        self._arguments, self._column, self._whole = arguments, column, whole
        self._dialect = Dialect(**reading)
        self._is_pipe = arguments == ["-"] or file == "-"
        self._path = None if file is None and not self._is_pipe else Path(file or "-")
        name = Path("standard input") if self._is_pipe else self._path
        self._name = name
        self._is_table = name is not None and is_table(name, self._dialect)
        if is_named and not self._is_table:
            raise typer.BadParameter(
                "A file with a text a line has no columns. If it is a table, say so: "
                "--format csv."
                if self._path is not None
                else "Texts have no columns; --file has.",
                param_hint="--text",
            )
        self.names: dict[str, None] = {column: None}
        self._held: list[Question] | None = None

    def check(self) -> None:
        """Read all, before any is answered: what is wrong is found, and all columns.

        What cannot be read again, as a pipe, is held in memory.
        """
        if self._path is None:
            return
        can_be_read_again = not self._is_pipe and self._path.is_file()
        questions = self._read()
        if not can_be_read_again:
            questions = iter(held := list(questions))
            self._held = held
        if self._is_table:
            self.names = {}
        for question in questions:
            self.names.update(dict.fromkeys(question.row))

    def __iter__(self) -> Iterator[Question]:
        return self._read() if self._held is None else iter(self._held)

    def _read(self) -> Iterator[Question]:
        if self._path is None:
            for text in self._arguments:
                yield Question(text, {self._column: text})
            return
        if self._is_table:
            yield from self._rows()
            return
        is_empty = True
        for text in self._lines():
            is_empty = False
            yield Question(text, {self._column: text})
        if is_empty:
            from regard.errors import DataError  # noqa: PLC0415 - loads Keras

            raise DataError(f"{self._name} is empty.", expected="a text a line")

    def _rows(self) -> Iterator[Question]:
        from regard.data.formats import open_rows  # noqa: PLC0415 - loads Keras

        rows = open_rows(
            self._name or "",
            [self._column],
            self._dialect,
            whole=self._whole,
            stream=sys.stdin.buffer if self._is_pipe else None,
        )
        for row in rows:
            yield Question(row.text(0, self._column), row.row or {})

    def _lines(self) -> Iterator[str]:
        from regard._files import decoded_lines, read_lines  # noqa: PLC0415 - loads Keras

        encoding = self._dialect.encoding
        if self._is_pipe:
            return decoded_lines(sys.stdin.buffer, str(self._name), encoding)
        return read_lines(Path(self._path or ""), encoding)


def check_texts(arguments: list[str], file: str | None) -> None:
    """Refuse texts from two places, from none, or in broken UTF-8.

    Raises:
        BadParameter: The texts are not as above.
    """
    if bool(arguments) == (file is not None):
        raise typer.BadParameter(
            "give either texts, or --file, or - for standard input",
            param_hint="TEXT",
        )
    for number, text in enumerate(arguments, 1):
        # Python hands undecodable bytes of an argument over as lone surrogates.
        if not _is_unicode(text):
            raise typer.BadParameter(
                f"text {number} is not valid UTF-8", param_hint="TEXT"
            )


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
