"""A trained text classifier: from raw text to probabilities and their reasons."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import keras
import numpy as np

from regard._untrusted import parse_json
from regard.bundle import MODEL_FILE, RECORD, About, Bundle
from regard.bundle.about_part import read_about
from regard.bundle.model_file import model_from_bytes, model_to_bytes
from regard.bundle.model_identity import ModelIdentity
from regard.bundle.trust_part import (
    CarriedReport,
    card_telling,
    line_of,
    parts_telling,
    read_card,
    read_record,
    read_trust,
    report_of,
)
from regard.classification.class_metrics import ClassificationEvaluation, evaluate
from regard.classification.config import TextClassifierConfig
from regard.classification.evidence_pooling import Evidence
from regard.classification.label_sets import LabelSetEvaluation, evaluate_label_sets
from regard.classification.model_card import card_of
from regard.classification.network import (
    ATTENTION,
    EMBEDDING,
    bias_of,
    settings_of,
    with_evidence,
)
from regard.classification.temperature import (
    PROBABILITIES,
    TemperedSigmoid,
    TemperedSoftmax,
)
from regard.errors import BundleError
from regard.observation import observe
from regard.observation.predictor import BATCH_SIZES, Predictor
from regard.text import EncodedText, FeatureReader, Features, Labels, Tokenizer
from regard.text.padding import bucket_of, pad
from regard.training.base_config import (
    check_agreement,
    columns_from_json,
    config_from_json,
    config_to_json,
)
from regard.training.provenance import model_line, provenance_from_bytes
from regard.types import (
    Explanation,
    FloatArray,
    IntArray,
    ModelLine,
    Observation,
)

#: The kind of its bundles, and the parts they have.
KIND = "text-classifier"
MODEL, TOKENIZER = MODEL_FILE, "tokenizer.json"
LABELS, CONFIG = "labels.json", "config.json"
FEATURES = "features.npz"
PARTS = frozenset({MODEL, TOKENIZER, FEATURES, LABELS, CONFIG})
_MOST_OF_LABELS = 1 << 24
#: The layers of this library that classifiers of all releases are made of.
KNOWN_LAYERS = {
    "AttentionPooling",
    "Evidence",
    "EvidencePooling",
    "FeatureEmbedding",
    "GRU",
    "LabelEvidencePooling",
    "TemperedSigmoid",
    "TemperedSoftmax",
}


class Reader(Protocol):
    """Text to what a model reads, as ``FeatureReader`` is.

    ``features`` takes tokens out of it, and ``tokenizer`` cuts texts without a look at
    the rest.
    """

    @property
    def tokenizer(self) -> Any: ...  # noqa: D102 - see above
    @property
    def features(self) -> Any: ...  # noqa: D102 - see above
    @property
    def max_length(self) -> int: ...  # noqa: D102 - the most ids of a text
    def read(self, texts: Sequence[str]) -> Sequence[EncodedText]: ...  # noqa: D102
    def read_joined(self, texts: Sequence[str]) -> Any: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class Reading:
    """What a classifier made of one text, of one pass.

    Args:
        probabilities: ``(labels,)``.
        weights: ``(heads, tokens)``, the attention; or ``(labels, tokens)``, that of
            each label.
        of_labels: Whether it is that of each label.
        contributions: ``(tokens, labels)``, what each token adds to the logits, in
            nats.
    """

    probabilities: FloatArray
    weights: FloatArray
    contributions: FloatArray
    of_labels: bool = False

    @property
    def shown(self) -> FloatArray:
        """``(tokens,)``, the mean over the heads, or that of the likeliest label."""
        if self.of_labels:
            return np.asarray(self.weights[int(self.probabilities.argmax())])
        return np.asarray(self.weights.mean(axis=0))

    @classmethod
    def of(
        cls,
        probabilities: FloatArray,
        weights: FloatArray,
        evidence: FloatArray,
        temperature: float,
        *,
        several: bool = False,
    ) -> "Reading":
        """What a pass gave of a text; see ``TrainedTextClassifier.readings``.

        Args:
            probabilities: ``(labels,)``.
            weights: ``(heads, tokens)``, or ``(labels, tokens)``.
            evidence: ``(tokens, heads, labels)``.
            temperature: What the logits are divided by.
            several: Whether a text may have several labels.
        """
        of_labels = several and len(weights) != evidence.shape[1]
        axes = "ct,thc->tc" if of_labels else "ht,thc->tc"
        added = np.einsum(axes, weights, evidence) / temperature
        if not several:
            added -= added.mean(axis=-1, keepdims=True)
        return cls(probabilities, weights, added, of_labels)


@dataclass(frozen=True, eq=False)
class TrainedTextClassifier:
    """The model with all that texts need around it; it does not change any more.

    Args:
        reader: Text to what the model reads.
        labels: The classes in the order of the model's outputs.
        config: The settings it was trained with.
        seed: The seed it was trained with.
        model: Ids to probabilities.
        chosen: The settings that the user chose, for the next training as well.
        card: What its bundle says to people; None: nothing was said.
        model_hash: The SHA-256 of the file that the model was loaded from.
        trust: What an examination found of its weights, see ``line_of``.
        columns: The columns of the file it was trained on, by what they hold, where
            they have other names than that.
        record: What its bundle says of its training; None: nothing.
        about: What its author says of it.
        origin: Which bundle it is of, and when and on what it was trained; None:
            nothing is known of it.
    """

    reader: Reader
    labels: Labels
    config: TextClassifierConfig
    seed: int
    model: keras.Model
    chosen: Mapping[str, Any] = field(default_factory=dict)
    card: bytes | None = None
    model_hash: str = ""
    trust: CarriedReport | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    record: bytes | None = None
    about: About = field(default_factory=About)
    origin: ModelLine | None = None

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({len(self.labels)} labels, "
            f"{self.model.count_params():,} parameters)"
        )

    def __post_init__(self) -> None:
        # One predictor for the life of the object: it holds what was compiled.
        object.__setattr__(self, "_predictor", self.predictor_of(BATCH_SIZES))
        identity = ModelIdentity(self.model, self.model_hash)
        object.__setattr__(self, "_identity", identity)

    @property
    def differentiated(self) -> str | None:
        """The layer at whose output gradients are taken; None: what reads tokens."""
        return None

    @property
    def encoder(self) -> Any:
        """What its texts are read by, if it is a ``HubEncoder``; None: words."""
        return None

    @property
    def identity(self) -> ModelIdentity:
        """Which model it is."""
        return self._identity  # type: ignore[attr-defined]  # set above

    @property
    def predictor(self) -> Predictor:
        """Runs the model."""
        return self._predictor  # type: ignore[attr-defined]  # set above

    def predictor_of(self, batch_sizes: Sequence[int]) -> Predictor:
        """One that runs in batches of other sizes: the fewer, the less is compiled.

        Args:
            batch_sizes: The numbers of rows a batch may have.
        """
        return Predictor(
            with_evidence(self.model), self.config.max_length, ATTENTION, batch_sizes
        )

    def probabilities(self, texts: Sequence[str]) -> FloatArray:
        """``(texts, labels)``."""
        if not len(texts):
            return np.zeros((0, len(self.labels)), np.float32)
        return self.predictor.predict(
            [encoded.ids for encoded in self.reader.read(texts)]
        )

    def label(self, probabilities: FloatArray) -> Any:
        """The most probable label of each row; where there may be several, those."""
        if self.labels.several:
            given = probabilities >= self.thresholds
            return self.labels.decode(given.astype(np.int64))
        return self.labels.decode(probabilities.argmax(axis=1))

    @cached_property
    def thresholds(self) -> FloatArray:
        """``(labels,)``, from which probability on each of several labels is given."""
        layer = self.model.get_layer(PROBABILITIES)
        return np.array(keras.ops.convert_to_numpy(layer.thresholds))

    def evaluation(
        self, probabilities: FloatArray, targets: IntArray
    ) -> ClassificationEvaluation | LabelSetEvaluation:
        """How good probabilities are where these targets are right."""
        names = self.labels.names
        if self.labels.several:
            return evaluate_label_sets(probabilities, targets, names, self.thresholds)
        return evaluate(probabilities, targets, names)

    def explain(self, texts: Sequence[str]) -> list[Explanation]:
        """The label of each text and the tokens it rests on, of one pass."""
        if not len(texts):
            return []
        encoded_texts = self.reader.read(texts)
        readings = self.readings([encoded.ids for encoded in encoded_texts])
        return self.explanations(texts, encoded_texts, readings)

    def observation(
        self, texts: Sequence[str], layers: str | Sequence[str]
    ) -> Observation:
        """The attention of all layers over texts, one or more, of one pass.

        Args:
            texts: The texts.
            layers: Which layers are observed, see ``regard.observe``.
        """
        rows = [each.ids for each in self.reader.read(texts)]
        lengths = self.predictor.lengths
        longest = max(len(row) for row in rows)
        length = lengths[int(bucket_of(np.asarray([longest]), lengths)[0])]
        return observe(self.model, layers).predict_on_batch(
            pad(rows, len(rows), length)
        )

    def spelled(self, text: str) -> tuple[str, ...]:
        """What the model reads of a text, as its tokenizer spells it."""
        (encoded,) = self.reader.read([text])
        return encoded.pieces(text)

    def explanations(
        self,
        texts: Sequence[str],
        encoded_texts: Sequence[EncodedText],
        readings: Sequence[Reading],
    ) -> list[Explanation]:
        """What was made of texts, as their explanations."""
        names, bias, line = self.labels.names, self.bias, line_of(self)
        return [
            Explanation(
                text=text,
                label=names[int(reading.probabilities.argmax())],
                labels=names,
                probabilities=reading.probabilities,
                tokens=encoded.pieces(text),
                offsets=encoded.offsets,
                weights=encoded.summed(reading.shown),
                truncated=encoded.truncated,
                trust=line,
                contributions=encoded.summed(reading.contributions, axis=0),
                bias=bias,
                head_weights=(
                    encoded.summed(reading.weights)
                    if len(reading.weights) > 1 and not reading.of_labels
                    else None
                ),
                model=self.origin,
                given=self._given(reading.probabilities),
                label_weights=(
                    encoded.summed(reading.weights) if reading.of_labels else None
                ),
            )
            for text, encoded, reading in zip(
                texts, encoded_texts, readings, strict=True
            )
        ]

    def _given(self, probabilities: FloatArray) -> tuple[str, ...] | None:
        """The labels that a text is given where it may have several."""
        if not self.labels.several:
            return None
        places = np.flatnonzero(probabilities >= self.thresholds).tolist()
        return tuple(self.labels.names[place] for place in places)

    def readings(
        self, rows: Sequence[IntArray], predictor: Predictor | None = None
    ) -> list[Reading]:
        r"""Probabilities, attention and contributions of texts, of one pass.

        .. math::
            c_{tk} = \frac{1}{T} \sum_h a_{ht} \, h_t \cdot W_{hk}, \qquad
            p = \mathrm{softmax}\left(\sum_t c_t + b / T\right)

        The mean over the labels, which changes no probability, is taken off both. Where
        a text may have several labels the softmax is a sigmoid, nothing is taken off,
        and each label may have an attention of its own.

        Args:
            rows: The features of the tokens of each text, one text or more.
            predictor: Another than its own, see ``predictor_of``.
        """
        seen = (predictor or self.predictor).observe(rows)
        temperature = self.temperature
        return [
            Reading.of(
                probabilities,
                attention[ATTENTION].weights,
                evidence,
                temperature,
                several=self.labels.several,
            )
            for probabilities, attention, evidence in zip(
                seen.outputs, seen.attention, seen.of_tokens, strict=True
            )
        ]

    @property
    def bias(self) -> FloatArray:
        """``(labels,)``, the logits of a text without a token, in nats."""
        bias = keras.ops.convert_to_numpy(bias_of(self.model))
        shared = 0.0 if self.labels.several else bias.mean()
        return np.asarray((bias - shared) / self.temperature)

    @property
    def temperature(self) -> float:
        """What its logits are divided by; 1 in bundles of earlier releases."""
        names = [layer.name for layer in self.model.layers]
        if PROBABILITIES not in names:
            return 1.0
        return float(self.model.get_layer(PROBABILITIES).temperature)

    def described(
        self, evaluation: ClassificationEvaluation | LabelSetEvaluation | None
    ) -> bytes:
        """The card of its bundle: what it is and how good, in Markdown.

        Args:
            evaluation: That on the held-out examples; None: there were none.
        """
        card = card_of(self.labels.names, evaluation, self.temperature)
        return card_telling(card.encode("utf-8"), report_of(self))

    @property
    def most_steps(self) -> int | None:
        """The most tokens that its network reads of a text; None: any number."""
        return None

    def reading_rules(self) -> dict[str, str]:
        """How a text becomes what the model reads, for a program that runs alone."""
        features = base64.b64encode(self.reader.features.to_bytes())
        return {
            "tokenizer": self.reader.tokenizer.to_json(),
            "features": features.decode("ascii"),
        }

    def to_parts(self) -> dict[str, bytes]:
        """The parts of its bundle."""
        labels = json.dumps(self.labels.to_dict(), ensure_ascii=False, indent=2) + "\n"
        model = model_to_bytes(self.model)
        return {
            MODEL: model,
            **self._parts_of_reader(),
            LABELS: labels.encode("utf-8"),
            CONFIG: config_to_json(self.config, self.seed, self.chosen, self.columns),
            **({} if self.record is None else {RECORD: self.record}),
            **parts_telling(self, model, self.card),
        }

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> "TrainedTextClassifier":
        """Make sense of the parts of a checked bundle.

        Raises:
            BundleError: A part is not what it should be.
        """
        with bundle.reading(CONFIG) as content:
            config, seed, chosen = config_from_json(content, TextClassifierConfig)
            columns = columns_from_json(content)
        with bundle.reading(LABELS) as content:
            labels = Labels.from_dict(parse_json(content, most=_MOST_OF_LABELS))
        reader = cls._reader_from(bundle, config)
        card, trust = read_card(bundle), read_trust(bundle)
        record = read_record(bundle)
        with bundle.reading(MODEL) as content:
            model = cls._model_from(content, reader, len(labels))
            _check_scales(model, labels)
            # It reads the layers that answers are made of.
            trained = cls(
                reader,
                labels,
                config,
                seed,
                model,
                chosen,
                card=card,
                model_hash=bundle.digests[MODEL],
                trust=trust,
                columns=columns,
                record=record,
                origin=model_line(provenance_from_bytes(record or b"{}")),
                about=read_about(bundle),
            )
            if trained.bias.shape != (len(labels),):
                raise BundleError("The model does not fit the labels.")
        with bundle.reading(CONFIG) as content:
            check_agreement(content, cls._facts_of(model))
        return trained

    def _parts_of_reader(self) -> dict[str, bytes]:
        """The parts of its bundle that texts are read with."""
        return {
            TOKENIZER: self.reader.tokenizer.to_json().encode("utf-8"),
            FEATURES: self.reader.features.to_bytes(),
        }

    @classmethod
    def _reader_from(cls, bundle: Bundle, config: TextClassifierConfig) -> Any:
        """What those parts are."""
        with bundle.reading(TOKENIZER) as content:
            tokenizer = Tokenizer.from_json(content.decode("utf-8"))
        with bundle.reading(FEATURES) as content:
            features = Features.from_bytes(content)
            if features.words != tokenizer.vocabulary_size:
                raise BundleError("The features are those of another vocabulary.")
        return FeatureReader(tokenizer, features, config.max_length)

    @classmethod
    def _model_from(cls, content: bytes, reader: Any, classes: int) -> keras.Model:
        """The model of a bundle, which fits what is read and the labels."""
        model = model_from_bytes(content, KNOWN_LAYERS)
        _check_shapes(model, reader.features, classes)
        return model

    @classmethod
    def _facts_of(cls, model: keras.Model) -> dict[str, Any]:
        """The settings that the model was built with, as far as its layers tell."""
        return settings_of(model)


def _check_shapes(model: keras.Model, features: Features, classes: int) -> None:
    fitting = (None, None, features.width), (None, classes)
    shapes = model.input_shape, model.output_shape
    if shapes != fitting or model.get_layer(EMBEDDING).rows != features.size:
        raise BundleError(
            "The model does not fit the features and the labels.",
            expected=f"from {fitting[0]} to {fitting[1]}, with {features.size} rows",
            received=f"from {shapes[0]} to {shapes[1]}",
        )


def _check_scales(model: keras.Model, labels: Labels) -> None:
    """Refuse a model whose logits, or what they are made of, are divided by nothing."""
    scales = [
        (name, float(getattr(layer, name)))
        for layer in model.layers
        for kind, name in ((TemperedSoftmax, "temperature"), (Evidence, "bound"))
        if isinstance(layer, kind)
    ]
    if labels.several != isinstance(model.layers[-1], TemperedSigmoid):
        raise BundleError("The model does not give as many labels as it says.")
    for name, value in scales:
        if not value > 0:
            raise BundleError(
                f"The {name} of the model is out of range.",
                expected="a number above 0",
                received=str(value),
            )
