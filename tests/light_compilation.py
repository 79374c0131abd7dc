"""Light compilation of small models, whose programs run once or twice in a test."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

# Both make a program somewhat faster, and its compilation several times slower.
_LIGHT = {
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,
}


def is_on_gpu() -> bool:
    """Whether the backend computes on a GPU."""
    if keras.backend.backend() == "torch":
        import torch

        return torch.cuda.is_available()
    if keras.backend.backend() == "jax":
        import jax

        return jax.default_backend() == "gpu"
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


@contextmanager
def light_compilation() -> Iterator[None]:
    """Let XLA skip what makes a program fast."""
    if keras.backend.backend() != "jax":
        yield
        return
    import jax

    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    try:
        with _light_options():
            yield
    finally:
        jax.config.update("jax_disable_most_optimizations", before)


@contextmanager
def _light_options() -> Iterator[None]:
    """Give every program the options that XLA otherwise takes from a caller only."""
    from jax._src import compiler

    known, original = _known_options(), compiler.get_compile_options

    def light(*arguments: Any, env_options_overrides: Any = None, **named: Any) -> Any:
        options = {**known, **(env_options_overrides or {})}
        return original(*arguments, env_options_overrides=options, **named)

    compiler.get_compile_options = light
    try:
        yield
    finally:
        compiler.get_compile_options = original


@contextmanager
def kept_programs(folder: Path) -> Iterator[None]:
    """Let JAX keep in a folder what it compiles: of many trainings it is the same."""
    if keras.backend.backend() != "jax":
        yield
        return
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    options = {
        "jax_compilation_cache_dir": str(folder),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
    }
    before = {name: getattr(jax.config, name) for name in options}
    for name, value in options.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()
    try:
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()


def light_jit(function: Callable[..., Any]) -> Any:
    """The function, on JAX compiled with less effort still; nothing else is around it.

    XLA takes these options from a caller only, not from a configuration.
    """
    if keras.backend.backend() != "jax":
        return function
    import jax

    return jax.jit(function, compiler_options=_known_options())


@functools.cache
def _known_options() -> dict[str, Any]:
    """Those that this XLA knows: it refuses a program with an option it does not."""
    import jax

    known = {}
    for name, value in _LIGHT.items():
        # A function of its own for each, or it would be compiled only once.
        lowered = jax.jit(lambda: 0, compiler_options={name: value}).lower()
        try:
            lowered.compile()
        except jax.errors.JaxRuntimeError:
            continue
        known[name] = value
    return known
