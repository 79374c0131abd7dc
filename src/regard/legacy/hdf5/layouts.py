"""The layouts of old files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py

from regard.legacy.hdf5.untrusted_file import (
    Array,
    UntrustedFile,
    file_error,
    open_untrusted,
)

# Where the arrays of a layer of layers lie in newer weight files, in Keras's order;
# what is not named here follows in the order of the alphabet.
_ORDER = {"vars": 0, "forward_layer": 1, "backward_layer": 2}
_DEPTH = 8

NamedArrays = Sequence[tuple[str, Array]]


@dataclass(frozen=True, eq=False)
class FileContent:
    """The content of a file; see ``OldFile``, which is made of it."""

    layout: str
    layers: dict[str, NamedArrays]
    by_name: bool = True
    keras_version: str = "unknown"
    config: str | None = None


def read_content(path: Path) -> FileContent:
    """Read the arrays of an old file, and the configuration where there is one.

    Raises:
        DataError: It cannot be read, or is not as Keras wrote it; the message names the
            file and the part.
    """
    with open_untrusted(path) as file:
        names = file.names(file.root)
        if "model_weights" in names:
            return _full_model(file)
        if file.texts(file.root, "layer_names") is not None:
            layers = dict(_listed(file, file.root))
            version = file.text(file.root, "keras_version") or "unknown"
            layout = "weights, as Keras 2 wrote them"
            return FileContent(layout, layers, keras_version=version)
        if "layers" in names:
            layers = dict(_numbered(file, file.member(file.root, "layers")))
            return FileContent("weights, numbered by class", layers, by_name=False)
        raise file_error(
            file.path,
            "/",
            "it has neither 'model_weights' nor 'layer_names' nor 'layers', one of "
            "which a file of Keras has",
        )


def _full_model(file: UntrustedFile) -> FileContent:
    config = file.text(file.root, "model_config")
    if config is None:
        raise file_error(file.path, "/@model_config", "it is not there")
    group = file.member(file.root, "model_weights")
    return FileContent(
        "a whole model, as Keras 2 wrote it",
        dict(_listed(file, group)),
        keras_version=file.text(file.root, "keras_version") or "unknown",
        config=config,
    )


def _listed(
    file: UntrustedFile, group: h5py.Group
) -> Iterator[tuple[str, NamedArrays]]:
    """The layers that ``layer_names`` lists, and the arrays ``weight_names`` does."""
    names = file.texts(group, "layer_names")
    if names is None:
        raise file_error(file.path, f"{group.name}@layer_names", "it is not there")
    if len(set(names)) < len(names):
        raise file_error(
            file.path, f"{group.name}@layer_names", "a name is there twice"
        )
    for name in names:
        layer = file.member(group, name)
        listed = file.texts(layer, "weight_names")
        if listed is None:
            raise file_error(file.path, f"{layer.name}@weight_names", "it is not there")
        if listed:
            yield name, [(each, file.array(layer, each)) for each in listed]


def _numbered(
    file: UntrustedFile, group: h5py.Group
) -> Iterator[tuple[str, NamedArrays]]:
    """The layers that are groups, and the arrays below ``vars`` in each."""
    for name in file.names(group):
        arrays = list(_below(file, file.member(group, name), name))
        if arrays:
            yield name, arrays


def _below(
    file: UntrustedFile, group: h5py.Group, name: str, depth: int = 0
) -> Iterator[tuple[str, Array]]:
    if depth > _DEPTH:
        raise file_error(file.path, str(group.name), "groups lie in groups without end")
    inner = file.names(group)
    for each in sorted(inner, key=lambda each: (_ORDER.get(each, 3), each)):
        member = file.member(group, each)
        if each == "vars":
            for number in sorted(file.names(member), key=_number):
                array = file.array(member, number)
                yield (f"{name}/{number}" if depth == 0 else f"{name}:0", array)
        elif isinstance(member, h5py.Group):
            yield from _below(file, member, f"{name}/{each}", depth + 1)


def _number(name: str) -> tuple[int, str]:
    return (int(name) if name.isdecimal() else -1, name)
