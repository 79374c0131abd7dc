"""Lighter compilation, so that the suite is quick enough for every backend."""

from collections.abc import Iterator

import keras
import pytest


@pytest.fixture
def optimised() -> None:
    """Asked for by the tests that are about what the compiler makes of a layer."""


@pytest.fixture(autouse=True)
def light_compilation(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let XLA skip what makes a program fast: here each runs once."""
    if keras.backend.backend() != "jax" or "optimised" in request.fixturenames:
        yield
        return
    import jax

    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
