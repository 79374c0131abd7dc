"""What makes translators quick enough to test."""

from collections.abc import Iterator

import keras
import pytest

from light_compilation import light_compilation


@pytest.fixture(autouse=True, scope="module")
def _light() -> Iterator[None]:
    with light_compilation():
        yield


@pytest.fixture(scope="module")
def _kept_programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let JAX keep what it compiles: of many trainings it is the same program."""
    if keras.backend.backend() != "jax":
        yield
        return
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    options = {
        "jax_compilation_cache_dir": str(tmp_path_factory.mktemp("programs")),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
    }
    before = {name: getattr(jax.config, name) for name in options}
    for name, value in options.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()
    yield
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()
