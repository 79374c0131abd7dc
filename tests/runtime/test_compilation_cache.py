"""Compiled programs are kept on disk when that is asked for."""

import numpy as np
import pytest

from regard.runtime import enable_compilation_cache


@pytest.fixture
def jax_as_it_was(monkeypatch):
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    names = (
        "jax_compilation_cache_dir",
        "jax_persistent_cache_min_compile_time_secs",
        "jax_persistent_cache_min_entry_size_bytes",
        "jax_raise_persistent_cache_errors",
    )
    before = {name: getattr(jax.config, name) for name in names}
    # The rest of the suite is run with the cache switched off.
    monkeypatch.delenv("REGARD_NO_COMPILATION_CACHE", raising=False)
    yield
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


def compile_something() -> None:
    import jax

    jax.jit(lambda x: x * np.random.default_rng().random())(np.ones(3))


def test_compiled_programs_are_kept_only_when_asked(tmp_path, jax_as_it_was):
    compile_something()
    assert not any(tmp_path.iterdir())
    assert enable_compilation_cache(tmp_path / "deep" / "cache") is not None
    compile_something()
    assert any((tmp_path / "deep" / "cache").iterdir())


def test_the_environment_switches_the_cache_off(tmp_path, jax_as_it_was, monkeypatch):
    monkeypatch.setenv("REGARD_NO_COMPILATION_CACHE", "1")
    assert enable_compilation_cache(tmp_path / "cache") is None
    assert not (tmp_path / "cache").exists()


def test_a_directory_that_cannot_be_made_breaks_nothing(tmp_path, jax_as_it_was):
    (tmp_path / "file").write_text("in the way")
    assert enable_compilation_cache(tmp_path / "file" / "cache") is None
    compile_something()


def test_by_default_the_cache_is_the_users(tmp_path, monkeypatch, jax_as_it_was):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    chosen = enable_compilation_cache()
    assert chosen == tmp_path / "regard" / "compiled"
    assert chosen.stat().st_mode & 0o077 == 0
