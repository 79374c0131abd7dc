"""Searches among the symbols of a shortlist, and the shortlist itself."""

import io
from itertools import pairwise

import numpy as np
import pytest
from keras import ops
from search_oracle import sources, tiny

from regard.decoding import Search, Searcher, shortlist
from regard.decoding.shortlist import LinkCounts, Shortlist
from regard.errors import BundleError, DataError
from regard.translation.attention_links import learn_shortlist
from regard.translation.pair_batches import EncodedPairs
from regard.translation.seq2seq import OtherSymbols

SOURCE, TARGET = 9, 30


def everything(sizes=(SOURCE, TARGET)) -> Shortlist:
    """Each source symbol leads to one target symbol, equally often."""
    counts = LinkCounts(*sizes)
    ids = np.arange(4, sizes[0])
    counts.read([ids])
    counts.add(ids, ids + 10, np.ones(len(ids)))
    return counts.shortlist()


@pytest.fixture
def small(monkeypatch):
    """Lists of a few symbols, as few are in these vocabularies."""
    monkeypatch.setattr(shortlist, "_SMALLEST", 8)
    monkeypatch.setattr(shortlist, "_MULTIPLE_FOR_BEAMS", 16)


# What is in it


def test_the_linked_symbols_come_with_the_special_ones(small):
    chosen = everything().of_batch([np.array([5, 7]), np.array([7])])
    assert chosen.dtype == np.int32
    # 5 and 7 lead to 15 and 17; the rest are those that are written most.
    assert chosen.tolist() == [0, 1, 2, 3, 14, 15, 16, 17]


def test_lists_grow_until_hardly_anything_is_expected_beside_them(small):
    counts = LinkCounts(SOURCE, TARGET)
    ids = np.arange(4, SOURCE)
    counts.read([np.repeat(ids, 4)])
    counts.add(np.repeat(ids, 4), np.arange(4, 24), np.ones(20))
    table = counts.shortlist()
    sizes = [
        len(table.of_batch([np.array(source)]))
        for source in ([4], [4, 5], [4, 5, 6, 4])
    ]
    assert sizes == [8, 16, 16]
    # 4 special ones and 20 are more than 0.6 of all.
    assert table.of_batch([ids]) is None
    assert len(table.of_batch([np.array([4])], beam=2)) == 16


def test_what_is_needed_is_in_it(small):
    chosen = everything().of_batch([np.array([5])], [np.array([[29, 0], [4, 0]])])
    assert {15, 29, 4} <= set(chosen.tolist())
    assert len(chosen) == 8
    needed = np.arange(6, 14)
    assert len(everything().of_batch([np.array([5])], [needed])) == 16


def test_symbols_that_were_never_seen_lead_to_what_is_written_most(small):
    counts = LinkCounts(SOURCE, TARGET)
    counts.read([np.array([4, 5])])
    counts.add(np.array([4, 4, 5]), np.array([20, 21, 20]), np.array([1, 0.5, 1]))
    table = counts.shortlist()
    assert {20, 21} <= set(table.of_batch([np.array([8, 8])]).tolist())
    assert table.of_batch([]).tolist() == [*range(6), 20, 21]


def test_links_are_how_often_a_symbol_is_written_for_one_of_a_source_symbol(
    monkeypatch,
):
    counts = LinkCounts(7, 9)
    counts.read([np.array([4, 4, 5]), np.array([5])])
    counts.add(np.array([[4, 4], [5, 0]]), np.array([[6, 7], [6, 8]]), np.full(4, 0.5))
    counts.add(np.array([4, 5]), np.array([6, 8]), np.array([1.0, 1e-6]))
    table = counts.shortlist()
    assert (table.source_count, table.count) == (7, 9)
    spans = [slice(*each) for each in pairwise(table.starts.tolist())]
    linked = {
        source: dict(zip(table.symbols[s].tolist(), table.weights[s].tolist()))  # noqa: B905 - of one length
        for source, s in enumerate(spans)
        if s.start < s.stop
    }
    # The first are of no source symbol, and too weak ones are forgotten.
    assert linked == {
        0: {6: 0.5, 7: 0.125, 8: pytest.approx(2.5e-7)},
        4: {6: 0.75, 7: 0.25},
        5: {6: 0.25},
    }
    monkeypatch.setattr(shortlist, "_MOST_PENDING", 1)
    again = LinkCounts(7, 9)
    again.read([np.array([4, 4, 5]), np.array([5])])
    again.add(np.array([4, 5]), np.array([6, 8]), np.array([1.0, 1e-6]))
    again.add(np.array([[4, 4], [5, 0]]), np.array([[6, 7], [6, 8]]), np.full(4, 0.5))
    assert again.shortlist().to_bytes() == table.to_bytes()


# Its file


def test_it_is_read_as_it_was_written():
    table = everything()
    again = Shortlist.from_bytes(table.to_bytes())
    assert again.count == TARGET
    for name in ("starts", "symbols", "weights"):
        np.testing.assert_array_equal(getattr(again, name), getattr(table, name))
    again.check_sizes(SOURCE, TARGET)
    with pytest.raises(BundleError, match=r"9 and 31 symbols.*9 and 30 symbols"):
        again.check_sizes(SOURCE, TARGET + 1)


def stored(**changed) -> bytes:
    table = everything()
    arrays = {
        "starts": table.starts,
        "symbols": table.symbols,
        "weights": table.weights,
        "count": np.array([TARGET]),
    }
    file = io.BytesIO()
    np.savez(file, **arrays | changed)
    return file.getvalue()


@pytest.mark.parametrize(
    "changed",
    [
        {"starts": np.array([1, 10])},
        {"starts": np.array([0, 4, 2, 10])},
        {"starts": np.array([0, 11])},
        # Each is more than the one before, as long as nothing is larger than fits.
        {"starts": np.array([0, 2**62, -(2**63), -(2**62), 5])},
        {"starts": np.zeros((2, 5), int)},
        {"starts": np.array([0])},
        {"symbols": np.full(10, TARGET)},
        {"symbols": np.full(10, -1)},
        {"symbols": np.full(10, 0.5)},
        {"weights": np.full(10, np.nan)},
        {"weights": np.full(10, -0.1)},
        {"weights": np.full(10, 1)},
        {"weights": np.full(9, 0.1)},
        {"count": np.array([3, 4])},
        {"count": np.array(["a"], object)},
    ],
)
def test_what_is_none_is_refused(changed):
    with pytest.raises(BundleError, match="shortlist"):
        Shortlist.from_bytes(stored(**changed))


def test_files_with_other_things_are_refused():
    with pytest.raises(DataError, match="no whole archive"):
        Shortlist.from_bytes(stored()[:-1])
    with pytest.raises(DataError, match="does not hold what it should"):
        Shortlist.from_bytes(stored(more=np.zeros(1)))


# Searches among its symbols


@pytest.fixture(scope="module")
def model():
    return tiny(TARGET)


@pytest.mark.backends
@pytest.mark.parametrize("beam", [1, 3])
def test_a_search_among_all_is_the_search(model, beam):
    inputs = sources(5, 8, 2)
    search = Search(beam=beam, n_best=beam, max_length=5, block_ngrams=2, min_length=1)
    searcher = Searcher(model, search)

    class All:
        def of_batch(self, *_):
            return np.arange(TARGET, dtype=np.int32)

    for best, others in zip(
        searcher.run(inputs), searcher.run(inputs, None, All()), strict=True
    ):
        for one, other in zip(best, others, strict=True):
            np.testing.assert_array_equal(one.symbols, other.symbols)
            np.testing.assert_allclose(one.weights, other.weights, atol=1e-5)
            assert one.log_probability == pytest.approx(other.log_probability, abs=1e-5)


@pytest.mark.backends
@pytest.mark.parametrize("tied", [True, False])
def test_only_its_symbols_are_written_and_probabilities_are_nearly_those_of_all(
    small, tied
):
    model, inputs = tiny(TARGET, tie_embeddings=tied), sources(5, 8, 2)
    searcher = Searcher(model, Search(beam=2, n_best=2, max_length=5))
    table = everything()
    symbols = set(table.of_batch(inputs, beam=2).tolist())
    assert len(symbols) == 16
    results = searcher.run(inputs, None, table)
    errors = []
    for source, best in zip(inputs, results, strict=True):
        for one in best:
            assert set(one.symbols.tolist()) <= symbols
            # Written again, whatever it costs, among all.
            forced = np.append(one.symbols, [3])[:5]
            again = searcher.run([source], [forced])[0][0]
            errors.append(one.log_probability - again.log_probability)
    # Half of them are left out: among the others alone it would be more than 1.
    assert abs(np.mean(errors)) < 0.3
    forced = searcher.run(inputs, [np.array([29, 28])] * 3, table)
    assert all(one.symbols[:2].tolist() == [29, 28] for best in forced for one in best)
    assert {28, 29}.isdisjoint(symbols)


@pytest.mark.backends
def test_the_sum_of_normal_logits_is_known(model):
    generator = np.random.default_rng(0)
    kernel = generator.normal(0, 0.4, (6, 20_000)).astype("float32")
    bias = generator.normal(0, 0.3, 20_000).astype("float32")
    chosen = np.arange(0, 20_000, 100, dtype="int32")
    others = OtherSymbols.of(*map(ops.convert_to_tensor, (kernel, bias, chosen)))
    features = generator.normal(size=(3, 2, 6)).astype("float32")
    logits = features @ kernel + bias
    joined = others.joined(
        ops.convert_to_tensor(logits[..., chosen]), ops.convert_to_tensor(features)
    )
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.logsumexp(joined, axis=-1)),
        np.log(np.exp(logits).sum(-1)),
        atol=0.05,
    )
    # Where logits spread far, the sum is that of the highest.
    far = 4 * features / np.linalg.norm(features, axis=-1, keepdims=True) / 0.4 * 2
    most = (far @ kernel + bias).max(-1)
    joined = others.joined(
        ops.convert_to_tensor((far @ kernel + bias)[..., chosen]),
        ops.convert_to_tensor(far),
    )
    total = ops.convert_to_numpy(ops.logsumexp(joined, axis=-1))
    assert (total < most + 6).all()


@pytest.mark.backends
def test_a_model_is_asked_what_it_writes(model):
    pairs = EncodedPairs(sources(3, 8, 5), sources(4, 2, 6, seed=1))
    table = learn_shortlist(model, pairs)
    assert (table.source_count, table.count) == (SOURCE, TARGET)
    read = np.bincount(np.concatenate(pairs.sources), minlength=SOURCE)
    spans = [slice(*each) for each in pairwise(table.starts.tolist())]
    # Each step shares out at most 1, of which 8 symbols have most.
    written = sum(
        read[source] * table.weights[spans[source]].sum() for source in range(4, SOURCE)
    )
    assert 0.3 * 15 < written <= 15
    np.testing.assert_allclose(
        table.weights[spans[0]].sum() * read.sum(), written, rtol=0.01
    )
