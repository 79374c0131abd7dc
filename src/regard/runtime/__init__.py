"""The one way to run a function of a model's variables compiled.

Weights are copied where a backend would give them away, there is one program for each
shape, and programs may be called from several threads at once: on three backends behind
one protocol, ``Backend``.
"""

from regard.runtime.compilation import (
    Backend,
    Compiler,
    EagerProgram,
    FrozenState,
    Programs,
    backend,
    check_not_forked,
    compile_function,
)
from regard.runtime.compilation_cache import (
    default_directory,
    enable_compilation_cache,
    kept_programs,
)

__all__ = [
    "Backend",
    "Compiler",
    "EagerProgram",
    "FrozenState",
    "Programs",
    "backend",
    "check_not_forked",
    "compile_function",
    "default_directory",
    "enable_compilation_cache",
    "kept_programs",
]
