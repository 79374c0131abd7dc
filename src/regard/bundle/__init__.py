"""A trained thing on disk: written at once or not at all, checked before it is read."""

from regard.bundle.about_part import ABOUT, About
from regard.bundle.bundle import (
    Bundle,
    PartNames,
    check_part_target,
    check_target,
    read_bundle,
    write_bundle,
)
from regard.bundle.manifest import MANIFEST, MODEL_FILE, RECORD
from regard.bundle.migrations import SCHEMA_VERSION
from regard.bundle.trust_part import TRUST

__all__ = [
    "ABOUT",
    "MANIFEST",
    "MODEL_FILE",
    "RECORD",
    "SCHEMA_VERSION",
    "TRUST",
    "About",
    "Bundle",
    "PartNames",
    "check_part_target",
    "check_target",
    "read_bundle",
    "write_bundle",
]
