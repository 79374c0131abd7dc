"""The process that reads one file; see ``isolated_reader``.

Standard output gets a line of JSON and the bytes of the arrays, in their order.
"""

import json
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

# Limits of the process, beyond what the size of the file asks for.
_SECONDS = 4
_BYTES_A_SECOND = 10_000_000
_MEMORY = 400_000_000


def main(path: Path) -> None:
    """Write the content of the file, or what is wrong with it, to standard output."""
    _import_without_keras()
    from regard.errors import DataError  # noqa: PLC0415 - only importable from here on
    from regard.legacy.hdf5.untrusted_file import read_content  # noqa: PLC0415 - the same

    limit_resources(path.stat().st_size if path.is_file() else 0)
    try:
        content = read_content(path)
    except DataError as error:
        _write({"error": error.message}, [])
        return
    layers = content.layers.items()
    listed = [
        [name, [[each, str(array.dtype), array.shape] for each, array in arrays]]
        for name, arrays in layers
    ]
    header = {**vars(content), "layers": listed}
    _write(header, [array for _, arrays in layers for _, array in arrays])


def limit_resources(size: int) -> None:
    """End this process where it computes for long or takes much memory.

    A damaged file can send the library for HDF5 into an endless loop.

    Args:
        size: The number of bytes of the file.
    """
    try:
        import resource  # noqa: PLC0415 - not there on Windows
    except ImportError:
        return
    seconds = int(time.process_time()) + _SECONDS + size // _BYTES_A_SECOND
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    memory = _MEMORY + 4 * size
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _import_without_keras() -> None:
    """Let the modules beside this one be imported without the packages around them.

    These load Keras, which takes seconds and memory that this process must not have.
    """
    legacy = Path(__file__).resolve().parents[1]
    for name, folder in (("regard", legacy.parent), ("regard.legacy", legacy)):
        module = ModuleType(name)
        module.__path__ = [str(folder)]
        sys.modules[name] = module


def _write(header: dict[str, Any], arrays: list[Any]) -> None:
    out = sys.stdout.buffer
    out.write(json.dumps(header).encode("utf-8") + b"\n")
    for array in arrays:
        out.write(array.tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
