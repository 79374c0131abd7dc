"""Fixtures that the tests of observation share."""

from collections.abc import Iterator
from typing import Any

import keras
import pytest

from regard.observation import forward_pass


@pytest.fixture(autouse=True)
def seeded() -> None:
    keras.utils.set_random_seed(11)


@pytest.fixture(autouse=True)
def nothing_left_patched() -> Iterator[None]:
    """After every test, failed passes included, no layer has a stand-in."""
    yield
    assert not forward_pass._STAND_INS


@pytest.fixture
def patched() -> Any:
    """Whether any layer of a model has one of its watched methods replaced."""

    def find(model: keras.Model) -> list[str]:
        watched = ("call", "_compute_attention", "_apply_scores")
        return [
            f"{layer.name}.{name}"
            for layer in model._flatten_layers()
            for name in watched
            if name in layer.__dict__
        ]

    return find
