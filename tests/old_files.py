"""Where the golden files of old layers lie: some, or all beside the checkout."""

from pathlib import Path

_TESTS = Path(__file__).resolve().parent
_ALL = _TESTS.parents[1] / "shared" / "legacy"
#: The files of ``tests/data/legacy`` cover each layer; with all there are more cases.
OLD_FILES = _ALL if _ALL.is_dir() else _TESTS / "data" / "legacy"
