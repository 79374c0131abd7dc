"""A translator with a shortlist: made, saved, loaded, and searched with or without."""

import numpy as np
import pytest

import regard
import toy_pairs
from regard.bundle import write_bundle
from regard.decoding import shortlist
from regard.errors import ArgumentError, BundleError, BundleWarning
from regard.training.loop import TrainingOutcome
from regard.translation import trainer
from regard.translation.artifact import KIND, PARTS, SHORTLIST
from regard.translation.config import TranslatorConfig
from regard.translation.text_pairs import TextPairs

PAIRS = toy_pairs.sentences(40)
TEXT = "eins zwei drei vier acht"
WRITTEN = "eight four three two one"


@pytest.fixture(scope="module")
def translator(toy_translator_bundle):
    return regard.load(toy_translator_bundle).learn_shortlist(*PAIRS)


@pytest.fixture
def narrow(monkeypatch):
    """The special symbols and one word, whatever a beam needs."""
    monkeypatch.setattr(shortlist, "_SMALLEST", 5)
    monkeypatch.setattr(shortlist, "_MULTIPLE_FOR_BEAMS", 5)
    monkeypatch.setattr(shortlist, "_MISSED", 9)


def words(translation) -> set[str]:
    return set(translation.text.split())


def test_each_word_leads_to_its_translation(translator):
    trained = translator.trained
    table = trained.shortlist
    for source, target in toy_pairs.WORDS.items():
        [read], [written] = (
            vocabulary.encode([word])[0].ids
            for vocabulary, word in ((trained.source, source), (trained.target, target))
        )
        strongest = table.symbols[table.starts[read]]
        assert strongest == written


def test_it_is_searched_where_nothing_is_said(translator, narrow):
    plain = {"beam": 1, "replace_unknown": False}
    for asked in ({}, {"shortlist": True}):
        [[one], [other]] = translator.translate([TEXT, "eins"], **plain, **asked)
        assert words(one) | words(other) <= {"one", "<unk>"}
        assert one.log_probability < -1


def test_without_it_all_is_exact(translator, toy_translator, narrow):
    for beam in (1, 3):
        [one] = translator.translate(TEXT, beam=beam, shortlist=False)
        [other] = toy_translator.translate(TEXT, beam=beam)
        assert one.text == other.text == WRITTEN
        assert one.log_probability == other.log_probability
        np.testing.assert_array_equal(one.alignment, other.alignment)


def test_given_targets_are_aligned_among_all(translator, toy_translator, narrow):
    [one] = translator.align([TEXT], [WRITTEN])
    [other] = toy_translator.align([TEXT], [WRITTEN])
    assert one.log_probability == other.log_probability
    [begun] = translator.translate(TEXT, beam=1, prefixes="two ten")
    assert begun.text.startswith("two ten ")


def test_names_are_copied_all_the_same(translator, monkeypatch):
    monkeypatch.setattr(shortlist, "_SMALLEST", 6)
    [best] = translator.translate("eins eins jane eins eins", beam=1)
    assert best.text == "one one jane one one"


def test_so_few_symbols_are_searched_all(translator, toy_translator):
    assert translator.trained.shortlist.of_batch([np.array([5])]) is None
    [one], [other] = (
        each.translate(TEXT, beam=1) for each in (translator, toy_translator)
    )
    assert one.log_probability == other.log_probability


def test_there_is_none_to_ask_for(toy_translator):
    with pytest.raises(ArgumentError, match=r"no shortlist.*10 target symbols"):
        toy_translator.translate(TEXT, shortlist=True)


# In a bundle


def test_it_is_saved_and_loaded(translator, tmp_path):
    path = tmp_path / "with.regard"
    translator.save(path)
    loaded = regard.load(path).trained.shortlist
    assert loaded.to_bytes() == translator.trained.shortlist.to_bytes()


def test_a_damaged_one_is_not_used(translator, tmp_path):
    path = tmp_path / "damaged.regard"
    translator.save(path)
    content = bytearray((path / SHORTLIST).read_bytes())
    content[len(content) // 2] ^= 1
    (path / SHORTLIST).write_bytes(content)
    with pytest.warns(
        BundleWarning, match=r"shortlist\.npz.*is not used.*not what was"
    ):
        assert regard.load(path).trained.shortlist is None


def test_one_of_other_vocabularies_is_refused(translator, tmp_path):
    path = tmp_path / "odd.regard"
    parts = translator.trained.to_parts()
    other = shortlist.LinkCounts(10, 11).shortlist().to_bytes()
    write_bundle(path, KIND, parts | {SHORTLIST: other})
    with pytest.raises(BundleError, match=r"shortlist\.npz.*10 and 10.*10 and 11"):
        regard.load(path)


def test_a_bundle_without_one_has_the_parts_it_had(toy_translator):
    assert set(toy_translator.trained.to_parts()) == PARTS


def test_training_makes_one_of_many_symbols(toy_translator, monkeypatch):
    trained = toy_translator.trained
    interrupted = False

    def train(*_, **__):
        return TrainingOutcome(trained.model, (), interrupted)

    monkeypatch.setattr(trainer, "train_seq2seq", train)

    def fitted():
        return trainer.fit_translator(
            TextPairs(*toy_pairs.sentences(900)),
            None,
            config=TranslatorConfig.of(toy_pairs.SETTINGS),
            chosen={},
            seed=0,
            choose_by="loss",
            checkpoint=None,
            progress=None,
        ).model.shortlist

    assert fitted() is None
    monkeypatch.setattr(trainer, "FEWEST_SYMBOLS", 10)
    assert fitted().count == 10
    interrupted = True
    assert fitted() is None
