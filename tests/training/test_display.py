"""How far a training is, is shown where somebody looks, and nowhere else."""

import io
import multiprocessing
import sys
import threading
from types import SimpleNamespace

import pytest

from regard.errors import ArgumentError
from regard.training import TrainingProgress
from regard.training.display import check_progress, shown_progress


def progress(step: int) -> TrainingProgress:
    return TrainingProgress(
        epoch=1,
        epochs=2,
        step=step,
        steps=4,
        loss=0.5,
        validation_loss=0.25 if step == 4 else None,
        seconds=61,
        seconds_left=60,
    )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def looking(monkeypatch) -> Terminal:
    # In the test itself: between its parts pytest puts its own there.
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    return terminal


def tell(wanted) -> bool:
    """Whether anybody is told of an epoch."""
    with shown_progress(wanted) as show:
        for step in range(1, 5) if show is not None else ():
            show(progress(step))
    return show is not None


def test_a_terminal_has_a_bar_and_lines(monkeypatch):
    terminal = looking(monkeypatch)
    assert tell(None)
    assert "loss 0.500  validation loss 0.250  1:01" in terminal.getvalue()
    assert "at most 1:00 left" in terminal.getvalue()


def test_what_nobody_looks_at_shows_nothing(capsys):
    assert not tell(None)
    assert not tell(False)
    assert capsys.readouterr() == ("", "")
    assert tell(True)
    assert capsys.readouterr().err == (
        "epoch  1  loss 0.500  validation loss 0.250  1:01\n"
    )


def test_it_is_not_shown_where_it_is_not_wanted(monkeypatch):
    terminal = looking(monkeypatch)
    assert not tell(False)
    assert terminal.getvalue() == ""


def test_helpers_are_silent(monkeypatch):
    terminal = looking(monkeypatch)
    told = []
    thread = threading.Thread(target=lambda: told.append(tell(None)))
    thread.start()
    thread.join()
    monkeypatch.setattr(multiprocessing, "parent_process", object)
    assert not tell(None)
    assert told == [False]
    assert terminal.getvalue() == ""


def test_a_notebook_has_lines(monkeypatch, capsys):
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(
        sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell)
    )
    assert tell(None)
    told, errors = capsys.readouterr()
    assert errors == ""
    assert told.count("\r") == 4
    assert told.rstrip().endswith("validation loss 0.250  1:01")
    assert told.count("\n") == 1


def test_a_function_is_told_instead(monkeypatch):
    terminal = looking(monkeypatch)
    told = []
    assert tell(told.append)
    assert [each.step for each in told] == [1, 2, 3, 4]
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("odd", [1, "bar", []])
def test_anything_else_is_refused(odd):
    with pytest.raises(ArgumentError, match=r"'progress'.*True, False"):
        check_progress(odd)
