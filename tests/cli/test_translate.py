"""``regard translate`` with a translator whose problem is in ``toy_pairs``."""

import json
import shutil

import pytest

from regard.translation.kind import TranslatorKind

TEXTS = ("eins zwei drei vier acht", "zehn smith eins eins zwei")
WRITTEN = ("eight four three two one", "two one one smith ten")


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def asked(monkeypatch, loaded):
    """How many texts each search was given."""
    counts: list[int] = []
    search = loaded.translate

    def counting(texts, **options):
        counts.append(len(texts))
        return search(texts, **options)

    monkeypatch.setattr(loaded, "translate", counting)
    return counts


def run_greedy(run, *arguments, **options):
    return run("translate", "x.regard", *arguments, "--beam", 1, **options)


# Translating


def test_texts_as_arguments(run, loaded):
    result = run_greedy(run, *TEXTS)
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == list(WRITTEN)


def test_n_best_have_their_log_probabilities(run, loaded):
    result = run("translate", "x.regard", *TEXTS, "--beam", 3, "--n-best", 2)
    best = loaded.translate(TEXTS, beam=3, n_best=2)
    wanted = [
        [f"{one.log_probability:9.3f}  {one.text}" for one in hypotheses]
        for hypotheses in best
    ]
    assert result.out == "".join("\n".join([*lines, "\n"]) for lines in wanted)
    assert result.out.splitlines()[0].endswith(f"  {WRITTEN[0]}")


def test_json_is_one_list_a_line(run, loaded):
    result = run("translate", "x.regard", *TEXTS, "--beam", 3, "--n-best", 2, "--json")
    answers = [json.loads(line) for line in result.out.splitlines()]
    assert [best[0]["text"] for best in answers] == list(WRITTEN)
    assert [one["source"] for best in answers for one in best] == sorted(TEXTS * 2)
    first, second = answers[0]
    assert first["score"] >= second["score"]
    assert first["source_tokens"] == TEXTS[0].split()
    assert first["target_tokens"] == WRITTEN[0].split()
    assert [len(row) for row in first["alignment"]] == [5] * 5
    assert (first["finished"], first["truncated"]) == (True, False)


def test_options_of_the_search_are_passed_on(run, loaded, monkeypatch):
    seen = {}

    def search(texts, **options):
        seen.update(options)
        return [[] for _ in texts]

    monkeypatch.setattr(loaded, "translate", search)
    options = ["--length-penalty", 0.6, "--coverage-penalty", 0.2, "--max-length", 9]
    assert run("translate", "x.regard", "a", *options).code == 0
    assert seen == {
        "beam": 5,
        "n_best": 1,
        "length_penalty": 0.6,
        "coverage_penalty": 0.2,
        "max_length": 9,
        "shortlist": None,
    }
    for option, wanted in (("--shortlist", True), ("--no-shortlist", False)):
        assert run("translate", "x.regard", "a", option).code == 0
        assert seen["shortlist"] is wanted


def test_a_variable_that_says_nothing_known(run, loaded, monkeypatch):
    monkeypatch.setenv("REGARD_PRODUCTS", "nonsense")
    monkeypatch.setattr(loaded.trained.model, "products", "auto")
    result = run("translate", "x.regard", "a")
    assert (result.code, result.out) == (2, "")
    assert "one of auto, float32, bfloat16" in result.err
    assert "Exception encountered" not in result.err


def test_a_shortlist_that_is_not_there(run, loaded):
    result = run("translate", "x.regard", "a", "--shortlist")
    assert (result.code, result.out) == (2, "")
    assert "has no shortlist" in result.err
    assert "learn_shortlist" not in result.err


@pytest.mark.parametrize("arguments", [["-"], ["--file", "-"]])
def test_standard_input_gives_one_result_a_line(run, loaded, arguments):
    result = run_greedy(run, *arguments, stdin=f"{TEXTS[0]}\r\n\n".encode())
    assert result.out.split("\n") == [WRITTEN[0], "", ""]


def test_a_file_is_read_in_batches(run, asked, tmp_path, monkeypatch):
    monkeypatch.setattr(TranslatorKind, "batch_size", 2)
    path = tmp_path / "in.txt"
    path.write_text("".join(f"{text}\n" for text in TEXTS + TEXTS[:1]))
    result = run_greedy(run, "--file", path)
    assert result.out.splitlines() == [*WRITTEN, WRITTEN[0]]
    assert asked == [2, 1]


def test_a_page_and_alignments_beside_the_results(run, loaded, tmp_path):
    page, links = tmp_path / "out.html", tmp_path / "out.txt"
    # Cut off, so that source and target are not of one length.
    options = ["--max-length", 3, "--html", page, "--alignments", links]
    result = run_greedy(run, *TEXTS, *options)
    assert result.out.splitlines() == ["eight four three", "two one one"]
    assert result.err.splitlines() == [f"Wrote {links}.", f"Wrote {page}."]
    assert links.read_text() == "2-2 3-1 4-0\n" * 2
    content = page.read_text("utf-8")
    assert content.count("<article") == 2
    assert "smith" in content
    assert sorted(tmp_path.iterdir()) == [page, links]
    result = run_greedy(run, *TEXTS, *options, "--most", 1)
    assert result.err.splitlines() == [
        f"Wrote {links}.",
        f"Wrote {page}. It shows the first 1 of 2 texts (--most).",
    ]
    assert links.read_text() == "2-2 3-1 4-0\n" * 2
    content = page.read_text("utf-8")
    assert content.count("<article") == 1
    assert "1 more were left out" in content


def test_nothing_to_translate_is_said(run, loaded, tmp_path):
    page, links = tmp_path / "out.html", tmp_path / "out.txt"
    result = run_greedy(run, "-", "--html", page, "--alignments", links)
    assert (result.code, result.out) == (2, "")
    assert "standard input is empty" in result.err
    assert list(tmp_path.iterdir()) == []


def test_results_before_a_bad_line_are_printed_and_no_file_is_left(
    run, loaded, tmp_path, monkeypatch
):
    monkeypatch.setattr(TranslatorKind, "batch_size", 2)
    path = tmp_path / "in.txt"
    path.write_bytes("".join(f"{text}\n" for text in TEXTS).encode() + b"\xff\n")
    page, links = tmp_path / "out.html", tmp_path / "out.txt"
    links.write_text("from before")
    result = run_greedy(run, "-f", path, "--html", page, "--alignments", links)
    assert result.code == 2
    assert "line 3, byte 1: not valid UTF-8" in result.err
    assert result.out.splitlines() == list(WRITTEN)
    assert sorted(tmp_path.iterdir()) == [path, links]
    assert links.read_text() == "from before"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "TEXT"),
        (["a", "--file", "in.txt"], "TEXT"),
        (["bad \udcff"], "not valid UTF-8"),
        (["a", "--html", "out.pdf"], ".html"),
        (["a", "--html", "none/out.html"], "there is no folder"),
        (["a", "--alignments", "none/out.txt"], "there is no folder"),
        (["a", "--alignments", "."], "is a folder"),
        (["--file", "none.txt"], "There is no file none.txt"),
        (["a", "--beam", "0"], "--beam"),
        (["a", "--n-best", "6", "--html", "out.html"], "at most the beam, 5"),
        (["a", "--length-penalty", "-1"], "--length-penalty"),
        (["a", "--length-penalty", "inf"], "--length-penalty"),
        (["a", "--max-length", "0"], "--max-length"),
    ],
)
@pytest.mark.usefixtures("loaded")
def test_wrong_input(run, empty_folder, arguments, said):
    result = run("translate", "x.regard", *arguments)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert list(empty_folder.iterdir()) == []


def test_a_bundle_that_is_none(run, tmp_path):
    result = run("translate", tmp_path / "none.regard", "a")
    assert result.code == 2
    assert "none.regard" in result.err
    assert "Traceback" not in result.err


def test_a_classifier_is_no_translator(run, fake):
    result = run("translate", "x.regard", "a")
    assert (result.code, result.out) == (2, "")
    assert "regard predict" in result.err


def test_predict_answers_too_and_shows_where_it_looked(run, loaded, tmp_path):
    page = tmp_path / "out.html"
    result = run("predict", "x.regard", *TEXTS, "--html", page)
    assert (result.code, result.err) == (0, f"Wrote {page}.\n")
    blocks = result.out.split("\n\n")
    for block, source, written in zip(blocks, TEXTS, WRITTEN, strict=True):
        first, *rows = block.rstrip("\n").split("\n")
        assert first.startswith(f"{written}  ")
        assert [row.split()[0] for row in rows] == written.split()
        assert [row.split()[1] for row in rows] == source.split()[::-1]
    assert page.read_text("utf-8").count("<article") == 2
    result = run("predict", "x.regard", TEXTS[0], "--json")
    [best] = json.loads(result.out)
    assert best["text"] == WRITTEN[0]


def test_a_damaged_bundle(run, toy_translator_bundle, tmp_path):
    path = tmp_path / "x.regard"
    shutil.copytree(toy_translator_bundle, path)
    (path / "target.json").write_bytes(b"{}")
    result = run("translate", path, "a")
    assert (result.code, result.out) == (2, "")
    assert "target.json" in result.err
