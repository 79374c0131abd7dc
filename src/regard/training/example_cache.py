"""What a training from disk has read: a folder beside its checkpoint."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from regard._files import staged_directory
from regard._lock import locked
from regard._untrusted import parse_json
from regard._version import __version__
from regard.errors import ArgumentError, RegardError

ContentT = TypeVar("ContentT")

# Raised when what is in the folder is understood in another way.
_FORMAT = 1
_ABOUT = "about.json"
_MOST_BYTES = 1 << 26


@contextmanager
def example_cache(
    checkpoint: Path | None,
    facts: Mapping[str, Any],
    build: Callable[[Path], Mapping[str, Any]],
    load: Callable[[Path, Mapping[str, Any], str], ContentT],
) -> Iterator[ContentT]:
    """What was read for a training, read anew where it is not there.

    Inside the block the folder is this process's. It is written as a whole or not at
    all. Without a checkpoint it is a temporary one.

    Args:
        checkpoint: The file that holds how far the training is, or None.
        facts: What is read and how, as plain values: others make another cache.
        build: Writes the files of the cache to a folder; what it returns, plain values
            too, is given to ``load``.
        load: Opens a cache: its folder, what ``build`` returned, and the name of its
            content.

    Raises:
        ArgumentError: The checkpoint is that of a training on something else, or the
            place is taken.
        InUseError: Another process works on it.
        OSError: There is no room for it.
    """
    about = {"format": _FORMAT, "version": __version__, **facts}
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    with ExitStack() as kept:
        if checkpoint is None:
            # Where files are mapped, Windows removes none.
            made = tempfile.TemporaryDirectory(
                prefix="regard-", ignore_cleanup_errors=True
            )
            folder = Path(kept.enter_context(made)) / "cache"
        else:
            folder = cache_of(checkpoint)
            folder.parent.mkdir(parents=True, exist_ok=True)
            kept.enter_context(locked(folder))
            said = _said(folder)
            if said is not None and said["digest"] == digest:
                # What is damaged is read anew.
                try:
                    content = load(folder, said["content"], digest)
                except (RegardError, ValueError, LookupError, TypeError, OSError):
                    said = None
                else:
                    yield content
                    return
            if said is not None and checkpoint.exists():
                raise _of_another(checkpoint)
            if folder.exists() and not (folder / _ABOUT).is_file():
                raise ArgumentError(
                    f"{folder} is in the way: what is read is to be stored there.",
                    expected="a place beside the checkpoint",
                    fix="Move it, or choose another name for the checkpoint.",
                )
        yield load(folder, _written(folder, digest, build), digest)


def cache_of(checkpoint: Path) -> Path:
    """The folder of what was read, beside the checkpoint of a training."""
    return checkpoint.with_name(f"{checkpoint.name}.cache")


def remove_training(checkpoint: Path) -> None:
    """Remove what a training that has ended needs no more."""
    checkpoint.unlink(missing_ok=True)
    folder = cache_of(checkpoint)
    if (folder / _ABOUT).is_file():
        shutil.rmtree(folder, ignore_errors=True)


def _written(
    folder: Path, digest: str, build: Callable[[Path], Mapping[str, Any]]
) -> Mapping[str, Any]:
    try:
        with staged_directory(folder) as staged:
            content = dict(build(staged))
            about = json.dumps({"digest": digest, "content": content})
            (staged / _ABOUT).write_text(about, "utf-8")
    except OSError as error:
        # Errors of reading are others by now.
        problem = f"{error.strerror or error}: what is read from the data is stored "
        problem += "there, up to some 20 bytes for each word of it"
        raise OSError(error.errno, problem, str(folder)) from error
    return content


def _said(folder: Path) -> dict[str, Any] | None:
    """What a cache says of itself; None where there is none."""
    try:
        content = (folder / _ABOUT).read_bytes()
        said = parse_json(content, most=_MOST_BYTES)
        known = {"digest": str(said["digest"]), "content": dict(said["content"])}
    except (OSError, RegardError, ValueError, LookupError, TypeError):
        return None
    return known


def _of_another(checkpoint: Path) -> ArgumentError:
    return ArgumentError(
        f"The checkpoint '{checkpoint}' is that of another training, on other data, or "
        "data read with other settings or by another release.",
        expected="the same data, settings, seed and release",
        fix="Go on with what it was begun with, or remove the file.",
    )
