"""Attention held against alignments."""

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.errors import ArgumentError
from regard.metrics import attention_mass, hard_alignment, parse_alignments

WEIGHTS = np.array([[0.1, 0.7, 0.2], [0.5, 0.25, 0.25], [0.4, 0.4, 0.2]])


def test_each_target_token_is_linked_with_its_maximum():
    assert hard_alignment(WEIGHTS) == {(0, 1), (1, 0), (2, 0)}


def test_a_row_that_attends_to_nothing_has_no_link():
    assert hard_alignment(np.array([[0.0, 0.0], [0.1, 0.9]])) == {(1, 1)}
    assert hard_alignment(np.zeros((3, 0))) == set()


def test_the_mass_on_gold_positions_by_hand():
    """Token 0 has one link, token 1 two, token 2 none."""
    mass = attention_mass([WEIGHTS], [[(0, 1), (1, 0), (1, 2), (1, 0)]])
    assert mass.mass == pytest.approx((0.7 + 0.75) / 2, abs=1e-15)
    assert mass.tokens == 2
    assert float(mass) == mass.mass


def test_tokens_count_alike_and_not_pairs():
    mass = attention_mass(
        [WEIGHTS, np.eye(2)], [{(0, 1), (1, 0), (2, 0)}, {(0, 0)}]
    ).mass
    assert mass == pytest.approx((0.7 + 0.5 + 0.4 + 1.0) / 4, abs=1e-15)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_even_weights_and_hard_ones(target, source, seed):
    random = np.random.default_rng(seed)
    gold = {(t, int(random.integers(source))) for t in range(target)}
    even = np.full((target, source), 1 / source)
    hard = np.zeros((target, source), np.float32)
    hard[[t for t, _ in gold], [s for _, s in gold]] = 1
    assert float(attention_mass([even], [gold])) == pytest.approx(1 / source)
    assert float(attention_mass([hard], [gold])) == 1
    assert hard_alignment(hard) == gold


@pytest.mark.parametrize(
    ("weights", "gold", "said"),
    [
        ([WEIGHTS], [], "1 weights and 0 gold links"),
        ([WEIGHTS], [{(0, 3)}], "pair 0 points outside.*target 0, source 3"),
        ([WEIGHTS, WEIGHTS], [set(), {(3, 0)}], "pair 1 points outside"),
        ([WEIGHTS], [{(-1, 0)}], "points outside"),
        ([WEIGHTS], [set()], "nothing to average"),
        ([WEIGHTS[None]], [{(0, 0)}], r"pair 0 .*\(1, 3, 3\).*Average over the heads"),
        ([WEIGHTS * np.nan], [{(0, 0)}], "finite"),
    ],
)
def test_what_cannot_be_measured(weights, gold, said):
    with pytest.raises(ArgumentError, match=said):
        attention_mass(weights, gold)


def test_a_hard_alignment_needs_a_matrix():
    with pytest.raises(ArgumentError, match="Average over the heads"):
        hard_alignment(np.ones((2, 3, 3)))


def test_even_attention_on_the_silver_alignments(shared_data):
    folder = shared_data / "multi30k_silver_align"

    def lines(name):
        with gzip.open(folder / name, "rt", encoding="utf-8", newline="\n") as file:
            return file.read().removesuffix("\n").split("\n")

    gold = [pair.sure for pair in parse_alignments(lines("test.align.gz"))]
    sizes = [
        (len(target.split(" ")), len(source.split(" ")))
        for target, source in zip(lines("test.de.gz"), lines("test.en.gz"), strict=True)
    ]
    even = [np.full(size, 1 / size[1]) for size in sizes]
    linked = [len({target for target, _ in links}) for links in gold]
    mass = attention_mass(even, gold)
    assert mass.tokens == sum(linked)
    expected = sum(
        len(links) / size[1] for links, size in zip(gold, sizes, strict=True)
    )
    assert mass.mass == pytest.approx(expected / sum(linked))
