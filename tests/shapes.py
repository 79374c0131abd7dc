"""The shapes that signatures name are checked at every call, while the tests run.

``install`` puts names that check in the place of those of ``regard._typing``, and wraps
each function of some packages whose signature says a shape, below its other decorators.
To leave them unchecked for a moment, where a test wants to see how a function refuses a
wrong shape by itself, there is ``unchecked``.
"""

import ast
import contextlib
import functools
import importlib.abc
import importlib.machinery
import sys
import types
import typing
from dataclasses import dataclass

import jaxtyping
import numpy as np
from beartype import beartype

PACKAGES = ("regard.ops", "regard.layers")


def install():
    """Check the packages from now on; none of them may be imported yet."""
    module = types.ModuleType("regard._typing", __doc__)
    module.Tensor = typing.Any
    for name in ("Bool", "Float", "Int", "Shaped"):
        setattr(module, name, _Named(getattr(jaxtyping, name)))
    sys.modules[module.__name__] = module
    sys.meta_path.insert(0, _Finder())


@contextlib.contextmanager
def unchecked():
    """No shape is checked within."""
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)


def checked(function):
    """Check the shapes that a signature says; its other annotations are mypy's.

    A function that says none stays as it is: Keras looks closely at some.
    """
    if not any(map(_says_shape, function.__annotations__.values())):
        return function
    return _uncompiled(function, jaxtyping.jaxtyped(function, typechecker=_only_shapes))


def _uncompiled(function, checking):
    """The checking function, but not within ``torch.compile``, which cannot trace it.

    What is compiled was checked when it ran eagerly. Where a program breaks off, what
    it calls runs eagerly, and so does the checker: it is none to be compiled alone.
    """
    import keras

    if keras.backend.backend() != "torch":
        return checking
    import torch

    checking = torch.compiler.disable(checking)

    @functools.wraps(function)
    def call(*args, **kwargs):
        chosen = function if torch.compiler.is_compiling() else checking
        return chosen(*args, **kwargs)

    return call


def _only_shapes(signature):
    hints = signature.__annotations__
    signature.__annotations__ = {
        name: hint for name, hint in hints.items() if _says_shape(hint)
    }
    return beartype(signature)


def _says_shape(hint):
    return isinstance(hint, _Shape) or any(map(_says_shape, typing.get_args(hint)))


@dataclass(frozen=True)
class _Named:
    """``Float`` and the like: ``Float[Tensor, "batch keys"]`` is a type.

    A list, or an array of another library, may stand for a tensor: the first is mypy's.
    """

    dtype: type

    def __getitem__(self, item):
        expected = self.dtype[typing.Any, item[1]]
        return _Shape(expected.__name__, (), {"expected": expected})


class _Shape(type):
    """The type of the values that ``expected`` of jaxtyping fits."""

    def __instancecheck__(cls, value):
        return isinstance(_described(value), cls.expected)


@dataclass(frozen=True)
class _Array:
    """The attributes of an array that jaxtyping asks for."""

    shape: tuple
    dtype: str


class _Unknown:
    """A size that is not known yet, and equals every other."""

    __hash__ = None

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __repr__(self):
        return "?"


def _described(value):
    """The shape and type of a tensor of any backend, a symbolic one or a variable."""
    import keras

    if isinstance(value, (tuple, list)) and any(hasattr(v, "shape") for v in value):
        # Several tensors, where a signature says that there may be one instead.
        return value
    if not (hasattr(value, "shape") and hasattr(value, "dtype")):
        # A list or a number; an object stays what it is, and fits nothing.
        value = np.asarray(value)
        return _Array(value.shape, value.dtype.name)
    sizes = (size if isinstance(size, int) else _Unknown() for size in value.shape)
    return _Array(tuple(sizes), keras.backend.standardize_dtype(value.dtype))


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the modules of the packages, for a loader that has them checked."""

    def find_spec(self, name, path=None, target=None):
        if not any(name == each or name.startswith(f"{each}.") for each in PACKAGES):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None:
            spec.loader = _Loader(name, spec.origin)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    """Decorates every function of a module with ``checked``, nearest to itself."""

    def get_code(self, name):
        # From the source: what Python has stored of it has no decorators.
        path = self.get_filename(name)
        tree = ast.parse(self.get_data(path), path)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                decorator = ast.parse(f"__import__({__name__!r}).checked", mode="eval")
                node.decorator_list.append(ast.copy_location(decorator.body, node))
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)
