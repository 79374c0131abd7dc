"""Which format a file has, told by its name or by the caller."""

from pathlib import Path

from regard.errors import ArgumentError, DataError

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
FORMATS = tuple(dict.fromkeys(SUFFIXES.values()))


def detect_format(path: Path, format: str | None = None) -> str:  # noqa: A002 - as open(mode=)
    """The format of ``path``: the one given, else the one its suffix says.

    A final ``.gz`` is set aside, for the text formats only.

    Raises:
        ArgumentError: ``format`` is not one that can be read.
        DataError: The suffix says nothing.
    """
    if format is not None:
        return _known(format)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = suffixes[-1:] == [".gz"]
    suffix = "".join(suffixes[-2:-1] if packed else suffixes[-1:])
    found = SUFFIXES.get(suffix)
    if found is None or (packed and found == "parquet"):
        raise DataError(
            f"The name of {path} does not say what format it has.",
            expected=f"{', '.join(SUFFIXES)}, or a text format followed by .gz",
            received="".join(suffixes[-2:]) or "no suffix",
            fix="Rename the file or name its format.",
        )
    return found


def _known(name: str) -> str:
    if name not in FORMATS:
        raise ArgumentError(
            f"There is no reader for the format '{name}'.",
            expected=f"one of {', '.join(FORMATS)}",
        )
    return name
