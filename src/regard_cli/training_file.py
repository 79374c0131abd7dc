"""A training as a file: ``--config train.toml`` has what a command would be told.

Keys at the top are the options of the command, with ``-`` or ``_``, and its arguments
in small letters; the table ``settings`` has what ``--set`` sets. What is typed wins.
"""

import functools
import inspect
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import typer

from regard_cli.training_settings import (
    completing,
    described,
    parsed,
    toml_line,
    typed,
)

if TYPE_CHECKING:
    from regard.training.base_config import BaseConfig

_HINT, _HINT_OF_SET = "--config", "--set"
_SETTINGS = "settings"
#: Where a command keeps what its settings are called, for errors.
SETTING_NAMES = "regard.setting_names"
# What says which command it is for, and what only one run is told.
_COMMAND = "command"
_OF_ONE_RUN = frozenset(
    {"config", "set_settings", "list_settings", "restart", "process", "help"}
)
_MOST_BYTES = 1 << 20


def _read(context: typer.Context, path: Path, types: Mapping[str, Any]) -> None:
    """Let a file say what the command line does not; called before other options.

    Args:
        context: That of the command.
        path: The file.
        types: The types of the options and arguments, by their names.

    Raises:
        BadParameter: It cannot be read, is no TOML, or says what the command cannot be
            told.
    """
    content = _content(path)
    command = context.command_path.partition(" ")[2]
    meant = content.pop(_COMMAND, command)
    if meant != command:
        raise typer.BadParameter(
            f"{path} is for 'regard {meant}', and this is 'regard {command}'.",
            param_hint=_HINT,
        )
    settings = content.pop(_SETTINGS, {})
    if not isinstance(settings, dict):
        raise typer.BadParameter(
            f"{path}: 'settings' is a table: [settings], and a line NAME = VALUE each.",
            param_hint=_HINT,
        )
    names = {
        _key_of(each): str(each.name)
        for each in context.command.params
        if each.name not in _OF_ONE_RUN
    }
    told = {}
    for key, value in content.items():
        name = names.get(key.replace("-", "_"))
        if name is None:
            raise typer.BadParameter(_unknown(path, key, names), param_hint=_HINT)
        told[name] = _checked(path, key, value, types[name])
    twice = [name for name in settings if name in told]
    if twice:
        raise typer.BadParameter(
            f"{path} has '{twice[0]}' as an option and in [settings].",
            param_hint=_HINT,
        )
    context.default_map = told
    context.meta[_SETTINGS] = settings


@dataclass
class ToldTraining:
    """What a command that trains was told, by what was typed and by a file.

    Args:
        context: That of the command.
        source: The file that defines the settings of the model.
        texts: What ``--set`` gave, by the names of settings.
    """

    context: typer.Context
    source: str
    texts: Mapping[str, str]

    def settings(self, config: "type[BaseConfig]") -> dict[str, Any]:
        """The settings that were set, where no option that was typed says another.

        Args:
            config: The class of the settings.

        Raises:
            BadParameter: One was typed as an option, too.
        """
        for name in self.texts:
            if self._is_typed(name):
                raise typer.BadParameter(
                    f"{name} is set here and by --{name.replace('_', '-')}. "
                    "Leave one of them out.",
                    param_hint=_HINT_OF_SET,
                )
        of_file = {
            name: value
            for name, value in self.context.meta.get(_SETTINGS, {}).items()
            if not self._is_typed(name)
        }
        file = self.context.params.get("config")
        self.context.meta[SETTING_NAMES] = {
            **{name: f"{name} in {file}" for name in of_file},
            **{name: f"--set {name}" for name in (*config.names(), *self.texts)},
            **{name: f"{name} in {file}" for name in of_file if name not in self.texts},
        }
        return {**of_file, **typed(self.texts, config, self.source)}

    def options(self, **options: Any) -> dict[str, Any]:
        """Options that are settings, too; None for those that ``--set`` sets."""
        return {
            name: None if name in self.texts else value
            for name, value in options.items()
        }

    def to_dict(self) -> dict[str, Any]:
        """What is not as it always is, as plain values; settings not among it."""
        told = {}
        for each in self.context.command.params:
            name = str(each.name)
            source = self.context.get_parameter_source(name)
            value = self.context.params.get(name)
            if name in _OF_ONE_RUN or name in self.texts or value is None:
                continue
            if source is not None and source.name != "DEFAULT":
                told[_key_of(each)] = str(value) if isinstance(value, Path) else value
        return {_COMMAND: self.context.command_path.partition(" ")[2], **told}

    def _is_typed(self, name: str) -> bool:
        source = self.context.get_parameter_source(name)
        return source is not None and source.name == "COMMANDLINE"


def takes_settings(source: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command that trains the options that set the settings of its model.

    They come in place of its parameter ``told``, to which a ``ToldTraining`` is handed.

    Args:
        source: The file that defines the settings.
    """
    types: dict[str, Any] = {}
    added = {
        "config": Annotated[
            Path | None,
            typer.Option(
                "--config",
                metavar="FILE.toml",
                is_eager=True,
                callback=_reading(types),
                help="A file of options and settings; what is typed wins.",
            ),
        ],
        "set_settings": Annotated[
            list[str] | None,
            typer.Option(
                "--set",
                metavar="NAME=VALUE",
                autocompletion=completing(source),
                help="A setting of the model; may be given several times.",
            ),
        ],
        "list_settings": Annotated[
            bool,
            typer.Option(
                "--settings",
                is_eager=True,
                callback=_listing(source),
                help="List the settings with their defaults.",
            ),
        ],
    }

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        own = [each for each in signature.parameters.values() if each.name != "told"]
        types.update(
            (each.name, get_args(each.annotation)[0])
            for each in own
            if get_origin(each.annotation) is Annotated
        )
        parameters = [
            *own,
            *(
                inspect.Parameter(
                    name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=False if name == "list_settings" else None,
                    annotation=annotation,
                )
                for name, annotation in added.items()
            ),
        ]

        @functools.wraps(command)
        def with_settings(**arguments: Any) -> None:
            given = {name: arguments.pop(name) for name in added}
            texts = parsed(given["set_settings"] or [])
            told = ToldTraining(arguments["context"], source, texts)
            command(**arguments, told=told)

        with_settings.__signature__ = signature.replace(  # type: ignore[attr-defined]  # what typer reads
            parameters=parameters
        )
        with_settings.__annotations__ = {
            each.name: each.annotation for each in parameters
        }
        return with_settings

    return decorate


def _reading(
    types: Mapping[str, Any],
) -> Callable[[typer.Context, Path | None], Path | None]:
    def read(context: typer.Context, path: Path | None) -> Path | None:
        if path is not None and not context.resilient_parsing:
            _read(context, path, types)
        return path

    return read


def _listing(source: str) -> Callable[[typer.Context, bool], None]:
    def list_settings(context: typer.Context, wanted: bool) -> None:
        if wanted and not context.resilient_parsing:
            typer.echo(described(source))
            raise typer.Exit

    return list_settings


def training_file(
    command: str | None, options: Mapping[str, Any], settings: Mapping[str, Any]
) -> str:
    """A file that tells a command what it was told, and the settings that were set.

    Args:
        command: The command, without ``regard``; None: any.
        options: Its arguments and options by their names.
        settings: The settings that were chosen.
    """
    told = {_COMMAND: command, **options}
    lines = [toml_line(*each) for each in told.items() if each[1] is not None]
    lines += ["", f"[{_SETTINGS}]"]
    lines += [toml_line(*each) for each in settings.items() if each[1] is not None]
    return "\n".join(lines) + "\n"


def _key_of(parameter: Any) -> str:
    """What an option or an argument is called in a file."""
    if parameter.param_type_name == "argument":
        return str(parameter.name)
    spelled: str = max(parameter.opts, key=len)
    return spelled.lstrip("-").replace("-", "_")


def _content(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise typer.BadParameter(f"{path} is too large.", param_hint=_HINT)
        return tomllib.loads(content.decode("utf-8-sig"))
    except OSError as error:
        raise typer.BadParameter(
            f"{path} cannot be read: {error.strerror}.", param_hint=_HINT
        ) from error
    except UnicodeDecodeError as error:
        raise typer.BadParameter(
            f"{path} is no TOML: it is no text in UTF-8.", param_hint=_HINT
        ) from error
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(
            f"{path} is no TOML: {error}.", param_hint=_HINT
        ) from error


def _unknown(path: Path, key: str, known: Mapping[str, Any]) -> str:
    if key in _OF_ONE_RUN:
        return f"{path}: '{key}' is typed with each run, and stands in no file."
    near = get_close_matches(key, known, 1)
    remedy = f"Did you mean '{near[0]}'?" if near else "Settings stand in [settings]."
    return f"{path}: the command has no option '{key}'. {remedy}"


def _checked(path: Path, key: str, value: Any, kind: Any) -> Any:
    """A value that fits the type of an option.

    Raises:
        BadParameter: It does not.
    """
    expected: tuple[type, ...] = (str,)
    said = "a text in quotation marks"
    named = set(get_args(kind)) or {kind}
    if bool in named:
        expected, said = (bool,), "true or false"
    elif int in named:
        expected, said = (int,), "a whole number"
    elif key == "devices":
        expected, said = (int, str), 'a number or "all"'
    elif any(get_origin(each) is list for each in named):
        expected, said = (list,), "a list of texts in quotation marks"
    if not isinstance(value, expected) or isinstance(value, bool) != (bool in expected):
        raise typer.BadParameter(
            f"{path}: '{key}' has a wrong value. Expected: {said}. "
            f"Received: {str(value)[:60]!r}.",
            param_hint=_HINT,
        )
    return str(value) if expected == (int, str) else value
