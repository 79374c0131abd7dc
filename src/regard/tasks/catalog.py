"""Tasks by name."""

from dataclasses import fields
from typing import Any

from regard._validate import check_choice, check_settings
from regard.tasks.array_tasks import AddTwoNumbers, Column, FindMax
from regard.tasks.dates import Dates
from regard.tasks.token_tasks import BigramFlip, Copy, FirstN, Reverse

Task = FirstN | Copy | Reverse | BigramFlip | Dates | AddTwoNumbers | FindMax | Column
_TASKS: tuple[type[Task], ...] = (
    FirstN,
    Copy,
    Reverse,
    BigramFlip,
    Dates,
    AddTwoNumbers,
    FindMax,
    Column,
)
_BY_NAME = {task.name: task for task in _TASKS}


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
    check_settings(settings, defaults(name), of=f"the task '{name}'")
    return _BY_NAME[name](**settings)


def defaults(name: str) -> dict[str, Any]:
    """The settings of the task ``name`` with the values they have by default.

    Raises:
        ArgumentError: There is no such task.
    """
    check_choice("name", name, _BY_NAME, problem="There is no such task.")
    return {field.name: field.default for field in fields(_BY_NAME[name])}
