"""The engine of a service: a trained model in fixed shapes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from regard.inference.request_schema import PredictionRequest

Answer = TypeVar("Answer")


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


class Engine(Protocol[Answer]):
    """A trained model in fixed shapes: nothing is compiled after ``warm_up``."""

    #: The most texts that it runs together.
    batch_size: int

    def read(self, text: str, request: PredictionRequest) -> Job:
        """Cut a text into tokens.

        Raises:
            RequestError: It has too many of them.
        """
        ...

    def warm_up(self) -> None:
        """Compile every shape that ``compute`` will ever run."""
        ...

    def compute(self, jobs: Sequence[Job]) -> Sequence[Answer]:
        """The answer to each of the jobs, which are of one bucket."""
        ...

    def reply(
        self, job: Job, answer: Answer, request: PredictionRequest
    ) -> dict[str, Any]:
        """The reply to one text; its arrays become lists."""
        ...
