"""``regard completion``: what a shell is told, and bash with it."""

import os
import select
import shutil
import subprocess
import sys
import time

import pytest

COMPLETE = {"bash": "complete -o default -F", "zsh": "compdef", "fish": "complete "}


@pytest.mark.parametrize("shell", COMPLETE)
def test_the_script_of_a_shell(run, shell, monkeypatch):
    named = run("completion", shell)
    assert named.code == 0
    assert COMPLETE[shell] in named.out
    assert "_REGARD_COMPLETE" in named.out
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    assert run("completion").out == named.out


@pytest.mark.parametrize("shell", ["/bin/tcsh", ""])
def test_another_shell_is_told_what_there_is(run, shell, monkeypatch):
    monkeypatch.setenv("SHELL", shell)
    result = run("completion")
    assert result.code == 2
    assert "Say which: bash, zsh, fish." in result.err


@pytest.fixture
def path(tmp_path):
    """Where a shell finds the command."""
    command = tmp_path / "bin" / "regard"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m regard_cli "$@"\n')
    command.chmod(0o755)
    return f"{command.parent}{os.pathsep}{os.environ['PATH']}"


def asked(path, **words) -> list[str]:
    result = subprocess.run(
        ["regard"],  # noqa: S607 - as a shell finds it
        env=os.environ | {"PATH": path} | words,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in result.stderr
    return result.stdout.splitlines()


def test_zsh_and_fish_are_answered(path):
    of_zsh = asked(
        path, _REGARD_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="regard tra"
    )
    assert of_zsh[0].startswith("_arguments")
    assert '"train":' in "".join(of_zsh)
    of_fish = asked(
        path,
        _REGARD_COMPLETE="complete_fish",
        _TYPER_COMPLETE_ARGS="regard train cl",
        _TYPER_COMPLETE_FISH_ACTION="get-args",
    )
    assert of_fish[0].startswith("classify\t")


BASH = """
eval "$(regard completion bash)"
function complete_words {
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    COMPREPLY=()
    _regard_completion regard
    echo "${COMPREPLY[*]}" | tr '\\n' ' '
    echo
}
complete_words regard tra
complete_words regard train classify --lab
complete_words regard train translate d.tsv --vocabulary ''
complete_words regard predict ''
complete_words regard train classify --set emb
complete -p regard
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes(path, tmp_path):
    result = subprocess.run(
        ["bash", "--norc", "-c", BASH],  # noqa: S607 - as a user has it
        env=os.environ | {"PATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stderr == ""
    commands, options, choices, files, names, how = result.stdout.splitlines()
    assert sorted(commands.split()) == ["train", "translate"]
    assert options.split() == ["--label", "--label-separator"]
    assert choices.split() == ["word", "character", "bpe", "unigram"]
    assert names.split() == ["embedding_units="]
    # Of files the shell itself knows.
    assert files.split() == []
    assert how == "complete -o default -F _regard_completion regard"


FISH = """
regard completion fish | source
complete -C "regard tra"
complete -C "regard train classify --set emb"
complete -C "regard completion z"
complete -C "regard info --js"
"""


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes(path, tmp_path):
    result = subprocess.run(
        ["fish", "--no-config", "-c", FISH],  # noqa: S607 - as a user has it
        env=os.environ | {"PATH": path, "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stderr == ""
    offered = [line.split("\t")[0] for line in result.stdout.splitlines()]
    assert sorted(offered[:2]) == ["train", "translate"]
    assert offered[2:] == ["embedding_units=", "zsh", "--json"]


ZSH = (
    "autoload -Uz compinit; compinit -u -D; "
    "eval \"$(regard completion zsh)\"; echo rea''dy\n"
)


# Only in a terminal does zsh complete.
@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_completes(path, tmp_path):
    import pty

    terminal, inside = pty.openpty()
    with subprocess.Popen(
        ["zsh", "-f", "-i"],  # noqa: S607 - as a user has it
        env=os.environ | {"PATH": path, "HOME": str(tmp_path), "TERM": "dumb"},
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    ) as shell:
        try:
            assert "ready" in shown(terminal, ZSH, "ready")
            typed = "regard train classify d.csv --set embedding_u\t"
            assert "embedding_units=" in shown(terminal, typed, "embedding_units=")
            # The first line is cleared.
            assert "fish" in shown(terminal, "\x15regard completion f\t", "fish")
        finally:
            shell.kill()
    os.close(inside)
    os.close(terminal)


def shown(terminal: int, typed: str, wanted: str) -> str:
    """What a terminal shows after something was typed, up to what is wanted."""
    os.write(terminal, typed.encode())
    output, end = "", time.monotonic() + 120
    while wanted not in output and time.monotonic() < end:
        if select.select([terminal], [], [], 1)[0]:
            output += os.read(terminal, 4096).decode("utf-8", "replace")
    return output
