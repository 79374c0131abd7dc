"""Commands run in this process, on a classifier that costs nothing."""

import io
import os
import sys
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import regard
from light_compilation import light_compilation
from regard.classification import ClassificationProgress
from regard.classification.class_metrics import ClassificationEvaluation, ClassMetrics
from regard.classification.mistakes import Mistakes
from regard.types import Explanation
from regard_cli import main


@dataclass
class CommandResult:
    """The outcome of a command."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys, monkeypatch):
    """Runs a command line as the console script does."""

    def run(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as left:
            code = left.code or 0
        else:
            code = 0
        captured = capsys.readouterr()
        return CommandResult(code, captured.out, captured.err)

    return run


EVALUATION = ClassificationEvaluation(
    accuracy=0.75,
    macro_f1=0.7,
    loss=0.5,
    expected_calibration_error=0.025,
    per_class={
        "bad": ClassMetrics(1, 0.5, 0.6, 1_200),
        "良い": ClassMetrics(0, 0, 0, 3),
    },
    confusion=np.array([[3, 1], [0, 0]]),
)


def progress_after(step, *measures) -> ClassificationProgress:
    names = ("loss", "accuracy", "validation_loss", "validation_accuracy")
    values = zip((*names, "seconds", "seconds_left"), measures, strict=True)
    return ClassificationProgress(epoch=1, epochs=9, step=step, steps=2, **dict(values))


class FakeClassifier:
    """Knows two labels and looks at the first word."""

    kind = "text-classifier"
    labels = ("bad", "good")
    columns: ClassVar = {}
    batches: tuple[int, ...] = ()
    trained_on: tuple = ()
    interrupts: str | None = None
    settings: ClassVar = {}

    def __init__(self, seed=0, devices=None, **settings):
        self.seed, self.devices = seed, devices
        type(self).settings = settings
        self.interrupted = False
        self.validation = EVALUATION

    def explain(self, texts):
        type(self).batches += (len(texts),)
        return [self._explain(text) for text in texts]

    def _explain(self, text):
        words = text.split()
        spans, start = [], 0
        for word in words:
            start = text.index(word, start)
            spans.append((start, start + len(word)))
            start += len(word)
        weights = np.array([1.0] + [0.0] * (len(words) - 1))[: len(words)]
        return Explanation(
            text=text,
            label="good",
            labels=self.labels,
            probabilities=np.array([0.25, 0.75]),
            tokens=tuple(words),
            offsets=np.array(spans, dtype=int).reshape(-1, 2),
            weights=weights,
            contributions=np.outer(weights, [0.5, -0.5]),
            bias=np.zeros(2),
        )

    def evaluate(self, texts, labels):
        type(self).trained_on = (texts, labels)
        return EVALUATION

    def errors(self, texts, labels, *, most):
        type(self).trained_on = (texts, labels, most)
        explained = self.explain(texts)
        pairs = enumerate(zip(explained, labels, strict=True))
        wrong = [at for at, (one, right) in pairs if one.label != right]
        return Mistakes(
            texts=tuple(texts[at] for at in wrong),
            indices=np.array(wrong, dtype=int),
            right=tuple(labels[at] for at in wrong),
            given=("good",) * len(wrong),
            labels=self.labels,
            probabilities=np.array([[0.25, 0.75]] * len(wrong)).reshape(-1, 2),
            explanations=tuple(explained[at] for at in wrong[:most]),
            evaluation=EVALUATION,
        )

    def fit(
        self,
        texts,
        labels,
        *,
        text,
        label,
        validation,
        epochs,
        batch_size,
        progress,
        checkpoint=None,
    ):
        if checkpoint is not None:
            checkpoint.touch()
        type(self).columns = {"text": text, "label": label}
        type(self).trained_on = (
            texts,
            labels,
            validation,
            epochs,
            batch_size,
            self.seed,
        )
        if self.interrupts == "at once":
            raise KeyboardInterrupt
        progress(progress_after(1, 0.7, 0.5, None, None, 0.1, 3.0))
        progress(progress_after(2, 0.6, 0.6, 0.5, 0.7, 61.0, 70.0))
        self.interrupted = self.interrupts == "later"

    def save(self, path):
        path.mkdir(exist_ok=True)


@pytest.fixture
def fake(monkeypatch):
    """Puts the fake in the place of the real classifier."""
    kind = type("Fake", (FakeClassifier,), {})
    monkeypatch.setattr(regard, "load", lambda _: kind(), raising=False)
    monkeypatch.setattr(regard, "TextClassifier", kind, raising=False)
    return kind


@pytest.fixture
def loaded(toy_translator, monkeypatch):
    """Every bundle holds the toy translator: what it compiled is kept."""
    monkeypatch.setattr(regard, "load", lambda _: toy_translator)
    with light_compilation():
        yield toy_translator


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("text,label\nfine film,good\npoor film,bad\n")
    return path


@pytest.fixture(autouse=True)
def _same_environment():
    """A command chooses its backend for its process, which here is everybody's."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
