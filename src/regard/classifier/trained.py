"""A trained text classifier: from raw text to probabilities and their reasons."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from regard.bundle import Bundle
from regard.errors import BundleError
from regard.models import ATTENTION, TextClassifierConfig
from regard.models.stored import model_from_bytes, model_to_bytes
from regard.predictor import Predictor
from regard.text import Encoded, Label, Labels, Tokenizer
from regard.types import AttentionMap, Explanation, FloatArray

#: The kind of its bundles, and the parts they have.
KIND = "text-classifier"
MODEL, TOKENIZER = "model.keras", "tokenizer.json"
LABELS, CONFIG = "labels.json", "config.json"
PARTS = frozenset({MODEL, TOKENIZER, LABELS, CONFIG})


@dataclass(frozen=True, eq=False)
class TrainedTextClassifier:
    """What training made, ready for texts; it does not change any more.

    Args:
        tokenizer: Text to ids.
        labels: The classes in the order of the model's outputs.
        config: The settings it was trained with.
        seed: The seed it was trained with.
        model: Ids to probabilities.
    """

    tokenizer: Tokenizer
    labels: Labels
    config: TextClassifierConfig
    seed: int
    model: keras.Model

    def __post_init__(self) -> None:
        # One predictor for the life of the object: it holds what was compiled.
        predictor = Predictor(self.model, self.config.max_length, layers=ATTENTION)
        object.__setattr__(self, "_predictor", predictor)

    @property
    def predictor(self) -> Predictor:
        """What runs the model."""
        return self._predictor  # type: ignore[attr-defined]  # set above

    def probabilities(self, texts: Sequence[str]) -> FloatArray:
        """``(texts, labels)``."""
        encoded = self.tokenizer.encode(texts, self.config.max_length)
        return self.predictor.predict([one.ids for one in encoded])

    def label(self, probabilities: FloatArray) -> list[Label]:
        """The most probable label of each row."""
        return self.labels.decode(probabilities.argmax(axis=1))

    def explain(self, texts: Sequence[str]) -> list[Explanation]:
        """The label of each text and the tokens it rests on, of one pass."""
        encoded = self.tokenizer.encode(texts, self.config.max_length)
        seen = self.predictor.observe([one.ids for one in encoded])
        return [
            self._explanation(text, one, probabilities, attention[ATTENTION])
            for text, one, probabilities, attention in zip(
                texts, encoded, seen.outputs, seen.attention, strict=True
            )
        ]

    def _explanation(
        self,
        text: str,
        encoded: Encoded,
        probabilities: FloatArray,
        attention: AttentionMap,
    ) -> Explanation:
        names = self.labels.names
        return Explanation(
            text=text,
            label=names[int(probabilities.argmax())],
            labels=names,
            probabilities=probabilities,
            tokens=encoded.pieces(text),
            offsets=encoded.offsets,
            weights=attention.mean("heads").weights,
            truncated=encoded.truncated,
        )

    def to_parts(self) -> dict[str, bytes]:
        """The parts of its bundle."""
        config = {"seed": self.seed, "settings": self.config.to_dict()}
        return {
            MODEL: model_to_bytes(self.model),
            TOKENIZER: self.tokenizer.to_json().encode("utf-8"),
            LABELS: _to_json(self.labels.to_dict()),
            CONFIG: _to_json(config),
        }

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> "TrainedTextClassifier":
        """Make sense of the parts of a checked bundle.

        Raises:
            BundleError: A part is not what it should be.
        """
        with bundle.reading(CONFIG) as content:
            seed, config = _read_config(content)
        with bundle.reading(LABELS) as content:
            labels = Labels.from_dict(json.loads(content))
        with bundle.reading(TOKENIZER) as content:
            tokenizer = Tokenizer.from_json(content.decode("utf-8"))
        with bundle.reading(MODEL) as content:
            model = model_from_bytes(content)
            _check_shapes(model, len(labels))
            return cls(tokenizer, labels, config, seed, model)


def _to_json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode("utf-8")


def _read_config(content: bytes) -> tuple[int, TextClassifierConfig]:
    stored = json.loads(content)
    if set(stored) != {"seed", "settings"} or type(stored["seed"]) is not int:
        raise BundleError("It is no configuration.", expected="'seed' and 'settings'")
    config = TextClassifierConfig.of(stored["settings"])
    if config.to_dict() != stored["settings"]:
        raise BundleError("Settings are missing from the configuration.")
    return stored["seed"], config


def _check_shapes(model: keras.Model, classes: int) -> None:
    shapes = model.input_shape, model.output_shape
    if shapes[0][:2] != (None, None) or shapes[1] != (None, classes):
        raise BundleError(
            "The model does not fit the labels.",
            expected=f"from (batch, time) to (batch, {classes})",
            received=f"from {shapes[0]} to {shapes[1]}",
        )
