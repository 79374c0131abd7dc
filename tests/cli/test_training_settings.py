"""Settings of a model on the command line: ``--set``, ``--config``, ``--settings``."""

import tomllib
from dataclasses import fields

import pytest

from regard.classification import TextClassifierConfig
from regard.errors import ArgumentError
from regard.translation import TranslatorConfig
from regard_cli.training_file import training_file
from regard_cli.training_settings import (
    CLASSIFY,
    TRANSLATE,
    completing,
    settings_in,
    toml_value,
    typed,
)

CONFIGS = {CLASSIFY: TextClassifierConfig, TRANSLATE: TranslatorConfig}


@pytest.mark.parametrize("source", CONFIGS)
def test_the_source_of_the_settings_is_read_as_python_reads_it(source):
    read = settings_in(source)
    known = {each.name: each.default for each in fields(CONFIGS[source])}
    assert {name: each.default for name, each in read.items()} == known
    assert list(read) == list(known)
    # Each has its line in the docstring, to the end.
    assert all(each.meaning.endswith(".") for each in read.values())


@pytest.mark.parametrize("command", ["classify", "translate"])
def test_settings_are_listed(run, command):
    result = run("train", command, "--settings")
    assert result.code == 0
    assert "batch_size = 64\n    " in result.out
    assert "learning_rate" in result.out


def train(run, table, *options):
    return run("train", "classify", table, "--out", table.with_name("x"), *options)


def test_settings_are_set(run, fake, table):
    given = ["embedding-units=64", "dropout = .25", "learning_rate=1e-3"]
    given += ["naive_bayes=2"]
    result = train(run, table, *(part for each in given for part in ("--set", each)))
    assert result.code == 0, result.err
    assert fake.settings == {
        "embedding_units": 64,
        "dropout": 0.25,
        "learning_rate": 1e-3,
        "naive_bayes": 2.0,
    }
    assert type(fake.settings["naive_bayes"]) is float


def test_texts_become_values_of_the_type_of_a_setting():
    texts = {"cell": "lstm", "score": "'dot'", "bidirectional": "False"}
    texts |= {"input_feeding": "true", "units": "7", "clip_norm": "3"}
    values = typed(texts, TranslatorConfig, TRANSLATE)
    assert values == {
        "cell": "lstm",
        "score": "dot",
        "bidirectional": False,
        "input_feeding": True,
        "units": 7,
        "clip_norm": 3.0,
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--set", "units"], "--set: expected NAME=VALUE, received 'units'."),
        (["--set", "=3"], "--set: expected NAME=VALUE, received '=3'."),
        (["--set", "epochs=3", "--set", "epochs=4"], "twice, to 3 and to 4."),
        (["--set", "epochs=3", "--epochs", "4"], "epochs is set here and by --epochs."),
    ],
)
def test_what_is_set_wrongly_is_refused_before_anything_is_read(
    run, fake, table, options, said
):
    result = train(run, table, *options)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert fake.trained_on == ()


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("unit=3", "has no setting 'unit'. Expected: one of 'max_length', "),
        ("epoch=3", "Did you mean 'epochs'?"),
        ("embedding_units=few", "--set embedding_units of a text classifier has a"),
        ("embedding_units=2.5", "Expected: a whole number, 1 or more. Received: 2.5."),
        ("dropout=2", "--set dropout of a text classifier has a wrong value."),
    ],
)
def test_the_settings_themselves_say_what_is_wrong(run, table, option, said):
    result = train(run, table, "--set", option)
    assert result.code == 2
    assert said in result.err
    assert not table.with_name("x").exists()


def test_near_names_are_told_in_python_too():
    with pytest.raises(ArgumentError, match="Did you mean 'embedding_units'"):
        TextClassifierConfig.of({"embeding_units": 3})


FILE = """
command = "train classify"
data = "{data}"
out = "{out}"
epochs = 5
batch-size = 8
seed = 4
clean = true

[settings]
embedding_units = 48
dropout = 0.5
"""


def test_a_picture_is_no_file_of_settings(run, fake, tmp_path):
    path = tmp_path / "train.toml"
    path.write_bytes(b"\x89PNG\r\n")
    result = run("train", "classify", "--config", path)
    assert result.code == 2
    assert "is no TOML: it is no text in UTF-8." in " ".join(result.err.split())


@pytest.fixture
def file(table, tmp_path):
    path = tmp_path / "train.toml"
    path.write_text(FILE.format(data=table, out=tmp_path / "x"))
    return path


def test_a_file_has_all_that_a_training_needs(run, fake, file, tmp_path):
    result = run("train", "classify", "--config", file)
    assert result.code == 0, result.err
    assert (tmp_path / "x").is_dir()
    assert fake.settings == {"embedding_units": 48, "dropout": 0.5}
    assert fake.trained_on[3:] == (5, 8, 4)


def test_what_is_typed_wins(run, fake, file, tmp_path):
    options = ["--epochs", 2, "--set", "dropout=0.1", "--out", tmp_path / "y"]
    options += ["--set", "batch_size=4"]
    result = run("train", "classify", *options, "--config", file)
    assert result.code == 0, result.err
    assert (tmp_path / "y").is_dir()
    assert not (tmp_path / "x").exists()
    assert fake.settings == {"embedding_units": 48, "dropout": 0.1, "batch_size": 4}
    assert fake.trained_on[3:] == (2, None, 4)


def test_an_option_that_is_typed_wins_over_a_setting_of_the_file(run, fake, file):
    file.write_text(file.read_text().replace("epochs = 5", "") + "epochs = 9\n")
    assert run("train", "classify", "--config", file).code == 0
    assert fake.settings["epochs"] == 9
    options = ["--epochs", 2, "--out", file.with_name("y")]
    assert run("train", "classify", "--config", file, *options).code == 0
    assert "epochs" not in fake.settings
    assert fake.trained_on[3] == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('colour = "red"', "no option 'colour'. Settings stand in [settings]."),
        ('txt = "body"', "no option 'txt'. Did you mean 'text'?"),
        ('example = "one"', "'example' has a wrong value. Expected: a list of texts"),
        ('description = "d"', "no option 'description'. Did you mean 'de"),
        ("text = 3", "'text' has a wrong value. Expected: a text in quotation marks."),
        ("process = 1", "'process' is typed with each run"),
        ("restart = true", "'restart' is typed with each run, and stands in no file."),
        ('settings = "many"', "'settings' is a table"),
        ("a = ", "is no TOML: "),
    ],
)
def test_a_file_that_the_command_cannot_be_told(run, fake, tmp_path, line, said):
    path = tmp_path / "train.toml"
    path.write_text(f"{line}\n")
    result = run("train", "classify", "--config", path)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert str(path) in result.err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("epochs = 5", 'epochs = "5"', "Expected: a whole number. Received: '5'."),
        ("epochs = 5", "epochs = true", "Expected: a whole number. Received: 'True'."),
        ("clean = true", "clean = 1", "Expected: true or false. Received: '1'."),
        ("train classify", "train translate", "is for 'regard train translate'"),
        ("dropout", "epochs", "has 'epochs' as an option and in [settings]."),
    ],
)
def test_values_of_another_type_and_files_for_another_command(
    run, file, old, new, said
):
    file.write_text(file.read_text().replace(old, new))
    result = run("train", "classify", "--config", file)
    assert result.code == 2
    assert said in result.err


def test_a_wrong_setting_of_a_file_is_named_with_its_file(run, file):
    file.write_text(file.read_text().replace("= 48", "= 0"))
    result = run("train", "classify", "--config", file)
    assert result.code == 2
    assert f"embedding_units in {file} of a text classifier has a wrong" in result.err


def test_a_file_that_is_not_there(run, tmp_path):
    result = run("train", "classify", "--config", tmp_path / "no.toml")
    assert result.code == 2
    assert "no.toml cannot be read: No such file or directory." in result.err


def test_files_are_written_as_they_are_read():
    odd = 'a "quoted" \\ name\n\x00\u2028 é'
    options = {"data": odd, "seed": 3, "clean": True, "stream": None}
    settings = {"dropout": 1e-3, "odd name": [1, 2.5, "x"], "of": {"a b": 1, "c": {}}}
    written = training_file("train classify", options, settings)
    assert tomllib.loads(written) == {
        "command": "train classify",
        "data": odd,
        "seed": 3,
        "clean": True,
        "settings": settings,
    }
    assert toml_value(-0.0) == "-0.0"
    # There is no value for nothing.
    assert toml_value({"a": [1, None], "b": None}) == "{ a = [1] }"


def test_names_of_settings_are_completed():
    complete = completing(CLASSIFY)
    assert complete("emb") == ["embedding_units="]
    assert complete("embedding_units=") == []
    assert len(complete("")) == len(fields(TextClassifierConfig))
