"""Settings are checked when they are made."""

import pytest

from regard.classification.config import LARGE, TextClassifierConfig, recipe
from regard.errors import ArgumentError


def test_settings_and_back():
    config = TextClassifierConfig.of({"epochs": 3, "dropout": 0})
    assert config.epochs == 3
    assert TextClassifierConfig.of(config.to_dict()) == config


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("epochs", 1.0),
        ("epochs", True),
        ("epochs", "3"),
        ("epochs", None),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("dropout", True),
        ("learning_rate", float("nan")),
        ("learning_rate", float("inf")),
        ("max_vocabulary", 2),
        ("calibration_folds", 1),
    ],
)
def test_a_wrong_value_is_named(name, value):
    with pytest.raises(ArgumentError, match=f"'{name}'.*"):
        TextClassifierConfig.of({name: value})


@pytest.mark.parametrize("texts", [100, LARGE])
@pytest.mark.parametrize("classes", [2, 20])
def test_what_the_recipe_gives_is_known_to_come_from_the_data(texts, classes):
    assert set(recipe(texts, classes)) <= TextClassifierConfig.from_data
