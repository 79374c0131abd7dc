"""``regard compare``."""

import json
import re

import pytest

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

    result = run("compare", *TASK, "--models", "uniform", *SMALL, "--json")
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
        (("first-n", "--set", "n=two"), "'n'.*a whole number.*'two'"),
        (("first-n", "--out", "curves.gif"), "should end in one of .png"),
        (("first-n", "--out", "nowhere/curves.png"), "there is no folder"),
        (("first-n", "--repeats", "0"), "repeats"),
    ],
)
def test_wrong_use(run, arguments, message):
    result = run("compare", *arguments)
    assert result.code == 2
    assert re.search(message, result.err.replace("\n", " "))
