"""Small models, whose programs run once or twice."""

import pytest

from light_compilation import light_compilation


@pytest.fixture(autouse=True, scope="package")
def _light():
    with light_compilation():
        yield
