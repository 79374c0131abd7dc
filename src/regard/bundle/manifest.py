"""The manifest of a bundle: its kind, and the size and hash of each of its parts."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from regard._untrusted import parse_json, read_regular_file
from regard.bundle import migrations
from regard.errors import BundleError, DataError, shown

#: The name of the file that says what is in a bundle.
MANIFEST = "manifest.json"
#: The parts that several kinds have: the model, and how it was trained, for people.
MODEL_FILE, RECORD = "model.keras", "training.json"
FORMAT = "regard-bundle"

_LIMIT = 1 << 20
_SHA256 = re.compile("[0-9a-f]{64}")
# A part is a plain file in the folder itself: no separator, no dot in front.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_KEYS = {"format", "schema_version", "kind", "versions", "parts"}


@dataclass(frozen=True)
class PartDigest:
    """The size of a part in bytes, and the SHA-256 of its content in hexadecimal."""

    size: int
    sha256: str

    @classmethod
    def of(cls, content: bytes) -> "PartDigest":
        """The digest of ``content``."""
        return cls(len(content), hashlib.sha256(content).hexdigest())


@dataclass(frozen=True)
class Manifest:
    """The manifest of a bundle, as today's schema has it.

    Args:
        kind: What was saved.
        versions: The versions of the software that saved it, for people.
        parts: Size and hash of each part, by the name of its file.
    """

    kind: str
    versions: Mapping[str, str]
    parts: Mapping[str, PartDigest]

    def to_json(self) -> str:
        """The manifest as it stands in its file."""
        schema = {"format": FORMAT, "schema_version": migrations.SCHEMA_VERSION}
        return json.dumps(schema | asdict(self), indent=2) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest of a bundle.

    Raises:
        BundleError: There is none, or it is not a manifest of the known version.
    """
    stored = _read_json(folder)
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        raise defect(folder, MANIFEST, "it is not the manifest of a bundle")
    _check_version(folder, stored.get("schema_version"))
    stored = _migrated(folder, stored)
    if set(stored) != _KEYS:
        odd = sorted(set(stored) ^ _KEYS)
        raise defect(folder, MANIFEST, f"these keys are missing or unknown: {odd}")
    if not isinstance(stored["kind"], str) or not _are_strings(stored["versions"]):
        raise defect(folder, MANIFEST, "'kind' or 'versions' are not text")
    return Manifest(stored["kind"], stored["versions"], _parts(folder, stored["parts"]))


def defect(
    folder: Path, part: str, problem: str, fix: str | None = None
) -> BundleError:
    """The error of a bundle: which one, which part, what is wrong, the remedy."""
    return BundleError(
        f"The bundle '{folder}' cannot be loaded: {part}: {problem.rstrip('.')}.",
        fix=fix or "Copy it again from where it came, or train and save it again.",
    )


def _read_json(folder: Path) -> Any:
    if not folder.is_dir():
        what = "it is not a folder" if folder.exists() else "it does not exist"
        raise BundleError(
            f"The bundle '{folder}' cannot be loaded: {what}.",
            expected="a bundle, the folder that a trained model was saved in",
        )
    content = read_file(folder, MANIFEST, _LIMIT)
    try:
        return parse_json(content, most=_LIMIT)
    except DataError as error:
        raise defect(folder, MANIFEST, error.message) from error


def read_file(folder: Path, name: str, most: int) -> bytes:
    """The content of a file of a bundle.

    Args:
        folder: The bundle.
        name: The name of the file.
        most: The most bytes it may have.

    Raises:
        BundleError: It cannot be read, is no file of the folder, or too large.
    """
    try:
        return read_regular_file(folder / name, most=most, within=folder)
    except OSError as error:
        raise defect(folder, name, error.strerror or str(error)) from error
    except DataError as error:
        raise defect(folder, name, error.message) from error


def _check_version(folder: Path, version: Any) -> None:
    if migrations.is_known(version):
        return
    newer = type(version) is int and version > migrations.SCHEMA_VERSION
    raise BundleError(
        f"The bundle '{folder}' cannot be loaded: {MANIFEST}: unknown schema version.",
        expected=str(migrations.SCHEMA_VERSION),
        received=shown(version),
        fix="Update regard: a newer version saved it." if newer else None,
    )


def _migrated(folder: Path, stored: dict[str, Any]) -> dict[str, Any]:
    try:
        return migrations.migrate(stored)
    except Exception as error:
        problem = f"it is not one of schema version {stored['schema_version']}"
        raise defect(folder, MANIFEST, problem) from error


def _parts(folder: Path, stored: Any) -> dict[str, PartDigest]:
    if not isinstance(stored, dict) or not stored:
        raise defect(folder, MANIFEST, "'parts' lists nothing")
    return {name: _part(folder, name, entry) for name, entry in stored.items()}


def _part(folder: Path, name: str, entry: Any) -> PartDigest:
    if not _NAME.fullmatch(name) or name == MANIFEST:
        raise defect(folder, MANIFEST, f"{name[:100]!r} is no name of a part")
    if not isinstance(entry, dict) or set(entry) != {"size", "sha256"}:
        raise defect(folder, MANIFEST, f"size and SHA-256 of '{name}' are missing")
    size, sha256 = entry["size"], entry["sha256"]
    if type(size) is not int or size < 0:
        raise defect(folder, MANIFEST, f"the size of '{name}' is no number of bytes")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise defect(folder, MANIFEST, f"the SHA-256 of '{name}' is none")
    return PartDigest(size, sha256)


def _are_strings(stored: Any) -> bool:
    return isinstance(stored, dict) and all(
        isinstance(value, str) for value in stored.values()
    )
