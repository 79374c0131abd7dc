"""Lighter compilation, so that the suite is quick enough for every backend."""

from collections.abc import Iterator

import pytest

from light_compilation import light_compilation


@pytest.fixture
def optimised() -> None:
    """Asked for by the tests that are about what the compiler makes of a layer."""


@pytest.fixture(autouse=True)
def _light(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let XLA skip what makes a program fast: here each runs once."""
    if "optimised" in request.fixturenames:
        yield
        return
    with light_compilation():
        yield
