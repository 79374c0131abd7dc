"""What commands are given: texts from arguments, files and pipes; places to write."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

_PICTURES = (".png", ".svg", ".html", ".txt")


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


def check_bundle_target(path: Path) -> None:
    """Refuse, before any work is done, a bundle in a folder that does not exist.

    Raises:
        BadParameter: There is no such folder.
    """
    _check_folder(path, "--out")


def check_picture_target(path: Path) -> None:
    """Refuse, before any work is done, a place where no picture can be written.

    Raises:
        BadParameter: The suffix is unknown, or there is no folder to be in.
        MissingExtraError: The suffix is that of a picture, without matplotlib.
    """
    if path.suffix.lower() not in _PICTURES:
        raise typer.BadParameter(
            f"{path} should end in one of {', '.join(_PICTURES)}.", param_hint="--out"
        )
    _check_folder(path, "--out")
    if path.suffix.lower() in {".png", ".svg"}:
        from regard.plot.canvas import require_matplotlib  # noqa: PLC0415 - Keras

        require_matplotlib()


def check_page_target(path: Path) -> None:
    """Refuse, before any work is done, a place where no page can be written.

    Raises:
        BadParameter: The name does not end in .html, or there is no folder to be in.
    """
    hint = "--html"
    if path.suffix.lower() != ".html":
        raise typer.BadParameter(f"{path} does not end in .html", param_hint=hint)
    check_writable(path, hint)


def check_writable(path: Path, hint: str) -> None:
    """Refuse, before any work is done, a place where no file can be written.

    Raises:
        BadParameter: There is no such folder, or a folder is there itself.
    """
    if path.is_dir():
        raise typer.BadParameter(f"{path} is a folder", param_hint=hint)
    _check_folder(path, hint)


def _check_folder(path: Path, hint: str) -> None:
    if not path.absolute().parent.is_dir():
        raise typer.BadParameter(
            f"there is no folder {path.absolute().parent}", param_hint=hint
        )


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
