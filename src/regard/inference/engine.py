"""The engine of a service: a trained model in fixed shapes."""

import threading
from bisect import bisect_left
from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple, Protocol, TypeVar

from regard.inference.limits import RequestError
from regard.inference.request_schema import PredictionRequest

Answer = TypeVar("Answer")


class Shape(NamedTuple):
    """What a program is compiled for.

    Args:
        group: What else than lengths it depends on, such as the width of a beam.
        length: What texts are padded to, in tokens.
        rows: The number of texts.
    """

    group: int
    length: int
    rows: int


class Shapes:
    """The shapes of an engine, and which of them are compiled.

    A few are ``needed``: every text fits one of them, if with much padding. The others
    are compiled while texts are answered. Its methods may be called from any thread.

    Args:
        lengths: What texts are padded to; the last holds the longest.
        sizes: How many texts run together; one alone among them.
        groups: What else they depend on, the default first.
        name: What a group is called.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        sizes: Sequence[int],
        groups: Sequence[int] = (0,),
        name: str = "",
    ) -> None:
        self._lengths, self._sizes = sorted(lengths), sorted(sizes)
        self._name, self._compiled = name, set[Shape]()
        self.needed = [Shape(group, self._lengths[-1], 1) for group in groups]
        # Short texts are more common than long ones, and their programs save more.
        every = product(self._lengths, groups, _ends_first(self._sizes))
        rest = [Shape(group, length, rows) for length, group, rows in every]
        self._rest = dict.fromkeys(shape for shape in rest if shape not in self.needed)
        self._changing = threading.Lock()

    def __len__(self) -> int:
        """The number of shapes."""
        return len(self.needed) + len(self._rest)

    def bucket(self, length: int, group: int = 0) -> tuple[int, int]:
        """What a text of so many tokens runs together with, group and length."""
        return group, self._lengths[bisect_left(self._lengths, length)]

    def batches(self, bucket: tuple[int, ...], count: int) -> list[Shape]:
        """The shapes that texts of a bucket run in, one after the other.

        Those of the least padding, as far as they are compiled; any other is put first
        among those that will be.
        """
        group, length = bucket
        shapes: list[Shape] = []
        while count > 0:
            best = Shape(group, length, rows_of_batch(count, self._sizes))
            if best not in self._compiled:
                if not shapes:
                    self._hurry(best)
                best = self._nearest(best, count)
            shapes.append(best)
            count -= best.rows
        return shapes

    def next(self) -> Shape | None:
        """The next that should be compiled; None: all are."""
        with self._changing:
            compiled = self._compiled
            waiting = (
                one for one in (*self.needed, *self._rest) if one not in compiled
            )
            return next(waiting, None)

    def add(self, shape: Shape) -> None:
        """Run texts in a shape from now on."""
        self._compiled.add(shape)

    def forget(self, shape: Shape) -> None:
        """Leave a shape out that cannot be compiled."""
        with self._changing:
            self._rest.pop(shape, None)

    def described(self, shape: Shape) -> dict[str, int]:
        """A shape as fields of a line of a log."""
        group = {self._name: shape.group} if self._name else {}
        return {**group, "tokens": shape.length, "texts": shape.rows}

    def _hurry(self, shape: Shape) -> None:
        with self._changing:
            if shape in self._rest:
                self._rest = dict.fromkeys((shape, *self._rest))

    def _nearest(self, best: Shape, count: int) -> Shape:
        group, compiled = best.group, self._compiled
        for length in self._lengths[bisect_left(self._lengths, best.length) :]:
            sizes = [
                size for size in self._sizes if Shape(group, length, size) in compiled
            ]
            if sizes:
                return Shape(group, length, rows_of_batch(count, sizes))
        # Nobody has prepared anything: it is compiled when it runs.
        return best


def rows_of_batch(waiting: int, sizes: Sequence[int]) -> int:
    """The size of the next batch when so many sequences wait.

    The smallest that takes all of them, unless more than half of it would be padding:
    then the largest that is filled.

    Args:
        waiting: How many wait.
        sizes: The sizes to choose from, ascending.
    """
    for smaller, size in zip((0, *sizes), sizes, strict=False):
        if waiting <= size:
            return size if 2 * waiting >= size or not smaller else smaller
    return sizes[-1]


def _ends_first(sizes: Sequence[int]) -> list[int]:
    """One text alone, as many as there may be, then what lies between."""
    return sorted(sizes, key=lambda size: (size not in {sizes[0], sizes[-1]}, size))


class Question(NamedTuple):
    """One text, and the request that it is of."""

    text: str
    request: PredictionRequest


class Job(NamedTuple):
    """A question, ready for a model.

    Args:
        question: The text, and the request that it is of.
        encoded: What the model's reader made of the text.
        bucket: Jobs of one bucket run together, see ``Shapes``.
    """

    question: Question
    encoded: Any
    bucket: tuple[int, ...]


class Engine(Protocol[Answer]):
    """A trained model in fixed shapes; ``compute`` runs it in those compiled so far."""

    #: The most texts that it runs together.
    batch_size: int
    #: The shapes, and which of them are compiled.
    shapes: Shapes

    def read(self, questions: Sequence[Question]) -> list[Job | RequestError]:
        """Cut texts into tokens, all at once: that takes little longer than one.

        In the place of a text that has too many of them there is the error.
        """
        ...

    def compile(self, shape: Shape) -> None:
        """Compile one of the shapes; it is used from then on."""
        ...

    def compute(self, jobs: Sequence[Job]) -> Sequence[Answer]:
        """The answer to each of the jobs, which are of one bucket."""
        ...

    def reply(self, job: Job, answer: Answer) -> dict[str, Any]:
        """The reply to one question; its arrays become lists."""
        ...
