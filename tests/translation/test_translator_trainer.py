"""Training: it goes on where it was stopped, and ends with the best weights."""

import math
import signal

import keras
import numpy as np
import pytest
import small

from regard.errors import ArgumentError
from regard.training import callbacks
from regard.training.checkpoint import load_checkpoint, save_checkpoint
from regard.translation import trainer
from regard.translation.loss import SequenceLoss
from regard.translation.pair_batches import EncodedPairs, PairBatches
from regard.translation.trainer import train_seq2seq

pytestmark = pytest.mark.usefixtures("_kept_programs")

TRAIN, HELD_OUT = small.pairs(19), small.pairs(6, seed=1)
STEPS = 5
# One program for all who train for longer.
LONG = {"learning_rate": 0.1, "epochs": 30}


def train(checkpoint=None, progress=None, *, data=TRAIN, held_out=HELD_OUT, **settings):
    metric = settings.pop("metric", None)
    return train_seq2seq(
        small.model,
        data,
        held_out,
        config=small.config(**settings),
        seed=0,
        metric=metric,
        checkpoint=checkpoint,
        progress=progress,
    )


def validation_losses(outcome) -> list[float]:
    return [metrics.validation["loss"] for metrics in outcome.history]


def equal_bits(one, other) -> bool:
    pairs = zip(one.model.get_weights(), other.model.get_weights(), strict=True)
    return all(np.array_equal(left, right) for left, right in pairs)


class WrittenDown:
    """Says of each epoch what was written down before."""

    name = "script"

    def __init__(self, script):
        self._script = script
        self.seen: list[list[np.ndarray]] = []

    def __call__(self, model) -> float:
        self.seen.append([np.array(weight) for weight in model.get_weights()])
        return self._script[len(self.seen) - 1]


@pytest.fixture(scope="module")
def undisturbed():
    return train()


class StopError(Exception):
    """As when the machine is switched off: nothing of ours sees it."""


@pytest.fixture
def saving_every_step(monkeypatch):
    monkeypatch.setattr(callbacks, "_SECONDS_BETWEEN_CHECKPOINTS", 0)
    monkeypatch.setattr(callbacks, "_SECONDS_BETWEEN_REPORTS", 0)


def stop_at(epoch: int, step: int):
    def progress(state):
        if (state.epoch, state.step) == (epoch, step):
            raise StopError

    return progress


def test_a_training_that_was_stopped_ends_as_one_that_was_not(
    undisturbed, saving_every_step, tmp_path, monkeypatch
):
    checkpoint = tmp_path / "training"
    with pytest.raises(StopError):
        train(checkpoint, stop_at(1, 3))
    # What was told of was not saved yet.
    assert load_checkpoint(checkpoint).position["step"] == 2
    with monkeypatch.context() as between:
        # After the last step of an epoch, before it was measured.
        between.setattr(trainer, "_mean_loss", stop_at_once)
        with pytest.raises(StopError):
            train(checkpoint)
    assert load_checkpoint(checkpoint).position["step"] == STEPS
    with pytest.raises(StopError):
        train(checkpoint, stop_at(3, 1))
    assert load_checkpoint(checkpoint).position["epoch"] == 2
    gone_on = train(checkpoint)
    assert equal_bits(gone_on, undisturbed)
    assert gone_on.history == undisturbed.history
    # Once more, with nothing left to do.
    assert equal_bits(train(checkpoint), undisturbed)


def stop_at_once(*_):
    raise StopError


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"data": small.pairs(19, seed=2)}, "training pairs"),
        ({"held_out": small.pairs(6, seed=2)}, "validation pairs"),
        ({"held_out": None}, "validation pairs"),
        ({"units": 9}, "units"),
        ({"metric": WrittenDown([1.0])}, "choose_by"),
        ({"learning_rate": 0.5, "epochs": 4}, "learning_rate, epochs"),
    ],
)
def test_the_checkpoint_of_another_training_is_refused(
    change, named, begun, undisturbed
):
    with pytest.raises(ArgumentError, match=f"another training.*value of {named}"):
        train(begun, **change)
    assert load_checkpoint(begun) is not None


def test_the_checkpoint_of_other_batches_is_refused(begun, tmp_path, undisturbed):
    stored = load_checkpoint(begun)
    # An earlier release cut them otherwise, and did not say how.
    del stored.position["identity"]["shapes of batches"]
    save_checkpoint(tmp_path / "earlier", stored)
    with pytest.raises(ArgumentError, match=r"shapes of batches.*and release"):
        train(tmp_path / "earlier")


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    checkpoint = tmp_path_factory.mktemp("begun") / "training"
    with pytest.raises(StopError):
        train(checkpoint, stop_at(1, STEPS))
    return checkpoint


def measured(model, pairs) -> float:
    batches = PairBatches(pairs, 64).epoch(0)
    inputs, right = batches[0]
    return float(SequenceLoss(0.1)(right, model(inputs)))


def test_the_best_epoch_is_kept_and_no_better_one_ends_training():
    # What is held out has nothing to do with what is learned: it gets worse.
    reports = []
    odd = EncodedPairs(HELD_OUT.sources, small.pairs(6, seed=7).targets)
    done = train(progress=reports.append, held_out=odd, patience=2, **LONG)
    losses = validation_losses(done)
    best = losses.index(min(losses))
    assert len(done.history) == len(losses) == best + 1 + 2 < 30
    assert measured(done.model, odd) == pytest.approx(losses[best], abs=1e-5)
    assert not done.interrupted
    ends = [report for report in reports if report.validation_loss is not None]
    assert [report.validation_loss for report in ends] == losses
    assert [report.epoch for report in ends] == list(range(1, len(losses) + 1))
    assert all(
        report.step == report.steps == STEPS and report.epochs == 30 for report in ends
    )
    assert all(report.loss > 0 and report.tokens_per_second > 0 for report in ends)
    seconds = [report.seconds for report in reports]
    assert seconds == sorted(seconds)
    assert ends[0].seconds_left == pytest.approx(29 * ends[0].seconds)


def test_a_metric_chooses_in_place_of_the_loss(tmp_path):
    script = [1.0, 3.0, math.nan, 3.0, 9.0]
    metric, checkpoint = WrittenDown(script), tmp_path / "training"
    options = {"patience": 2} | LONG
    done = train(metric=metric, **options)
    # An equal one is not better.
    assert len(metric.seen) == len(validation_losses(done)) == 4
    for kept, weight in zip(metric.seen[1], done.model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, weight)
    # It needs no validation pairs, and is listened to after a stop.
    options["held_out"] = None
    with pytest.raises(StopError):
        train(checkpoint, stop_at(3, STEPS), metric=WrittenDown(script), **options)
    gone_on = train(checkpoint, metric=WrittenDown(script[3:]), **options)
    reports = [metrics.validation["script"] for metrics in gone_on.history]
    np.testing.assert_array_equal(reports, script[:4])
    assert all("loss" not in metrics.validation for metrics in gone_on.history)
    assert equal_bits(gone_on, done)


def test_the_average_of_the_last_epochs(tmp_path):
    done = train(tmp_path / "training", held_out=None, average=2)
    assert not any(metrics.validation for metrics in done.history)
    kept = load_checkpoint(tmp_path / "training").groups["kept"]
    final = done.model.get_weights()
    assert len(kept) == 2 * len(final)
    learned = [variable.trainable for variable in done.model.weights]
    for index, weights in enumerate(final):
        mean = (kept[index] + kept[index + len(final)]) / 2
        equal = np.array_equal(kept[index], kept[index + len(final)])
        assert equal != learned[index]
        np.testing.assert_allclose(weights, mean, atol=1e-7)


def test_an_interrupt_keeps_the_best_so_far():
    losses = []

    def press_in_third_epoch(state):
        if state.validation_loss is not None:
            losses.append(state.validation_loss)
        if len(losses) == 2:
            signal.raise_signal(signal.SIGINT)

    done = train(progress=press_in_third_epoch, **LONG)
    assert done.interrupted
    assert validation_losses(done) == losses
    assert len(losses) == 2
    assert measured(done.model, HELD_OUT) == pytest.approx(min(losses), abs=1e-5)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_before_the_end_of_an_epoch_is_passed_on(saving_every_step):
    with pytest.raises(KeyboardInterrupt):
        train(progress=lambda _: signal.raise_signal(signal.SIGINT))


def test_the_finished_model_has_no_state_of_the_training(undisturbed):
    assert getattr(undisturbed.model, "optimizer", None) is None
    for variable in undisturbed.model.variables:
        assert np.isfinite(keras.ops.convert_to_numpy(variable)).all()
