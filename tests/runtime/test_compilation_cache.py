"""Compiled programs are kept on disk when that is asked for."""

import os

import numpy as np
import pytest

from regard.runtime import compilation_cache as module
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


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows has no such modes")
def test_a_directory_that_others_may_write_to_is_left_alone(tmp_path, jax_as_it_was):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    assert enable_compilation_cache(tmp_path / "open") is None
    compile_something()
    assert not any((tmp_path / "open").iterdir())


def test_too_much_loses_what_was_used_longest_ago(tmp_path, jax_as_it_was, monkeypatch):
    monkeypatch.setattr(module, "_MOST_BYTES", 100)
    for age, name in enumerate(["new-cache", "older-cache", "oldest-cache", "notes"]):
        (tmp_path / name).write_bytes(bytes(40))
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    assert enable_compilation_cache(tmp_path) == tmp_path
    left = sorted(file.name for file in tmp_path.iterdir())
    # 120 of 100 are too much, 40 of 75 are not.
    assert left == ["new-cache", "notes"]


def test_a_program_that_was_cut_short_is_compiled_again(tmp_path, jax_as_it_was):
    import jax

    def compiled() -> float:
        return float(jax.jit(lambda x: 3 * x + 0.25)(2.0))

    enable_compilation_cache(tmp_path)
    assert compiled() == 6.25
    # As a process leaves it that is killed while it writes.
    for file in tmp_path.glob("*-cache"):
        file.write_bytes(file.read_bytes()[:50])
    with pytest.warns(UserWarning, match="reading persistent compilation cache"):
        assert compiled() == 6.25
