"""``regard predict`` and ``regard translate`` on files with columns, and tables out."""

import csv
import inspect
import json
from pathlib import Path

import pytest

from regard_cli.app import app
from regard_cli.options import reads_files

ROWS = [
    {"id": "1", "text": "fine\nfilm; really", "label": "good"},
    {"id": "2", "text": 'a "poor", film', "label": "bad"},
]


@pytest.fixture
def write(tmp_path):
    def write(content, name="in.csv"):
        path = tmp_path / name
        path.write_text(content, "utf-8", newline="")
        return path

    return write


def as_csv(rows, delimiter=","):
    quoted = [["{}".format(v.replace('"', '""')) for v in row.values()] for row in rows]
    lines = [list(rows[0]), *quoted]
    return "".join(delimiter.join(f'"{v}"' for v in line) + "\r\n" for line in lines)


def read_csv(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def texts_of(result):
    return [json.loads(line)["text"] for line in result.out.splitlines()]


def test_a_column_is_predicted_and_not_its_header(run, fake, write):
    """The header was predicted, and each row whole, a text with a line end twice."""
    expected = [row["text"] for row in ROWS]
    for delimiter in ",;\t|":
        result = run(
            "predict", "x.regard", "--json", "-f", write(as_csv(ROWS, delimiter))
        )
        assert (result.code, texts_of(result)) == (0, expected)
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    for name, content in {"in.jsonl": lines, "in.json": json.dumps(ROWS)}.items():
        result = run("predict", "x.regard", "--json", "-f", write(content, name))
        assert texts_of(result) == expected
    piped = ("predict", "x.regard", "--json", "--file", "-", "--format")
    assert texts_of(run(*piped, "jsonl", stdin=lines.encode())) == expected
    assert texts_of(run(*piped, "csv", stdin=as_csv(ROWS).encode())) == expected


def test_lines_of_a_table_where_they_are_wanted(run, fake, write):
    path = write("text,label\na,x\n")
    result = run("predict", "x.regard", "--json", "-f", path, "--format", "lines")
    assert texts_of(result) == ["text,label", "a,x"]


def test_the_columns_of_the_training_are_remembered(run, fake, write, tmp_path):
    path = write("body;mark\na;x\nb;y\n")
    options = ("--text", "body", "--label", "mark")
    result = run("train", "classify", path, *options, "--out", tmp_path / "y.regard")
    assert result.code == 0
    assert texts_of(run("predict", "y.regard", "--json", "-f", path)) == ["a", "b"]
    assert texts_of(
        run("predict", "y.regard", "--json", "-f", path, "--text", "mark")
    ) == ["x", "y"]
    fake.labels = ("x", "y")
    assert run("evaluate", "y.regard", path).code == 0
    assert fake.trained_on == (["a", "b"], ["x", "y"])


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "out.parquet"])
def test_a_table_has_the_columns_of_the_file(run, fake, write, tmp_path, name):
    out = tmp_path / name
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    for file in (
        write(as_csv(ROWS)),
        write("".join(json.dumps(row) + "\n" for row in ROWS), "in.jsonl"),
    ):
        result = run("predict", "x.regard", "-f", file, "--out", out)
        assert (result.code, result.out) == (0, "")
        assert f"Wrote {out}." in result.err
        told = {"prediction": "good", "probability": 0.75}
        expected = [row | told for row in ROWS]
        if name == "out.jsonl":
            assert [json.loads(line) for line in out.read_text().splitlines()] == (
                expected
            )
        elif name == "out.csv":
            texts = [row | {"probability": "0.75"} for row in expected]
            assert read_csv(out) == texts
        else:
            from pyarrow import parquet

            assert parquet.read_table(out).to_pylist() == expected
    # What was written can be asked again, and then has new answers.
    again = tmp_path / f"again{out.suffix}"
    result = run("predict", "x.regard", "-f", out, "--out", again)
    assert "In place of columns that were there: prediction, probability." in result.err
    assert again.read_bytes() == out.read_bytes() or name.endswith("parquet")


def test_rows_of_json_may_have_other_columns(run, fake, write, tmp_path):
    rows = [{"text": "a", "n": 1}, {"text": "b", "n": "one", "parts": [1, {"x": None}]}]
    path, out = write(json.dumps(rows), "in.json"), tmp_path / "out.csv"
    assert run("predict", "x.regard", "-f", path, "--out", out).code == 0
    first, second = read_csv(out)
    assert (first["n"], first["parts"], second["n"]) == ("1", "", "one")
    assert json.loads(second["parts"]) == [1, {"x": None}]
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    from pyarrow import parquet

    out = tmp_path / "out.parquet"
    assert run("predict", "x.regard", "-f", path, "--out", out).code == 0
    assert parquet.read_table(out).column("n").to_pylist() == ["1", "one"]


def test_lines_pipes_and_arguments_make_a_table_too(run, fake, write, tmp_path):
    out = tmp_path / "out.csv"
    path = write("a\nb, c\n", "in.txt")
    for asked in (["-f", path], ["-"], ["a", "b, c"]):
        result = run(
            "predict", "x.regard", *asked, "--out", out, stdin=path.read_bytes()
        )
        assert result.code == 0
        assert [row["text"] for row in read_csv(out)] == ["a", "b, c"]
        assert list(read_csv(out)[0]) == ["text", "prediction", "probability"]
        out.unlink()


def test_a_wrong_row_is_found_before_the_first_answer(run, fake, write, tmp_path):
    path = write("text,label\n" + "a,x\n" * 300 + "b\n")
    out = tmp_path / "out.csv"
    result = run("predict", "x.regard", "-f", path, "--out", out)
    assert result.code == 2
    assert "line 302: too few fields" in result.err
    assert fake.batches == ()
    assert not out.exists()


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("none/out.csv", "there is no folder"),
        ("out.xyz", "should end in one of .csv, .jsonl, .parquet"),
        ("folder.csv", "is a folder"),
        ("in.csv", "is read, and would be written over"),
        (f"{'long' * 61}.csv", "File name too long"),
    ],
)
def test_a_place_that_cannot_be_written_is_found_before_the_work(
    run, fake, write, out, said
):
    path = write("text\na\n")
    tmp_path = path.parent
    (tmp_path / "folder.csv").mkdir()
    for command in ("predict", "translate"):
        result = run(command, "x.regard", "-f", path, "--out", tmp_path / out)
        assert (result.code, result.out) == (2, "")
        assert said in result.err
    assert fake.batches == ()
    assert path.read_text() == "text\na\n"


@pytest.mark.parametrize(
    ("file", "options", "said"),
    [
        (["in.csv", "id,body\n1,a\n"], [], "no column 'text'. Expected: one of 'id', "),
        (["in.txt", "a\n"], ["--text", "text"], "--format csv"),
        (["in.csv", "id,text\n"], [], "has a header and no rows"),
        (["in.csv", "a,b\n"], ["--no-header"], "Without a header columns go by"),
        (["in.csv", "text\na\n"], ["--delimiter", ";;"], "';;' separates no fields"),
        (["in.csv", "text\na\n"], ["--format", "pdf"], "'pdf'"),
        (["in.csv", "text\né\n"], ["--encoding", "ascii"], "not valid ascii"),
        (["in.jsonl", '{"text": null}\n'], [], "column 'text' holds no usable value"),
    ],
)
@pytest.mark.usefixtures("fake")
def test_what_is_wrong_with_a_table(run, write, file, options, said):
    name, content = file
    result = run("predict", "x.regard", "-f", write(content, name), *options)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert "header=" not in result.err


def test_every_option_of_reading_is_taken(run, fake, write, tmp_path):
    path = tmp_path / "in.dat"
    path.write_bytes("1|é a\n2|b\n".encode("cp1252"))
    options = ("--delimiter", "|", "--no-header", "--encoding", "cp1252")
    result = run("predict", "x.regard", "--json", "-f", path, *options, "--text", 2)
    assert texts_of(result) == ["é a", "b"]


READ_DATA = {"classify", "translate", "predict", "evaluate", "trust"}


def commands():
    yield from app.registered_commands
    for group in app.registered_groups:
        yield from group.typer_instance.registered_commands


def nothing(*, reading):
    pass


def test_commands_that_read_data_have_the_same_options_for_it():
    plain = inspect.signature(reads_files(nothing)).parameters
    have = []
    for command in commands():
        given = inspect.signature(command.callback).parameters
        options = [name for name in plain if given.get(name) == plain[name]]
        assert options in ([], list(plain)), command.name
        if options:
            have.append(command.name)
    assert sorted(have) == sorted([*READ_DATA, "batch", "translate"])
    sources = Path(inspect.getfile(reads_files)).parent.glob("*.py")
    for path in sources:
        if path.name != "options.py":
            assert '"--encoding"' not in path.read_text("utf-8").replace(
                'param_hint="--encoding"', ""
            )


def test_a_column_of_sources_is_translated(run, loaded, write, tmp_path):
    path, out = write("nr,source\n7,1 2\n8,3 4\n"), tmp_path / "out.csv"
    result = run("translate", "x.regard", "-f", path, "--beam", 1, "--out", out)
    assert (result.code, result.out) == (0, "")
    rows = read_csv(out)
    assert [row["nr"] for row in rows] == ["7", "8"]
    plain = run("translate", "x.regard", "1 2", "3 4", "--beam", 1)
    assert [row["translation"] for row in rows] == plain.out.splitlines()
    assert float(rows[0]["log_probability"]) <= 0
    options = ("--beam", 2, "--n-best", 2, "--source", "source")
    assert run("translate", "x.regard", "-f", path, *options, "--out", out).code == 0
    assert list(read_csv(out)[0])[2:] == [
        "translation",
        "log_probability",
        "translation_2",
    ]


def test_a_translator_measured_on_another_encoding(run, loaded, write, tmp_path):
    """The option was there and was not looked at."""
    path = tmp_path / "pairs.csv"
    path.write_bytes("source;target\n1 é;1\n".encode("cp1252"))
    command = ("evaluate", "x.regard", path, "--beam", 1)
    assert "not valid UTF-8" in run(*command).err
    assert run(*command, "--encoding", "cp1252").code == 0
    sources, targets = write("1\n", "a.txt"), write("1\n", "b.txt")
    result = run("evaluate", "x.regard", sources, targets, "--format", "csv")
    assert result.code == 2
    assert "have a text a line, and no columns" in result.err
