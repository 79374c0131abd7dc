"""Files that are whole or not there."""

import os
import secrets
from pathlib import Path

from regard.errors import ArgumentError


def write_whole(path: Path, content: bytes) -> None:
    """Write beside the target and rename, so that no reader meets half a file.

    Raises:
        ArgumentError: The folder does not exist, or the target is a folder.
    """
    if path.is_dir():
        raise ArgumentError(f"{path} is a folder.", expected="the name of a file")
    if not path.parent.is_dir():
        raise ArgumentError(
            f"{path} cannot be written: there is no folder {path.parent}.",
            fix="Make the folder first.",
        )
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
