"""Which of the epochs a training ends with, on measures that are written down."""

import math

import numpy as np
import pytest

from regard.training.model_selection import EpochMetrics, ModelSelection


def by_score(measures) -> tuple[float, ...]:
    return (measures["score"],)


def selection_of(scores, *, patience=9, average=0, merit=by_score) -> ModelSelection:
    """After epochs with these scores; the weights of an epoch are its number."""
    selection = ModelSelection(merit, patience, average)
    for epoch, score in enumerate(scores, 1):
        measures = {} if score is None else {"score": score}
        selection.add(EpochMetrics(epoch, 0.0, measures), [np.array([epoch])])
    return selection


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ([1.0, 3.0, 2.0], 2),
        ([3.0, 1.0, 3.0], 1),  # an equal one is not better
        ([1.0, math.nan, 0.5], 1),
        ([math.nan, 0.5], 2),
        ([None, None, None], 3),
    ],
)
def test_the_best_epoch_is_selected(scores, best):
    [weight] = selection_of(scores).selected()
    assert weight.tolist() == [best]


def test_what_comes_second_decides_between_equals():
    def merit(measures):
        return 1.0, -measures["score"]

    [weight] = selection_of([0.5, 0.25, 0.75], merit=merit).selected()
    assert weight.tolist() == [2]


def test_the_mean_of_the_last_epochs_is_selected():
    [weight] = selection_of([9.0, 1.0, 2.0, 3.0], average=2).selected()
    assert weight.tolist() == [3.5]


@pytest.mark.parametrize(
    ("scores", "is_over"),
    [([], False), ([2.0, 1.0], False), ([2.0, 1.0, 1.5], True), ([None] * 9, False)],
)
def test_training_is_over_when_no_better_epoch_comes(scores, is_over):
    assert selection_of(scores, patience=2).is_over() == is_over
