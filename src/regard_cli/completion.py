"""``regard completion``: what lets a shell complete commands and options."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

#: Shells ask in this variable, see ``answer``.
VARIABLE = "_REGARD_COMPLETE"
_SHELLS = ("bash", "zsh", "fish")


def completion(
    shell: Annotated[
        Literal["bash", "zsh", "fish"] | None,
        typer.Argument(
            metavar="[SHELL]", help="bash, zsh or fish; by default that of SHELL."
        ),
    ] = None,
) -> None:
    """Print a script that lets a shell complete commands, options and files.

    bash: eval "$(regard completion bash)" in ~/.bashrc. zsh: the same with zsh, in
    ~/.zshrc, below compinit. fish: regard completion fish >
    ~/.config/fish/completions/regard.fish
    """
    from typer.completion import (  # type: ignore[attr-defined]  # it is no secret # noqa: PLC0415 - rarely needed
        get_completion_script,
    )

    usual = Path(os.environ.get("SHELL", "")).name
    name = shell or usual
    if name not in _SHELLS:
        problem = f"There is none for '{usual}', the shell that SHELL names."
        if not usual:
            problem = "SHELL names no shell."
        raise typer.BadParameter(
            f"{problem} Say which: {', '.join(_SHELLS)}.", param_hint="SHELL"
        )
    script = get_completion_script(
        prog_name="regard", complete_var=VARIABLE, shell=name
    )
    typer.echo(script)


def prepare_completion() -> None:
    """Know how shells ask, where one does."""
    if VARIABLE in os.environ:
        from typer.completion import (  # type: ignore[attr-defined]  # likewise # noqa: PLC0415 - rarely needed
            completion_init,
        )

        completion_init()
