"""Translations of a trained translator, and where it says it looked."""

import copy
import math
import sys

import numpy as np
import pytest

import toy_pairs
from regard.errors import ArgumentError, DataError, MissingExtraError
from regard.metrics import format_alignment, hard_alignment, parse_alignments
from regard.translation.evaluation import aligned_as
from regard.types import Translation

SOURCES, TARGETS = toy_pairs.sentences(8, seed=1)
PLAIN = "eins zwei drei vier acht"
REVERSED = "4-0 3-1 2-2 1-3 0-4"


def links(translation) -> str:
    """Where each token looked, by target position."""
    hard_links = hard_alignment(translation.alignment)
    return " ".join(f"{s}-{t}" for t, s in sorted(hard_links))


@pytest.fixture(scope="module")
def three_best(toy_translator):
    return toy_translator.translate(SOURCES, beam=3, n_best=3)


# What it writes


def test_it_translates(three_best):
    assert [best[0].text for best in three_best] == TARGETS


def test_the_best_come_first_and_are_different(three_best):
    for source, best in zip(SOURCES, three_best, strict=True):
        assert len({one.text for one in best}) == len(best) == 3
        assert [one.score for one in best] == sorted(
            (one.score for one in best), reverse=True
        )
        for one in best:
            assert one.source == source
            assert one.finished
            assert not one.truncated
            assert one.text == " ".join(one.target_tokens)
            assert one.source_tokens == tuple(source.split())


def test_the_score_is_the_formula_of_the_search(three_best):
    for best in three_best:
        for one in best:
            longer = (5 + len(one.target_tokens) + 1) / 6
            assert one.score == pytest.approx(one.log_probability / longer, abs=1e-5)


def test_greedy_search_finds_the_same_where_the_model_is_sure(
    toy_translator, three_best
):
    greedy = toy_translator.translate(SOURCES, beam=1)
    for [one], best in zip(greedy, three_best, strict=True):
        assert one.text == best[0].text
        assert one.log_probability == pytest.approx(best[0].log_probability, abs=1e-4)


def test_the_company_of_a_text_makes_no_difference(toy_translator, three_best):
    [alone] = toy_translator.translate(SOURCES[:1], beam=3, n_best=3)
    for one, other in zip(alone, three_best[0], strict=True):
        assert one.text == other.text
        assert one.log_probability == pytest.approx(other.log_probability, abs=1e-5)
        np.testing.assert_allclose(one.alignment, other.alignment, atol=1e-5)


def test_no_text_and_a_text_without_a_word(toy_translator):
    assert toy_translator.translate([]) == []
    [[empty], [full]] = toy_translator.translate([" ", PLAIN], beam=1)
    assert (empty.text, empty.target_tokens, empty.source_tokens) == ("", (), ())
    assert empty.alignment.shape == (0, 0)
    assert full.text == toy_pairs.translated(PLAIN)


def test_what_is_too_long_is_cut_and_says_so(toy_translator):
    assert toy_translator.trained.config.max_length == 100
    [[cut], [whole]] = toy_translator.translate(
        ["eins " * 101, "eins " * 100], beam=1, max_length=2
    )
    assert (cut.truncated, whole.truncated) == (True, False)
    assert len(cut.source_tokens) == len(whole.source_tokens) == 100
    assert cut.text == whole.text == "one one"
    assert not cut.finished


def test_what_it_has_to_begin_with(toy_translator):
    [[free], [forced]] = toy_translator.translate(
        [PLAIN, PLAIN], beam=1, prefixes=["", "two two"]
    )
    assert free.text == "eight four three two one"
    assert forced.text.startswith("two two ")
    assert forced.log_probability < free.log_probability


# Where it looked


def test_every_row_of_an_alignment_is_a_distribution(three_best):
    for best in three_best:
        for one in best:
            assert one.alignment.shape == (len(one.target_tokens), toy_pairs.LENGTH)
            np.testing.assert_allclose(one.alignment.sum(axis=1), 1, atol=1e-5)
            assert (one.alignment >= 0).all()


def test_it_looks_at_the_word_it_translates(three_best):
    assert {links(best[0]) for best in three_best} == {REVERSED}
    written = format_alignment(hard_alignment(three_best[0][0].alignment))
    assert written == "0-4 1-3 2-2 3-1 4-0"


def test_a_given_target_has_the_numbers_of_its_translation(toy_translator, three_best):
    second = [best[1] for best in three_best]
    # Names are unknown words: their own, in place of <unk>.
    aligned = toy_translator.align(SOURCES, [one.text for one in second])
    for one, wanted in zip(aligned, second, strict=True):
        assert one.text == wanted.text
        assert one.target_tokens == wanted.target_tokens
        assert one.log_probability == pytest.approx(wanted.log_probability, abs=1e-4)
        np.testing.assert_allclose(one.alignment, wanted.alignment, atol=1e-5)


def test_a_target_is_shown_as_it_was_given(toy_translator):
    one, nothing = toy_translator.align([PLAIN, PLAIN], ["one  fifty", ""])
    assert (one.text, one.target_tokens) == ("one  fifty", ("one", "fifty"))
    assert one.log_probability < -1
    assert (nothing.text, nothing.alignment.shape) == ("", (0, 5))


# Words it does not know


@pytest.mark.parametrize(
    ("replacement", "written"),
    [
        (True, "four three smith two one"),
        ({"smith": "schmidt", "zwei": "ZWEI"}, "four three schmidt two one"),
        ({"jones": "J."}, "four three smith two one"),
        ({}, "four three smith two one"),
        (False, "four three <unk> two one"),
    ],
)
def test_an_unknown_word_is_replaced(toy_translator, replacement, written):
    [[best]] = toy_translator.translate(
        ["eins zwei smith drei vier"], beam=1, replace_unknown=replacement
    )
    assert best.text == written
    assert best.target_tokens == tuple(written.split())


def test_two_unknown_words_are_told_apart(toy_translator):
    texts = ["smith zwei eins jones vier"]
    [[best]] = toy_translator.translate(texts, beam=1)
    assert best.text == "four jones one two smith"


# How good it is


def test_figures_of_right_answers(toy_translator):
    metrics = toy_translator.evaluate(SOURCES, TARGETS, beam=1)
    assert metrics.bleu.score == pytest.approx(100)
    assert metrics.chrf.score == pytest.approx(100)
    assert (metrics.exact_match.score, metrics.count) == (100, 8)
    assert "tok:13a" in metrics.bleu.signature
    assert metrics.alignment is None
    assert set(metrics.to_dict()) == {"bleu", "chrf", "exact_match", "count"}


def test_figures_of_answers_some_of_which_are_wrong(toy_translator):
    wrong = [SOURCES[0], *TARGETS[1:]]
    metrics = toy_translator.evaluate(SOURCES, wrong, beam=1, tokenize="none")
    assert metrics.exact_match.score == pytest.approx(100 * 7 / 8)
    assert 0 < metrics.bleu.score < 100
    assert "tok:none" in metrics.bleu.signature
    assert metrics.to_dict()["bleu"] == {
        "score": metrics.bleu.score,
        "signature": metrics.bleu.signature,
    }


def test_alignments_of_right_answers(toy_translator):
    gold = parse_alignments([REVERSED] * 7 + ["0-0 3-1 2-2 1-3 0p4"])
    metrics = toy_translator.evaluate(SOURCES, TARGETS, beam=1, alignments=gold)
    # 40 links are made; of 39 sure ones 38 are found, and one of the possible ones.
    assert metrics.alignment.precision == pytest.approx(39 / 40)
    assert metrics.alignment.recall == pytest.approx(38 / 39)
    assert metrics.alignment.error_rate == pytest.approx(1 - (38 + 39) / (40 + 39))
    shares = {"error_rate", "precision", "recall"}
    assert set(metrics.to_dict()["alignment"]) == shares


def test_gold_links_are_by_target_and_source():
    """The inverse of a rotation is another one, so that its transpose is wrong."""
    weights = np.eye(3)[[1, 2, 0]]  # target 0 looks at source 1
    words = ("a", "b", "c")
    rotated = Translation("a b c", "b c a", words, ("b", "c", "a"), weights, -1.0, -1.0)
    file_lines = ["1-0 2-1 0-2"]  # source-target
    assert aligned_as([rotated], parse_alignments(file_lines)).error_rate == 0
    turned = parse_alignments(file_lines, target_first=True)
    assert aligned_as([rotated], turned).error_rate == 1


# What it refuses


@pytest.mark.parametrize(
    ("ask", "match"),
    [
        (lambda translator: translator.translate(None), "not a list"),
        (lambda translator: translator.translate(["a", 3]), "Text 1 is not a string"),
        (lambda translator: translator.translate(["a"], beam=0), "'beam'.*from 1 to"),
        (lambda translator: translator.translate(["a"], beam=10**9), "to 10000"),
        (
            lambda translator: translator.translate(["a"], beam=2, n_best=3),
            "at most the beam, 2",
        ),
        (
            lambda translator: translator.translate(["a"], length_penalty=math.nan),
            "finite",
        ),
        (
            lambda translator: translator.translate(["a", "b"], prefixes=["c"]),
            "2 sources and 1 prefixes",
        ),
        (lambda translator: translator.translate(["a"], prefixes="c"), "list of texts"),
        (
            lambda translator: translator.align(["a"], ["b", "c"]),
            "1 sources and 2 targets",
        ),
        (
            lambda translator: translator.align(["a", " "], ["b", "c"]),
            "source of pair 1",
        ),
        (lambda translator: translator.align("a", "b"), "two lists of texts"),
        (
            lambda translator: translator.evaluate(
                SOURCES, TARGETS, beam=1, alignments=[]
            ),
            "8 pairs and 0 gold alignments",
        ),
    ],
)
def test_questions_that_make_no_sense(toy_translator, ask, match):
    with pytest.raises((ArgumentError, DataError), match=match):
        ask(toy_translator)


def test_a_search_has_no_other_settings(toy_translator):
    for ask in (toy_translator.translate, toy_translator.evaluate):
        given = (["eins"],) if ask == toy_translator.translate else (["eins"], ["one"])
        with pytest.raises(ArgumentError, match=r"A search has no setting 'foo'.*min_"):
            ask(*given, foo=2)


def test_a_copy_has_the_same_weights_and_is_apart(toy_translator):
    other = copy.deepcopy(toy_translator)
    assert other.trained.model is not toy_translator.trained.model
    weights = zip(
        other.trained.model.get_weights(),
        toy_translator.trained.model.get_weights(),
        strict=True,
    )
    assert all(np.array_equal(one, another) for one, another in weights)


def test_scores_that_cannot_be_computed_are_missed_before_the_search(
    toy_translator, monkeypatch
):
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    monkeypatch.setattr(type(toy_translator), "translate", None)
    with pytest.raises(MissingExtraError, match="sacrebleu"):
        toy_translator.evaluate(SOURCES, TARGETS)
