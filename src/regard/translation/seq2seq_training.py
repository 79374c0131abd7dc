"""Training a sequence to sequence model: from pairs to the best weights."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from regard.errors import ArgumentError
from regard.training.checkpoint import (
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from regard.training.interrupts import InterruptBetweenSteps
from regard.translation.config import TranslatorConfig
from regard.translation.optimizing import compile_model
from regard.translation.pair_batches import EncodedPairs, PairBatches
from regard.translation.progress_state import TranslationCallback
from regard.translation.seq2seq import Seq2Seq
from regard.translation.seq2seq_judging import SelectionMetric
from regard.translation.trained_seq2seq import TrainedSeq2Seq
from regard.translation.watching import Saving, Telling

Weights = list[np.ndarray[Any, Any]]


def train_seq2seq(
    make: Callable[[], Seq2Seq],
    train: EncodedPairs,
    validation: EncodedPairs | None,
    *,
    config: TranslatorConfig,
    seed: int,
    judge: SelectionMetric | None = None,
    checkpoint: Path | None = None,
    progress: TranslationCallback | None = None,
) -> TrainedSeq2Seq:
    """Train a sequence to sequence model.

    With a checkpoint a training that was stopped at any moment goes on where it was,
    and ends with the same weights as one that was not.

    Args:
        make: Makes the model; the same each time.
        train: What is trained on.
        validation: What the best epoch is chosen on; None: the last epoch is.
        config: The settings.
        seed: What the order of the batches depends on.
        judge: What chooses the best epoch; None: the lowest validation loss.
        checkpoint: The file that holds how far the training is.
        progress: Called while the training runs.

    Raises:
        ArgumentError: The checkpoint is that of another training.
        KeyboardInterrupt: There was one before the end of the first epoch. A later
            one ends the training with the best weights so far.
    """
    training = _Training(make, train, validation, config=config, seed=seed, judge=judge)
    training.checkpoint = checkpoint
    training.restore()
    interrupts = InterruptBetweenSteps()
    interrupted = False
    try:
        with interrupts.listening():
            training.run(progress, interrupts)
    except KeyboardInterrupt:
        if not training.history:
            raise
        interrupted = True
    return training.finish(interrupted)


class _Training:
    """A training between two steps: what a checkpoint holds, and how it goes on."""

    def __init__(
        self,
        make: Callable[[], Seq2Seq],
        train: EncodedPairs,
        validation: EncodedPairs | None,
        *,
        config: TranslatorConfig,
        seed: int,
        judge: SelectionMetric | None,
    ) -> None:
        self._make, self._config, self._judge = make, config, judge
        self.batches = PairBatches(train, config.batch_size, seed)
        self._validation = None
        if validation is not None:
            self._validation = PairBatches(validation, config.batch_size)
        self.checkpoint: Path | None = None
        self.epoch = self.step = 0
        self.history: list[float] = []
        # What the judge said of each epoch.
        self._judged: list[float] = []
        self._kept: list[Weights] = []
        self.model = make()
        compile_model(self.model, config, config.epochs * len(self.batches))
        self._sign = {
            "seed": seed,
            "training pairs": train.digest(),
            "validation pairs": None if validation is None else validation.digest(),
            "judge": None if judge is None else judge.name,
            **config.to_dict(),
        }

    def run(self, progress: TranslationCallback | None, interrupts: Any) -> None:
        """Train until the last epoch, or until no better one comes."""
        telling = Telling(progress, self.batches, self._config.epochs)
        while self.epoch < self._config.epochs and not self._is_over():
            self._fit_epoch(telling, interrupts)
            loss = self._measure(interrupts)
            self._keep(loss)
            self.epoch, self.step = self.epoch + 1, 0
            self._save(0)
            telling.end(None if self._validation is None else loss)

    def _fit_epoch(self, telling: Telling, interrupts: Any) -> None:
        batches = self.batches.epoch(self.epoch, self.step)
        telling.begin(self.epoch, self.step, batches)
        # It may have been stopped after its last step, before it was measured.
        if not len(batches):
            return
        self.model.fit(
            batches,
            epochs=1,
            shuffle=False,
            verbose=0,
            callbacks=[telling, Saving(self._save, self.step), interrupts],
        )

    def finish(self, interrupted: bool) -> TrainedSeq2Seq:
        """A fresh model with the weights that were kept."""
        # The one in training may be without its arrays, and the state of the
        # optimizer belongs in no bundle.
        finished = self._make()
        groups = zip(*self._kept, strict=True)
        means = [np.mean(group, axis=0, dtype=np.float64) for group in groups]
        finished.set_weights(means)
        history = tuple(self.history) if self._validation is not None else ()
        return TrainedSeq2Seq(finished, len(self.history), history, interrupted)

    def restore(self) -> None:
        """Go back to where the checkpoint is, if there is one."""
        found = None if self.checkpoint is None else load_checkpoint(self.checkpoint)
        if found is None:
            return
        self._check_same(found.position.get("sign", {}))
        for name, variables in self._variables().items():
            for variable, value in zip(variables, found.groups[name], strict=True):
                variable.assign(value)
        self.epoch, self.step = found.position["epoch"], found.position["step"]
        self.history = list(found.position["history"])
        self._judged = list(found.position.get("judged", []))
        count = len(self.model.weights)
        kept = list(found.groups.get("kept", []))
        self._kept = [
            kept[start : start + count] for start in range(0, len(kept), count)
        ]

    def _check_same(self, sign: Mapping[str, Any]) -> None:
        other = [name for name in self._sign if sign.get(name) != self._sign[name]]
        if other:
            raise ArgumentError(
                f"The checkpoint '{self.checkpoint}' is that of another training.",
                expected="the same data, settings and seed",
                received=f"another value of {', '.join(other)}",
                fix="Go on with what it was begun with, or remove the file.",
            )

    def _save(self, step: int) -> None:
        if self.checkpoint is None:
            return
        # Within an epoch of fit the variables lie elsewhere on JAX.
        getattr(self.model, "jax_state_sync", lambda: None)()
        groups = {
            name: [np.array(keras.ops.convert_to_numpy(one)) for one in variables]
            for name, variables in self._variables().items()
        }
        groups["kept"] = [array for weights in self._kept for array in weights]
        position = {
            "sign": self._sign,
            "epoch": self.epoch,
            "step": step,
            "history": self.history,
            "judged": self._judged,
        }
        save_checkpoint(self.checkpoint, Checkpoint(position, groups))

    def _variables(self) -> dict[str, list[Any]]:
        return {
            "model": list(self.model.variables),
            "optimizer": list(self.model.optimizer.variables),
        }

    def _measure(self, interrupts: Any) -> float:
        if self._validation is None:
            return 0.0
        total = count = 0.0
        batches = self._validation.epoch(0)
        for index in range(len(batches)):
            inputs, right = batches[index]
            tokens = batches.tokens(index)
            total += float(self.model.test_on_batch(inputs, right)) * tokens
            count += tokens
            interrupts.on_test_batch_end(index)
        return total / count

    def _keep(self, loss: float) -> None:
        self.history.append(loss)
        if self._judge is not None:
            self._judged.append(self._judge(self.model))
        weights = [np.array(weight) for weight in self.model.get_weights()]
        if self._config.average:
            self._kept = [*self._kept, weights][-self._config.average :]
        elif self._worse_since_best() == 0:
            self._kept = [weights]

    def _is_over(self) -> bool:
        return self._worse_since_best() >= self._config.patience

    def _worse_since_best(self) -> int:
        """The epochs since the best one; without anything to tell by, the last is."""
        merits = [-loss for loss in self.history]
        if self._judge is not None:
            merits = self._judged
        elif self._validation is None:
            merits = []
        if not merits:
            return 0
        # An epoch that ended in nonsense is not the best.
        best = int(np.argmax(np.nan_to_num(merits, nan=-np.inf)))
        return len(merits) - 1 - best
