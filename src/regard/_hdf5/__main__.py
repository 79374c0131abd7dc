"""The process that reads one file; see ``isolated_reader``.

``content FILE`` writes a line of JSON and the bytes of the arrays, in their order, to
standard output; ``places FILE`` a line that says where in the file they lie.
"""

import json
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

# Limits of the process, beyond what the size of the file asks for. An old file may have
# been packed; of weights nothing but their places is read.
_SECONDS = {"content": 4, "places": 1}
_BYTES_A_SECOND = 10_000_000
_MEMORY = 400_000_000


def main(what: str, path: Path) -> None:
    """Write what is asked for, or what is wrong with the file, to standard output."""
    _import_without_keras()
    from regard._hdf5 import untrusted_file  # noqa: PLC0415 - only importable now
    from regard.errors import DataError  # noqa: PLC0415 - the same

    limit_resources(path.stat().st_size if path.is_file() else 0, _SECONDS[what])
    try:
        if what == "places":
            _write({"places": untrusted_file.read_places(path)}, [])
        else:
            _write_content(untrusted_file.read_content(path))
    except DataError as error:
        _write({"error": error.message}, [])


def _write_content(content: Any) -> None:
    layers = content.layers.items()
    listed = [
        [name, [[each, str(array.dtype), array.shape] for each, array in arrays]]
        for name, arrays in layers
    ]
    header = {**vars(content), "layers": listed}
    _write(header, [array for _, arrays in layers for _, array in arrays])


def limit_resources(size: int, seconds: float) -> None:
    """End this process where it computes for long or takes much memory.

    A damaged file can send the library for HDF5 into an endless loop.

    Args:
        size: The number of bytes of the file.
        seconds: How long it may compute for a small file.
    """
    try:
        import resource  # noqa: PLC0415 - not there on Windows
    except ImportError:
        return
    signal.setitimer(signal.ITIMER_PROF, seconds + size / _BYTES_A_SECOND)
    memory = _MEMORY + 4 * size
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _import_without_keras() -> None:
    """Let the modules beside this one be imported without the package around them.

    That loads Keras, which takes seconds and memory that this process must not have.
    """
    module = ModuleType("regard")
    module.__path__ = [str(Path(__file__).resolve().parents[1])]
    sys.modules["regard"] = module


def _write(header: dict[str, Any], arrays: list[Any]) -> None:
    out = sys.stdout.buffer
    out.write(json.dumps(header).encode("utf-8") + b"\n")
    for array in arrays:
        out.write(array.tobytes())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
