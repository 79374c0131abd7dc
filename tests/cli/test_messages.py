"""Messages of the command line speak of its options, not of arguments of Python."""

import itertools
import re
from pathlib import Path

import pytest
import typer.main

from regard.errors import ArgumentError, DataError
from regard_cli import app as entry
from regard_cli import demo, serve

# `name=`, `name()` and 'name_of_an_argument'. A setting of a task is typed as
# NAME=VALUE, XLA has flags of its own, a variant of an old layer is called dot_product,
# and a measure to choose by balanced_accuracy.
ARGUMENT = re.compile(
    r"(?<!--set )(?<!--)\b[a-z]\w*=(?!=)"
    r"|'(?!dot_product|balanced_accuracy)[a-z]+(?:_[a-z]+)+'|\b\w+\(\)"
)


def commands(group, words=()):
    """Every command with the words that call it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*words, name))
        else:
            yield (*words, name), command


ALL = dict(commands(typer.main.get_command(entry.app)))


def given(words, table, folder) -> list[str]:
    """The arguments that a command has to have, and what it needs to do little."""
    arguments = {
        ("predict",): ["x.regard", "a text"],
        ("translate",): ["x.regard", "eins"],
        ("evaluate",): ["x.regard", table],
        ("trust",): [folder / "x.regard", table],
        ("train", "classify"): [table, "--out", folder / "new.regard"],
        ("train", "translate"): [table, "--out", folder / "new.regard"],
        ("legacy", "convert"): [table, "--out", folder / "x.keras"],
        ("batch",): ["x.regard", table, "--out", folder / "answers"],
        ("compare",): ["first-n"],
        ("serve",): ["x.regard"],
        ("demo",): ["--out", folder / "demo"],
        ("completion",): ["bash"],
        ("info",): [folder / "x.regard"],
        ("export",): [folder / "x.regard", "--out", folder / "x.onnx"],
    }
    return [*words, *map(str, arguments[words])]


def wrong_values(folder) -> list[str]:
    """Values that an option cannot have, or that name what is not there."""
    return ["odd", "-1", str(10**30), str(folder), str(folder / "nowhere" / "none")]


@pytest.fixture
def little(monkeypatch, fake, table, tmp_path):
    """Every command does little, and then fails as the library does."""

    def fail(*_, **__):
        raise DataError("There is no text to examine.")

    import regard
    import regard.comparison
    import regard.trust
    from regard import Translator

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fake, "translate", lambda *_, **__: [], raising=False)
    for place, name in (
        (regard.comparison, "compare"),
        (regard.trust, "examine"),
        (Translator, "fit"),
        (regard, "export"),
        (serve, "_run"),
        (demo, "demo_messages"),
        (demo, "demo_dates"),
    ):
        monkeypatch.setattr(place, name, fail)


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_no_message_names_an_argument(run, little, table, tmp_path, words):
    (tmp_path / "x.regard").mkdir()
    usual = given(words, table, tmp_path)
    options = [each for each in ALL[words].params if each.param_type_name == "option"]
    lines = [
        [*usual, max(option.opts, key=len), *([value] if value is not None else [])]
        for option in options
        for value in ([None] if option.is_flag else wrong_values(tmp_path))
        if option.name not in {"help", "version"}
    ]
    for position, value in itertools.product(
        range(len(words), len(usual)), ("", "odd")
    ):
        changed = [*usual]
        changed[position] = value
        lines.append(changed)
    said = set()
    for line in lines:
        result = run(*line)
        assert result.code in {0, 1, 2, 3, 130}, line
        assert "Traceback" not in result.err, line
        found = ARGUMENT.search(result.err.replace(str(tmp_path), ""))
        assert not found, (line, result.err)
        said.add(result.err)
    assert len(said) > 1 or words == ("demo",)


CASES = {
    "no pairs to choose by": (
        ("train", "translate", "pairs.tsv", "--choose-by", "bleu"),
        "Give more pairs, or others to choose by: --validation.",
    ),
    "texts that are too long": (
        ("train", "translate", "long.tsv"),
        "Shorten the texts, or choose larger symbols: --vocabulary.",
    ),
    "a class with one example": (
        ("train", "classify", "single.csv"),
        "Add examples, or give others to choose by: --validation.",
    ),
    "a name without a format": (
        ("train", "classify", "data.odd"),
        "Rename the file, or say its format with --format",
    ),
    "another encoding": (
        ("train", "classify", "latin.csv"),
        "Save the file as UTF-8, or say what it has with --encoding",
    ),
    "an unknown encoding": (
        ("train", "classify", "single.csv", "--encoding", "odd"),
        "There is no encoding 'odd'.",
    ),
}


@pytest.mark.parametrize(("line", "said"), CASES.values(), ids=CASES)
def test_a_remedy_is_an_option(run, tmp_path, monkeypatch, line, said):
    monkeypatch.chdir(tmp_path)
    Path("pairs.tsv").write_text("source\ttarget\n" + "a b\tx y\n" * 4)
    Path("long.tsv").write_text(
        "source\ttarget\n" + f"{'a ' * 200}\t{'x ' * 200}\n" * 4
    )
    Path("single.csv").write_text("text,label\nfine,good\nso fine,good\npoor,bad\n")
    Path("data.odd").write_text("text,label\n")
    Path("latin.csv").write_bytes("text,label\ncafé,good\n".encode("latin-1"))
    result = run(*line, "--out", "x.regard")
    assert result.code == 2
    assert said in result.err
    assert not ARGUMENT.search(result.err)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            ("--batch", "9", "--samples", "3"),
            "9 --samples or more, which is the --batch",
        ),
        (("--learning-rate", "-1"), "--learning-rate of a budget has a wrong value"),
        (("--set", "n=x"), "--set n of the task 'first-n' has a wrong value"),
    ],
)
def test_numbers_of_a_comparison_are_options(run, line, said):
    result = run("compare", "first-n", *line)
    assert result.code == 2
    assert said in result.err


def test_more_results_than_are_followed(run, loaded):
    result = run("translate", "x.regard", "eins", "--beam", 2, "--n-best", 3)
    assert result.code == 2
    assert "--n-best of a search has a wrong value. Expected: at most the beam, 2" in (
        result.err
    )


def test_an_argument_that_is_no_option_is_named_in_plain_words(run, fake, monkeypatch):
    def fail(*_):
        raise ArgumentError(
            "'max_words' is wrong.",
            expected="less than other_words",
            received="'max_words'",
            fix="Say max_words=3, or html=...",
            arguments=["max_words", "other_words", "html"],
        )

    monkeypatch.setattr(fake, "explain", fail)
    result = run("predict", "x.regard", "a text")
    # What came is the user's own, and a remedy that cannot be followed is none.
    assert result.err == (
        "Error: max words is wrong. Expected: less than other words. Received: "
        "'max_words'.\n"
    )
