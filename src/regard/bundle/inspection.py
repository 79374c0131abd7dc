"""What a file or folder says of a trained model: read as data, nothing built from it.

A bundle, a file of Keras, or the weights in one. No Keras is loaded for it, nothing is
unpickled, and what is damaged is told beside the rest instead of in its place.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from regard._hdf5.plain_layout import plain_shapes
from regard._untrusted import (
    EXPANSION,
    LARGEST_FILE,
    parse_json,
    read_archive,
    read_regular_file,
)
from regard.bundle.about_part import ABOUT
from regard.bundle.bundle import read_part
from regard.bundle.manifest import MANIFEST, MODEL_FILE, RECORD, read_manifest
from regard.bundle.trust_part import TRUST, checked_report
from regard.errors import BundleError, DataError, RegardError

_HDF5, _ZIP = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04"
# A file of Keras holds these, and files of its layers beside them.
_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
# Attention of Keras's own, by the names of the classes.
_ATTENTION = {
    "AdditiveAttention",
    "Attention",
    "CachedMultiHeadAttention",
    "GroupedQueryAttention",
    "GroupQueryAttention",
    "MultiHeadAttention",
}
# Arrays of a training, which are no parameters of the model.
_OPTIMIZERS = ("optimizer/", "optimizer_weights/", "_optimizer/")


@dataclass
class Inspection:
    """What was found, as plain values, and what is wrong, in sentences.

    Attributes:
        content: By names of facts; only what the file has.
        problems: What is damaged; none: nothing is, as far as can be seen.
    """

    content: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {**self.content, "problems": self.problems}


def inspect(path: Path) -> Inspection:
    """Look at a bundle, or a file of a Keras model.

    Raises:
        DataError: There is nothing, or something that no model is saved as.
    """
    if path.is_dir():
        return _BundleReader(path).inspection
    return _of_file(path)


class _BundleReader:
    """Reads a bundle part by part, and goes on where one is damaged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inspection = Inspection({"path": str(folder), "is": "bundle"})
        try:
            manifest = read_manifest(folder)
        except BundleError as error:
            self._note(MANIFEST, error)
            self._list_files()
            return
        self.digests = manifest.parts
        self.inspection.content |= {
            "kind": manifest.kind,
            "versions": dict(manifest.versions),
            "bytes": sum(part.size for part in manifest.parts.values()),
            "parts": {
                name: {"bytes": part.size, "sha256": part.sha256}
                for name, part in manifest.parts.items()
            },
        }
        parts = dict(self._parts())
        self._read(parts)
        self._list_strangers()

    def _parts(self) -> Iterator[tuple[str, bytes]]:
        """The content of each part that is what was saved."""
        for name in self.digests:
            try:
                yield name, read_part(self.folder, name)
            except BundleError as error:
                self._note(name, error)

    def _read(self, parts: Mapping[str, bytes]) -> None:
        found = self.inspection.content
        readers: dict[str, Callable[[bytes], Any]] = {
            MODEL_FILE: _keras_file,
            "config.json": _settings,
            "labels.json": parse_json,
            RECORD: parse_json,
            TRUST: self._trust,
            ABOUT: parse_json,
        }
        names = {MODEL_FILE: "model", "config.json": "training_settings"}
        names |= {"labels.json": "labels", RECORD: "training", TRUST: "trust"}
        names[ABOUT] = "about"
        for part, read in readers.items():
            if part not in parts:
                continue
            try:
                value = read(parts[part])
                if not isinstance(value, dict):
                    raise DataError("it is not what it should be")
            except RegardError as error:
                self._note(part, error)
            else:
                found[names[part]] = value

    def _trust(self, content: bytes) -> dict[str, Any]:
        model = self.digests.get(MODEL_FILE)
        if model is None:
            raise DataError("there is no model that it could be of")
        line = checked_report(content, model.sha256).line
        return asdict(line)

    def _note(self, part: str, error: RegardError) -> None:
        problem = error.message
        for known in (f"The bundle '{self.folder}' cannot be loaded: ", f"{part}: "):
            problem = problem.removeprefix(known)
        said = [problem.removesuffix(".")]
        if error.expected or error.received:
            said.append(f"expected {error.expected}, received {error.received}")
        self.inspection.problems.append(f"{part}: {'; '.join(said)}")
        listed = self.inspection.content.get("parts", {}).get(part)
        if listed is not None:
            listed["damaged"] = said[0]

    def _list_strangers(self) -> None:
        names = {each.name for each in self.folder.iterdir()}
        strangers = sorted(
            name
            for name in names - set(self.digests) - {MANIFEST}
            if not name.startswith(".")
        )
        if strangers:
            self.inspection.content["others"] = strangers

    def _list_files(self) -> None:
        files = sorted(each.name for each in self.folder.iterdir())[:20]
        self.inspection.content["others"] = files
        if MANIFEST not in files:
            raise DataError(
                f"'{self.folder}' is no bundle: it has no {MANIFEST}.",
                expected="a folder that a trained model was saved in",
                received=f"one with {files}" if files else "an empty folder",
            )


def _settings(content: bytes) -> Any:
    stored = parse_json(content)
    if not isinstance(stored, dict) or not isinstance(stored.get("settings"), dict):
        raise DataError("it is no configuration")
    return stored


def _of_file(path: Path) -> Inspection:
    try:
        content = read_regular_file(path, most=LARGEST_FILE)
    except OSError as error:
        problem = error.strerror or str(error)
        raise DataError(f"'{path}' cannot be read: {problem}.") from error
    except DataError as error:
        raise DataError(f"'{path}' cannot be read: {error.message}.") from error
    inspection = Inspection(
        {
            "path": str(path),
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
    )
    found = inspection.content
    try:
        if content.startswith(_ZIP):
            found["is"] = "Keras model"
            found["model"] = _keras_file(content)
        elif content.startswith(_HDF5):
            found["is"] = "HDF5 file of weights"
            found["model"] = _arrays(content)
        else:
            raise _no_model(path)
    except DataError as error:
        if error.args and "is" not in found:
            raise
        inspection.problems.append(error.message.removesuffix("."))
    return inspection


def _no_model(path: Path) -> DataError:
    return DataError(
        f"'{path}' is no trained model.",
        expected="a bundle, the folder that regard saves; a .keras file; or an .h5 "
        "file of Keras",
        received="a file of another format",
    )


def _keras_file(content: bytes) -> dict[str, Any]:
    """The content of a ``.keras`` file.

    Raises:
        DataError: It is damaged.
    """
    members = read_archive(content, expansion=EXPANSION)
    if _CONFIG not in members or _WEIGHTS not in members:
        raise DataError("it is an archive, and no model of Keras")
    config = parse_json(members[_CONFIG])
    metadata = parse_json(members.get(_METADATA, b"{}"))
    # The first is the model itself.
    layers = [each for each in _objects(config) if each[1] != "DTypePolicy"][1:]
    found: dict[str, Any] = {
        "class": str(config.get("class_name")) if isinstance(config, dict) else "",
        **_arrays(members[_WEIGHTS]),
        "attention": [
            {"name": name, "class": class_name, "library": library}
            for name, class_name, library in layers
            if class_name in _ATTENTION or (library == "regard" and _looks(class_name))
        ],
        "layers": dict(Counter(class_name for _, class_name, _ in layers)),
    }
    if isinstance(metadata, dict):
        for key, name in (("keras_version", "keras"), ("date_saved", "saved")):
            if isinstance(metadata.get(key), str):
                found[name] = metadata[key]
    return found


def _looks(kind: str) -> bool:
    """Whether a layer of this library is one with attention, by its class."""
    return any(word in kind for word in ("Attention", "Pooling", "Decoder"))


def _objects(config: Any) -> Iterator[tuple[str, str, str]]:
    """Name, class and package of all that has a name in a configuration of Keras."""
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(reversed(value))
        if not isinstance(value, dict):
            continue
        inner, kind = value.get("config"), value.get("class_name")
        if isinstance(inner, dict) and isinstance(kind, str) and "name" in inner:
            module = str(value.get("module"))
            registered = str(value.get("registered_name"))
            is_ours = module.startswith("regard.") or registered.startswith("regard>")
            library = "regard" if is_ours else module.partition(".")[0]
            yield str(inner["name"]), kind, library
        # The optimizer and the losses of a training are no part of the model.
        waiting.extend(
            each for name, each in reversed(value.items()) if name != "compile_config"
        )


def _arrays(content: bytes) -> dict[str, Any]:
    """How many arrays and numbers a file of weights has; nothing where it is unusual.

    Raises:
        DataError: It is no such file.
    """
    if not content.startswith(_HDF5):
        raise DataError("its weights are no file of HDF5")
    shapes = plain_shapes(content)
    if shapes is None:
        return {}
    own = [shape for path, shape in shapes.items() if not path.startswith(_OPTIMIZERS)]
    return {"arrays": len(own), "parameters": sum(map(prod, own))}
