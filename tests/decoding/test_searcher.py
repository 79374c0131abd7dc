"""A searcher given many sources, and those it refuses."""

from itertools import pairwise

import numpy as np
import pytest
from search_oracle import sources, tiny

from regard.decoding import Search, Searcher, searcher
from regard.errors import ArgumentError


@pytest.fixture(scope="module")
def model():
    return tiny(9, cell="lstm", order="bahdanau", tie_embeddings=False)


@pytest.fixture(scope="module")
def searching(model):
    search = Search(beam=3, n_best=3, max_length=6, length_penalty=1.0)
    return Searcher(model, search)


def flat(results):
    return [hypothesis for best in results for hypothesis in best]


def test_the_company_of_a_source_makes_no_difference(searching):
    inputs = sources(3, 8, 1, 5)
    together = searching.run(inputs)
    alone = [searching.run([source])[0] for source in inputs]
    turned = searching.run(inputs[::-1])[::-1]
    for others in (alone, turned):
        for hypothesis, other in zip(flat(together), flat(others), strict=True):
            np.testing.assert_array_equal(hypothesis.symbols, other.symbols)
            assert hypothesis.log_probability == pytest.approx(
                other.log_probability, abs=1e-5
            )
            np.testing.assert_allclose(hypothesis.weights, other.weights, atol=1e-5)


def test_sources_of_many_batches_get_their_own_results(model, monkeypatch):
    search = Search(beam=2, max_length=6)
    inputs = sources(3, 17, 8, 9, 1, 4, 20, 12, 2)
    # One of all, and one that cuts them into batches of which two run at a time.
    together = flat(Searcher(model, search).run(inputs))
    monkeypatch.setattr(searcher, "_ROWS_IN_BEAMS", 4)
    apart = flat(Searcher(model, search).run(inputs))
    for hypothesis, other in zip(together, apart, strict=True):
        np.testing.assert_array_equal(hypothesis.symbols, other.symbols)
        np.testing.assert_allclose(hypothesis.weights, other.weights, atol=1e-5)


@pytest.mark.parametrize("settings", [{}, {"beam": 2, "n_best": 2}, {"min_length": 99}])
def test_a_longer_shape_changes_no_result(model, settings):
    # None ends by itself where 99 symbols are the least: the limit cuts all of them.
    searching = Searcher(model, Search(**settings, length_penalty=1.0))
    inputs = sources(3, 8, 2, 11)
    for hypothesis, other in zip(
        flat(searching.run(inputs)), flat(searching.run_in(4, 24, inputs)), strict=True
    ):
        np.testing.assert_array_equal(hypothesis.symbols, other.symbols)
        np.testing.assert_allclose(hypothesis.weights, other.weights, atol=1e-5)
        assert hypothesis.finished == other.finished
        assert hypothesis.score == pytest.approx(other.score, abs=1e-5)
        if "min_length" in settings:
            assert len(other.symbols) in {26, 42}


def test_a_batch_that_fails_ends_the_search(model):
    searching = Searcher(model, Search(max_length=2))
    inputs = sources(3, 17)
    with pytest.raises(ArgumentError, match="A prefix is longer"):
        searching.run(inputs, [np.ones(1, "int32"), np.ones(3, "int32")])


def test_the_best_come_first_and_are_different(searching):
    for source, best in zip(
        sources(3, 8, 1, 5), searching.run(sources(3, 8, 1, 5)), strict=True
    ):
        assert len(best) == 3
        for better, worse in pairwise(best):
            assert (better.finished, better.score) >= (worse.finished, worse.score)
        endings = {(tuple(each.symbols), each.finished) for each in best}
        assert len(endings) == 3
        for hypothesis in best:
            assert hypothesis.weights.shape == (len(hypothesis.symbols), len(source))
            np.testing.assert_allclose(hypothesis.weights.sum(axis=1), 1, atol=1e-5)
            assert hypothesis.finished or len(hypothesis.symbols) == 6


def test_an_empty_source_has_an_empty_result(searching):
    empty = np.zeros(0, "int32")
    full, [only], last = searching.run([*sources(3), empty, *sources(5)])
    assert len(full) == len(last) == 3
    assert only.symbols.shape == (0,)
    assert only.weights.shape == (0, 0)
    assert (only.finished, only.log_probability) == (True, 0.0)
    assert searching.run([]) == []


def test_sources_are_cut_into_batches_of_similar_length():
    lengths = np.array([3, 17, 8, 9, 0, 4])
    order = np.argsort(lengths, kind="stable")
    batches = searcher._batches(lengths, order, rows=3)
    # Of a batch that is not full the longest may be one step longer than the first.
    assert batches == [(8, [4, 0, 5]), (16, [2, 3]), (24, [1])]
    assert searcher._batches(lengths[:2], np.array([0, 1]), 3) == [(8, [0]), (24, [1])]


def test_a_prefix_fits_what_may_be_written_of_its_own_source(model):
    searching = Searcher(model, Search())
    limit = Search().limit(8)
    # The other one runs in the same batch, and may be longer.
    longer = [np.ones(limit + 1, "int32"), np.ones(1, "int32")]
    with pytest.raises(ArgumentError, match=f"at most {limit}.*Received: {limit + 1}"):
        searching.run(sources(8, 9), longer)


def test_the_weights_of_a_hypothesis_are_found_where_it_came_from():
    # Two hypotheses change places in step 1; in step 2 both come from the second one.
    parents = np.array([[[0, 0]], [[1, 0]], [[1, 1]], [[9, 9]]])
    weights = np.arange(8.0, dtype="float32").reshape(4, 1, 2, 1)
    both = np.array([[0, 1]])
    followed = searcher._follow(parents[:3], weights[:3], both)[0, :, :, 0]
    # Step 2: hypothesis 1 of the step before, which came from 0, which came from 0.
    assert followed.tolist() == [[0, 2, 5], [0, 2, 5]]
    after_two = searcher._follow(parents[:2], weights[:2], both)[0, :, :, 0]
    assert after_two.tolist() == [[0, 3], [0, 2]]
    second = searcher._follow(parents[:2], weights[:2], np.array([[1]]))
    assert second[0, :, :, 0].tolist() == [[0, 2]]


def test_the_best_of_a_beam_are_those_that_may_be_and_have_ended():
    beam = {
        "symbols": np.array([[[4, 3, 0], [4, 5, 6], [5, 3, 0]], [[6, 0, 0]] * 3]),
        "log_probability": np.array([[-3.0, -1, -2], [-4, -2e9, -2e9]], "float32"),
        "rank": np.array([[-3.0, -1, -2], [-4, -2e9, -2e9]], "float32"),
        "finished": np.array([[True, False, True], [False] * 3]),
    }
    steps = {"parents": np.zeros((3, 2, 3), "int32"), "weights": np.ones((3, 2, 3, 5))}
    full, single = searcher._best_hypotheses(beam, steps, [2, 4], 3)
    # Those that ended come first, by their rank; none that is impossible does.
    assert [each.log_probability for each in full] == [-2, -3, -1]
    assert [each.symbols.tolist() for each in full] == [[5], [4], [4, 5, 6]]
    assert [each.finished for each in full] == [True, True, False]
    assert [each.weights.shape for each in full] == [(1, 2), (1, 2), (3, 2)]
    assert [each.symbols.tolist() for each in single] == [[6]]
    assert single[0].weights.shape == (1, 4)


def test_prefixes_that_do_not_fit(searching):
    prefix = np.array([4], "int32")
    with pytest.raises(ArgumentError, match="2 sources and 1 prefixes"):
        searching.run(sources(3, 4), [prefix])
    with pytest.raises(ArgumentError, match=r"at most 6.*Received: 7.*max_length"):
        searching.run(sources(3), [np.full(7, 4, "int32")])


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"beam": 0}, r"'beam'.*from 1 to 10000.*Received: 0"),
        ({"beam": True}, r"'beam'.*whole number"),
        ({"beam": 2.0}, r"'beam'.*whole number"),
        ({"n_best": 2}, r"'n_best'.*at most the beam, 1"),
        ({"max_length": 0}, r"'max_length'.*1 or more"),
        ({"min_length": -1}, r"'min_length'.*0 or more"),
        ({"min_length": 5, "max_length": 4}, r"'min_length'.*from 0 to 4"),
        ({"block_ngrams": -1}, r"'block_ngrams'.*0 or more"),
        ({"length_penalty": -0.1}, r"'length_penalty'.*0 or more"),
        ({"coverage_penalty": float("nan")}, r"'coverage_penalty'.*0 or more"),
        ({"length_penalty": "1"}, r"'length_penalty'.*0 or more"),
    ],
)
def test_settings_that_make_no_sense(settings, match):
    with pytest.raises(ArgumentError, match=match):
        Search(**settings)


def test_the_most_symbols_follow_from_the_source():
    assert Search().limit(7) == 24
    assert Search(max_length=5).limit(7) == 5
