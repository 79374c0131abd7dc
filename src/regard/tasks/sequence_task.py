"""The base class of the tasks from sequence to sequence; test pairs held out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import ClassVar, Literal

import numpy as np

from regard._validate import check_choice, check_count, check_same_length
from regard.errors import ArgumentError
from regard.tasks.pairs import SequencePairs, Tokens
from regard.tasks.task_score import TaskScore, mean_attention
from regard.types import FloatArray, IntArray

Prediction = str | Sequence[str] | Sequence[int] | IntArray
# Draws without a single new pair until the task counts as exhausted.
_PATIENCE = 20


class SequenceTask(ABC):
    """A task from token sequence to token sequence with one right answer."""

    name: ClassVar[str]

    @abstractmethod
    def _draw(self, count: int, generator: np.random.Generator) -> SequencePairs:
        """Make ``count`` pairs."""

    def sample(self, count: int, seed: int = 0) -> SequencePairs:
        """Make ``count`` pairs; the same seed makes the same pairs."""
        check_count("count", count)
        return self._draw(count, np.random.default_rng(seed))

    def split(
        self,
        train: int,
        test: int,
        seed: int = 0,
        *,
        by: Literal["source", "target"] = "source",
    ) -> tuple[SequencePairs, SequencePairs]:
        """Make pairs to train on and pairs to test on that share none.

        Args:
            train: The number of training pairs, the same as ``sample(train, seed)``;
                they may repeat.
            test: The number of test pairs, all of different sources.
            seed: The same seed makes the same pairs.
            by: ``"source"``: no test source is a training source. ``"target"``: no
                test answer is a training answer either.

        Raises:
            ArgumentError: There are not so many different pairs.
        """
        check_count("train", train)
        check_count("test", test)
        check_choice("by", by, ("source", "target"), of="a split")
        generator = np.random.default_rng(seed)
        training = self._draw(train, generator)
        draw = partial(self._draw, generator=generator)
        return training, hold_out(test, draw, training, targets_too=by == "target")

    def score(
        self, predictions: Sequence[Prediction] | IntArray, pairs: SequencePairs
    ) -> TaskScore:
        """The share of predictions that equal their whole target.

        Args:
            predictions: One for each pair: a text, or a sequence of tokens or integers.
            pairs: The pairs that were to be solved.

        Raises:
            ArgumentError: There is not one prediction for each pair, or they are
                numbers but no integers.
        """
        check_same_length({"predictions": predictions, "pairs": pairs})
        _check_discrete(predictions)
        correct = sum(
            _is_target(prediction, target, pairs.separator)
            for prediction, target in zip(predictions, pairs.targets, strict=True)
        )
        return TaskScore(correct / len(pairs), len(pairs))

    def attention_on_gold(
        self, weights: Sequence[FloatArray] | FloatArray, pairs: SequencePairs
    ) -> float:
        """The mean attention on the gold source position, 0 to 1.

        The mean is over all target tokens that have a gold source.

        Args:
            weights: For each pair ``(target, source)``, or an array ``(pairs, target,
                source)``. What follows the last token (end sign, padding) is passed
                over. Average over heads before.
            pairs: The pairs that were to be solved.

        Raises:
            ArgumentError: The task has no gold alignment, or the weights do not cover
                the pairs.
        """
        check_same_length({"weights": weights, "pairs": pairs})
        return mean_attention(weights, pairs)


def hold_out(
    count: int,
    draw: Callable[[int], SequencePairs],
    training: SequencePairs,
    *,
    targets_too: bool,
) -> SequencePairs:
    """Draw ``count`` pairs of different sources that are not among ``training``.

    Args:
        count: How many.
        draw: Makes so many pairs, others each time.
        training: The pairs to stay clear of.
        targets_too: Whether the targets have to be others too.

    Raises:
        ArgumentError: There are not so many.
    """
    sources = set(training.sources)
    targets = set(training.targets) if targets_too else set()
    kept: list[SequencePairs] = []
    held_out = fruitless = 0
    while held_out < count and fruitless < _PATIENCE:
        drawn = draw(count)
        new = [
            index
            for index in _distinct(drawn)
            if drawn.sources[index] not in sources
            and drawn.targets[index] not in targets
        ][: count - held_out]
        kept.append(drawn.select(new))
        sources.update(kept[-1].sources)
        held_out += len(new)
        fruitless = 0 if new else fruitless + 1
    if held_out < count:
        raise ArgumentError(
            "The task has too few different pairs to hold so many out.",
            expected=f"about {held_out} at most",
            received=str(count),
            fix="Ask for fewer, or take a greater length or cardinality.",
        )
    return _joined(kept)


def _check_discrete(predictions: Sequence[Prediction] | IntArray) -> None:
    if isinstance(predictions, np.ndarray) and predictions.dtype.kind == "f":
        raise ArgumentError(
            "Predictions of sequences are tokens, not probabilities.",
            expected="texts, tokens or integers",
            received=f"an array of {predictions.dtype}",
            fix="Take the argmax over the vocabulary first.",
        )


def _is_target(prediction: Prediction, target: Tokens, separator: str) -> bool:
    if isinstance(prediction, str):
        return prediction == separator.join(target)
    return tuple(map(str, prediction)) == target


def _distinct(pairs: SequencePairs) -> Iterator[int]:
    """The first place of each source."""
    places = reversed(range(len(pairs)))
    first = {pairs.sources[index]: index for index in places}
    return iter(sorted(first.values()))


def _joined(parts: list[SequencePairs]) -> SequencePairs:
    first = parts[0]
    alignment, groups = first.alignment, first.groups
    return SequencePairs(
        tuple(tokens for part in parts for tokens in part.sources),
        tuple(tokens for part in parts for tokens in part.targets),
        alignment and tuple(links for part in parts for links in part.alignment or ()),
        first.separator,
        groups and tuple(group for part in parts for group in part.groups or ()),
    )
