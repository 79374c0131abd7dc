"""What the service needs of a trained model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from regard.inference.request_schema import Question
from regard.types import Explanation, Translation

#: What is known about one text: of a translator, its results, best first.
Found = Explanation | Sequence[Translation]


@dataclass(frozen=True, eq=False)
class Job:
    """One text, ready for a model.

    Args:
        text: The text.
        encoded: What the model's reader made of it.
        bucket: Jobs of one bucket run together, in one of the shapes compiled for it.
    """

    text: str
    encoded: Any
    bucket: tuple[int, ...]


class Engine(Protocol):
    """A trained model in fixed shapes: nothing is compiled after ``warm_up``."""

    kind: str
    #: The most texts that it runs together.
    batch_size: int
    #: The layers whose weights a reply can have.
    layers: tuple[str, ...]
    #: Whether it searches, so that a question can tell it how.
    searches: bool

    def read(self, text: str, question: Question) -> Job:
        """Cut a text into tokens.

        Raises:
            Problem: It has too many of them.
        """
        ...

    def warm_up(self) -> None:
        """Compile every shape that ``compute`` will ever run."""
        ...

    def compute(self, jobs: Sequence[Job]) -> Sequence[Found]:
        """What is found for each of the jobs, which are of one bucket."""
        ...

    def reply(self, job: Job, found: Found, question: Question) -> dict[str, Any]:
        """What a client is told about one text; arrays are told as lists."""
        ...
