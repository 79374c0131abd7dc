"""``regard compare``."""

import json
import re

import pytest

from regard.errors import ArgumentError
from regard.tasks import catalog
from regard_cli.compare import _settings as settings_of_a_task

SMALL = ("--samples", 8, "--batch", 2, "--test", 10, "--units", 4, "--repeats", 2)
TASK = ("first-n", "--set", "length=3", "--set", "cardinality=5")


def test_a_line_for_each_model_ends_with_its_mean_and_a_picture(run, tmp_path):
    page = tmp_path / "curves.html"
    result = run("compare", *TASK, "--models", "none, uniform", *SMALL, "--out", page)
    assert result.code == 0, result.err
    none, uniform, total = result.out.splitlines()
    for line, name in ((none, "none"), (uniform, "uniform")):
        assert line.startswith(name)
        assert 0 <= float(line.split()[-1]) <= 100
    assert total.startswith("4 runs of 8 samples")
    assert "uniform  run 2  accuracy" in result.err
    assert "first-n, mean of 2 runs" in page.read_text("utf-8")

    large = ("--seed", 2**40)
    result = run("compare", *TASK, "--models", "uniform", *SMALL, "--json", *large)
    figures = json.loads(result.out)["models"]["uniform"]
    assert len(figures["accuracy"]) == 2
    # A third of the attention is on the one gold position of three.
    assert figures["on_gold"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nosuch",), "no such task.*'first-n'"),
        (("first-n", "--models", "nosuch"), "some of none, published"),
        (("first-n", "--set", "n"), "expected NAME=VALUE, received 'n'"),
        (("first-n", "--set", "n=two"), "--set n .*a whole number.*'two'"),
        (("nosuch", "--set", "n=1"), "no such task.*'first-n'"),
        (("find-max", "--set", "tolerance=x"), "--set tolerance .*a finite number"),
        (("find-max", "--set", "tolerance=nan"), "--set tolerance .*a finite number"),
        (
            ("find-max", "--set", "tolerance=-1e-3"),
            "--set tolerance .*0 or more.*-0.001",
        ),
        (
            ("copy", "--set", "length=1-2-3"),
            "--set length .*the least and the greatest",
        ),
        (("copy", "--set", "length=2.5"), "--set length .*a whole number.*2.5"),
        (("copy", "--set", f"length={10**30}"), "--set length .*from 1 to 2147483647"),
        (("copy", "--set", "length=3,4"), "--set length .*a whole number.*'3,4'"),
        (("column", "--set", "label=1-2"), r"--set label .*a whole number.*\(1, 2\)"),
        (("first-n", "--out", "curves.gif"), "should end in one of .png"),
        (("first-n", "--out", "nowhere/curves.png"), "there is no folder"),
        (("first-n", "--repeats", "0"), "repeats"),
    ],
)
def test_wrong_use(run, arguments, message):
    result = run("compare", *arguments)
    assert result.code == 2
    assert re.search(message, result.err.replace("\n", " "))


def test_every_setting_of_every_task_refuses_values_of_a_wrong_kind():
    values = (None, [], {}, object(), (1, 2, 3), float("nan"), -(10**30), b"")
    for name in catalog.names():
        for setting in catalog.defaults(name):
            for wrong in values:
                with pytest.raises(ArgumentError):
                    catalog.get(name, **{setting: wrong})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("-2", -2),
        ("10-20", (10, 20)),
        (".5", 0.5),
        ("word", "word"),
    ],
)
def test_numbers_and_ranges_of_settings_are_read(text, value):
    assert settings_of_a_task([f"tolerance={text}"], {"tolerance": 1.0}) == {
        "tolerance": value
    }


def test_one_name_of_a_list_is_a_list():
    assert settings_of_a_task(["locales=de"], {"locales": ("en",)}) == {
        "locales": ("de",)
    }


def test_too_little_memory_is_said(run, monkeypatch):
    def fail(*_, **__):
        raise MemoryError("Unable to allocate 728. TiB")

    monkeypatch.setattr(catalog, "defaults", fail)
    result = run("compare", "copy")
    assert result.code == 1
    assert "not enough memory" in result.err


def test_a_picture_that_cannot_be_written_is_found_before_the_training(run, tmp_path):
    """It was found after it."""
    (tmp_path / "curves.html").mkdir()
    result = run("compare", "no-such-task", "--out", tmp_path / "curves.html")
    assert result.code == 2
    assert "curves.html is a folder" in result.err
