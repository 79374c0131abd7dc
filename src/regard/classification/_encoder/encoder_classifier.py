"""A trained classifier with an encoder, and what it is trained on."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import keras

from regard.bundle import Bundle
from regard.bundle.model_file import model_from_bytes
from regard.classification._encoder.encoder_network import (
    ENCODER,
    STATES,
    EncoderNetwork,
)
from regard.classification._encoder.hub_encoder import (
    BACKBONES,
    HubEncoder,
    keras_hub,
    tokenizer_from_bytes,
    tokenizer_to_bytes,
)
from regard.classification._encoder.text_pieces import PieceReader
from regard.classification.artifact import (
    CONFIG,
    KNOWN_LAYERS,
    LABELS,
    MODEL,
    TrainedTextClassifier,
)
from regard.classification.config import TextClassifierConfig
from regard.classification.corpus import Corpus, examples_of
from regard.classification.labelled_texts import LabelledTexts
from regard.classification.network import ATTENTION
from regard.data.streamed_file import StreamedFile
from regard.errors import ArgumentError, BundleError, listed
from regard.text import Labels
from regard.training.batches import EncodedExamples

#: The part of a bundle that holds the tokenizer of an encoder.
PIECES = "pieces.json"
PARTS_WITH_ENCODER = frozenset({MODEL, PIECES, LABELS, CONFIG})
_LAYERS = KNOWN_LAYERS | {"PieceInputs", "PieceStates"}
# Longer ones are cut, where the encoder itself reads any number of pieces.
_MOST_PIECES = 510
# Settings of what is read of words, and of the start that is made of it.
_OF_WORDS = (
    "max_vocabulary",
    "min_frequency",
    "ngram_order",
    "min_texts",
    "max_ngrams",
    "subwords",
    "embedding_units",
    "recurrent_units",
    "feature_dropout",
    "naive_bayes",
    "regression",
    "naive_bayes_share",
    "sharpness",
    "evidence_bound",
    "salience",
    "freeze_vectors",
)


def encoder_config(
    encoder: HubEncoder, settings: Mapping[str, Any], *, vectors: bool = False
) -> TextClassifierConfig:
    """All settings of a classifier with an encoder, of those that the user chose.

    The encoder knows its language; what it has to learn is little, and steps of the
    size that other networks take would undo what it knows. Where it is not trained,
    what stands on it is small and takes larger ones.

    Args:
        encoder: The encoder.
        settings: The settings that the user chose.
        vectors: Whether word vectors were given, too.

    Raises:
        ArgumentError: A setting says nothing about such a classifier, or more pieces
            are to be read than the encoder has positions for.
    """
    pointless = [name for name in settings if name in _OF_WORDS]
    pointless += ["vectors"] * vectors
    if pointless:
        raise ArgumentError(
            "With an encoder these settings say nothing: "
            f"{listed(pointless, len(pointless))}.",
            expected="settings of the training and of the attention over the states",
            arguments=pointless,
            fix="Leave them out: an encoder reads pieces of its own.",
        )
    most = encoder.most_pieces
    trained = settings.get("train_encoder", True)
    defaults = {
        "max_length": _MOST_PIECES if most is None else min(most, _MOST_PIECES),
        "ngram_order": 1,
        "subwords": 0,
        "recurrent_units": 0,
        "num_heads": 1,
        "attention_dropout": 0.1,
        "dropout": 0.1,
        "learning_rate": 5e-5 if trained else 1e-3,
        "epochs": 4 if trained else 20,
        "batch_size": 32,
        # Each would be another training of the encoder.
        "calibration_folds": 0,
    }
    config = TextClassifierConfig.of({**defaults, **settings})
    if most is not None and config.max_length > most:
        raise ArgumentError(
            "The encoder does not read so many pieces of a text.",
            expected=f"max_length of {most} or less",
            received=str(config.max_length),
            arguments=["max_length"],
        )
    return config


def check_not_streamed(source: Any, stream: bool | None) -> bool:
    """How a file is read for an encoder, which is trained on what is in memory.

    Raises:
        ArgumentError: It was asked for in another way.
    """
    if stream or isinstance(source, StreamedFile):
        raise ArgumentError(
            "With an encoder a file is not read from disk again and again.",
            expected="stream=False or None",
            received="stream=True",
            arguments=["stream"],
            fix="Train on a part of it: an encoder needs less than other networks.",
        )
    return False


@dataclass(frozen=True, eq=False)
class TrainedEncoderClassifier(TrainedTextClassifier):
    """A classifier whose states are those of an encoder; see the class it is of."""

    reader: PieceReader

    @property
    def differentiated(self) -> str | None:
        """The states of pieces: what the encoder reads has more places than a text."""
        return STATES

    @cached_property
    def encoder(self) -> HubEncoder:
        """The encoder, as it was trained."""
        backbone = self.model.get_layer(ENCODER)
        return HubEncoder(backbone, self.reader.tokenizer.tokenizer)

    def spelled(self, text: str) -> tuple[str, ...]:
        """The pieces of a text, with those that the encoder has around it."""
        (encoded,) = self.reader.read([text])
        start, end, _ = self.encoder.around
        ids = [start, *(encoded.ids - 1).tolist(), end]
        return tuple(self.reader.tokenizer.spelled(id_) for id_ in ids)

    @property
    def most_steps(self) -> int | None:
        """As many as it has positions for."""
        return self.encoder.most_pieces

    def reading_rules(self) -> dict[str, str]:
        """The tokenizer; what cuts texts so is KerasHub's."""
        return {"pieces": self._parts_of_reader()[PIECES].decode("utf-8")}

    def _parts_of_reader(self) -> dict[str, bytes]:
        return {PIECES: tokenizer_to_bytes(self.reader.tokenizer.tokenizer)}

    @classmethod
    def _reader_from(cls, bundle: Bundle, config: TextClassifierConfig) -> PieceReader:
        with bundle.reading(PIECES) as content:
            tokenizer = tokenizer_from_bytes(content)
        return PieceReader(tokenizer, config.max_length)

    @classmethod
    def _model_from(
        cls, content: bytes, reader: PieceReader, classes: int
    ) -> keras.Model:
        keras_hub()
        model = model_from_bytes(content, _LAYERS, frozenset(BACKBONES))
        shapes = model.input_shape, model.output_shape
        backbone = model.get_layer(ENCODER)
        known = reader.tokenizer.tokenizer.vocabulary_size()
        if shapes != ((None, None), (None, classes)) or not isinstance(
            backbone, keras_hub().models.Backbone
        ):
            raise BundleError("The model does not fit the labels.")
        if known > backbone.vocabulary_size:
            raise BundleError(
                "The model does not fit the tokenizer.",
                expected=f"{known} embeddings or more",
                received=str(backbone.vocabulary_size),
            )
        most = HubEncoder(backbone, None).most_pieces
        if most is not None and reader.max_length > most:
            raise BundleError(
                "The settings do not fit the model: it reads fewer pieces of a text.",
                expected=f"{most} or fewer",
                received=str(reader.max_length),
            )
        return model

    @classmethod
    def _facts_of(cls, model: keras.Model) -> dict[str, Any]:
        return {
            "num_heads": model.get_layer(ATTENTION).num_heads,
            "train_encoder": model.get_layer(ENCODER).trainable,
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class EncoderCorpus(Corpus):
    """What a classifier with an encoder is trained on; see ``Corpus``.

    Args:
        encoder: The encoder.
    """

    encoder: HubEncoder
    artifact_type: ClassVar[type[TrainedTextClassifier]] = TrainedEncoderClassifier

    @property
    def network(self) -> EncoderNetwork:
        """What the model is made of."""
        return EncoderNetwork(self.encoder)


def corpus_for_encoder(
    train: LabelledTexts,
    held_out: LabelledTexts | None,
    labels: Labels,
    config: TextClassifierConfig,
    encoder: HubEncoder,
) -> EncoderCorpus:
    """Read texts as an encoder does.

    Raises:
        DataError: ``held_out`` has another label.
    """
    reader = PieceReader(encoder.tokenizer, config.max_length)

    def examples(labelled: LabelledTexts) -> EncodedExamples:
        return examples_of(labelled, reader.read(labelled.texts), labels)

    return EncoderCorpus(
        reader,
        labels,
        config,
        examples(train),
        None if held_out is None else examples(held_out),
        encoder=encoder,
    )
