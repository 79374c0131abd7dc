"""Figures of translations, on cases that can be worked out by hand."""

import builtins
import math
import socket

import pytest

from regard.errors import ArgumentError, MissingExtraError
from regard.metrics import bleu, chrf, exact_match

MEASURES = (bleu, chrf, exact_match)


def test_exact_match_counts_equal_texts():
    score = exact_match(["a", "b ", "C", "d"], ["a", "b", "c", "d"])
    assert score.score == float(score) == 50
    assert score.signature == "exact|nrefs:1|case:mixed"


def test_bleu_by_hand():
    """5 of 6 words, 3 of 5 pairs, 2 of 4 triples, 1 of 3 quadruples; no penalty."""
    score = bleu(["a b c d X f"], ["a b c d e f"], tokenize="none")
    by_hand = 100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** (1 / 4)
    assert score.score == pytest.approx(by_hand)
    assert "tok:none" in score.signature
    assert score.signature.startswith("BLEU|nrefs:1|case:mixed")


def test_short_translations_are_penalised_over_the_corpus():
    score = bleu(["a b c d", "e f g h"], ["a b c d", "e f g h i j"], tokenize="none")
    assert score.score == pytest.approx(100 * math.exp(1 - 10 / 8))


def test_tokenisation_and_case_make_a_difference_and_are_signed():
    texts = ["It is, he said, a dog."], ["it is , he said , a dog ."]
    assert bleu(*texts, tokenize="none").score < 50
    lowered = bleu(*texts, lowercase=True)
    assert lowered.score == pytest.approx(100)
    assert "case:lc" in lowered.signature
    assert "tok:13a" in lowered.signature


def test_chrf_by_hand():
    """2 of 3 characters, 1 of 2 pairs, 0 of 1 triple; precision equals recall."""
    score = chrf(["abX"], ["abc"])
    assert score.score == pytest.approx(100 * (2 / 3 + 1 / 2 + 0) / 3)
    assert score.signature.startswith("chrF2|nrefs:1")
    assert "nw:2" in chrf(["abX"], ["abc"], word_order=2).signature


@pytest.mark.parametrize("measure", MEASURES)
def test_a_perfect_translation(measure):
    texts = ["a b c d e", "Ein Hund läuft über Gras ."]
    assert measure(texts, texts).score == pytest.approx(100)


@pytest.mark.parametrize("measure", MEASURES)
def test_what_cannot_be_compared(measure):
    with pytest.raises(ArgumentError, match="2 predictions, 1 references"):
        measure(["a", "b"], ["a"])
    with pytest.raises(ArgumentError, match="at least one"):
        measure([], [])
    with pytest.raises(ArgumentError, match="predictions are not a list"):
        measure("ab", ["a", "b"])
    with pytest.raises(ArgumentError, match="references are not a list"):
        measure(["a"], [["a"]])


@pytest.mark.parametrize("tokenize", ["flores200", "spm", "ja-mecab", "moses"])
def test_tokenisations_that_fetch_something_are_refused(tokenize):
    with pytest.raises(ArgumentError, match="'13a', 'none', 'intl', 'char', 'zh'"):
        bleu(["a"], ["a"], tokenize=tokenize)


def test_an_order_below_zero_is_refused():
    with pytest.raises(ArgumentError, match="0 or more"):
        chrf(["a"], ["a"], word_order=-1)


@pytest.mark.parametrize("tokenize", ["13a", "none", "intl", "char", "zh"])
def test_nothing_is_fetched(tokenize, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "socket", refuse)
    assert bleu(["a b c d"], ["a b c d"], tokenize=tokenize).score > 0


@pytest.mark.parametrize("measure", [bleu, chrf])
def test_without_sacrebleu_the_extra_is_named(measure, monkeypatch):
    import_module = builtins.__import__

    def hidden(name, *args, **kwargs):
        if name.split(".")[0] == "sacrebleu":
            raise ImportError(name)
        return import_module(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", hidden)
    with pytest.raises(MissingExtraError, match=r"regard\[translate\]"):
        measure(["a"], ["a"])
    assert exact_match(["a"], ["a"]).score == 100
