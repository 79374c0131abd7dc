"""What an examination costs, compilation included, and what a plain loop would."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import regard
from regard.trust import Baseline, Subject
from regard.trust.classifier_subject import ClassifierSubject
from regard.trust.measurement import measure

#: The texts that the loop is timed on.
_LOOPED = 5


@dataclass(frozen=True)
class Task:
    """Texts that are to be examined within a time.

    Args:
        name: What they are.
        texts: The texts.
        count: How many of them are examined.
        seconds: The most seconds, on two cores.
    """

    name: str
    texts: list[str]
    count: int
    seconds: float


class OneByOne:
    """A subject whose model is asked for one text after the other."""

    def __init__(self, subject: Subject) -> None:
        self._subject, self.erasers = subject, subject.erasers

    def __len__(self) -> int:
        return len(self._subject)

    def baseline(self, texts: Any) -> Baseline:
        """The undisturbed answers, as they are."""
        return self._subject.baseline(texts)

    def erased(self, texts: Any, keep: Any, eraser: str, draws: Any) -> Any:
        """The answers with keys erased."""
        ask = self._subject.erased
        rows = range(len(texts))
        return np.concatenate(
            [ask(texts[[row]], keep[[row]], eraser, draws[[row]]) for row in rows]
        )

    def forced(self, texts: Any, weights: Any) -> Any:
        """The answers under given weights."""
        ask = self._subject.forced
        rows = range(len(texts))
        return np.concatenate([ask(texts[[row]], weights[[row]]) for row in rows])


def report_speed(load: Callable[[], regard.TextClassifier], tasks: list[Task]) -> str:
    """Examine each of the tasks with a classifier that was loaded anew."""
    lines = [
        "| texts | seconds | at most | processor | loop, per text | ratio |",
        "|---|---|---|---|---|---|",
    ]
    for task in tasks:
        classifier = load()
        begin, used = time.perf_counter(), time.process_time()
        regard.trust.examine(classifier, task.texts, n=task.count)
        seconds = time.perf_counter() - begin
        used = time.process_time() - used
        loop = looped(classifier, task)
        ratio = loop * min(task.count, len(task.texts)) / seconds
        lines.append(
            f"| {task.name} | {seconds:.1f} | {task.seconds:.0f} | {used:.1f} | "
            f"{loop:.2f} | {ratio:.1f} |"
        )
        print(lines[-1], flush=True)
    load_average = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return "\n".join([*lines, "", f"load of the machine: {load_average}"])


def looped(classifier: regard.TextClassifier, task: Task) -> float:
    """The seconds of a text where each erased text is run by itself.

    Measured on a few texts, and without compilation: the loop has seen them before.
    """
    subject = ClassifierSubject(classifier, task.texts[:_LOOPED])
    texts = np.arange(len(subject))
    loop = OneByOne(subject)
    measure(loop, texts[:1], 0)
    begin = time.perf_counter()
    measure(loop, texts, 0)
    return (time.perf_counter() - begin) / len(texts)
