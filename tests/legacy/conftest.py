"""Small programs, compiled with little effort; models are loaded once."""

import functools

import golden
import pytest

from light_compilation import light_compilation
from regard import legacy


@pytest.fixture(autouse=True, scope="package")
def _light():
    with light_compilation():
        yield


@functools.cache
def _loaded(name):
    case = golden.Golden(name)
    return legacy.load_model(case.file("_model.h5"), **golden.reading(case))


@pytest.fixture
def loaded():
    """The model of a case, loaded once; not to be trained or filled."""
    return _loaded
