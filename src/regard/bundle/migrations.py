"""Migrations: the manifest of an older bundle, brought to the schema of today.

A release that changes the manifest adds one to ``SCHEMA_VERSION`` and a function to
``MIGRATIONS``. Functions only ever see the manifest that the release before them wrote,
and stay as they are: a bundle of any age passes through all that came after it.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

StoredManifest: TypeAlias = dict[str, Any]

#: The schema that is written.
SCHEMA_VERSION = 1
#: From each older schema to the one after it.
MIGRATIONS: dict[int, Callable[[StoredManifest], StoredManifest]] = {}


def is_known(version: Any) -> bool:
    """Whether a manifest of this schema can be read, migrated where it is older."""
    return type(version) is int and (version == SCHEMA_VERSION or version in MIGRATIONS)


def migrate(stored: StoredManifest) -> StoredManifest:
    """A manifest of a known schema as one of today's."""
    for version in range(stored["schema_version"], SCHEMA_VERSION):
        stored = MIGRATIONS[version](stored) | {"schema_version": version + 1}
    return stored
