"""Tasks by name."""

from dataclasses import fields
from typing import Any

from regard.errors import ArgumentError
from regard.tasks.add_two_numbers import AddTwoNumbers
from regard.tasks.bigram_flip import BigramFlip
from regard.tasks.column import Column
from regard.tasks.copy import Copy
from regard.tasks.dates import Dates
from regard.tasks.find_max import FindMax
from regard.tasks.first_n import FirstN
from regard.tasks.reverse import Reverse

Task = FirstN | Copy | Reverse | BigramFlip | Dates | AddTwoNumbers | FindMax | Column
_KINDS: tuple[type[Task], ...] = (
    FirstN,
    Copy,
    Reverse,
    BigramFlip,
    Dates,
    AddTwoNumbers,
    FindMax,
    Column,
)
_BY_NAME = {kind.name: kind for kind in _KINDS}


def names() -> tuple[str, ...]:
    """The names of all tasks."""
    return tuple(_BY_NAME)


def get(name: str, **settings: Any) -> Any:
    """Make the task ``name``.

    Args:
        name: One of ``names()``.
        **settings: The arguments of its class, such as ``length=5``.

    Returns:
        A ``SequenceTask`` or an ``ArrayTask``: ``sample`` makes pairs, ``score``
        compares predictions with them, ``attention_on_gold`` says how much attention
        lay where the answer came from. A type checker that should know which takes
        the class itself: ``FirstN(length=5)``.

    Raises:
        ArgumentError: There is no such task or no such setting, or the value of a
            setting is out of range.

    Example:
        >>> task = get("first-n", length=5, n=2, cardinality=50)
        >>> pairs = task.sample(1_000, seed=0)
        >>> task.score(pairs.target_texts, pairs).accuracy
        1.0
    """
    if name not in _BY_NAME:
        raise ArgumentError(
            "There is no such task.",
            expected=f"one of {', '.join(_BY_NAME)}",
            received=repr(name),
        )
    kind = _BY_NAME[name]
    known = [field.name for field in fields(kind)]
    unknown = [setting for setting in settings if setting not in known]
    if unknown:
        raise ArgumentError(
            f"The task '{name}' has no such setting.",
            expected=f"some of {', '.join(known)}",
            received=", ".join(unknown),
        )
    return kind(**settings)
