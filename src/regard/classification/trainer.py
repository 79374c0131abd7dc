"""The training of the network of a text classifier, to the best weights."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np

from regard._validate import wrong_value
from regard.classification.config import TextClassifierConfig
from regard.classification.example_weights import weighed
from regard.classification.initialization import Network
from regard.classification.label_sets import (
    fitted_thresholds,
    sigmoid_tempered,
)
from regard.classification.temperature import (
    PROBABILITIES,
    HeldOut,
    cross_validated_answers,
    fitted_temperature,
)
from regard.classification.validation_measures import ValidationMeasures, merit_by
from regard.training.batches import BucketedBatches, EncodedExamples
from regard.training.callbacks import ProgressReporter, TrainingProgress
from regard.training.devices import check_same, padded_height
from regard.training.loop import TrainingLoop, TrainingOutcome
from regard.training.model_selection import ModelSelection
from regard.training.training_run import RunCallbacks
from regard.types import FloatArray

# The names of the metrics that a model in training is compiled with.
_LOSS, _ACCURACY = "cross_entropy", "accuracy"
# So many held-out examples say well enough how sure a model may be.
_ENOUGH = 200


@dataclass(frozen=True, kw_only=True)
class ClassificationProgress(TrainingProgress):
    """The progress of the training of a text classifier.

    Args:
        accuracy: The training accuracy of the epoch so far.
        validation_accuracy: The accuracy on the validation examples, at the end of an
            epoch; None within epochs and without validation.
    """

    accuracy: float
    validation_accuracy: float | None

    def figures(self) -> str:
        """What is measured while an epoch runs, in a few words."""
        return f"{super().figures()}  accuracy {self.accuracy:.3f}"

    def figures_of_epoch(self) -> str:
        """What is measured once it has ended, on the validation examples, too."""
        said = super().figures_of_epoch()
        if self.validation_accuracy is not None:
            said += f"  accuracy {self.validation_accuracy:.3f}"
        return said


ClassificationCallback: TypeAlias = Callable[[ClassificationProgress], None]


def train_text_classifier(
    train: EncodedExamples,
    validation: EncodedExamples | None,
    *,
    network: Network,
    classes: int,
    config: TextClassifierConfig,
    seed: int,
    checkpoint: Path | None = None,
    progress: ClassificationCallback | None = None,
    callbacks: RunCallbacks | None = None,
    class_weights: FloatArray | None = None,
) -> TrainingOutcome[keras.Model]:
    """Train the network of a text classifier.

    The outcome has as ``validation`` the probabilities of the validation examples and
    their classes, where they were asked for since the training began or went on.

    Training ends when the validation has not become better for ``config.patience``
    epochs, and the weights of the best epoch are kept: that of the highest accuracy, or
    what else ``config.choose_by`` names, of several that of the lowest loss. The
    temperature that suits the validation makes the model as sure as it is right. The
    same arguments give the same model; the global random state is neither used nor
    changed.

    Weights of examples count wherever examples are counted, those of classes in what
    is learned alone. How good a model is and how sure it may be is asked of the data as
    they are: with a rare class that counts more it is no more often right.

    Args:
        train: The examples to train on.
        validation: The examples to choose the best epoch on; None: the last one is.
        network: What the model is made of.
        classes: The number of classes.
        config: The settings.
        seed: What all random choices depend on.
        checkpoint: The file that holds how far the training is.
        progress: Called while the training runs.
        callbacks: Those of the user, who are told about it.
        class_weights: ``(classes,)``, how much examples count by their class.

    Raises:
        ArgumentError: The checkpoint is that of another training.
        KeyboardInterrupt: There was one before the end of the first epoch. A later
            one ends the training with the best weights so far.
    """
    check_same(
        lambda: {
            "seed": seed,
            **_digests(train, validation),
            **config.to_dict(),
            **network.facts,
            "number of labels": classes,
            "checkpoint": checkpoint is not None,
        }
    )
    model = network.build(classes, config, seed)
    train = weighed(train, class_weights)
    batches = _batches(train.in_steps(), config, seed)
    several = train.targets.ndim == 2
    if several and config.choose_by == "balanced_accuracy":
        raise wrong_value(
            "choose_by",
            config.choose_by,
            "'accuracy', 'macro_f1' or 'loss' where a text may have several labels",
        )
    _compile(model, config, steps=config.epochs * len(batches), several=several)
    held_out = None
    if validation is not None:
        held_out = HeldOut(_batches(validation, config).epoch(0))
    measured = ValidationMeasures(model, held_out, config.choose_by)
    begin = _beginning_of(model, network, classes, config, seed)
    begin(train)
    selection = ModelSelection(merit_by(config.choose_by), config.patience)
    loop = TrainingLoop(
        model=model,
        fresh=lambda: network.build(classes, config, seed),
        batches=batches,
        validate=measured.validate,
        selection=selection,
        reporter=_ClassificationReporter(progress, config.epochs, len(batches)),
        epochs=config.epochs,
        loss_name=_LOSS,
        identity={
            "seed": seed,
            # Without a checkpoint nobody asks for them.
            **({} if checkpoint is None else _digests(train, validation)),
            "widths of batches": list(batches.widths),
            **config.to_dict(),
            **network.facts,
        },
        checkpoint=checkpoint,
        callbacks=callbacks,
    )
    outcome = loop.run()
    best = selection.best()
    temperature, answers = best.validation.get("temperature", 1.0), None
    asked = 0 if validation is None else len(validation)
    if not outcome.interrupted and _says_little(asked, len(train), config):
        try:
            answers = cross_validated_answers(
                model,
                train,
                begin=begin,
                batches=lambda part: _batches(part, config, seed, batches.widths),
                epochs=best.epoch,
                folds=config.calibration_folds,
            )
            temperature = fitted_temperature(*answers)
        except KeyboardInterrupt:
            outcome = replace(outcome, interrupted=True)
    if several and answers is None and held_out is not None:
        answers = held_out.answers(outcome.model)
    last = outcome.model.get_layer(PROBABILITIES)
    last.temperature.assign(temperature)
    if several and answers is not None:
        at_temperature = sigmoid_tempered(answers.probabilities, temperature)
        thresholds = fitted_thresholds(at_temperature, answers.targets, answers.weights)
        last.thresholds.assign(thresholds)
    return replace(outcome, validation=measured.answers(best, temperature))


def _digests(
    train: EncodedExamples, validation: EncodedExamples | None
) -> dict[str, str | None]:
    """What is trained on, by a name."""
    return {
        "training examples": train.digest(),
        "validation examples": None if validation is None else validation.digest(),
    }


def _beginning_of(
    model: keras.Model,
    network: Network,
    classes: int,
    config: TextClassifierConfig,
    seed: int,
) -> Callable[[EncodedExamples], None]:
    """Puts the model, as it is now, where a training on some examples begins."""
    variables = [*model.variables, *model.optimizer.variables]
    values = [np.array(keras.ops.convert_to_numpy(each)) for each in variables]

    def begin(examples: EncodedExamples) -> None:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        network.start(model, examples, classes, config, seed=seed)

    return begin


def _says_little(held_out: int, train: int, config: TextClassifierConfig) -> bool:
    """Whether what is held out is little, and the rest soon learned again."""
    few = held_out < _ENOUGH and train < 10 * _ENOUGH
    return few and config.calibration_folds > 0


class _ClassificationReporter(ProgressReporter):
    """Reports the loss and the accuracy."""

    log_names = (_LOSS, _ACCURACY)

    def describe(
        self,
        logs: Mapping[str, float],
        validation: Mapping[str, float],
        **position: Any,
    ) -> ClassificationProgress:
        """The progress that is reported."""
        return ClassificationProgress(
            loss=logs[_LOSS],
            accuracy=logs[_ACCURACY],
            validation_loss=validation.get("loss"),
            validation_accuracy=validation.get("accuracy"),
            **position,
        )


def _batches(
    examples: EncodedExamples,
    config: TextClassifierConfig,
    seed: int | None = None,
    widths: Sequence[int] | None = None,
) -> BucketedBatches:
    return BucketedBatches(
        examples,
        config.batch_size,
        config.max_length,
        seed,
        epochs=config.epochs,
        widths=widths,
    )


def _compile(
    model: keras.Model, config: TextClassifierConfig, steps: int, *, several: bool
) -> None:
    rate = config.learning_rate
    falling = keras.optimizers.schedules.PolynomialDecay(rate, steps, rate / 50)
    optimizer = keras.optimizers.Adam(falling)
    optimizer.build(model.trainable_variables)
    loss, share = "sparse_categorical_crossentropy", None
    losses, metrics = keras.losses, keras.metrics
    measures = [
        metrics.SparseCategoricalCrossentropy(name=_LOSS),
        metrics.SparseCategoricalAccuracy(name=_ACCURACY),
    ]
    if several:
        loss = "binary_crossentropy"
        measures = [
            metrics.BinaryCrossentropy(name=_LOSS),
            metrics.MeanMetricWrapper(_has_exactly, name=_ACCURACY),
        ]
    if padded_height(config.batch_size) != config.batch_size:
        # The mean over the rows of a batch, not over those that make it divide.
        of_one, of_several = (
            losses.SparseCategoricalCrossentropy,
            losses.BinaryCrossentropy,
        )
        loss = (of_several if several else of_one)(reduction="sum")
        share = 1 / config.batch_size
    # Keras's own loss log counts rows of padding; weighted metrics do not.
    model.compile(
        optimizer=optimizer,
        loss=loss,
        loss_weights=share,
        weighted_metrics=measures,
    )


def _has_exactly(targets: Any, probabilities: Any) -> Any:
    """Whether each text is given exactly its labels, where these are likely."""
    given = keras.ops.cast(probabilities > 0.5, "int32")
    is_right = keras.ops.equal(keras.ops.cast(targets, "int32"), given)
    return keras.ops.all(is_right, axis=-1)
