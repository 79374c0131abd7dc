"""What the tasks from sequence to sequence have in common."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import ClassVar, Literal

import numpy as np

from regard.errors import ArgumentError
from regard.tasks.checks import check_at_least, check_same_count
from regard.tasks.gold import mean_attention
from regard.tasks.holding_out import hold_out
from regard.tasks.pairs import SequencePairs, Tokens
from regard.tasks.score import TaskScore
from regard.types import FloatArray, IntArray

Prediction = str | Sequence[str] | Sequence[int] | IntArray


class SequenceTask(ABC):
    """A task from token sequence to token sequence with one right answer."""

    name: ClassVar[str]

    @abstractmethod
    def _draw(self, count: int, generator: np.random.Generator) -> SequencePairs:
        """Make ``count`` pairs."""

    def sample(self, count: int, seed: int = 0) -> SequencePairs:
        """Make ``count`` pairs; the same seed makes the same pairs."""
        check_at_least("count", count, 1)
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
        check_at_least("train", train, 1)
        check_at_least("test", test, 1)
        if by not in ("source", "target"):
            raise ArgumentError(
                "The pairs cannot be split so.",
                expected="by='source' or by='target'",
                received=repr(by),
            )
        generator = np.random.default_rng(seed)
        learned = self._draw(train, generator)
        draw = partial(self._draw, generator=generator)
        return learned, hold_out(test, draw, learned, answers_too=by == "target")

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
        check_same_count("predictions", predictions, pairs)
        _check_discrete(predictions)
        answers = zip(predictions, pairs.targets, strict=True)
        right = sum(_equal(given, gold, pairs.separator) for given, gold in answers)
        return TaskScore(right / len(pairs), len(pairs))

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
        check_same_count("weights", weights, pairs)
        return mean_attention(weights, pairs)


def _check_discrete(predictions: Sequence[Prediction] | IntArray) -> None:
    if isinstance(predictions, np.ndarray) and predictions.dtype.kind == "f":
        raise ArgumentError(
            "Predictions of sequences are tokens, not probabilities.",
            expected="texts, tokens or integers",
            received=f"an array of {predictions.dtype}",
            fix="Take the argmax over the vocabulary first.",
        )


def _equal(given: Prediction, gold: Tokens, separator: str) -> bool:
    if isinstance(given, str):
        return given == separator.join(gold)
    return tuple(map(str, given)) == gold
