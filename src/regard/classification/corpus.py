"""The examples of a training as a model reads them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from regard.classification.artifact import Reader, TrainedTextClassifier
from regard.classification.config import TextClassifierConfig
from regard.classification.initialization import FeatureNetwork, Network
from regard.classification.known_vectors import KnownVectors, VectorSource
from regard.classification.labelled_texts import LabelledTexts
from regard.errors import DataError
from regard.text import EncodedText, FeatureReader, Labels, Tokenizer
from regard.text.feature_reader import texts_with
from regard.text.features import learn_features
from regard.text.id_file import IdFile
from regard.training.batches import EncodedExamples
from regard.types import FloatArray


@dataclass(frozen=True, eq=False)
class Corpus:
    """What a classifier is trained on, and what it reads it with.

    Args:
        reader: Text to what the model reads.
        labels: The labels.
        config: The settings.
        train: The examples to train on.
        held_out: The examples to choose the best epoch on; None: there are none.
        counts: How often each label is there, of a file.
        vectors: The vectors of its words, where there are some.
    """

    reader: Reader
    labels: Labels
    config: TextClassifierConfig
    train: EncodedExamples
    held_out: EncodedExamples | None
    counts: Mapping[str, int] = field(default_factory=dict)
    vectors: KnownVectors | None = None

    #: What a training makes of it.
    artifact_type: ClassVar[type[TrainedTextClassifier]] = TrainedTextClassifier

    @property
    def network(self) -> Network:
        """What the model is made of."""
        features, several = self.reader.features, self.labels.several
        return FeatureNetwork(features, self.vectors, several)

    @property
    def is_on_disk(self) -> bool:
        """Whether the examples are there inside the block alone that gave them."""
        return isinstance(self.train.sequences, IdFile)


def corpus_of(
    train: LabelledTexts,
    held_out: LabelledTexts | None,
    labels: Labels,
    config: TextClassifierConfig,
    vectors: VectorSource | None = None,
) -> Corpus:
    """Learn the words of texts in memory, then what else is read of each.

    Raises:
        DataError: There is no word in the texts, or ``held_out`` has another label.
    """
    reader, read, known = _learned_reader(train.texts, config, vectors)

    return Corpus(
        reader,
        labels,
        config,
        examples_of(train, read, labels),
        None
        if held_out is None
        else examples_of(held_out, reader.read(held_out.texts), labels),
        vectors=known,
    )


def examples_of(
    labelled: LabelledTexts, encoded_texts: Sequence[EncodedText], labels: Labels
) -> EncodedExamples:
    """Texts as they were read, with their classes and how much each counts.

    Raises:
        DataError: There is another label.
    """
    ids = [encoded.ids for encoded in encoded_texts]
    targets = labels.encode(labelled.labels)
    return EncodedExamples(ids, targets, as_weights(labelled.weights))


def as_weights(weights: Sequence[float] | None) -> FloatArray | None:
    """How much examples count, where anything says it, ``(examples,)``."""
    return None if weights is None else np.asarray(weights, np.float32)


def learned_tokenizer(
    texts: Sequence[str] | Iterator[str],
    config: TextClassifierConfig,
    vectors: VectorSource | None,
) -> tuple[Tokenizer, KnownVectors | None]:
    """The words of texts, and those that vectors have, with these.

    Raises:
        DataError: There are none, or the vectors have none of them.
    """
    tokenizer = Tokenizer.train(texts, config.max_vocabulary, config.min_frequency)
    if tokenizer.vocabulary_size == Tokenizer.UNKNOWN_ID + 1:
        raise DataError(
            "There is nothing to learn from in the texts.",
            expected=f"words seen {config.min_frequency} times or more",
            received="none",
        )
    if vectors is None:
        return tokenizer, None
    return KnownVectors.of(vectors, tokenizer, config.max_vocabulary)


def _learned_reader(
    texts: Sequence[str],
    config: TextClassifierConfig,
    vectors: VectorSource | None = None,
) -> tuple[FeatureReader, list[EncodedText], KnownVectors | None]:
    """Learn the words of the texts, then what else is read of each, and read them."""
    tokenizer, known = learned_tokenizer(texts, config, vectors)
    encoded_texts = tokenizer.encode(texts, config.max_length)
    features = learn_features(
        [encoded.ids for encoded in encoded_texts],
        texts_with(tokenizer, encoded_texts, texts) if config.subwords else {},
        tokenizer.vocabulary_size,
        order=config.ngram_order,
        min_texts=config.min_texts,
        max_ngrams=config.max_ngrams,
        columns=config.subwords,
    )
    reader = FeatureReader(tokenizer, features, config.max_length)
    return reader, reader.add_features(texts, encoded_texts), known
