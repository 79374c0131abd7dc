"""Texts out of arguments, files and pipes, and what models answer to them."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from regard.kinds import Kind


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


@contextmanager
def open_texts(arguments: list[str], file: str | None) -> Iterator[Iterator[str]]:
    """The texts to predict, from the arguments or, one a line, from a file or a pipe.

    ``-``, as the only argument or as the file, is standard input.
    """
    from regard.data import iterate_lines, open_binary  # noqa: PLC0415 - loads Keras

    if arguments == ["-"] or file == "-":
        yield iterate_lines(sys.stdin.buffer, "standard input")
    elif file is not None:
        with open_binary(Path(file)) as stream:
            yield iterate_lines(stream, file)
    else:
        yield iter(arguments)


def answered(
    answer: Callable[[list[str]], Iterable[Any]], texts: Iterator[str], batch_size: int
) -> Iterator[Any]:
    """The answer to each text, given in batches: the first before the last is read."""
    while batch := list(islice(texts, batch_size)):
        yield from answer(batch)


def printed(
    answers: Iterable[Any], to_lines: Callable[[Any], str], *, keep: int | None
) -> tuple[list[Any], int]:
    """Print each answer as it comes.

    Returns:
        The first ``keep`` answers, which are needed afterwards, or all where it is
        None; and how many more there were.
    """
    kept: list[Any] = []
    left_out = 0
    for answer in answers:
        typer.echo(to_lines(answer), nl=False)
        if keep is None or len(kept) < keep:
            kept.append(answer)
        else:
            left_out += 1
    return kept, left_out


def write_page(
    kind: "Kind",
    answers: list[Any],
    left_out: int,
    path: Path,
    shade: str = "attention",
) -> None:
    """Write a page that shows answers, if there are any, and say so.

    Args:
        kind: The kind of the model.
        answers: The answers that are shown.
        left_out: How many more there were; the page says so as well.
        path: Where the page goes.
        shade: What is shaded, one of the kind's ``shades``.
    """
    if not answers:
        typer.echo("There was no text, so no page was written.", err=True)
        return
    kind.plot(answers, left_out, shade=shade).save(path)
    note = ""
    if left_out:
        count = len(answers)
        note = f" It shows the first {count:,} of {count + left_out:,} texts (--most)."
    typer.echo(f"Wrote {path}.{note}", err=True)


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
