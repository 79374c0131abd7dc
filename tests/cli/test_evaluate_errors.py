"""``regard evaluate --errors``, and right labels on the page of ``regard predict``."""

import json

import pytest


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("text,label\nfine film,good\npoor film,bad\nworst\x1b film,bad\n")
    return path


def test_a_table_of_errors_follows_the_measures(run, fake, file):
    result = run("evaluate", "x.regard", file, "--errors")
    assert result.code == 0
    assert result.out.startswith("accuracy 0.7500\n")
    assert result.out.partition("\n\n2 of ")[2] == (
        "4 texts were given a wrong label; those that the model was surest of come "
        "first.\n"
        "index  probability  given  right  its probability  text\n"
        "1      0.7500       good   bad    0.2500           poor film\n"
        "2      0.7500       good   bad    0.2500           worst\\x1b film\n"
    )
    assert fake.trained_on[2] == 0
    assert result.err == ""


def test_the_table_is_cut_and_json_is_not(run, fake, tmp_path):
    path = tmp_path / "many.csv"
    path.write_text("text,label\n" + "poor film,bad\n" * 30)
    assert run("evaluate", "x.regard", path, "--errors").out.endswith(
        "\n10 more are not shown here.\n"
    )
    told = json.loads(run("evaluate", "x.regard", path, "--errors", "--json").out)
    assert told["accuracy"] == 0.75
    assert len(told["errors"]) == 30
    assert told["errors"][29] == {
        "index": 29,
        "text": "poor film",
        "right": "bad",
        "given": "good",
        "probabilities": {"bad": 0.25, "good": 0.75},
    }


def test_a_page_of_errors(run, fake, file, tmp_path):
    page = tmp_path / "worst.html"
    options = ("--errors", "--html", page, "--most", 1)
    result = run("evaluate", "x.regard", file, *options)
    assert result.err == (f"Wrote {page}. It shows the first 1 of 2 texts (--most).\n")
    assert "index  probability" in result.out
    html = page.read_text("utf-8")
    assert html.count("<article") == 1
    assert "<strong>Wrong.</strong> Right is <bdi><strong>bad</strong></bdi>" in html
    assert "2 of 4 texts were given a wrong label" in html


def test_a_page_without_errors_says_that_there_are_none(run, fake, tmp_path):
    path, page = tmp_path / "good.csv", tmp_path / "worst.html"
    path.write_text("text,label\nfine film,good\n")
    result = run("evaluate", "x.regard", path, "--errors", "--html", page)
    assert result.code == 0
    assert "All 4 texts were given the right label." in result.out
    assert "All 4 texts were given the right label." in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "said"),
    [(("--html", "worst.html"), "--errors --html worst.html"),
     (("--errors", "--html", "worst.txt"), "does not end in .html")],
)  # fmt: skip
def test_wrong_options_are_refused_before_anything_is_read(run, fake, options, said):
    result = run("evaluate", "x.regard", "none.csv", *options)
    assert result.code == 2
    assert said in result.err


def test_a_translator_has_no_wrong_labels(run, loaded, tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("source\ttarget\na\tb\n")
    result = run("evaluate", "x.regard", path, "--errors")
    assert result.code == 2
    assert "--errors" in result.err
    assert "is a translator" in result.err
    result = run("predict", "x.regard", "-f", path, "--html", tmp_path / "x.html",
                 "--label", "target")  # fmt: skip
    assert (result.code, "gives no labels" in result.err) == (2, True)


def test_a_page_of_predictions_says_what_is_wrong_where_the_file_knows(
    run, fake, file, tmp_path
):
    page = tmp_path / "why.html"
    result = run("predict", "x.regard", "-f", file, "--html", page)
    assert result.code == 0
    assert page.read_text("utf-8").count('data-verdict="wrong"') == 2
    text = tmp_path / "lines.txt"
    text.write_text("fine film\npoor film\n")
    run("predict", "x.regard", "-f", text, "--html", page)
    assert "data-verdict" not in page.read_text("utf-8")


def test_another_column_of_right_labels_is_named(run, fake, tmp_path):
    path, page = tmp_path / "in.jsonl", tmp_path / "why.html"
    rows = [{"text": "fine film", "mark": ["good"]}, {"text": "poor", "label": {}}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = ("predict", "x.regard", "-f", path, "--html", page)
    assert run(*told, "--label", "mark").code == 0
    assert page.read_text("utf-8").count('data-verdict="right"') == 1
    # A column of that name that has no labels is no reason to fail.
    assert run(*told).code == 0
    assert "data-verdict" not in page.read_text("utf-8")
    result = run(*told, "--label", "sign")
    assert result.code == 2
    assert "There is no column 'sign'" in result.err
    result = run("predict", "x.regard", "a text", "--label", "mark")
    assert (result.code, "--file" in result.err) == (2, True)
