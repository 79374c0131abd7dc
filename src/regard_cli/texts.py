"""What models answer to texts: printed, as a table, as a page."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from regard_cli.answer_table import open_table
from regard_cli.questions import Question, Questions

if TYPE_CHECKING:
    pass


def answered(
    answer: Callable[[list[str]], Iterable[Any]],
    questions: Iterable[Question],
    batch_size: int,
) -> Iterator[tuple[Question, Any]]:
    """Each text and its answer, in batches: the first before the last is read."""
    rest = iter(questions)
    while batch := list(islice(rest, batch_size)):
        yield from zip(batch, answer([each.text for each in batch]), strict=True)


def printed(
    answers: Iterable[tuple[Question, Any]],
    to_lines: Callable[[Any], str] | None,
    *,
    keep: int | None,
    to_table: Callable[[Question, Any], None] | None = None,
    asked: list[Question] | None = None,
) -> tuple[list[Any], int]:
    """Print each answer as it comes, or write it as a row.

    Args:
        answers: The answers, each with its question.
        to_lines: What is printed of an answer; None: nothing.
        keep: How many of the answers are needed afterwards; None: all.
        to_table: What writes a row.
        asked: A list that the questions of the answers that are kept go to.

    Returns:
        The first ``keep`` answers, and how many more there were.
    """
    kept: list[Any] = []
    left_out = 0
    for question, answer in answers:
        if to_lines is not None:
            typer.echo(to_lines(answer), nl=False)
        if to_table is not None:
            to_table(question, answer)
        if keep is None or len(kept) < keep:
            kept.append(answer)
            if asked is not None:
                asked.append(question)
        else:
            left_out += 1
    return kept, left_out


def tell_answers(
    questions: Questions,
    answer: Callable[[list[str]], Iterable[Any]],
    batch_size: int,
    *,
    to_lines: Callable[[Any], str] | None,
    to_row: Callable[[Any], Mapping[str, Any]],
    out: Path | None,
    keep: int | None,
    asked: list[Question] | None = None,
) -> tuple[list[Any], int]:
    """Answer all questions, and print or write what is told of each; see ``printed``.

    Args:
        questions: The texts.
        answer: Answers some of them.
        batch_size: How many at a time.
        to_lines: What is printed of an answer; None: nothing.
        to_row: What a table says of an answer; of no text, where there is none.
        out: The table that is written, if one is.
        keep: How many of the answers are needed afterwards; None: all.
        asked: A list that the questions of those go to.
    """
    if out is None:
        answers = answered(answer, questions, batch_size)
        return printed(answers, to_lines, keep=keep, asked=asked)
    questions.check()
    told = list(to_row(None))
    replaced = [name for name in told if name in questions.names]
    columns = [name for name in questions.names if name not in replaced]
    with open_table(out, [*columns, *told]) as write:

        def to_table(question: Question, answer: Any) -> None:
            kept = {
                name: question.row[name] for name in columns if name in question.row
            }
            write(kept | dict(to_row(answer)))

        answers = answered(answer, questions, batch_size)
        result = printed(answers, to_lines, keep=keep, to_table=to_table, asked=asked)
    note = ""
    if replaced:
        note = f" In place of columns that were there: {', '.join(replaced)}."
    typer.echo(f"Wrote {out}.{note}", err=True)
    return result


def write_page(plot: Any, texts: int, left_out: int, path: Path) -> None:
    """Write a page that shows answers, and say so.

    Args:
        plot: The answers, drawn.
        texts: How many texts they are of.
        left_out: How many more there were; the page says so as well.
        path: Where the page goes.
    """
    plot.save(path)
    note = ""
    if left_out:
        whole = texts + left_out
        note = f" It shows the first {texts:,} of {whole:,} texts (--most)."
    typer.echo(f"Wrote {path}.{note}", err=True)
