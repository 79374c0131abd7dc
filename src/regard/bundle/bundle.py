"""A trained thing on disk: a folder of parts and a manifest that vouches for them.

``manifest.json`` names the format and its version, the kind of thing that was saved,
and the size and SHA-256 of each part. Hashes show damage; they are not a signature.
Reading a bundle checks all of this before any part is looked at, and hands the parts
out as bytes: what was checked is what is used.
"""

import hashlib
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from regard._files import write_directory
from regard._untrusted import LARGEST_FILE
from regard._version import __version__
from regard.bundle.manifest import (
    MANIFEST,
    Manifest,
    PartDigest,
    defect,
    read_file,
    read_manifest,
)
from regard.errors import ArgumentError, BundleError, BundleWarning, listed


@dataclass(frozen=True)
class PartNames:
    """The parts of a kind of bundle.

    Args:
        required: Those that each bundle has.
        optional: Those that it may lack, because an earlier release saved none or
            nothing was to be said. Where such a part is damaged, it is lacking.
        others: Other sets of parts, of which a bundle may have one in place of the
            required ones.
    """

    required: frozenset[str]
    optional: frozenset[str] = frozenset()
    others: tuple[frozenset[str], ...] = ()

    def fit(self, there: frozenset[str]) -> bool:
        """Whether these are the parts of a bundle."""
        sets = (self.required, *self.others)
        return any(each <= there <= each | self.optional for each in sets)


@dataclass(frozen=True, eq=False)
class Bundle:
    """The checked content of a bundle.

    Args:
        path: Where it was read from.
        kind: What was saved, the name of a row of ``regard.kinds``.
        parts: The content of each part by its name; an optional one may be absent.
        digests: The SHA-256 of each part, in hexadecimal.
        damaged: The optional parts that cannot be used, with what is wrong with each.
    """

    path: Path
    kind: str
    parts: Mapping[str, bytes]
    digests: Mapping[str, str]
    damaged: Mapping[str, BundleError] = field(default_factory=dict)

    def __repr__(self) -> str:
        size = sum(map(len, self.parts.values()))
        return (
            f"Bundle({str(self.path)!r}, {self.kind!r}, {len(self.parts)} parts, "
            f"{size:,} bytes)"
        )

    @contextmanager
    def reading(self, part: str) -> Iterator[bytes]:
        """The content of a part; whatever fails inside names the bundle and the part.

        Raises:
            BundleError: Anything went wrong while the content was made sense of.
        """
        try:
            yield self.parts[part]
        except Exception as error:
            fix = getattr(error, "fix", None)
            problem = str(error).removesuffix(fix or "").rstrip()
            raise defect(self.path, part, problem, fix) from error


def write_bundle(path: str | Path, kind: str, parts: Mapping[str, bytes]) -> None:
    """Write a bundle, all of it or nothing.

    The parts are written beside ``path`` and moved there when all of them are safely
    on the disk. A bundle that is already there stays until then; anything else that
    is there is not touched.

    Args:
        path: The folder to make, for example ``reviews.regard``.
        kind: What is saved.
        parts: The content of each part by its name.

    Raises:
        ArgumentError: There is something at ``path`` that is not a bundle.
    """
    import keras  # noqa: PLC0415 - bundles are read without it

    target = Path(path).resolve()
    check_target(target)
    manifest = Manifest(
        kind=kind,
        versions={"regard": __version__, "keras": keras.__version__},
        parts={name: PartDigest.of(content) for name, content in parts.items()},
    )
    files = {**parts, MANIFEST: manifest.to_json().encode("utf-8")}
    write_directory(target, files)


def replace_parts(path: str | Path, contents: Mapping[str, bytes | None]) -> None:
    """Put parts into a bundle, new or in the place of those that are there.

    The bundle is written beside itself, with the other parts as they are, and moved
    into place.

    Args:
        path: The folder of the bundle.
        contents: By the name of a part, one that this kind of bundle may have, its
            content; None: the bundle lacks it from then on.

    Raises:
        ArgumentError: There are other files in the folder, which would be lost.
        BundleError: There is no bundle, or it is damaged.
    """
    target = Path(path).resolve()
    manifest = read_manifest(target)
    check_part_target(target)
    others = {
        each: _read_part(target, each, digest)
        for each, digest in manifest.parts.items()
        if each not in contents
    }
    new = {name: each for name, each in contents.items() if each is not None}
    kept = {name: manifest.parts[name] for name in others}
    parts = {**kept, **{name: PartDigest.of(each) for name, each in new.items()}}
    changed = Manifest(manifest.kind, manifest.versions, parts)
    files = {**others, **new, MANIFEST: changed.to_json().encode("utf-8")}
    write_directory(target, files)


def read_bundle(
    path: str | Path, part_names: Callable[[str], PartNames | None]
) -> Bundle:
    """Read a bundle and check everything the manifest says.

    Args:
        path: The folder.
        part_names: From a kind to the names of its parts; None for an unknown kind.

    Raises:
        BundleError: There is no bundle, or it is damaged, incomplete, of an unknown
            version or kind; the message names the bundle, the part and the defect.

    Warns:
        BundleWarning: There are other files in it.
    """
    folder = Path(path)
    manifest = read_manifest(folder)
    names = part_names(manifest.kind)
    if names is None:
        raise defect(folder, MANIFEST, f"the kind '{manifest.kind}' is unknown")
    there = frozenset(manifest.parts)
    if not names.fit(there):
        raise defect(
            folder,
            MANIFEST,
            f"it lists the parts {sorted(there)}, where a {manifest.kind} "
            f"has {sorted(names.required)}"
            + (f" and may have {sorted(names.optional)}" if names.optional else ""),
        )
    parts, damaged = {}, {}
    for name, digest in manifest.parts.items():
        try:
            parts[name] = _read_part(folder, name, digest)
        except BundleError as error:
            # The model does not answer otherwise without it.
            if name not in names.optional:
                raise
            damaged[name] = error
    _warn_of_strangers(folder, there)
    digests = {name: digest.sha256 for name, digest in manifest.parts.items()}
    return Bundle(folder, manifest.kind, parts, digests, damaged)


def _warn_of_strangers(folder: Path, parts: Set[str]) -> None:
    """Say which files in a bundle are no part of it; hidden ones are the system's."""
    names = {each.name for each in folder.iterdir() if not each.name.startswith(".")}
    strangers = sorted(names - parts - {MANIFEST})
    if strangers:
        warnings.warn(
            f"'{folder}' holds what is no part of the bundle and is not used: "
            f"{listed(strangers, 4)}.",
            BundleWarning,
            stacklevel=4,
        )


def read_part(path: str | Path, name: str) -> bytes:
    """One part of a bundle, checked, without a look at the others.

    Raises:
        BundleError: There is no bundle, it has no such part, or the part is damaged.
    """
    folder = Path(path)
    digest = read_manifest(folder).parts.get(name)
    if digest is None:
        raise defect(folder, name, "the bundle has no such part")
    return _read_part(folder, name, digest)


def _read_part(folder: Path, name: str, digest: PartDigest) -> bytes:
    content = read_file(folder, name, LARGEST_FILE)
    if len(content) != digest.size:
        size = len(content)
        raise defect(folder, name, f"it has {size} bytes instead of {digest.size}")
    if hashlib.sha256(content).hexdigest() != digest.sha256:
        raise defect(folder, name, "its content is not what was saved (SHA-256)")
    return content


def check_target(target: Path) -> None:
    """Refuse to replace anything but a bundle that holds nothing beside its parts.

    ``write_bundle`` does this by itself; whoever works long for what will be written
    asks before.

    Raises:
        ArgumentError: There is something else at ``target``.
    """
    if not target.exists():
        return
    try:
        known = {MANIFEST, *read_manifest(target).parts}
        extra = sorted(
            entry.name for entry in target.iterdir() if entry.name not in known
        )
    except BundleError as error:
        raise _occupied(target, "something that is not a bundle") from error
    if extra:
        raise _occupied(target, f"a bundle with other files in it: {extra[:4]}")


def check_part_target(path: str | Path) -> None:
    """Refuse a bundle that no part can be put into.

    ``replace_parts`` does this by itself; whoever works long for the part asks before.

    Raises:
        ArgumentError: There are other files in the folder, which would be lost; or
            nothing may be written there.
        BundleError: There is no bundle.
    """
    target = Path(path).resolve()
    known = {MANIFEST, *read_manifest(target).parts}
    extra = sorted(each.name for each in target.iterdir() if each.name not in known)
    if extra:
        raise ArgumentError(
            f"Nothing can be put into '{path}': other files are in the folder.",
            expected="the parts of the bundle and nothing else",
            received=str(extra[:4]),
            fix="Move them away.",
        )
    if not all(os.access(each, os.W_OK) for each in (target, target.parent)):
        raise ArgumentError(
            f"Nothing can be put into '{path}': it may not be written to.",
            fix="Copy the bundle to a folder of yours.",
        )


def _occupied(target: Path, what: str) -> ArgumentError:
    return ArgumentError(
        f"'{target}' would be overwritten.",
        expected="a path where nothing is, or a bundle to replace",
        received=what,
        fix="Choose another path, or move away what is there.",
    )
