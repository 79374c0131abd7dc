"""``regard trust`` on the bundle of a translator."""

import json

import pytest

import toy_pairs
from light_compilation import light_compilation

SOURCES, TARGETS = toy_pairs.sentences(12, seed=8)


@pytest.fixture(autouse=True, scope="module")
def _light():
    with light_compilation():
        yield


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("pairs") / "pairs.tsv"
    rows = [
        f"{source}\t{target}" for source, target in zip(SOURCES, TARGETS, strict=True)
    ]
    path.write_text("\n".join(["de\ten", *rows]) + "\n")
    return path


def test_its_own_output_and_given_targets(run, toy_translator_bundle, table, tmp_path):
    plain, saved = tmp_path / "sources.txt", tmp_path / "trust.json"
    plain.write_text("\n".join(SOURCES) + "\n")
    own = run("trust", toy_translator_bundle, plain, "--out", saved)
    assert own.code == 0, own.err
    assert own.out.startswith("CANNOT TELL\n")
    assert "12 pairs of sources.txt" in own.out
    assert "Words of the target apart" in own.out
    columns = ("--source", "de", "--target", "en")
    given = run("trust", toy_translator_bundle, table, *columns, "--json")
    assert given.code == 0, given.err
    # It has learned what is given, so that it writes nearly the same itself.
    both = [json.loads(each) for each in (saved.read_text("utf-8"), given.out)]
    shares = [each["groups"]["all"]["words"]["value"] for each in both]
    assert shares[0] == pytest.approx(shares[1], abs=0.2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "'source'"),
        (("--source", "de", "--target", "fr"), "'fr'"),
        (("--source", "de", "--gold", "en"), "marks"),
    ],
)
def test_what_is_not_there_is_said(run, toy_translator_bundle, table, options, said):
    result = run("trust", toy_translator_bundle, table, *options)
    assert result.code == 2
    assert said.lower() in result.err.lower()
    assert result.out == ""


def test_a_translator_is_not_trained_again(run, toy_translator_bundle, table):
    again = ("--source", "de", "--retrain", "1", "--training", table)
    result = run("trust", toy_translator_bundle, table, *again)
    assert result.code == 2
    assert "regard train translate --seed 1" in result.err
    assert result.out == ""
