"""What makes small models quick enough to test: each program runs once or twice."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras

# Both make a program somewhat faster, and its compilation several times slower.
_LIGHT = {
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,
}


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
        yield
    finally:
        jax.config.update("jax_disable_most_optimizations", before)


def light_jit(function: Callable[..., Any]) -> Any:
    """The function, on JAX compiled with less effort still; nothing else is around it.

    XLA takes these options from a caller only, not from a configuration.
    """
    if keras.backend.backend() != "jax":
        return function
    import jax

    return jax.jit(function, compiler_options=_LIGHT)
