"""Exit codes, help without Keras, quiet pipes, targets checked before any work."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import regard
from regard.errors import DataError, MissingExtraError

SOURCE = Path(regard.__file__).parents[1]


def python(code, **changed):
    environment = os.environ | {"PYTHONPATH": str(SOURCE)} | changed
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        encoding=changed.get("PYTHONIOENCODING", "utf-8"),
        check=False,
    )


@pytest.mark.parametrize(
    "command",
    ["--help", "train --help", "train classify --help", "predict -h", "evaluate -h"],
)
def test_help_comes_without_keras(command):
    """Which is what makes it fast: Keras takes more than a second."""
    code = (
        "import sys, regard_cli\n"
        f"try: regard_cli.main({command.split()!r})\n"
        "except SystemExit as left: assert not left.code, left.code\n"
        "heavy = {'keras', 'jax', 'numpy', 'regard', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    result = python(code)
    assert result.returncode == 0, result.stderr
    assert "Usage: regard" in result.stdout


def test_the_module_runs_too(run):
    result = subprocess.run(
        [sys.executable, "-m", "regard_cli", "--help"],
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0
    assert "Usage: regard" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["predict"],
        ["train", "classify", "data.csv"],
        ["predict", "x", "--nonsense"],
        ["train", "classify", "data.csv", "--out", "x", "--epochs", "0"],
    ],
)
def test_wrong_use(run, arguments):
    result = run(*arguments)
    assert result.code == 2
    assert result.out == ""
    assert result.err.count("Error:") == 1
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DataError("line 3: wrong.", fix="Mend it."), 2),
        (MissingExtraError("Reading Parquet", "pyarrow", "data"), 1),
        (OSError(28, "No space left on device"), 1),
    ],
)
def test_errors_become_one_message_and_a_code(run, fake, monkeypatch, error, code):
    def fail(*_):
        raise error

    monkeypatch.setattr(fake, "explain", fail)
    result = run("predict", "x.regard", "a text")
    assert (result.code, result.out) == (code, "")
    # Of the system's errors the words, and no number.
    said = f"{error.strerror}." if isinstance(error, OSError) else error
    assert result.err == f"Error: {said}\n"


@pytest.mark.parametrize("command", ["classify", "translate"])
def test_a_target_that_cannot_be_is_refused_before_any_work(run, command, tmp_path):
    occupied = tmp_path / "notes"
    occupied.mkdir()
    (occupied / "manifest.json").write_text("{}")
    for out in (occupied, tmp_path / "none" / "x.regard"):
        # The data is not there either: it is not looked at.
        result = run("train", command, tmp_path / "no.tsv", "--out", out)
        assert result.code == 2
        assert str(out.parent) in result.err
        assert "no.tsv" not in result.err
    assert (occupied / "manifest.json").read_text() == "{}"


@pytest.mark.parametrize(
    "command",
    [
        ("train", "classify", "data.csv", "--out", "x.regard"),
        ("train", "translate", "data.csv", "--out", "x.regard"),
        ("compare", "first-n"),
        ("demo",),
        ("trust", "x.regard", "data.csv"),
    ],
    ids=" ".join,
)
def test_a_seed_below_zero_is_refused_before_any_work(run, command):
    result = run(*command, "--seed", "-1")
    assert result.code == 2
    assert "--seed" in result.err


def test_messages_do_not_command_the_terminal(run, fake, tmp_path):
    data = tmp_path / "data.csv"
    data.write_text("text,label\na,\x1b]0;owned\x07\n")
    result = run("evaluate", "x.regard", data)
    assert result.code == 2
    assert "'\\x1b]0;owned\\x07' was never seen" in result.err


def test_a_defect_of_ours_keeps_its_traceback(run, fake, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(fake, "explain", fail)
    with pytest.raises(ZeroDivisionError):
        run("predict", "x.regard", "a text")


def test_an_interrupt_is_quiet(run, fake, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(fake, "explain", fail)
    result = run("predict", "x.regard", "a text")
    assert result.code == 130
    assert "Traceback" not in result.err


PIPE = (
    "import typer, regard_cli.app as entry\n"
    "@entry.app.command('repeat')\n"
    "def repeat():\n"
    "    while True: typer.echo('line')\n"
    "entry.main(['repeat'])\n"
)


def test_a_closed_pipe_is_quiet():
    with subprocess.Popen(
        [sys.executable, "-c", PIPE],
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline().strip() == b"line"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_a_terminal_without_the_character_gets_its_escape():
    code = (
        "import typer, regard_cli.app as entry\n"
        "entry.app = lambda **_: typer.echo('caf\\u00e9 \\u6f22')\n"
        "entry.main([])\n"
    )
    result = python(code, PYTHONIOENCODING="latin-1")
    assert (result.returncode, result.stdout) == (0, "café \\u6f22\n")


@pytest.mark.parametrize("module", ["typer", "regard_cli.trust", "regard.runtime"])
@pytest.mark.skipif(os.name != "posix", reason="needs signals that end a process")
def test_an_interrupt_while_a_command_loads_ends_it_without_a_traceback(module):
    program = f"""
import importlib.abc, runpy, signal, sys

class Impatient(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Impatient())
sys.argv = ["regard", "predict", "nothing.regard", "a text"]
runpy.run_module("regard_cli")
"""
    ended = python(program)
    assert ended.returncode == -signal.SIGINT
    assert (ended.stdout, ended.stderr) == ("", "")
