"""A score is one row: what stands in the table, every layer can be asked for."""

from dataclasses import replace

import cases
import clauses
import numpy as np
import pytest
from keras import ops, tree
from subjects import Compiled, Eager, to_numpy
from test_attention_decoder import (
    INPUTS,
    MEMORY,
    called,
    decoder_and_oracle,
    near,
    stepping,
)

import oracle
from regard.errors import ArgumentError
from regard.layers import AttentionDecoder, AttentionPooling, CrossAttention
from regard.layers.score_functions import PAIR_SCORES, STATE_SCORES, ScoreFunction

pytestmark = pytest.mark.backends

CLAUSES = (
    clauses.rows_sum_to_one,
    clauses.masked_keys_are_zero,
    clauses.padding_may_be_nan,
    clauses.observing_changes_nothing,
    clauses.oracle_agrees,
)


def length(states, kernel):
    """``a sum of |h_d|``, with an ``a`` of each head."""
    return kernel[:, None] * ops.sum(ops.abs(states), -1)[:, None]


def distance(query, key, kernel, scale):
    """``-a sum of |(W q)_d - k_d|``, with an ``a`` of each head."""
    query = ops.matmul(query, kernel)
    apart = ops.abs(query[:, None, :, None] - key[:, None, None])
    return -scale[:, None, None] * ops.sum(apart, -1)


def distance_in_numpy(query, key, kernel, scale):
    """The oracle of ``distance``."""
    scores = np.zeros((len(query), len(scale), query.shape[1], key.shape[1]))
    for row, head, i, j in np.ndindex(scores.shape):
        apart = abs(query[row, i] @ kernel - key[row, j]).sum()
        scores[row, head, i, j] = -scale[head] * apart
    return scores


@pytest.fixture
def toy_scores(monkeypatch):
    """A score of states and one of pairs, each a row and an oracle."""
    row = ScoreFunction(length, lambda size: {"kernel": (size.heads,)})
    monkeypatch.setitem(STATE_SCORES, "length", row)
    in_numpy = lambda h, kernel: kernel[:, None] * abs(h).sum(-1)[:, None]  # noqa: E731
    monkeypatch.setattr(oracle, "length", in_numpy, raising=False)
    row = ScoreFunction(
        distance,
        lambda size: {"kernel": (size.query, size.key), "scale": (size.heads,)},
    )
    monkeypatch.setitem(PAIR_SCORES, "distance", row)
    monkeypatch.setattr(oracle, "distance", distance_in_numpy, raising=False)


TOYS = {
    "pooling": cases.pooling_case("length", num_heads=2),
    "cross": cases.paired_case("cross", "distance", num_heads=2),
    "self": cases.paired_case("self", "distance"),
}


def holds(subject, case):
    """The clauses of the contract, over masks with holes and an empty row."""
    for pattern in ("holes", "empty"):
        batch = cases.batch_for(case, pattern)
        for clause in CLAUSES:
            clause(subject, batch, clauses.Limits(observing=1e-6))


@pytest.mark.parametrize("name", TOYS)
def test_layers_take_a_new_score(name, toy_scores):
    holds(Eager(TOYS[name]), TOYS[name])


@pytest.mark.parametrize(("order", "fed"), [("bahdanau", True), ("luong", False)])
def test_a_decoder_takes_a_new_score(order, fed, toy_scores):
    """In its loop, and over all steps beside each other."""
    case = cases.decoder_case("gru", "distance", order, 2, fed)
    holds(Compiled(case), case)


def test_a_new_score_has_a_gradient_in_a_decoder(toy_scores):
    case = cases.decoder_case("gru", "distance", "luong", 1, False)
    batch = cases.batch_for(case, "empty")
    clauses.gradient_survives_nan(Compiled(case), batch, clauses.Limits())


@pytest.mark.parametrize("score", ["additive", "general", "dot", "scaled_dot"])
def test_a_way_of_its_own_for_steps_gives_what_the_function_gives(score, monkeypatch):
    layer, _ = decoder_and_oracle("gru", score, "luong", False, 2)
    expected = called(layer, MEMORY, INPUTS)
    assert PAIR_SCORES[score].stepwise
    monkeypatch.setitem(PAIR_SCORES, score, replace(PAIR_SCORES[score], stepwise=None))
    near(called(layer, MEMORY, INPUTS), expected)


@pytest.mark.parametrize("score", ["concat", "dot"])
def test_hypotheses_are_scored_by_the_function_alone(score, monkeypatch):
    """One of several is as one alone."""
    monkeypatch.setitem(PAIR_SCORES, score, replace(PAIR_SCORES[score], stepwise=None))
    layer, _ = decoder_and_oracle("lstm", score, "luong", True, 2)
    memory, first = layer.prepare(MEMORY), layer.first_state(len(MEMORY))
    beams = tree.map_structure(lambda zeros: ops.stack([zeros] * 5, axis=1), first)
    several = stepping(layer)(INPUTS, beams, memory)
    for beam in range(INPUTS.shape[1]):
        alone = stepping(layer)(INPUTS[:, beam], first, memory)
        near(
            (to_numpy(tensor)[:, beam] for tensor in tree.flatten(several)),
            map(to_numpy, tree.flatten(alone)),
        )


@pytest.mark.parametrize(
    "make",
    [
        lambda: AttentionPooling("distance"),
        lambda: CrossAttention("distance"),
        lambda: AttentionDecoder(4, score="distance"),
    ],
)
def test_without_its_row_a_score_is_not_known(make):
    with pytest.raises(ArgumentError, match="'score'"):
        make()
