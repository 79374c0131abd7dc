"""What makes translations quick enough to test."""

from collections.abc import Iterator

import pytest

from light_compilation import light_compilation


@pytest.fixture(autouse=True, scope="module")
def _light(toy_translator) -> Iterator[None]:
    # After its training, which switches the same thing on and off.
    with light_compilation():
        yield
