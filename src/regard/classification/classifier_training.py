"""The training of a text classifier: from labelled texts to what answers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from regard.classification._encoder.encoder_classifier import corpus_for_encoder
from regard.classification._encoder.hub_encoder import HubEncoder
from regard.classification.artifact import TrainedTextClassifier
from regard.classification.class_metrics import ClassificationEvaluation
from regard.classification.config import TextClassifierConfig
from regard.classification.corpus import Corpus, corpus_of
from regard.classification.example_weights import class_weights_of
from regard.classification.known_vectors import VectorSource
from regard.classification.label_sets import (
    LabelSetEvaluation,
)
from regard.classification.labelled_texts import LabelledTexts
from regard.classification.trainer import ClassificationCallback, train_text_classifier
from regard.text import Labels
from regard.training.batches import EncodedExamples
from regard.training.devices import sharing
from regard.training.loop import TrainingOutcome
from regard.training.training_run import RunCallbacks

# So many held-out examples are measured at a time.
_AT_ONCE = 1 << 12


def fit_text_classifier(
    train: LabelledTexts,
    validation: LabelledTexts | None,
    labels: Labels,
    *,
    config: TextClassifierConfig,
    chosen: Mapping[str, Any],
    seed: int,
    checkpoint: Path | None,
    progress: ClassificationCallback | None,
    devices: int | str | None = None,
    callbacks: RunCallbacks | None = None,
    vectors: VectorSource | None = None,
    encoder: HubEncoder | None = None,
) -> TrainingOutcome[TrainedTextClassifier]:
    """Learn the words of ``train``, then train a model on them.

    Args:
        train: The texts to train on.
        validation: The texts to choose the best epoch on.
        labels: The labels of both.
        config: The settings.
        chosen: Those of them that the user chose.
        seed: What all random choices depend on.
        checkpoint: The file that holds how far the training is, or None.
        progress: Called while the training runs.
        devices: Those between which each batch is cut, as ``sharing`` takes them.
        callbacks: Those of the user, who are told about it.
        vectors: Word vectors.
        encoder: What the texts are read by; None: words that are learned from them.

    Raises:
        ArgumentError: The checkpoint is that of another training.
        ClusterError: Processes that train together were not given the same.
        DataError: There is no word in the texts, or ``validation`` has another label.
    """
    if config.class_weight is not None:
        # A label that there is not is told before anything is read.
        none = EncodedExamples([], labels.encode(train.labels))
        class_weights_of(config.class_weight, labels, none)
    if encoder is None:
        corpus = corpus_of(train, validation, labels, config, vectors)
    else:
        corpus = corpus_for_encoder(train, validation, labels, config, encoder)
    return fit_corpus(
        corpus,
        chosen=chosen,
        seed=seed,
        checkpoint=checkpoint,
        progress=progress,
        devices=devices,
        callbacks=callbacks,
    )


def fit_corpus(
    corpus: Corpus,
    *,
    chosen: Mapping[str, Any],
    seed: int,
    checkpoint: Path | None,
    progress: ClassificationCallback | None,
    devices: int | str | None = None,
    callbacks: RunCallbacks | None = None,
) -> TrainingOutcome[TrainedTextClassifier]:
    """Train a model on examples that were read; arguments as above."""
    labels = corpus.labels

    def trained_of(model: keras.Model) -> TrainedTextClassifier:
        return corpus.artifact_type(
            corpus.reader, labels, corpus.config, seed, model, chosen
        )

    if callbacks is not None:
        callbacks.prepare(corpus.config, trained_of)
    class_weights = class_weights_of(
        corpus.config.class_weight, corpus.labels, corpus.train
    )
    with sharing(devices):
        outcome = train_text_classifier(
            corpus.train,
            corpus.held_out,
            network=corpus.network,
            classes=len(corpus.labels),
            config=corpus.config,
            seed=seed,
            checkpoint=checkpoint,
            progress=progress,
            callbacks=callbacks,
            class_weights=class_weights,
        )
    trained = trained_of(outcome.model)
    evaluation = None
    if outcome.validation is not None:
        evaluation = trained.evaluation(*outcome.validation)
    elif corpus.held_out is not None and corpus.is_on_disk:
        evaluation = _evaluated(trained, corpus.held_out)
    held_out = 0 if corpus.held_out is None else len(corpus.held_out)
    counts = {"train": len(corpus.train), "held_out": held_out}
    if corpus.vectors is not None:
        counts |= corpus.vectors.counts
    return TrainingOutcome(
        trained, outcome.history, outcome.interrupted, evaluation, counts
    )


def _evaluated(
    trained: TrainedTextClassifier, held_out: EncodedExamples
) -> ClassificationEvaluation | LabelSetEvaluation:
    """Measure a classifier on examples that soon nobody has any more."""
    sequences = held_out.sequences
    probabilities = [
        trained.predictor.predict(sequences[first : first + _AT_ONCE])
        for first in range(0, len(sequences), _AT_ONCE)
    ]
    return trained.evaluation(np.concatenate(probabilities), held_out.targets)
