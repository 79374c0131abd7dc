"""The commands and their names, and the way in: errors become exit codes."""

import sys
from types import ModuleType
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from regard_cli.batch import batch
from regard_cli.compare import compare
from regard_cli.completion import completion, prepare_completion
from regard_cli.demo import demo
from regard_cli.evaluate import evaluate
from regard_cli.export import export
from regard_cli.info import info
from regard_cli.interrupts import ending_at_once
from regard_cli.legacy_convert import legacy_convert
from regard_cli.predict import predict
from regard_cli.serve import serve
from regard_cli.train_classify import train_classify
from regard_cli.train_translate import train_translate
from regard_cli.training_file import SETTING_NAMES
from regard_cli.translate import translate
from regard_cli.trust import trust

WRONG_INPUT = 2
FAILED = 1
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
            names = {**ctx.meta.get(SETTING_NAMES, {}), **names}
            if self.name == "compare":
                names = _Settings(names)
            error.__dict__.setdefault("regard_options", names)
            raise


class _Settings(dict[str, str]):
    """The options of a command that has the settings of a task behind one of them."""

    def __missing__(self, name: str) -> str:
        return f"--set {name}"


app = typer.Typer(
    name="regard",
    help="Attention you can see: train, predict, and see what the model looked at.",
    epilog="Exit codes: 0 done, 2 wrong use or wrong input, 3 below what was required "
    "or with rows set aside, 130 interrupted, 1 anything else.",
    no_args_is_help=True,
    # Tracebacks with the values of variables would print the user's data.
    pretty_exceptions_enable=False,
    # Plain help: the boxes of rich would take longer to import than all the rest.
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
train = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Train a model from a file."
)
legacy = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Bring old models along."
)

train.command("classify", cls=Command)(train_classify)
train.command("translate", cls=Command)(train_translate)
legacy.command("convert", cls=Command)(legacy_convert)
app.add_typer(train, name="train")
app.add_typer(legacy, name="legacy")
app.command("predict", cls=Command)(predict)
app.command("translate", cls=Command)(translate)
app.command("evaluate", cls=Command)(evaluate)
app.command("trust", cls=Command)(trust)
app.command("info", cls=Command)(info)
app.command("batch", cls=Command)(batch)
app.command("compare", cls=Command)(compare)
app.command("export", cls=Command)(export)
app.command("serve", cls=Command)(serve)
app.command("demo", cls=Command)(demo)
app.command("completion", cls=Command)(completion)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code.

    0: done. 2: wrong use or wrong input. 3: done, but below what was required, or
    with rows set aside. 130: interrupted. 1: anything else, a reader that closed the
    pipe included, which is quiet (typer sees to that).
    """
    _never_fail_on_encoding()
    prepare_completion()
    try:
        # Until a command is prepared for its work.
        with ending_at_once():
            app(args=arguments, prog_name="regard")
    except Exception as error:
        code = _exit_code(error)
        if code is None:
            raise  # A defect of ours: the traceback is what a report needs.
        print(f"Error: {_visible(_said(error))}", file=sys.stderr)  # noqa: T201 - the one message
        sys.exit(code)


def _show_version(wanted: bool) -> None:
    if wanted:
        # Read from the installed package: importing it would load Keras.
        from importlib import metadata  # noqa: PLC0415 - slow, and rarely needed

        typer.echo(f"regard {metadata.version('regard')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """Take the options that come before a command."""


def _exit_code(error: Exception) -> int | None:
    # Read from what is loaded: before any command ran, `regard` is not imported, and
    # then no error of it can have been raised.
    errors: ModuleType | None = sys.modules.get("regard.errors")
    if errors is not None and isinstance(error, errors.MissingExtraError):
        return FAILED
    if errors is not None and isinstance(error, errors.RegardError):
        return WRONG_INPUT
    return FAILED if isinstance(error, OSError) or _is_memory(error) else None


def _said(error: Exception) -> str:
    """What an error says to a user of the command line.

    The library speaks of its arguments; here they are the options of the command.
    """
    if _is_memory(error):
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


def _is_memory(error: Exception) -> bool:
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


def _visible(message: str) -> str:
    """Messages quote the user's data, which must not command the terminal."""
    return "".join(
        character
        if character.isprintable() or character == "\n"
        else ascii(character)[1:-1]
        for character in message
    )


def _never_fail_on_encoding() -> None:
    """A terminal that cannot show a character gets its escape, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
