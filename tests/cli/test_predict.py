"""``regard predict`` with a classifier that costs nothing."""

import json

import pytest


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_texts_as_arguments(run, fake):
    result = run("predict", "x.regard", "fine film", "b")
    assert result.code == 0
    assert result.out == (
        "good  75.0 %\n[fine 1.000] film\n\ngood  75.0 %\n[b 1.000]\n"
    )
    assert result.err == ""


def test_contributions_in_the_place_of_attention(run, fake, tmp_path):
    page = tmp_path / "why.html"
    options = ("--shade", "contributions", "--html", page)
    result = run("predict", "x.regard", "fine film", *options)
    assert result.out == "good  75.0 %\n[fine -0.500] film\n"
    assert "adds to the score of <bdi>good</bdi>" in page.read_text("utf-8")
    other = run("predict", "x.regard", "fine film", *options, "--toward", "bad")
    assert other.out.startswith("good  75.0 %  (shaded for bad, 25.0 %)\n[fine +0.500]")
    assert "<bdi>bad</bdi>" in page.read_text("utf-8")
    for said, *wrong in (
        ("'worse' is none of 'bad', 'good'", *options, "--toward", "worse"),
        ("same for all labels", "--toward", "bad"),
    ):
        refused = run("predict", "x.regard", "fine film", *wrong)
        assert (refused.code, refused.out) == (2, "")
        assert said in refused.err
    wrong = run("predict", "x.regard", "fine film", "--shade", "salience")
    assert wrong.code == 2
    assert "'salience' is none of 'attention', 'contributions'" in wrong.err


def test_json_is_one_object_a_line(run, fake):
    result = run("predict", "x.regard", "fine\nfilm", "é\x1b", "--json")
    first, second = map(json.loads, result.out.splitlines())
    assert first["label"] == "good"
    assert first["probabilities"] == {"bad": 0.25, "good": 0.75}
    assert first["tokens"] == ["fine", "film"]
    assert first["offsets"] == [[0, 4], [5, 9]]
    assert first["weights"] == [1.0, 0.0]
    assert second["text"] == "é\x1b"


@pytest.mark.parametrize("arguments", [["-"], ["--file", "-"]])
def test_standard_input_gives_one_result_a_line(run, fake, arguments):
    result = run("predict", "x.regard", *arguments, "--json", stdin=b"a\n\nb b\r\n")
    texts = [json.loads(line)["text"] for line in result.out.splitlines()]
    assert texts == ["a", "", "b b"]


def test_a_file_is_read_in_batches(run, fake, tmp_path):
    path = tmp_path / "in.txt"
    path.write_text("".join(f"text {i}\n" for i in range(600)))
    result = run("predict", "x.regard", "--file", path, "--json")
    assert len(result.out.splitlines()) == 600
    assert fake.batches == (256, 256, 88)


def test_results_before_a_bad_line_are_not_lost(run, fake, tmp_path):
    path = tmp_path / "in.txt"
    path.write_bytes(b"a\n" * 300 + b"\xff\n")
    result = run("predict", "x.regard", "--file", path, "--json")
    assert result.code == 2
    assert "line 301, byte 1: not valid UTF-8" in result.err
    assert len(result.out.splitlines()) == 256


def test_a_page_beside_the_results(run, fake, tmp_path):
    page = tmp_path / "why.html"
    result = run("predict", "x.regard", "<b>fine</b> film", "b", "--html", page)
    assert result.code == 0
    assert "good  75.0 %" in result.out
    assert result.err == f"Wrote {page}.\n"
    assert page.read_text("utf-8").count("<article") == 2


@pytest.mark.parametrize(("options", "shown"), [([], 100), (["--most", "7"], 7)])
def test_a_page_shows_the_first_texts_and_says_how_many_more_there_were(
    run, fake, tmp_path, options, shown
):
    page, file = tmp_path / "why.html", tmp_path / "in.txt"
    file.write_text("".join(f"text {number}\n" for number in range(1_300)))
    result = run("predict", "x.regard", "-f", file, "--html", page, *options)
    assert result.out.count("good  75.0 %") == 1_300
    assert result.err == (
        f"Wrote {page}. It shows the first {shown} of 1,300 texts (--most).\n"
    )
    html = page.read_text("utf-8")
    assert html.count("<article") == shown
    assert f"{1_300 - shown:,} more were left out" in html
    assert len(html) < 250_000


@pytest.mark.parametrize("name", ["-", "in.txt", "in.csv", "in.json", "in.jsonl"])
def test_an_empty_file_is_an_error_that_says_so(run, fake, tmp_path, name):
    """It gave nothing, and the exit code 0."""
    page, file = tmp_path / "why.html", "-" if name == "-" else tmp_path / name
    if name != "-":
        file.write_text("")
    for options in ([], ["--html", page], ["--out", tmp_path / "out.csv"]):
        result = run("predict", "x.regard", "--file", file, *options)
        assert (result.code, result.out) == (2, "")
        called = "standard input" if name == "-" else str(file)
        assert f"{called} is empty" in result.err
    assert {path.name for path in tmp_path.iterdir()} <= {name}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "TEXT"),
        (["a", "--file", "in.txt"], "TEXT"),
        (["bad \udcff"], "not valid UTF-8"),
        (["a", "--html", "why.pdf"], ".html"),
        (["a", "--html", "none/why.html"], "there is no folder"),
        (["--file", "none.txt"], "There is no file none.txt"),
        (["--file", "."], "is a directory"),
    ],
)
def test_wrong_input(run, fake, empty_folder, arguments, said):
    result = run("predict", "x.regard", *arguments)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert fake.batches == ()
    assert list(empty_folder.iterdir()) == []


def test_a_bundle_that_is_none(run, tmp_path):
    result = run("predict", tmp_path / "none.regard", "a")
    assert result.code == 2
    assert "none.regard" in result.err
    assert "Traceback" not in result.err
