"""An interrupt comes through between two steps of a training, not within one."""

import os
import signal

import pytest

from regard.training import callbacks
from regard.training.callbacks import InterruptBetweenSteps, telling_of_interrupts


def steps_until_interrupted(presses: int) -> int:
    """How far a step gets in which Ctrl-C is pressed so often."""
    interrupts, reached = InterruptBetweenSteps(), 0
    try:
        with interrupts.listening():
            for _ in range(presses):
                signal.raise_signal(signal.SIGINT)
                reached += 1
            interrupts.on_train_batch_end(0)
            reached = -1
    except KeyboardInterrupt:
        return reached
    return reached


def test_an_interrupt_waits_for_the_end_of_a_step_but_only_once():
    assert steps_until_interrupted(presses=0) == -1
    assert steps_until_interrupted(presses=1) == 1
    assert steps_until_interrupted(presses=2) == 1


def test_who_asked_is_told_of_one_that_waits():
    told = []
    with telling_of_interrupts(lambda: told.append(True)):
        assert steps_until_interrupted(presses=1) == 1
    assert told == [True]
    # Those that come at once, and those nobody asked about, are not.
    with (
        telling_of_interrupts(lambda: told.append(True)),
        pytest.raises(KeyboardInterrupt),
        InterruptBetweenSteps().listening(at_once=True),
    ):
        signal.raise_signal(signal.SIGINT)
    assert steps_until_interrupted(presses=1) == 1
    assert told == [True]


def test_a_handler_of_the_users_own_stays():
    pressed = []
    before = signal.signal(signal.SIGINT, lambda *_: pressed.append(True))
    try:
        with InterruptBetweenSteps().listening():
            signal.raise_signal(signal.SIGINT)
        assert pressed == [True]
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_processes_that_train_together_are_interrupted_together(monkeypatch, elsewhere):
    monkeypatch.setattr(callbacks, "process_count", lambda: 2)
    monkeypatch.setattr(callbacks, "true_anywhere", lambda here: here or elsewhere)
    with InterruptBetweenSteps().listening() as interrupts:
        interrupts.share()
        interrupts.keep()
        if not elsewhere:
            interrupts.agree()
            os.kill(os.getpid(), signal.SIGINT)
        # Who leaves here would be waited for.
        interrupts.on_train_batch_end(0)
        interrupts.on_predict_batch_end(0)
        with pytest.raises(KeyboardInterrupt):
            interrupts.agree()
    assert interrupts.came
