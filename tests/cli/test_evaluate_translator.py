"""``regard evaluate`` with a translator whose problem is in ``toy_pairs``."""

import json
import re

import pytest

TEXTS = ("eins zwei drei vier acht", "zehn smith eins eins zwei")
WRITTEN = ("eight four three two one", "two one one smith ten")
LINKS = "0-4 1-3 2-2 3-1 4-0"


@pytest.fixture
def pairs(tmp_path):
    path = tmp_path / "pairs.tsv"
    rows = [("source", "target"), *zip(TEXTS, (WRITTEN[0], "wrong"), strict=True)]
    path.write_text("".join("\t".join(row) + "\n" for row in rows))
    return path


@pytest.fixture
def two_files(tmp_path):
    paths = tmp_path / "a.de", tmp_path / "a.en"
    for path, texts in zip(paths, (TEXTS, WRITTEN), strict=True):
        path.write_text("".join(f"{text}\n" for text in texts))
    return paths


def test_a_table_of_figures(run, loaded, pairs):
    result = run("evaluate", "x.regard", pairs, "--beam", 1, "--tokenize", "none")
    assert (result.code, result.err) == (0, "")
    names = [line[:12].strip() for line in result.out.splitlines()]
    assert names == ["BLEU", "chrF", "exact match", "texts"]
    assert "tok:none" in result.out
    assert "exact match   50.00   exact|nrefs:1|case:mixed" in result.out
    assert result.out.endswith("texts             2\n")


def test_figures_as_json_with_gold_alignments(run, loaded, two_files, tmp_path):
    gold = tmp_path / "gold.txt"
    gold.write_text(f"{LINKS}\n{LINKS} 0p0\n")
    options = ["--alignments", gold, "--beam", 1]
    result = run("evaluate", "x.regard", *two_files, *options, "--json")
    figures = json.loads(result.out)
    assert figures["exact_match"]["score"] == 100
    assert figures["bleu"]["signature"].startswith("BLEU|nrefs:1")
    wanted = {"error_rate": 0.0, "precision": 1.0, "recall": 1.0}
    assert figures["alignment"] == pytest.approx(wanted)
    shown = run("evaluate", "x.regard", *two_files, *options).out
    assert "AER            0.00   precision 100.00, recall 100.00\n" in shown


@pytest.mark.parametrize(
    ("gold", "said"),
    [
        ("0-0\n", "2 pairs and 1 gold alignments"),
        ("0-0\n0:1\n", "gold.txt, line 2"),
        (None, "There is no file"),
    ],
)
@pytest.mark.usefixtures("loaded")
def test_gold_alignments_that_are_wrong(run, two_files, gold, said):
    path = two_files[0].with_name("gold.txt")
    if gold is not None:
        path.write_text(gold)
    result = run("evaluate", "x.regard", *two_files, "--beam", 1, "--alignments", path)
    assert (result.code, result.out) == (2, "")
    assert said in result.err


@pytest.mark.parametrize(
    ("gold", "options", "said"),
    [
        ("1-5 2-4\n5-1\n", [], "line 1: the link 1-5 .* All links fit with --first 1."),
        ("0-0\n0-7\n", [], "line 2: the link 0-7 .* 0 to 4. Look whether these"),
        ("1-5\n5-6\n", ["--first", 1], "line 2: the link 5-6 .* 1 to 5. Look whether"),
        ("0-1\n", ["--first", 1], "line 1: '0-1' has a position below 1"),
    ],
)
@pytest.mark.usefixtures("loaded")
def test_gold_links_outside_of_their_sentences(run, two_files, gold, options, said):
    """They were taken, and gave the error rate of another alignment."""
    path = two_files[0].with_name("gold.txt")
    path.write_text(gold)
    command = ["evaluate", "x.regard", *two_files, "--beam", 1, "--alignments", path]
    result = run(*command, *options)
    assert (result.code, result.out) == (2, "")
    assert re.search(f"gold.txt, {said}", result.err)
    assert "first=" not in result.err


def test_gold_links_as_their_file_counts_and_turns_them(run, loaded, two_files):
    path = two_files[0].with_name("gold.txt")
    # From 1, the target first, a byte order mark, no end of the last line.
    links = "1-5 2-4 3-3 4-2 5-1"
    path.write_bytes(f"\ufeff{links}\r\n{links}".encode())
    command = ["evaluate", "x.regard", *two_files, "--beam", 1, "--alignments", path]
    result = run(*command, "--first", 1, "--target-first")
    assert (result.code, result.err) == (0, "")
    assert "AER            0.00" in result.out


def test_pairs_with_an_empty_side_are_left_out_where_asked(run, loaded, pairs):
    pairs.write_text(pairs.read_text() + "\tone\n")
    command = ["evaluate", "x.regard", pairs, "--beam", 1, "--tokenize", "none"]
    assert "--clean" in run(*command).err
    result = run(*command, "--clean")
    assert result.code == 0
    assert result.out.endswith("texts             2\n")
    assert result.err == "Left out 1 pair without a text on both sides.\n"
    gold = run(*command, "--clean", "--alignments", pairs)
    assert gold.code == 2
    assert "none can be left out" in gold.err


def test_how_links_are_read_where_there_are_none(run, two_files):
    result = run("evaluate", "x.regard", *two_files, "--target-first")
    assert result.code == 2
    assert "--alignments" in result.err


def test_pairs_that_are_wrong(run, loaded, pairs, two_files):
    result = run("evaluate", "x.regard", pairs, "--source", "de")
    assert result.code == 2
    assert "no column 'de'" in result.err
    one, other = two_files
    other.write_text("one\n")
    result = run("evaluate", "x.regard", one, other)
    assert result.code == 2
    assert f"{one} has 2 lines and {other} has 1" in result.err
    result = run("evaluate", "x.regard", pairs, "--beam", 1, "--tokenize", "odd")
    assert result.code == 2
    assert "'odd'" in result.err


def test_options_of_a_classifier_are_refused_for_a_translator(run, loaded, pairs):
    result = run("evaluate", "x.regard", pairs, "--label", "a")
    assert (result.code, result.out) == (2, "")
    assert "Invalid value for --label" in result.err
    assert "translator, which has no use for it" in result.err
