"""Settings of a model on the command line: ``--set``, their list, their completion.

What settings there are is read from the source of their class, with their defaults and
what its docstring says of each: importing it would load Keras, which takes seconds.
"""

import ast
import importlib.util
import re
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from regard.training.base_config import BaseConfig

#: Where those of each command are defined, from the folder of the package on.
CLASSIFY, TRANSLATE = "classification/config.py", "translation/config.py"
_HINT = "--set"


@dataclass(frozen=True)
class Setting:
    """A setting of a model.

    Args:
        name: Its name.
        type: The type it has, as the source says it.
        default: Its default; the source of it where that is no plain value.
        meaning: What its docstring says.
    """

    name: str
    type: str
    default: Any
    meaning: str


def settings_in(source: str) -> dict[str, Setting]:
    """The settings that a module defines, by their names, in its order.

    Args:
        source: The file, from the folder of the package on.
    """
    package = importlib.util.find_spec("regard")
    root = Path(package.origin).parent  # type: ignore[arg-type,union-attr]  # it comes with these commands
    tree = ast.parse((root / source).read_text("utf-8"))
    found: dict[str, Setting] = {}
    for each in tree.body:
        if isinstance(each, ast.ClassDef) and each.name.endswith("Config"):
            meanings = _meanings(ast.get_docstring(each) or "")
            found |= {
                setting.name: setting
                for setting in map(_setting, each.body)
                if setting is not None
            }
            found = {
                name: Setting(name, one.type, one.default, meanings.get(name, ""))
                for name, one in found.items()
            }
    return found


def _setting(line: ast.stmt) -> Setting | None:
    """The setting that a line of a class defines; None where it defines none."""
    if not isinstance(line, ast.AnnAssign) or line.value is None:
        return None
    kind = ast.unparse(line.annotation)
    if not isinstance(line.target, ast.Name) or "ClassVar" in kind:
        return None
    try:
        default = ast.literal_eval(line.value)
    except ValueError:
        default = ast.unparse(line.value)
    return Setting(line.target.id, kind, default, "")


def _meanings(docstring: str) -> dict[str, str]:
    """What a docstring says of each argument, in plain words."""
    _, _, arguments = docstring.partition("Args:\n")
    found: dict[str, str] = {}
    name = ""
    for line in arguments.splitlines():
        begun = re.match(r"    (\w+): (.*)", line)
        if begun:
            name, found[begun[1]] = begun[1], begun[2]
        elif name and line.strip():
            found[name] += f" {line.strip()}"
    return {name: said.replace("``", "") for name, said in found.items()}


def described(source: str) -> str:
    """All settings with their defaults and what they mean, for people."""
    lines = []
    for each in settings_in(source).values():
        lines.append(f"{each.name} = {toml_value(each.default)}")
        indent = "    "
        lines.append(
            fill(each.meaning, 80, initial_indent=indent, subsequent_indent=indent)
        )
    return "\n".join(lines)


def completing(source: str) -> Any:
    """Completes the name of a setting, for ``--set``."""

    def complete(incomplete: str) -> list[str]:
        if "=" in incomplete:
            return []
        return [
            f"{name}=" for name in settings_in(source) if name.startswith(incomplete)
        ]

    return complete


def parsed(arguments: Sequence[str]) -> dict[str, str]:
    """The texts that ``--set`` gave to settings, by their names.

    Raises:
        BadParameter: One is no NAME=VALUE, or a name is there twice.
    """
    found: dict[str, str] = {}
    for argument in arguments:
        name, sign, value = argument.partition("=")
        name, value = name.strip().replace("-", "_"), value.strip()
        if not (name and sign and value):
            raise typer.BadParameter(
                f"expected NAME=VALUE, received {argument!r}.", param_hint=_HINT
            )
        if found.get(name, value) != value:
            raise typer.BadParameter(
                f"{name} is set twice, to {found[name]} and to {value}.",
                param_hint=_HINT,
            )
        found[name] = value
    return found


def typed(
    texts: Mapping[str, str], config: "type[BaseConfig]", source: str
) -> dict[str, Any]:
    """The values of settings that were given as texts.

    Whether they may have these values, and whether there are such settings, is left to
    their class.

    Args:
        texts: The texts, by the names of settings.
        config: The class of the settings.
        source: The file that defines it.
    """
    types = {each.name: each.type for each in settings_in(source).values()}
    known = config.names()
    return {
        name: _value(text, types.get(name, "")) if name in known else text
        for name, text in texts.items()
    }


def _value(text: str, annotation: str) -> Any:
    """A text as a value of a type: as TOML has it, or as Python writes it."""
    if annotation == "str":
        return text[1:-1] if re.fullmatch(r"'[^']*'|\"[^\"]*\"", text) else text
    if "None" in annotation and text.lower() in {"none", "null"}:
        return None
    if text in {"True", "False"}:
        return text == "True"
    value: Any = text
    with suppress(tomllib.TOMLDecodeError):
        value = tomllib.loads(f"value = {text}")["value"]
    if isinstance(value, str) and "float" in annotation:
        with suppress(ValueError):
            return float(text)
    if type(value) is int and "float" in annotation and "int" not in annotation:
        return float(value)
    return value


def toml_value(value: Any) -> str:
    """A value as TOML writes it; nothing, for which it has no value, as ``none``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml_value(each) for each in value if each is not None)}]"
    if isinstance(value, Mapping):
        inner = [toml_line(*each) for each in value.items() if each[1] is not None]
        return f"{{ {', '.join(inner)} }}" if inner else "{}"
    if value is None:
        return "none"
    return _quoted(str(value))


def toml_line(name: Any, value: Any) -> str:
    """A name and its value as TOML writes them."""
    return f"{_key(name)} = {toml_value(value)}"


def _key(name: Any) -> str:
    plain = re.fullmatch(r"[A-Za-z0-9_-]+", str(name))
    return str(name) if plain else _quoted(str(name))


def _quoted(text: str) -> str:
    """A basic string: the escapes of JSON are those of TOML, but for surrogates."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in {'"', "\\"}:
        return f"\\{character}"
    if character.isprintable():
        return character
    return f"\\U{ord(character):08X}"
