"""The hypotheses of a search, held against searches done the slow way."""

import numpy as np
import pytest
from search_oracle import END, Oracle, exhaustive, sources, tiny

from regard.decoding import Hypothesis, Search, Searcher, beam_search

STEPS = 3
# Hypotheses of at most three symbols: no end 27, an end 1 + 3 + 9.
EVERY = 40


def agrees(hypothesis: Hypothesis, wanted, **rank) -> None:
    assert tuple(hypothesis.symbols) == wanted.symbols
    assert hypothesis.finished == wanted.finished
    assert hypothesis.log_probability == pytest.approx(wanted.log_probability, abs=1e-5)
    assert hypothesis.score == pytest.approx(wanted.score(**rank), abs=2e-5)
    own = wanted.weights[: len(wanted.symbols)]
    assert hypothesis.weights.shape == own.shape
    np.testing.assert_allclose(hypothesis.weights, own, atol=1e-5)


# On every backend


@pytest.mark.backends
@pytest.mark.parametrize("beam", [1, 4])
def test_scoring_what_was_found_gives_the_same_numbers(beam):
    model, inputs = tiny(num_heads=2), sources(5, 8, 2)
    steps = 6
    search = Search(beam=beam, n_best=beam, max_length=steps)
    results = Searcher(model, search).run(inputs)
    oracle = Oracle(model, steps)
    for source, hypotheses in zip(inputs, results, strict=True):
        assert len(hypotheses) == beam
        written = [
            (tuple(hypothesis.symbols.tolist()), hypothesis.finished)
            for hypothesis in hypotheses
        ]
        for hypothesis, wanted in zip(
            hypotheses, oracle.score(source, written), strict=True
        ):
            agrees(hypothesis, wanted)
    finished = {
        hypothesis.finished for hypotheses in results for hypothesis in hypotheses
    }
    assert beam == 1 or finished == {True, False}


@pytest.mark.backends
def test_a_beam_of_one_is_greedy():
    model, steps = tiny(), 6
    oracle = Oracle(model, steps)
    inputs = sources(5, 8, 2)
    results = Searcher(model, Search(max_length=steps)).run(inputs)
    for source, [hypothesis] in zip(inputs, results, strict=True):
        written: list[int] = []
        while len(written) < steps:
            logits, _ = oracle.logits(source, [written])
            row = logits[0, len(written)]
            row[[0, 2]] = -np.inf  # neither padding nor the begin is ever written
            written.append(int(row.argmax()))
            if written[-1] == END:
                break
        ended = written[-1] == END
        assert hypothesis.symbols.tolist() == written[: len(written) - ended]
        assert hypothesis.finished == ended


# Of many symbols maxima of chunks are looked at before the symbols themselves.
RULES = {
    "greedy": {},
    "beam": {"beam": 3, "n_best": 3, "length_penalty": 1.0},
    "rules": {"beam": 3, "n_best": 3, "min_length": 3, "block_ngrams": 1},
}


@pytest.mark.backends
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("name", RULES)
def test_chunks_of_symbols_change_nothing(monkeypatch, name, tied):
    # Neither a multiple of the chunk nor in one piece; most of it is far from the end.
    model = tiny(300, tie_embeddings=tied, units=4)
    search = Search(max_length=5, forbid_unknown=True, **RULES[name])
    inputs = sources(5, 8, 2, 0)
    prefixes = [np.array(ids, "int32") for ids in ([], [299, 130, 3], [140], [])]
    chunked = Searcher(model, search).run(inputs, prefixes)
    assert [
        one.symbols[: len(ids)].tolist()
        for [one, *_], ids in zip(chunked, [[], [299, 130], [140], []], strict=True)
    ] == [[], [299, 130], [140], []]
    monkeypatch.setattr(beam_search, "_CHUNK", 1 << 20)
    plain = Searcher(model, search).run(inputs, prefixes)
    for best, others in zip(chunked, plain, strict=True):
        for one, other in zip(best, others, strict=True):
            assert one.symbols.tolist() == other.symbols.tolist()
            assert one.finished == other.finished
            assert one.log_probability == pytest.approx(other.log_probability, abs=1e-5)
            np.testing.assert_allclose(one.weights, other.weights, atol=1e-5)


# Exhaustive search


def no_repeats(size):
    def may(symbols, finished):
        grams = [symbols[i : i + size] for i in range(len(symbols) - size + 1)]
        return len(grams) == len(set(grams))

    return may


def anything(symbols, finished):
    return True


def known_and_long_enough(symbols, finished):
    return 1 not in symbols and not (finished and len(symbols) < 1)


SETTINGS = {
    "penalties": ({"length_penalty": 0.6, "coverage_penalty": 0.3}, anything),
    "known": ({"min_length": 1, "forbid_unknown": True}, known_and_long_enough),
    "no two symbols twice": ({"block_ngrams": 2}, no_repeats(2)),
    "never ended": (
        {"min_length": STEPS, "block_ngrams": 1},
        lambda symbols, finished: not finished and no_repeats(1)(symbols, finished),
    ),
}


@pytest.fixture(scope="module")
def model():
    return tiny()


@pytest.fixture(scope="module")
def oracle(model):
    return Oracle(model, STEPS)


@pytest.fixture(scope="module")
def all_of_them(model):
    """Finds everything there is."""
    return Searcher(model, Search(beam=EVERY, n_best=EVERY, max_length=STEPS))


@pytest.mark.parametrize("name", SETTINGS)
def test_a_beam_as_wide_as_the_space_finds_everything(model, oracle, name):
    options, may = SETTINGS[name]
    rank = {
        "alpha": options.get("length_penalty", 0.0),
        "beta": options.get("coverage_penalty", 0.0),
    }
    [source] = sources(4)
    search = Search(beam=EVERY, n_best=EVERY, max_length=STEPS, **options)
    [hypotheses] = Searcher(model, search).run([source])
    wanted = exhaustive(oracle, source, may, lambda scored: scored.score(**rank))
    assert len(hypotheses) == len(wanted)
    for hypothesis, other in zip(hypotheses, wanted, strict=True):
        agrees(hypothesis, other, **rank)


def test_ending_early_finds_the_same_best(model, oracle):
    # With few results wanted the loop ends before the last step.
    [source] = sources(4)
    rank = {"alpha": 1.0, "beta": 0.1}
    options = {"length_penalty": 1.0, "coverage_penalty": 0.1}
    search = Search(beam=EVERY, n_best=2, max_length=STEPS, **options)
    [hypotheses] = Searcher(model, search).run([source])
    wanted = exhaustive(oracle, source, anything, lambda scored: scored.score(**rank))
    for hypothesis, other in zip(hypotheses, wanted[:2], strict=True):
        agrees(hypothesis, other, **rank)


def test_a_prefix_is_written_whatever_it_costs(oracle, all_of_them):
    inputs = sources(4, 4, 4, 4)
    begins = [(), (5,), (4, 1), (4, 5, 1)]
    prefixes = [np.array(begin, "int32") for begin in begins]
    results = all_of_them.run(inputs, prefixes)
    for source, begin, hypotheses in zip(inputs, begins, results, strict=True):
        wanted = exhaustive(
            oracle,
            source,
            lambda symbols, _, begin=begin: symbols[: len(begin)] == begin,
            lambda scored: scored.score(),
        )
        assert len(hypotheses) == len(wanted) > 0
        for hypothesis, other in zip(hypotheses, wanted, strict=True):
            agrees(hypothesis, other)


def test_what_is_finished_does_not_change(model, all_of_them):
    inputs = sources(4, 3, 2, 5)
    shorter = Search(beam=EVERY, n_best=EVERY, max_length=STEPS - 1)
    earlier = Searcher(model, shorter).run(inputs)
    for before, after in zip(earlier, all_of_them.run(inputs), strict=True):
        finished = [hypothesis for hypothesis in before if hypothesis.finished]
        later = {
            tuple(hypothesis.symbols): hypothesis
            for hypothesis in after
            if hypothesis.finished
        }
        assert (len(finished), len(later)) == (4, 13)
        for hypothesis in finished:
            same = later[tuple(hypothesis.symbols)]
            assert hypothesis.log_probability == pytest.approx(
                same.log_probability, abs=1e-6
            )
            np.testing.assert_allclose(hypothesis.weights, same.weights, atol=1e-6)
