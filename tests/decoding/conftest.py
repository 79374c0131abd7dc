"""Fixtures that make searches quick enough to test."""

from collections.abc import Iterator

import pytest

from light_compilation import light_compilation


@pytest.fixture(autouse=True, scope="module")
def _light() -> Iterator[None]:
    with light_compilation():
        yield
