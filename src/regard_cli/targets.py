"""Places to write, checked before any work is done."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

import typer

_PICTURES = (".png", ".svg", ".html", ".txt")


def check_bundle_target(path: Path) -> None:
    """Refuse, before any work is done, a bundle in a folder that does not exist.

    Raises:
        BadParameter: There is no such folder, or it is read-only.
    """
    if path.name in {"", ".."}:
        raise typer.BadParameter(f"{path} is no name of a folder", param_hint="--out")
    # Beside it stands how far the training is, under the longest name.
    _check_folder(path, "--out", f".{path.name}.checkpoint.")


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
    check_writable(path, "--out")
    if path.suffix.lower() in {".png", ".svg"}:
        from regard.plot.canvas import require_matplotlib  # noqa: PLC0415 - Keras

        require_matplotlib()


def check_new_folder(path: Path, files: Sequence[str]) -> None:
    """Make, before any work is done, the folder for files of these names.

    Raises:
        BadParameter: There can be none, or one of the files cannot be written in it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise typer.BadParameter(
            f"{path} can be no folder ({error.strerror})", param_hint="--out"
        ) from error
    for name in files:
        check_writable(path / name, "--out")


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
        BadParameter: There is no such folder, it is read-only, or a folder or a
            device is there itself.
    """
    if path.is_dir():
        raise typer.BadParameter(f"{path} is a folder", param_hint=hint)
    if path.exists() and not path.is_file():
        raise typer.BadParameter(f"{path} is a device, and no file", param_hint=hint)
    _check_folder(path, hint)


def _check_folder(path: Path, hint: str, prefix: str | None = None) -> None:
    if not path.absolute().parent.is_dir():
        raise typer.BadParameter(
            f"there is no folder {path.absolute().parent}", param_hint=hint
        )
    try:
        # Asked for its permission, a folder may promise what its disk does not hold.
        # The name is as long as that under which it is going to be written.
        with NamedTemporaryFile(
            dir=path.absolute().parent,
            prefix=prefix or f".{path.stem}.",
            suffix="" if prefix else path.suffix,
        ):
            pass
    except OSError as error:
        raise typer.BadParameter(
            f"nothing can be written to {path.absolute().parent} under the name "
            f"'{path.name:.40}' ({error.strerror})",
            param_hint=hint,
        ) from error
