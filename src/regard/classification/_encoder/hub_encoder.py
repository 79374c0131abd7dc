"""An encoder of KerasHub: a backbone and its tokenizer, as a classifier takes them.

Only classes that are named here are taken, and only these are made of what a file says:
nothing else of KerasHub is loaded, and nothing is fetched.
"""

import base64
import hashlib
import json
import random
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any

import keras
import numpy as np

from regard._untrusted import LARGEST_FILE, parse_json
from regard.errors import ArgumentError, BundleError, MissingExtraError

#: The backbones whose states are classified: they read ids, and hide the padding.
BACKBONES = (
    "AlbertBackbone",
    "BertBackbone",
    "DebertaV3Backbone",
    "DistilBertBackbone",
    "ElectraBackbone",
    "RobertaBackbone",
    "XLMRobertaBackbone",
)
_TOKENIZERS = tuple(name.replace("Backbone", "Tokenizer") for name in BACKBONES)
# What of their settings changes ids. The vocabularies are files.
_SETTINGS = {
    "lowercase": bool,
    "strip_accents": bool,
    "split": bool,
    "split_on_cjk": bool,
    "suffix_indicator": str,
    "oov_token": str,
    "special_tokens_in_strings": bool,
    "add_prefix_space": bool,
    "unsplittable_tokens": list,
}
_FILES = ("vocabulary.txt", "vocabulary.json", "merges.txt", "vocabulary.spm")
_MOST_BYTES = 1 << 26
_REMEDY = (
    "Give what KerasHub loads: encoder=(keras_hub.models.Backbone.from_preset(...), "
    "keras_hub.models.Tokenizer.from_preset(...)), or the folder of a preset."
)


def keras_hub() -> Any:
    """KerasHub, which takes some seconds to import.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return import_module("keras_hub")
    except ImportError as error:
        raise MissingExtraError("An encoder", "keras_hub", "keras-hub") from error


@dataclass(frozen=True, eq=False, repr=False)
class HubEncoder:
    """A backbone and its tokenizer.

    Args:
        backbone: A backbone of KerasHub, one of ``BACKBONES``.
        tokenizer: Its tokenizer.
    """

    backbone: Any
    tokenizer: Any

    @classmethod
    def of(cls, given: Any) -> "HubEncoder":
        """What a user gave as an encoder.

        Args:
            given: ``(backbone, tokenizer)``, or the folder of a preset.

        Raises:
            ArgumentError: It is neither, or of a class that is not taken.
            MissingExtraError: KerasHub is not installed.
        """
        if isinstance(given, cls):
            return given
        if isinstance(given, str | PathLike):
            given = _of_folder(Path(given))
        if not isinstance(given, tuple | list) or len(given) != 2:
            parts = hasattr(given, "backbone") and hasattr(given, "preprocessor")
            raise ArgumentError(
                "This is no encoder.",
                expected="(backbone, tokenizer), or the folder of a preset",
                received=f"a {type(given).__name__}",
                fix="Of a task give (task.backbone, task.preprocessor.tokenizer): it "
                "has a classifier of its own, which is not used."
                if parts
                else _REMEDY,
            )
        backbone, tokenizer = given
        _check_class(backbone, BACKBONES, "backbone")
        _check_class(tokenizer, _TOKENIZERS, "tokenizer")
        encoder = cls(backbone, _tokenizer_from(_tokenizer_to_dict(tokenizer)))
        encoder.check()
        return encoder

    def __repr__(self) -> str:
        parts = type(self.backbone).__name__, type(self.tokenizer).__name__
        return f"({', '.join(parts)})"

    def __reduce__(self) -> tuple[Any, ...]:
        # As plain values: what is compiled of a tokenizer cannot be copied.
        name, config = type(self.backbone).__name__, self.backbone.get_config()
        return _rebuilt, (name, config, self.backbone.get_weights(), self.to_dict())

    def check(self) -> None:
        """Refuse parts that do not fit each other, or no bundle.

        Raises:
            ArgumentError: They do not.
        """
        backbone, tokenizer = self.backbone, self.tokenizer
        count, known = tokenizer.vocabulary_size(), backbone.vocabulary_size
        if count > known:
            raise ArgumentError(
                "The tokenizer has more pieces than the backbone has embeddings.",
                expected=f"{known} or fewer",
                received=str(count),
                fix="Load both from the same preset.",
            )
        if type(backbone.dtype_policy) is not keras.DTypePolicy:
            raise ArgumentError(
                "The weights of the backbone are quantized.",
                expected="floating point numbers",
                fix="Load it without quantization.",
            )
        size = sum(variable.dtype == "float64" for variable in backbone.weights)
        if (4 + 4 * bool(size)) * backbone.count_params() > LARGEST_FILE:
            raise ArgumentError(
                "The backbone is too large for a bundle.",
                expected=f"{LARGEST_FILE // 4:,} parameters or fewer",
                received=f"{backbone.count_params():,}",
            )

    @property
    def most_pieces(self) -> int | None:
        """The most pieces of a text that it reads; None: any number.

        Two of its positions are for what it has around each text.
        """
        most = getattr(self.backbone, "max_sequence_length", None)
        return None if most is None else int(most) - 2

    @property
    def around(self) -> tuple[int, int, int]:
        """The ids before and after a text, and that of padding."""
        tokenizer = self.tokenizer
        ids = [getattr(tokenizer, f"{n}_token_id") for n in ("start", "end", "pad")]
        return int(ids[0]), int(ids[1]), int(ids[2])

    @cached_property
    def weights(self) -> list[Any]:
        """The weights of the backbone, as they are when they are first asked for."""
        return [np.array(each) for each in self.backbone.get_weights()]

    def digest(self) -> str:
        """The SHA-256 of weights and tokenizer: which encoder it is."""
        known = hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode())
        for each in self.weights:
            known.update(np.ascontiguousarray(each).tobytes())
        return known.hexdigest()

    def copy(self, name: str, seed: int, *, trainable: bool) -> Any:
        """A backbone of the same settings that nothing was learned by.

        Args:
            name: Its name.
            seed: What its weights and its dropout depend on.
            trainable: Whether it is trained.
        """
        config = {**self.backbone.get_config(), "name": name, "trainable": True}
        with _drawing_from(seed):
            backbone = type(self.backbone).from_config(config)
        backbone.trainable = trainable
        # What some make of their first state is not read, and so learns nothing.
        pooled = getattr(backbone, "pooled_dense", None)
        if pooled is not None:
            pooled.trainable = False
        return backbone

    def to_dict(self) -> dict[str, Any]:
        """The tokenizer as plain values."""
        return _tokenizer_to_dict(self.tokenizer)


def _rebuilt(
    name: str, config: dict[str, Any], weights: list[Any], tokenizer: dict[str, Any]
) -> HubEncoder:
    """The copy of an encoder."""
    backbone = getattr(keras_hub().models, name).from_config(config)
    backbone.set_weights(weights)
    return HubEncoder(backbone, _tokenizer_from(tokenizer))


def tokenizer_to_bytes(tokenizer: Any) -> bytes:
    """A tokenizer as JSON: its class, its settings and the files of its vocabulary."""
    told = _tokenizer_to_dict(tokenizer)
    return (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode()


def tokenizer_from_bytes(content: bytes) -> Any:
    """Read what ``tokenizer_to_bytes`` wrote; data only, nothing in it is executed.

    Raises:
        BundleError: It is no tokenizer that is known.
        MissingExtraError: KerasHub is not installed.
    """
    stored = parse_json(content, most=_MOST_BYTES)
    if (
        not isinstance(stored, dict)
        or set(stored) != {"class", "settings", "files"}
        or stored["class"] not in _TOKENIZERS
    ):
        raise BundleError(
            "It is no tokenizer that is loaded from a file.",
            expected=f"one of {', '.join(_TOKENIZERS)}",
        )
    settings, files = stored["settings"], stored["files"]
    if not isinstance(settings, dict) or not all(
        name in _SETTINGS and type(value) is _SETTINGS[name]
        for name, value in settings.items()
    ):
        raise BundleError("Its settings are not those of a tokenizer.")
    if not isinstance(files, dict) or not all(
        name in _FILES and isinstance(text, str) for name, text in files.items()
    ):
        raise BundleError("Its files are not those of a vocabulary.")
    try:
        return _tokenizer_from(stored)
    except (ArgumentError, MissingExtraError):
        raise
    except Exception as error:
        raise BundleError(
            f"KerasHub makes no tokenizer of it: {str(error)[:300]}"
        ) from error


def _of_folder(folder: Path) -> tuple[Any, Any]:
    if not (folder / "config.json").is_file():
        raise ArgumentError(
            f"There is no preset of KerasHub in '{folder}'.",
            expected="a folder with config.json, where KerasHub saved a backbone and "
            "its tokenizer as a preset",
            fix="Nothing is downloaded here. " + _REMEDY,
        )
    models = keras_hub().models
    # A path, which is never the name of a preset elsewhere.
    path = str(folder.resolve())
    return models.Backbone.from_preset(path), models.Tokenizer.from_preset(path)


def _check_class(given: Any, names: tuple[str, ...], what: str) -> None:
    models, name = keras_hub().models, type(given).__name__
    if name not in names or type(given) is not getattr(models, name, None):
        raise ArgumentError(
            f"This {what} cannot be the encoder of a classifier.",
            expected=f"a {', '.join(names)} of KerasHub",
            received=f"a {name}",
            fix=_REMEDY,
        )


@contextmanager
def _drawing_from(seed: int) -> Iterator[None]:
    """A block in which layers that were given no seed take theirs from this one."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


def _tokenizer_to_dict(tokenizer: Any) -> dict[str, Any]:
    settings = {
        name: _plain(getattr(tokenizer, name))
        for name in _SETTINGS
        if getattr(tokenizer, name, None) is not None
    }
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_assets(folder)
        files = {each.name: each.read_bytes() for each in Path(folder).iterdir()}
    texts = {name: _to_text(name, content) for name, content in files.items()}
    name = type(tokenizer).__name__
    return {"class": name, "settings": settings, "files": dict(sorted(texts.items()))}


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, list | tuple | set) else value


def _tokenizer_from(told: Mapping[str, Any]) -> Any:
    settings = dict(told["settings"])
    made = getattr(keras_hub().models, told["class"])
    # The arguments of a vocabulary are filled in from files.
    empty = {"vocabulary.txt": ["vocabulary"], "vocabulary.spm": ["proto"]}
    for name in told["files"]:
        settings |= dict.fromkeys(empty.get(name, []))
    tokenizer = made(**settings)
    with tempfile.TemporaryDirectory() as folder:
        for name, text in told["files"].items():
            (Path(folder) / name).write_bytes(_from_text(name, text))
        tokenizer.load_assets(folder)
    return tokenizer


def _to_text(name: str, content: bytes) -> str:
    if name.endswith(".spm"):
        return base64.b64encode(content).decode("ascii")
    return content.decode("utf-8")


def _from_text(name: str, text: str) -> bytes:
    if name.endswith(".spm"):
        return base64.b64decode(text, validate=True)
    return text.encode("utf-8")
