"""The training of a translator: from pairs of texts to the best weights."""

import copy
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import keras

from regard.decoding.shortlist import FEWEST_SYMBOLS
from regard.ops import product_path
from regard.text import SequenceVocabulary
from regard.training.callbacks import (
    InterruptBetweenSteps,
    Logs,
    ProgressReporter,
    TrainingProgress,
)
from regard.training.devices import (
    LocalRows,
    check_same,
    device_count,
    on_one_device,
    sharing,
)
from regard.training.loop import TrainingLoop, TrainingOutcome
from regard.training.model_selection import Merit, ModelSelection
from regard.training.training_run import RunCallbacks
from regard.translation.artifact import TrainedTranslator
from regard.translation.attention_links import learn_shortlist
from regard.translation.config import TranslatorConfig
from regard.translation.evaluation import SelectionMetric, ValidationBleu
from regard.translation.loss import SequenceLoss
from regard.translation.pair_batches import EncodedPairs, EpochBatches, PairBatches
from regard.translation.read_pairs import ReadPairs, encoded_pairs, read_pairs
from regard.translation.seq2seq import Seq2Seq
from regard.translation.text_pairs import TextPairs


@dataclass(frozen=True, kw_only=True)
class TranslationProgress(TrainingProgress):
    """The progress of the training of a translator.

    The loss is that of a symbol, smoothed labels and dropout included.

    Args:
        tokens_per_second: Target symbols trained on a second, in this epoch.
    """

    tokens_per_second: float

    def figures(self) -> str:
        """What is measured while an epoch runs, in a few words."""
        return f"{super().figures()}  {self._speed()}"

    def figures_of_epoch(self) -> str:
        """What is measured once it has ended, on the validation examples, too."""
        if self.validation_loss is None:
            return self.figures()
        said = f"{super().figures()}  validation loss {self.validation_loss:z.3f}"
        return f"{said}  {self._speed()}"

    def _speed(self) -> str:
        return f"{self.tokens_per_second:,.0f} tokens/s"


TranslationCallback: TypeAlias = Callable[[TranslationProgress], None]


def fit_translator(
    train: TextPairs,
    validation: TextPairs | None,
    *,
    config: TranslatorConfig,
    chosen: Mapping[str, Any],
    seed: int,
    choose_by: str,
    checkpoint: Path | None,
    progress: TranslationCallback | None,
    devices: int | str | None = None,
    callbacks: RunCallbacks | None = None,
) -> TrainingOutcome[TrainedTranslator]:
    """Learn the vocabularies of ``train``, then train a model.

    Args:
        train: The pairs to train on.
        validation: The pairs to choose the best epoch on.
        config: The settings.
        chosen: Those of them that the user chose.
        seed: What all random choices depend on.
        choose_by: ``"loss"`` or ``"bleu"``, what tells the best epoch.
        checkpoint: The file that holds how far the training is, or None.
        progress: Called while the training runs.
        devices: Those between which each batch is cut, as ``sharing`` takes them.
        callbacks: Those of the user, who are told about it.

    Raises:
        ArgumentError: The checkpoint is that of another training.
        ClusterError: Processes that train together were not given the same.
        DataError: No pair is short enough, or there is nothing to learn.
    """
    # What the environment says of them wrongly is refused here, not in the first step.
    product_path(config.products)
    return fit_read_pairs(
        read_pairs(train, validation, config),
        config=config,
        chosen=chosen,
        seed=seed,
        choose_by=choose_by,
        checkpoint=checkpoint,
        progress=progress,
        devices=devices,
        callbacks=callbacks,
    )


def fit_read_pairs(
    pairs: ReadPairs,
    *,
    config: TranslatorConfig,
    chosen: Mapping[str, Any],
    seed: int,
    choose_by: str,
    checkpoint: Path | None,
    progress: TranslationCallback | None,
    devices: int | str | None = None,
    callbacks: RunCallbacks | None = None,
) -> TrainingOutcome[TrainedTranslator]:
    """Train a model on pairs that were read; arguments as above."""
    product_path(config.products)
    source, target = pairs.source, pairs.target
    metric = None
    if choose_by == "bleu" and pairs.held_texts is not None:
        metric = ValidationBleu(pairs.held_texts, source, target, config)

    def trained_of(model: Seq2Seq) -> TrainedTranslator:
        return TrainedTranslator(source, target, config, seed, model, chosen)

    if callbacks is not None:
        callbacks.prepare(config, trained_of)
    with sharing(devices):
        outcome = train_seq2seq(
            lambda: _build(source, target, config, seed),
            pairs.train,
            pairs.held_out,
            config=config,
            seed=seed,
            metric=metric,
            checkpoint=checkpoint,
            progress=progress,
            callbacks=callbacks,
        )
    trained = trained_of(outcome.model)
    # Who interrupts a training does not want to wait for it.
    if len(target) >= FEWEST_SYMBOLS and not outcome.interrupted:
        trained = _with_links(trained, pairs.train)
    held_out = 0 if pairs.held_out is None else len(pairs.held_out)
    counts = {"train": len(pairs.train), "held_out": held_out}
    return TrainingOutcome(trained, outcome.history, outcome.interrupted, counts=counts)


def with_shortlist(trained: TrainedTranslator, pairs: TextPairs) -> TrainedTranslator:
    """A translator with the shortlist that pairs give; it shares its model.

    Args:
        trained: The translator.
        pairs: Those of its training.

    Raises:
        DataError: No pair is short enough.
    """
    sides = trained.source, trained.target
    return _with_links(trained, encoded_pairs(pairs, *sides, trained.config))


def _with_links(trained: TrainedTranslator, pairs: EncodedPairs) -> TrainedTranslator:
    other = copy.copy(trained)
    object.__setattr__(other, "shortlist", learn_shortlist(trained.model, pairs))
    return other


def train_seq2seq(
    build: Callable[[], Seq2Seq],
    train: EncodedPairs,
    validation: EncodedPairs | None,
    *,
    config: TranslatorConfig,
    seed: int,
    metric: SelectionMetric | None = None,
    checkpoint: Path | None = None,
    progress: TranslationCallback | None = None,
    callbacks: RunCallbacks | None = None,
) -> TrainingOutcome[Seq2Seq]:
    """Train a sequence to sequence model.

    With a checkpoint a training that was stopped at any moment goes on where it was,
    and ends with the same weights as one that was not.

    Args:
        build: Makes the model; the same each time.
        train: The pairs to train on.
        validation: The pairs to choose the best epoch on; None: the last one is.
        config: The settings.
        seed: What the order of the batches depends on.
        metric: What chooses the best epoch; None: the lowest validation loss.
        checkpoint: The file that holds how far the training is.
        progress: Called while the training runs.
        callbacks: Those of the user, who are told about it.

    Raises:
        ArgumentError: The checkpoint is that of another training.
        KeyboardInterrupt: There was one before the end of the first epoch. A later
            one ends the training with the best weights so far.
    """
    identity = {
        "seed": seed,
        "choose_by": "loss" if metric is None else metric.name,
        **config.to_dict(),
    }
    check_same(
        lambda: {
            **identity,
            **_digests(train, validation),
            "checkpoint": checkpoint is not None,
        }
    )
    model = build()
    reading = {"epochs": config.epochs, "operations": _operations(model)}
    batches = PairBatches(train, config.batch_size, seed, **reading)
    held_out = None
    if validation is not None:
        held_out = PairBatches(validation, config.batch_size, **reading).epoch(0)
    _compile(model, config, config.epochs * len(batches))
    loop = TrainingLoop(
        model=model,
        fresh=build,
        batches=batches,
        validate=_validation_of(model, held_out, metric, build),
        selection=ModelSelection(_merit_by(metric), config.patience, config.average),
        reporter=_TranslationReporter(progress, config.epochs, len(batches)),
        epochs=config.epochs,
        loss_name="loss",
        identity={
            **identity,
            # Without a checkpoint nobody asks for them.
            **({} if checkpoint is None else _digests(train, validation)),
            "shapes of batches": [list(shape) for shape in batches.shapes],
        },
        checkpoint=checkpoint,
        callbacks=callbacks,
    )
    return loop.run()


def _digests(
    train: EncodedPairs, validation: EncodedPairs | None
) -> dict[str, str | None]:
    """What is trained on, by a name."""
    return {
        "training pairs": train.digest(),
        "validation pairs": None if validation is None else validation.digest(),
    }


class _TranslationReporter(ProgressReporter):
    """Reports the loss and the speed."""

    def __init__(
        self, report: TranslationCallback | None, epochs: int, steps: int
    ) -> None:
        super().__init__(report, epochs, steps)
        self._tokens = 0
        self._epoch_began = time.monotonic()

    def begin(self, epoch: int, step: int, batches: EpochBatches) -> None:
        """An epoch begins, or goes on, at a step."""
        super().begin(epoch, step, batches)
        self._batches = batches
        self._tokens, self._epoch_began = 0, time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Count the symbols of a step."""
        self._tokens += self._batches.tokens(batch)
        super().on_train_batch_end(batch, logs)

    def describe(
        self,
        logs: Mapping[str, float],
        validation: Mapping[str, float],
        **position: Any,
    ) -> TranslationProgress:
        """The progress that is reported."""
        seconds = max(time.monotonic() - self._epoch_began, 1e-9)
        return TranslationProgress(
            loss=logs["loss"],
            validation_loss=validation.get("loss"),
            tokens_per_second=self._tokens / seconds,
            **position,
        )


def _validation_of(
    model: Seq2Seq,
    batches: EpochBatches | None,
    metric: SelectionMetric | None,
    build: Callable[[], Seq2Seq],
) -> Callable[[InterruptBetweenSteps], dict[str, float]]:
    """The function that measures the model after an epoch."""
    measured = model
    if metric is not None and device_count() > 1:
        # Searches run on one device, where the weights of others cannot be read.
        with on_one_device():
            measured = build()

    def validate(interrupts: InterruptBetweenSteps) -> dict[str, float]:
        measures = {}
        if batches is not None:
            measures["loss"] = _mean_loss(model, batches, interrupts)
        if metric is not None:
            if measured is not model:
                measured.set_weights(model.get_weights())
            with on_one_device():
                measures[metric.name] = metric(measured)
        return measures

    return validate


def _operations(model: Seq2Seq) -> int:
    """About how much a training step computes for a symbol of a source or a target.

    A weight takes part in a product forward and two backward, at about every second
    place: those of the encoder in the source, the rest in the target.
    """
    table = model.source_embedding.count_params()
    return 3 * int(model.count_params() - table)


def _mean_loss(
    model: Seq2Seq, batches: EpochBatches, interrupts: InterruptBetweenSteps
) -> float:
    """The loss of a symbol, whichever batch it is in."""
    total = count = 0.0
    read = batches if device_count() == 1 else LocalRows(batches)
    for index in range(len(batches)):
        inputs, targets = read[index]
        tokens = batches.tokens(index)
        total += float(model.test_on_batch(inputs, targets)) * tokens
        count += tokens
        interrupts.on_test_batch_end(index)
    return total / count


def _merit_by(
    metric: SelectionMetric | None,
) -> Callable[[Mapping[str, float]], Merit]:
    if metric is None:
        return lambda measures: (-measures["loss"],)
    return lambda measures: (measures[metric.name],)


def _build(
    source: SequenceVocabulary,
    target: SequenceVocabulary,
    config: TranslatorConfig,
    seed: int,
) -> Seq2Seq:
    return Seq2Seq(
        len(source),
        len(target),
        config.units,
        config.embedding_units,
        cell=config.cell,
        encoder_layers=config.encoder_layers,
        bidirectional=config.bidirectional,
        score=config.score,
        order=config.order,
        num_heads=config.num_heads,
        input_feeding=config.input_feeding,
        tie_embeddings=config.tie_embeddings,
        dropout=config.dropout,
        attention_dropout=config.attention_dropout,
        products=config.products,
        seed=seed,
    )


def _compile(model: Seq2Seq, config: TranslatorConfig, steps: int) -> None:
    """Give a model its loss, and an optimizer for so many steps."""
    warmup = min(config.warmup_steps, steps // 4)
    rate: Any = keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else config.learning_rate,
        max(steps - warmup, 1),
        warmup_target=config.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=config.clip_norm)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer=optimizer, loss=SequenceLoss(config.label_smoothing))
