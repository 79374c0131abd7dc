"""Settings of a translator are checked when they are made."""

import math

import pytest

from regard.errors import ArgumentError
from regard.translation.config import TranslatorConfig


def test_settings_and_back():
    config = TranslatorConfig.of({"epochs": 3, "dropout": 0, "bidirectional": False})
    assert (config.epochs, config.dropout, config.bidirectional) == (3, 0, False)
    assert TranslatorConfig.of(config.to_dict()) == config


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("epochs", 1.0),
        ("epochs", True),
        ("units", "3"),
        ("average", -1),
        ("warmup_steps", None),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("label_smoothing", True),
        ("attention_dropout", math.nan),
        ("learning_rate", 0),
        ("learning_rate", math.nan),
        ("clip_norm", math.inf),
        ("input_feeding", 1),
        ("source_vocabulary", "words"),
        ("target_vocabulary", None),
        ("split", "lines"),
    ],
)
def test_a_wrong_value_is_named(name, value):
    with pytest.raises(ArgumentError, match=f"'{name}'.*"):
        TranslatorConfig.of({name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("average", 0), ("warmup_steps", 0), ("dropout", 0), ("clip_norm", 5)],
)
def test_what_may_be_zero_or_a_whole_number(name, value):
    assert getattr(TranslatorConfig.of({name: value}), name) == value


def test_an_unknown_setting_is_named():
    with pytest.raises(ArgumentError, match=r"no setting 'unit'.*'units'"):
        TranslatorConfig.of({"unit": 3})
