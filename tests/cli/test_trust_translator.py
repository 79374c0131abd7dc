"""``regard trust`` on the bundle of a translator."""

import json

import pytest

import toy_pairs

SOURCES, TARGETS = toy_pairs.sentences(12, seed=8)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("pairs") / "pairs.tsv"
    rows = [
        f"{source}\t{target}" for source, target in zip(SOURCES, TARGETS, strict=True)
    ]
    path.write_text("\n".join(["de\ten", *rows]) + "\n")
    return path


def test_its_own_output_and_given_targets(run, toy_translator_bundle, table, tmp_path):
    plain = tmp_path / "sources.txt"
    plain.write_text("\n".join(SOURCES) + "\n")
    columns = ("--source", "de")
    reports = []
    for data, options in (
        (plain, ()),
        (table, columns),
        (table, (*columns, "--target", "en")),
    ):
        result = run("trust", toy_translator_bundle, data, *options, "--json")
        assert result.code == 0, result.err
        reports.append(json.loads(result.out))
    own, again, given = reports
    assert own["verdict"] == "cannot tell"
    assert "12 pairs of sources.txt" in own["sentence"]
    assert own["groups"] == again["groups"]
    # It has learned what is given.
    assert given["groups"]["all"]["words"]["value"] == pytest.approx(
        own["groups"]["all"]["words"]["value"], abs=0.2
    )


def test_the_figures_of_words_stand_in_the_report(run, toy_translator_bundle, table):
    result = run("trust", toy_translator_bundle, table, "--source", "de", "--n", "4")
    assert result.code == 0
    assert "Words of the target apart" in result.out
    assert "changed zero_max" in result.out


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
