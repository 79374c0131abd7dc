"""Training a text classifier: from examples to the best weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from regard.classification.config import TextClassifierConfig
from regard.classification.initialization import (
    log_odds,
    start_from_naive_bayes,
    start_randomly,
)
from regard.classification.network import build_text_classifier
from regard.text.features import Features
from regard.training.batches import BucketedBatches, EncodedExamples
from regard.training.interrupts import InterruptBetweenSteps
from regard.training.progress import ACCURACY, LOSS, Logs, ProgressCallback, Reporting


@dataclass(frozen=True, eq=False)
class Trained:
    """What a training ended with.

    Args:
        model: The model with the best weights, without any state of the training.
        epochs: The number of epochs that were finished.
        interrupted: Whether an interrupt ended the training.
    """

    model: keras.Model
    epochs: int
    interrupted: bool


class _BestWeights(keras.callbacks.Callback):
    """Keeps the weights of the epoch with the best validation accuracy, out of reach.

    Of epochs with the same accuracy the one with the lowest loss is the best. The
    weights are copies: what an interrupt leaves in the model itself need not be whole.
    Without validation the last epoch is the best.
    """

    def __init__(self, patience: int) -> None:
        super().__init__()
        self.weights: Sequence[Any] = ()
        self.epochs = 0
        self._best = (-np.inf, -np.inf)
        self._best_epoch = 0
        self._patience = patience

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Keep the weights when they are the best so far, and end when none come."""
        self.epochs = epoch + 1
        rank = _rank(logs or {})
        if rank is None or rank > self._best:
            self._best = self._best if rank is None else rank
            self._best_epoch = epoch
            self.weights = [np.array(weight) for weight in self.model.get_weights()]
        elif epoch - self._best_epoch >= self._patience:
            self.model.stop_training = True


def _rank(logs: Mapping[str, Any]) -> tuple[float, float] | None:
    """How good an epoch is: greater is better; None without validation."""
    if f"val_{LOSS}" not in logs:
        return None
    return logs[f"val_{ACCURACY}"], -logs[f"val_{LOSS}"]


def train_text_classifier(
    train: EncodedExamples,
    validation: EncodedExamples | None,
    *,
    features: Features,
    classes: int,
    config: TextClassifierConfig,
    seed: int,
    progress: ProgressCallback | None = None,
) -> Trained:
    """Train the default text classifier.

    Training ends when the validation has not become better for ``config.patience``
    epochs, and the weights of the best epoch are kept. The same arguments give the
    same model; the global random state is neither used nor changed.

    Args:
        train: What is trained on.
        validation: What the best epoch is chosen on; None: the last epoch is.
        features: What is read of each token.
        classes: The number of classes.
        config: The settings.
        seed: What all random choices depend on.
        progress: Called while the training runs.

    Raises:
        KeyboardInterrupt: There was one before the end of the first epoch. A later
            one ends the training with the best weights so far.
    """
    model = _build(features, classes, config, seed)
    start_randomly(model, features.words, seed)
    # Without a unit for each class there is no place for its evidence.
    if config.naive_bayes and classes <= config.embedding_units:
        odds = log_odds(train.sequences, train.targets, features.size, classes)
        start_from_naive_bayes(model, odds, config)
    batches = _batches(train, config, seed)
    _compile(model, config, steps=config.epochs * len(batches))
    best = _BestWeights(config.patience)
    # The best weights are safe before anybody is told about the epoch.
    interrupts = InterruptBetweenSteps()
    reporting = [Reporting(progress)] if progress else []
    interrupted = False
    try:
        with interrupts.listening():
            model.fit(
                batches,
                validation_data=_batches(validation, config) if validation else None,
                epochs=config.epochs,
                callbacks=[best, *reporting, interrupts],
                shuffle=False,  # the batches shuffle themselves, by the seed
                verbose=0,
            )
    except KeyboardInterrupt:
        if not best.weights:
            raise
        interrupted = True
    # A fresh model: the interrupted one may be without its arrays, and the state of
    # the optimizer belongs in no bundle.
    finished = _build(features, classes, config, seed)
    finished.set_weights(best.weights)
    return Trained(finished, best.epochs, interrupted)


def _build(
    features: Features, classes: int, config: TextClassifierConfig, seed: int
) -> keras.Model:
    return build_text_classifier(
        config,
        rows=features.size,
        ngrams=features.order,
        width=features.width,
        classes=classes,
        seed=seed,
    )


def _batches(
    examples: EncodedExamples, config: TextClassifierConfig, seed: int | None = None
) -> BucketedBatches:
    return BucketedBatches(examples, config.batch_size, config.max_length, seed)


def _compile(model: keras.Model, config: TextClassifierConfig, steps: int) -> None:
    rate = config.learning_rate
    falling = keras.optimizers.schedules.PolynomialDecay(rate, steps, rate / 50)
    # Keras's own loss log counts rows of padding; weighted metrics do not.
    model.compile(
        optimizer=keras.optimizers.Adam(falling),
        loss="sparse_categorical_crossentropy",
        weighted_metrics=[
            keras.metrics.SparseCategoricalCrossentropy(name=LOSS),
            keras.metrics.SparseCategoricalAccuracy(name=ACCURACY),
        ],
    )
