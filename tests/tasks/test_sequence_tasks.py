import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.errors import ArgumentError
from regard.metrics import (
    attention_mass,
    format_alignment,
    hard_alignment,
    parse_alignment,
)
from regard.tasks import BigramFlip, Copy, Dates, FirstN, Reverse, SequencePairs
from regard.tasks.token_tasks import MovedTokens

TWO = SequencePairs(
    sources=(("a", "b"), ("c",)),
    targets=(("b", "a"), ("c",)),
    alignment=(((0, 1), (1, 0)), ((0, 0),)),
)


def test_first_n_repeats_the_first_and_pads_with_0():
    pairs = FirstN(length=5, n=2, cardinality=50).sample(1_000, seed=0)
    sources, targets = pairs.as_arrays()
    assert sources.shape == targets.shape == (1_000, 5)
    np.testing.assert_array_equal(targets[:, :2], sources[:, :2])
    assert not targets[:, 2:].any()
    assert set(pairs.alignment) == {((0, 0), (1, 1))}


def test_first_n_draws_every_integer_evenly():
    sources, _ = FirstN(cardinality=50).sample(10_000, seed=1).as_arrays()
    counts = np.bincount(sources.ravel(), minlength=50)
    # 1,000 of each are expected; 5 standard deviations are 157.
    assert counts.size == 50
    assert np.abs(counts - 1_000).max() < 157


@pytest.mark.parametrize(
    ("task", "order"),
    [
        (Copy(length=6), [0, 1, 2, 3, 4, 5]),
        (Reverse(length=6), [5, 4, 3, 2, 1, 0]),
        (BigramFlip(length=6), [1, 0, 3, 2, 5, 4]),
    ],
)
def test_tokens_move_as_the_task_says(task, order):
    pairs = task.sample(20, seed=0)
    sources, targets = pairs.as_arrays()
    np.testing.assert_array_equal(targets, sources[:, order])
    assert set(pairs.alignment) == {tuple(enumerate(order))}


@settings(deadline=None, max_examples=25)
@given(
    kind=st.sampled_from([Copy, Reverse, BigramFlip, FirstN]),
    length=st.integers(1, 6).map(lambda half: 2 * half),
    cardinality=st.integers(1, 30),
    seed=st.integers(0, 2**31),
)
def test_the_gold_source_holds_the_target_token(kind, length, cardinality, seed):
    task = kind(length=length, cardinality=cardinality)
    pairs = task.sample(5, seed=seed)
    for source, target, gold in zip(
        pairs.sources, pairs.targets, pairs.alignment, strict=True
    ):
        assert len(source) == len(target) == length
        assert gold
        assert all(target[t] == source[s] for t, s in gold)
        assert all(0 <= int(token) < cardinality for token in source)


def test_lengths_are_drawn_evenly_from_the_range():
    pairs = Reverse(length=(3, 6)).sample(4_000, seed=0)
    counts = np.bincount([len(source) for source in pairs.sources])
    assert counts[:3].sum() == 0
    assert counts.size == 7
    assert np.abs(counts[3:] - 1_000).max() < 140


def test_bigrams_come_in_even_lengths_only():
    pairs = BigramFlip(length=(3, 7)).sample(100, seed=0)
    assert {len(source) for source in pairs.sources} == {4, 6}
    with pytest.raises(ArgumentError, match="a multiple of 2"):
        BigramFlip(length=5)


@pytest.mark.parametrize(
    ("kind", "wrong", "said"),
    [
        (FirstN, {"n": 6}, "length=5.*n=6"),
        (FirstN, {"n": 0}, "'n'"),
        (FirstN, {"length": 0}, "'length'"),
        (FirstN, {"cardinality": 0}, "'cardinality'"),
        (FirstN, {"length": 5.0}, "5.0"),
        (Copy, {"length": 0}, "'length'"),
        (Copy, {"length": (5, 4)}, "5 or more"),
        (Copy, {"cardinality": -1}, "-1"),
        (Reverse, {"length": "long"}, "'long'"),
    ],
)
def test_wrong_settings_are_refused(kind, wrong, said):
    with pytest.raises(ArgumentError, match=said):
        kind(**wrong)


def test_a_split_shares_no_source():
    task = FirstN(length=2, n=1, cardinality=30)
    train, test = task.split(300, 300, seed=5)
    assert train == task.sample(300, seed=5)
    assert len(test) == len(set(test.sources)) == 300
    assert not set(train.sources) & set(test.sources)
    assert set(train.targets) & set(test.targets)


def test_a_split_by_target_shares_no_answer_either():
    task = FirstN(length=3, n=1, cardinality=50)
    train, test = task.split(60, 60, seed=5, by="target")
    assert len(test) == len(set(test.sources)) == 60
    assert not set(train.targets) & set(test.targets)


def test_a_split_keeps_alignments_and_groups():
    _, test = Copy(length=2, cardinality=9).split(20, 50, seed=0)
    assert test.alignment == (((0, 0), (1, 1)),) * 50
    _, test = Dates(locales=("de", "fr")).split(20, 50, seed=0)
    assert set(test.groups) == {"de", "fr"}
    assert test.separator == ""


def test_a_split_of_more_than_there_is_is_refused():
    with pytest.raises(ArgumentError, match=r"Expected: about \d+ at most"):
        Copy(length=2, cardinality=3).split(5, 10)


def test_a_split_by_something_else_is_refused():
    with pytest.raises(ArgumentError, match="'source', 'target'"):
        Copy().split(5, 10, by="length")


def test_only_whole_sequences_count():
    task = Copy(length=3)
    pairs = SequencePairs((("1", "2"),) * 4, (("1", "2"),) * 4)
    answers = [("1", "2"), ("1", "3"), ("1",), ("1", "2", "2")]
    assert task.score(answers, pairs).accuracy == 0.25


def test_answers_may_be_texts_tokens_or_integers():
    task = Copy(length=3)
    pairs = task.sample(10)
    _, targets = pairs.as_arrays()
    for answers in (pairs.target_texts, list(pairs.targets), targets, targets.tolist()):
        assert task.score(answers, pairs).accuracy == 1.0
    assert task.score(targets + 1, pairs).accuracy == 0.0


def test_probabilities_are_no_answers():
    task = Copy(length=3)
    with pytest.raises(ArgumentError, match="argmax"):
        task.score(np.zeros((10, 3, 100)), task.sample(10))


def test_attention_on_gold_is_the_mean_over_target_tokens():
    weights = [np.array([[0.25, 0.75], [0.5, 0.5]]), np.array([[0.1, 0.9]])]
    # (0.75 + 0.5 + 0.1) / 3
    assert Copy().attention_on_gold(weights, TWO) == pytest.approx(0.45)


def test_weights_are_by_target_and_source():
    pairs = SequencePairs((("a", "b"),), (("b", "b"),), (((0, 1), (1, 1)),))
    weights = [np.array([[0.4, 0.6], [0.9, 0.1]])]
    assert Copy().attention_on_gold(weights, pairs) == pytest.approx(0.35)


def test_padding_of_the_weights_is_passed_over():
    weights = np.full((2, 4, 5), 0.9)
    weights[0, :2, :2] = [[0.25, 0.75], [0.5, 0.5]]
    weights[1, 0, 0] = 0.1
    assert Copy().attention_on_gold(weights, TWO) == pytest.approx(0.45)


def test_perfect_and_uniform_attention():
    task = FirstN(length=5, n=2)
    pairs = task.sample(30)
    assert task.attention_on_gold([np.eye(5)] * 30, pairs) == 1.0
    uniform = np.full((30, 5, 5), 0.2)
    assert task.attention_on_gold(uniform, pairs) == pytest.approx(0.2)


def test_tokens_without_a_gold_source_do_not_count():
    task = FirstN(length=3, n=1)
    weights = np.zeros((4, 3, 3))
    weights[:, 0, 0] = 0.6
    assert task.attention_on_gold(weights, task.sample(4)) == pytest.approx(0.6)


def test_weights_that_do_not_cover_a_pair_are_refused():
    with pytest.raises(ArgumentError, match=r"pair 0.*\(2, 2\)"):
        Copy().attention_on_gold(np.zeros((2, 1, 2)), TWO)
    with pytest.raises(ArgumentError, match="heads"):
        Copy().attention_on_gold(np.zeros((2, 4, 2, 2)), TWO)
    with pytest.raises(ArgumentError, match="3 weights and 2 pairs"):
        Copy().attention_on_gold(np.zeros((3, 2, 2)), TWO)


def test_without_gold_alignment_there_is_no_share():
    task = Dates(locales=("de",))
    with pytest.raises(ArgumentError, match="no gold alignment"):
        task.attention_on_gold(np.zeros((3, 10, 40)), task.sample(3))


class Rotation(MovedTokens):
    """The first token moves to the end; its inverse is another permutation."""

    name = "rotation"

    def _order(self, length):
        return np.roll(np.arange(length), -1)


def test_tasks_and_metrics_have_one_order_of_target_and_source():
    task = Rotation(length=3, cardinality=9)
    pairs = task.sample(4, seed=0)
    gold = ((0, 1), (1, 2), (2, 0))  # (target, source)
    assert set(pairs.alignment) == {gold}
    weights = [np.eye(3)[[1, 2, 0]]] * 4  # (target, source), as of a translation
    turned = [matrix.T for matrix in weights]
    assert task.attention_on_gold(weights, pairs) == 1
    assert task.attention_on_gold(turned, pairs) == 0
    assert attention_mass(weights, pairs.alignment).mass == 1
    assert attention_mass(turned, pairs.alignment).mass == 0
    assert hard_alignment(weights[0]) == set(gold)
    # Only the text of a file names the source first.
    assert format_alignment(gold) == "0-2 1-0 2-1"
    assert parse_alignment("0-2 1-0 2-1").sure == set(gold)
    assert parse_alignment("2-0 0-1 1-2", target_first=True).sure == set(gold)
