"""The loss of sequences against its formula, padding left out."""

import keras
import numpy as np
import pytest

from regard.translation.loss import SequenceLoss

pytestmark = pytest.mark.backends

# Probabilities of three symbols in two steps of two sequences.
PROBABILITIES = np.array(
    [[[0.25, 0.5, 0.25], [0.1, 0.1, 0.8]], [[0.2, 0.4, 0.4], [0.3, 0.3, 0.4]]]
)
LOGITS = np.log(PROBABILITIES) + 3.0
RIGHT = np.array([[1, 2], [2, 0]], "int32")


def value(loss, symbols=RIGHT, logits=LOGITS) -> float:
    return float(keras.ops.convert_to_numpy(loss(symbols, logits.astype("float32"))))


def test_the_mean_over_symbols_that_are_not_padding():
    wanted = -np.log([0.5, 0.8, 0.4]).mean()
    assert value(SequenceLoss()) == pytest.approx(wanted, rel=1e-6)


def test_a_share_is_spread_over_all_symbols():
    logs = np.log(PROBABILITIES)
    each = [
        -0.9 * logs[row, step, RIGHT[row, step]] - 0.1 / 3 * logs[row, step].sum()
        for row, step in ((0, 0), (0, 1), (1, 0))
    ]
    assert value(SequenceLoss(0.1)) == pytest.approx(np.mean(each), rel=1e-6)


def test_padding_makes_no_difference():
    wider = np.concatenate([LOGITS, np.full((2, 3, 3), 1e4)], axis=1)
    symbols = np.pad(RIGHT, ((0, 0), (0, 3)))
    loss = SequenceLoss(0.1)
    assert value(loss, symbols, wider) == pytest.approx(value(loss), rel=1e-6)


def test_nothing_but_padding_costs_nothing():
    assert value(SequenceLoss(0.1), np.zeros_like(RIGHT)) == 0


def test_it_is_made_anew_from_its_configuration():
    again = SequenceLoss.from_config(SequenceLoss(0.2).get_config())
    assert again.label_smoothing == 0.2
