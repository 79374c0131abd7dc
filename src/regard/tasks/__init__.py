"""Problems made on the spot with a known right answer."""

from regard.tasks.array_tasks import AddTwoNumbers, ArrayTask, Column, FindMax
from regard.tasks.catalog import get, names
from regard.tasks.dates import Dates
from regard.tasks.pairs import ArrayPairs, SequencePairs
from regard.tasks.sequence_task import SequenceTask
from regard.tasks.support_messages import Message, SupportMessages
from regard.tasks.task_score import TaskScore
from regard.tasks.token_tasks import BigramFlip, Copy, FirstN, Reverse

__all__ = [
    "AddTwoNumbers",
    "ArrayPairs",
    "ArrayTask",
    "BigramFlip",
    "Column",
    "Copy",
    "Dates",
    "FindMax",
    "FirstN",
    "Message",
    "Reverse",
    "SequencePairs",
    "SequenceTask",
    "SupportMessages",
    "TaskScore",
    "get",
    "names",
]


def __dir__() -> list[str]:
    # What is for users, without the modules that it is made of.
    return __all__
