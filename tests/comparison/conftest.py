"""Trainings compiled with little effort: each is a few steps."""

import pytest

from light_compilation import light_compilation


@pytest.fixture(autouse=True, scope="module")
def _light():
    with light_compilation():
        yield
