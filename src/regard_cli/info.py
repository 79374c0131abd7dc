"""``regard info``: what a trained model is, read from its files and not loaded."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from regard_cli.environment import without_keras
from regard_cli.training_file import training_file
from regard_cli.training_settings import Setting, settings_in, toml_value

if TYPE_CHECKING:
    from regard.bundle.inspection import Inspection

_WRONG_INPUT = 2
_MOST_LABELS, _LONGEST = 20, 60
_WIDTH = 15
_MOST = 1e15
# What a bundle calls a command is written into a comment.
_COMMAND = re.compile(r"[a-z][a-z -]{0,30}")


def info(
    *,
    bundles: Annotated[
        list[Path],
        typer.Argument(
            metavar="BUNDLE...", help="Trained models, or .keras and .h5 files."
        ),
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a model.")
    ] = False,
    as_toml: Annotated[
        bool,
        typer.Option(
            "--toml", help="Print the file that repeats the training with --config."
        ),
    ] = False,
) -> None:
    """Say what a trained model is, how it was trained, and whether it is whole.

    Nothing is loaded, built or executed for it. A damaged model ends with code 2, after
    what can be said of it.
    """
    if as_json and as_toml:
        raise typer.BadParameter("It prints JSON or TOML.", param_hint="--toml")
    if as_toml and len(bundles) > 1:
        raise typer.BadParameter("It repeats one training.", param_hint="--toml")
    is_damaged = False
    with without_keras():
        from regard.bundle.inspection import inspect  # noqa: PLC0415 - found here only
        from regard.errors import RegardError  # noqa: PLC0415 - likewise
        from regard.kinds import SETTINGS  # noqa: PLC0415 - likewise

        for number, bundle in enumerate(bundles):
            try:
                found = inspect(bundle)
            except RegardError as error:
                # The class is forgotten with the block.
                raise typer.BadParameter(
                    str(error).rstrip("."), param_hint="BUNDLE"
                ) from error
            source = SETTINGS.get(found.content.get("kind", ""))
            is_damaged |= bool(found.problems)
            if as_toml:
                typer.echo(_toml(found), nl=False)
            elif as_json:
                typer.echo(json.dumps(found.to_dict(), ensure_ascii=False))
            else:
                known = {} if source is None else settings_in(source)
                typer.echo("\n" * bool(number) + _text(found, known), nl=False)
    if is_damaged:
        raise typer.Exit(_WRONG_INPUT)


def _text(found: "Inspection", known: Mapping[str, Setting]) -> str:
    content = found.content
    lines = [content["path"]]
    facts = [*_identity(content), *_training(content), *_settings(content, known)]
    facts += [*_judgement(content), *_parts(content)]
    lines += [f"  {name:{_WIDTH}} {value}" for name, value in facts]
    lines += [f"  damaged: {problem}" for problem in found.problems]
    return "".join(f"{_visible(line)}\n" for line in lines)


def _visible(line: str) -> str:
    """What a file says must not command the terminal."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1]
        for character in line
    )


def _table(value: Any) -> dict[str, Any]:
    """A table of a file; an empty one in place of what is none."""
    return value if isinstance(value, dict) else {}


def _identity(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What it is."""
    model = content.get("model", {})
    versions = content.get("versions", {})
    kind = content.get("kind", content["is"])
    by = ", ".join(f"{name} {version}" for name, version in versions.items())
    yield "kind", f"{kind}, saved with {by}" if by else str(kind)
    about = _table(content.get("about"))
    if isinstance(about.get("description"), str) and about["description"]:
        yield "description", about["description"]
    if isinstance(about.get("examples"), list):
        for example in about["examples"]:
            yield "example", _shortened(str(example))
    if "keras" in model and "keras" not in versions:
        yield "saved", f"with Keras {model['keras']}, {model.get('saved', '')}"
    if "parameters" in model:
        arrays = f"{model['parameters']:,} in {model['arrays']} arrays"
        yield "parameters", arrays
    for each in model.get("attention", []):
        yield "attention", f"{each['name']} ({each['library']}, {each['class']})"
    labels = content.get("labels", {}).get("labels")
    if isinstance(labels, list):
        shown = ", ".join(_shortened(str(label)) for label in labels[:_MOST_LABELS])
        more = len(labels) - _MOST_LABELS
        rest = f" and {more:,} more" if more > 0 else ""
        yield f"{len(labels)} labels", shown + rest
    columns = _table(_table(content.get("training_settings")).get("columns"))
    if columns:
        named = [f"{held} in '{name}'" for held, name in columns.items()]
        yield "columns", ", ".join(named)


def _training(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """How it was trained."""
    said = _table(content.get("training"))
    if "began" in said:
        versions = _table(said.get("versions"))
        backend = str(said.get("backend", ""))
        on = f"{backend} {versions.get(backend, '')}".strip()
        ended = ", ended by an interrupt" if said.get("interrupted") else ""
        yield (
            "trained",
            f"{_date(said['began'])}, {_duration(said.get('seconds'))} on {on} under "
            f"Python {versions.get('python', '?')}{ended}",
        )
    counts = _table(said.get("examples"))
    if isinstance(counts.get("train"), int) and isinstance(counts.get("held_out"), int):
        held_out = f"{counts['held_out']:,} held out"
        yield "examples", f"{counts['train']:,}, and {held_out}"
    words, others = counts.get("words_with_vectors"), counts.get("other_words")
    if isinstance(words, int) and isinstance(others, int):
        yield "word vectors", f"{words:,} words of the texts, and {others:,} others"
    if isinstance(said.get("history"), list):
        yield "epochs", str(len(said["history"]))
    command = _table(said.get("command"))
    if command:
        options = " ".join(
            f"{name}={toml_value(value)}"
            for name, value in command.items()
            if name != "command"
        )
        yield "told", f"regard {command.get('command', '')}: {options}"


def _settings(
    content: Mapping[str, Any], known: Mapping[str, Setting]
) -> Iterator[tuple[str, str]]:
    """With which settings: the user's, those that the data chose, the rest."""
    stored = content.get("training_settings")
    if stored is None:
        return
    yield "seed", str(stored.get("seed"))
    settings = stored["settings"]
    chosen = _table(stored.get("chosen"))
    others = {
        name: value
        for name, value in settings.items()
        if name not in chosen and (name not in known or value != known[name].default)
    }
    if chosen:
        yield "settings", _assignments(chosen)
    if others:
        is_told = "chosen" in stored
        yield "by the data" if is_told else "settings", _assignments(others)
    rest = len(settings) - len(others) - len(set(chosen) & set(settings))
    if rest:
        yield "as usual", f"{rest} more settings"


def _judgement(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """How good it is, and what its weights are."""
    measures = _table(content.get("training")).get("measures")
    if isinstance(measures, dict) and measures:
        yield (
            "held out",
            ", ".join(
                f"{name.replace('_', ' ')} {value:.4f}"
                for name, value in measures.items()
                if isinstance(value, float) and _is_number(value)
            ),
        )
    elif epochs := list(_losses(_table(content.get("training")).get("history"))):
        loss, epoch = min(epochs)
        yield "held out", f"loss {loss:.4f} after epoch {epoch}"
    crossed = _table(_table(content.get("training")).get("cross_validation"))
    means, deviations = (
        _table(crossed.get(name)) for name in ("mean", "standard_deviation")
    )
    if means:
        yield (
            f"{crossed.get('folds')} folds",
            ", ".join(
                f"{name.replace('_', ' ')} {value:.4f} ± {deviations[name]:.4f}"
                for name, value in means.items()
                if isinstance(value, float) and isinstance(deviations.get(name), float)
            ),
        )
    if content["is"] == "bundle" and "kind" in content:
        trust = content.get("trust")
        unknown = "not examined: regard trust BUNDLE DATA --save"
        yield "the weights", unknown if trust is None else str(trust["sentence"])


def _losses(history: Any) -> Iterator[tuple[float, int]]:
    """The loss on what is held out after each epoch, and its number."""
    for each in history if isinstance(history, list) else []:
        loss = _table(_table(each).get("validation")).get("loss")
        epoch = _table(each).get("epoch")
        if isinstance(loss, float) and isinstance(epoch, int):
            yield loss, epoch


def _parts(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Sizes and hashes."""
    if "sha256" in content:
        yield "size", _size(content["bytes"])
        yield "SHA-256", content["sha256"]
    for name, part in content.get("parts", {}).items():
        damaged = "  DAMAGED" if "damaged" in part else ""
        yield name, f"{_size(part['bytes']):>10}  {part['sha256']}{damaged}"
    if "others" in content:
        yield "no part of it", ", ".join(map(_shortened, content["others"]))


def _toml(found: "Inspection") -> str:
    """The file that repeats a training.

    Raises:
        BadParameter: The model does not say how it was trained.
    """
    content = found.content
    stored = content.get("training_settings")
    if stored is None:
        raise typer.BadParameter(
            f"{content['path']} does not say how it was trained.", param_hint="BUNDLE"
        )
    told = _table(_table(content.get("training")).get("command")).copy()
    command = told.pop("command", None)
    if not isinstance(command, str) or not _COMMAND.fullmatch(command):
        command = None
    begin = f"# Repeats the training of {_visible(content['path'])}: "
    if command is None:
        begin += "say where the data are.\n"
        options = {**_table(stored.get("columns")), "seed": stored.get("seed")}
    else:
        begin += f"regard {command} --config FILE\n"
        options = {"seed": stored.get("seed"), **told}
    chosen = _table(stored.get("chosen"))
    # An option that is a setting, too, stands there once.
    options = {name: value for name, value in options.items() if name not in chosen}
    return begin + training_file(command, options, chosen)


def _assignments(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={toml_value(value)}" for name, value in settings.items())


def _date(stored: Any) -> str:
    try:
        return datetime.fromisoformat(stored).strftime("%Y-%m-%d %H:%M UTC")
    except (TypeError, ValueError):
        return "at an unknown date"


def _duration(seconds: Any) -> str:
    if not _is_number(seconds):
        return "some time"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _is_number(value: Any) -> bool:
    """Whether it is one that can be shown: a file may say 1e999, or 400 digits."""
    return isinstance(value, int | float) and abs(value) < _MOST


def _size(count: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
