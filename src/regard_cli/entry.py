"""The entry point: runs the command and turns errors into exit codes."""

import sys
from types import ModuleType

from regard_cli.app import app

WRONG_INPUT = 2
FAILED = 1


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code.

    0: done. 2: wrong use or wrong input. 130: interrupted. 1: anything else, a reader
    that closed the pipe included, which is quiet (typer sees to that).
    """
    _never_fail_on_encoding()
    try:
        app(args=arguments, prog_name="regard")
    except Exception as error:
        code = _exit_code(error)
        if code is None:
            raise  # A defect of ours: the traceback is what a report needs.
        print(f"Error: {_visible(str(error))}", file=sys.stderr)  # noqa: T201 - the one message
        sys.exit(code)


def _exit_code(error: Exception) -> int | None:
    # Read from what is loaded: before any command ran, `regard` is not imported, and
    # then no error of it can have been raised.
    errors: ModuleType | None = sys.modules.get("regard.errors")
    if errors is not None and isinstance(error, errors.MissingExtraError):
        return FAILED
    if errors is not None and isinstance(error, errors.RegardError):
        return WRONG_INPUT
    return FAILED if isinstance(error, OSError) else None


def _visible(message: str) -> str:
    """Messages quote the user's data, which must not command the terminal."""
    return "".join(
        one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in message
    )


def _never_fail_on_encoding() -> None:
    """A terminal that cannot show a character gets its escape, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
