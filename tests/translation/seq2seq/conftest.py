"""What makes trainings quick enough to test: the same program is compiled once."""

from collections.abc import Iterator

import keras
import pytest

from light_compilation import light_compilation


@pytest.fixture(autouse=True, scope="module")
def _light(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with light_compilation():
        if keras.backend.backend() == "jax":
            yield from _kept(str(tmp_path_factory.mktemp("programs")))
        else:
            yield


def _kept(folder: str) -> Iterator[None]:
    """Let JAX keep what it compiled."""
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    options = {
        "jax_compilation_cache_dir": folder,
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
