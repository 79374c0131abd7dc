"""The public names, and where the reference describes each.

By the rule of ARCHITECTURE.md: a package exports its surface in ``__init__``, what
begins with an underscore is no part of it.
"""

import functools
import importlib
import inspect
import pkgutil
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import PycodeError
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.inspect import stringify_signature

import regard

# A name that several modules export is described in the first of them.
_FIRST = ("regard", "regard.classification", "regard.translation")
# What Python says of a class that is made in ways of its own.
_ANY = "(*args, **kwargs)"


@dataclass(frozen=True)
class Entry:
    """A public name of a module, as the template of its page wants it.

    Args:
        name: The name.
        directive: How Sphinx describes it; "" where it is a value.
        home: The module on whose page it is described.
        value: The value, as Python writes it.
        comment: The comment above it.
    """

    name: str
    directive: str
    home: str
    value: str = ""
    comment: str = ""


@functools.cache
def modules() -> list[str]:
    """The modules that export public names."""
    found = {"regard"}
    for module in pkgutil.walk_packages(regard.__path__, "regard."):
        path = module.name.split(".")
        hidden = any(part.startswith("_") for part in path)
        if not hidden and (module.ispkg or len(path) == 2):
            found.add(module.name)
    # Modules that a package exports, as ``ops.scores``.
    for name in list(found):
        exported = _exported(name).values()
        found |= {each.__name__ for each in exported if isinstance(each, ModuleType)}
    # One that is for others in the library alone exports none.
    found = {name for name in found if _exported(name)}
    return sorted(found, key=lambda each: (each not in _FIRST, each))


@functools.cache
def names(module: str) -> dict[str, Any]:
    """The public names of a module and what they stand for, without its modules."""
    return {
        name: value
        for name, value in _exported(module).items()
        if not isinstance(value, ModuleType)
    }


def entries(module: str) -> list[Entry]:
    """The public names of a module, for the template of its page."""
    return [_entry(module, name, value) for name, value in names(module).items()]


def _entry(module: str, name: str, value: Any) -> Entry:
    if not inspect.isclass(value) and not inspect.isfunction(value):
        return Entry(name, "", module, _shortened(repr(value)), _comment(name, value))
    home = next(
        each for each in modules() if any(one is value for one in names(each).values())
    )
    if inspect.isfunction(value):
        return Entry(name, "autofunction", home)
    is_error = issubclass(value, BaseException)
    return Entry(name, "autoexception" if is_error else "autoclass", home)


def _exported(module: str) -> dict[str, Any]:
    found = importlib.import_module(module)
    listed = getattr(found, "__all__", None)
    if listed is None:
        # Without a list: what was made there.
        listed = [
            name
            for name, value in vars(found).items()
            if not name.startswith("_") and getattr(value, "__module__", "") == module
        ]
    return {name: getattr(found, name) for name in listed}


def _comment(name: str, value: Any) -> str:
    """What the ``#:`` above a value says, wherever in the library that is."""
    for module, found in sorted(sys.modules.items()):
        if module.startswith("regard.") and vars(found).get(name) is value:
            try:
                comments = ModuleAnalyzer.for_module(module).find_attr_docs()
            except PycodeError:
                continue
            if ("", name) in comments:
                return " ".join(comments["", name])
    return ""


def _shortened(value: str) -> str:
    return value if len(value) < 70 and " at 0x" not in value else ""


def _signature(
    _: Sphinx, kind: str, __: str, value: Any, ___: Any, shown: str, returned: str
) -> tuple[str, str] | None:
    """Keras makes layers in a way of its own; what they take is in ``__init__``."""
    if kind != "class" or shown != _ANY:
        return None
    whole = inspect.signature(value.__init__)
    taken = list(whole.parameters.values())[1:]
    bare = whole.replace(parameters=taken, return_annotation=inspect.Signature.empty)
    return stringify_signature(bare), returned


def setup(app: Sphinx) -> dict[str, bool]:
    """Give the template of ``autosummary`` what it asks for."""
    app.config.autosummary_context = {
        "entries": {module: entries(module) for module in modules()}
    }
    app.connect("autodoc-process-signature", _signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
