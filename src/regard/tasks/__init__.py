"""Problems made on the spot with a known right answer."""

from regard.tasks.add_two_numbers import AddTwoNumbers
from regard.tasks.array_pairs import ArrayPairs
from regard.tasks.array_task import ArrayTask
from regard.tasks.bigram_flip import BigramFlip
from regard.tasks.column import Column
from regard.tasks.copy import Copy
from regard.tasks.dates import Dates
from regard.tasks.find_max import FindMax
from regard.tasks.first_n import FirstN
from regard.tasks.pairs import SequencePairs
from regard.tasks.registry import get, names
from regard.tasks.reverse import Reverse
from regard.tasks.score import TaskScore
from regard.tasks.sequence_task import SequenceTask
from regard.tasks.support_messages import Message, SupportMessages

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
    "SequencePairs",
    "Reverse",
    "TaskScore",
    "SequenceTask",
    "SupportMessages",
    "get",
    "names",
]
