"""A command, and what it says of an error: in the words of its own options."""

import sys
from types import ModuleType
from typing import Any

from typer.core import TyperCommand

# What the library calls an argument, where an option has another name.
_OTHER_NAMES = {
    "serve": {"size": "--max-batch", "wait": "--max-wait-ms", "bundles": "BUNDLE..."},
    "trust": {"gold": "--gold", "retrain": "--retrain", "targets": "--target"},
}


class Command(TyperCommand):
    """A command that remembers with an error of the library what its options are."""

    def invoke(self, ctx: Any) -> Any:
        """Run it."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            names = {each.name: _spelled(each) for each in self.params if each.name}
            names |= _OTHER_NAMES.get(str(self.name), {})
            if self.name == "compare":
                names = _Settings(names)
            error.__dict__.setdefault("regard_options", names)
            raise


class _Settings(dict[str, str]):
    """The options of a command that has the settings of a task behind one of them."""

    def __missing__(self, name: str) -> str:
        return f"--set {name}"


def said(error: Exception) -> str:
    """What an error says to a user of the command line.

    The library speaks of its arguments; here they are the options of the command.
    """
    if is_memory(error):
        return (
            "There is not enough memory for this. Ask for less at a time, for example "
            "smaller batches, fewer units or shorter texts."
        )
    errors: ModuleType | None = sys.modules.get("regard.errors")
    if errors is not None and isinstance(error, errors.RegardError):
        names: dict[str, str] = error.__dict__.get("regard_options", {})
        text: str = error.worded(lambda name: _name_of(names, name))
        return text
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}."
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}."
    return str(error)


def is_memory(error: Exception) -> bool:
    """Whether there was no memory left, as any backend says it."""
    text = str(error)
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError)
        and ("RESOURCE_EXHAUSTED" in text or "can't allocate memory" in text)
    )


def _name_of(names: dict[str, str], argument: str) -> str | None:
    try:
        return names[argument]
    except KeyError:
        return None


def _spelled(parameter: Any) -> str:
    """An option as it is typed, or an argument as the help calls it."""
    if parameter.param_type_name == "option":
        return max(parameter.opts, key=len)
    return str(parameter.metavar or parameter.name).strip("[]")
