"""The epoch that translates best may be chosen by BLEU."""

import numpy as np
import pytest

import regard
import toy_pairs
from regard.errors import ArgumentError
from regard.translation import trainer
from regard.translation.config import TranslatorConfig
from regard.translation.evaluation import ValidationBleu
from regard.translation.text_pairs import TextPairs

SOURCES, TARGETS = toy_pairs.sentences(8, seed=4)
NAMES = [word for text in SOURCES for word in text.split() if word.startswith("name")]


@pytest.fixture
def judge(toy_translator):
    def judge(targets, **settings):
        trained = toy_translator.trained
        config = TranslatorConfig.of(trained.config.to_dict() | settings)
        pairs = TextPairs(SOURCES, targets)
        return ValidationBleu(pairs, trained.source, trained.target, config)

    return judge


def test_names_stay_unknown(toy_translator, judge):
    model = toy_translator.trained.model
    unknown = [
        " ".join("<unk>" if word in NAMES else word for word in text.split())
        for text in TARGETS
    ]
    assert judge(unknown)(model) == pytest.approx(100)
    upper = [text.upper().replace("<UNK>", "<unk>") for text in unknown]
    assert judge(upper, lowercase=True)(model) == pytest.approx(100)


def test_the_weights_of_now_are_judged(toy_translator, judge):
    model, metric = toy_translator.trained.model, judge(TARGETS)
    before = metric(model)
    assert 0 < before < 99  # the names are wrong
    weights = model.get_weights()
    try:
        model.set_weights([np.zeros_like(weight) for weight in weights])
        assert metric(model) < before / 2
    finally:
        model.set_weights(weights)
    assert metric(model) == before


class TrainedError(Exception):
    """Ends a training before it begins."""


@pytest.mark.parametrize(
    ("choose_by", "chosen"), [("bleu", ValidationBleu), ("loss", None)]
)
def test_who_chooses(monkeypatch, choose_by, chosen):
    given = {}

    def train(*arguments, **options):
        given.update(options)
        raise TrainedError

    monkeypatch.setattr(trainer, "train_seq2seq", train)
    pairs = SOURCES * 3, TARGETS * 3
    with pytest.raises(TrainedError):
        regard.Translator().fit(*pairs, validation_split=0.2, choose_by=choose_by)
    assert type(given["metric"]) is (chosen or type(None))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"choose_by": "chrf"}, "'loss', 'bleu'.*'chrf'"),
        ({"choose_by": "bleu", "validation_split": 0}, "without validation pairs"),
    ],
)
def test_choices_that_make_no_sense(options, match):
    with pytest.raises(ArgumentError, match=match):
        regard.Translator().fit(SOURCES, TARGETS, **options)
