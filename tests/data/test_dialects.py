"""Tables as people save them: the delimiter is seen or named, the header may lack."""

import csv
import io
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.data import iterate_rows, read_examples, read_pairs
from regard.errors import ArgumentError, DataError

ROWS = [("a, b; c", "x"), ('she said "no"\n| and left', "y"), ("plain", "x")]
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20
)


@pytest.fixture
def write(tmp_path):
    def write(content, name="data.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def table(rows, delimiter):
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows(rows)
    return buffer.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_seen(write, delimiter):
    head = ("id", "text", "label")
    content = table([head, *((1, *row) for row in ROWS)], delimiter)
    read = list(map(list, zip(*ROWS, strict=True)))
    assert list(read_examples(write(content))) == read
    assert list(read_examples(write(content, "table.txt"), format="csv")) == read
    assert list(read_examples(write("sep=" + delimiter + "\r\n" + content))) == read
    named = "tab" if delimiter == "\t" else delimiter
    assert list(read_examples(write(content), delimiter=named)) == read
    # Whoever names another than tabs means a table with quotes.
    if named != "tab":
        path = write(content, "table.tsv")
        assert list(read_examples(path, delimiter=named)) == read


@given(
    st.lists(st.tuples(TEXTS, TEXTS.filter(str.strip)), min_size=1, max_size=6),
    st.sampled_from([",", ";", "\t", "|"]),
    st.permutations(["text", "label", "an, other; \t|column"]),
)
def test_what_was_written_is_read_whatever_the_delimiter(
    tmp_path_factory, rows, delimiter, head
):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    records = [dict.fromkeys(head, "") | {"text": t, "label": y} for t, y in rows]
    content = table([head, *([r[name] for name in head] for r in records)], delimiter)
    path.write_text(content, "utf-8", newline="")
    assert list(iterate_rows(path, ["text", "label"])) == rows


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_without_a_header_columns_have_numbers(write, delimiter):
    path = write(table(ROWS, delimiter))
    texts, labels = map(list, zip(*ROWS, strict=True))
    assert read_examples(path, "1", "2", header=False) == (texts, labels)
    with pytest.raises(DataError, match=r"no column 'text'.*'1', '2'.*by their number"):
        read_examples(path, header=False)
    with pytest.raises(DataError, match="first line is no header, say"):
        read_examples(path)


def test_a_quoted_table_with_the_suffix_of_another(write):
    path = write('text\tlabel\n"a\nb"\tx\n', "x.tsv")
    with pytest.raises(DataError, match=r"line 2: .* If they do, it is csv"):
        read_examples(path)
    assert read_examples(path, format="csv") == (["a\nb"], ["x"])


def test_a_missing_column_says_how_the_file_was_read(write):
    content = "id;body;mark\n1;a;x\n2;b;y\n"
    with pytest.raises(DataError, match=r"'id', 'body', 'mark'\. .*separated by ';'"):
        read_examples(write(content))
    with pytest.raises(DataError, match=r"separated by ','; by ';' it is: name"):
        read_examples(write(content), "body", "mark", delimiter=",")
    with pytest.raises(DataError, match=r"separated by tabs; by ';' it is: name"):
        read_examples(write(content, "x.tsv"), "body", "mark")


@pytest.mark.parametrize(
    "content",
    [
        '[{"text": "a\\nb", "label": 1}, {"label": true, "text": "[{"}]',
        '\ufeff[\n{"text": "a\\nb",\n"label": 1},\n\n{"label": true, "text": "[{"}\n]',
        '{"text": "a\\nb", "label": 1}\n\n{"label": true, "text": "[{"}\n',
        '{"text": "a\\nb",\n "label": 1}\n{"label": true, "text": "[{"}',
    ],
)
def test_json_is_a_list_or_objects_in_a_row(write, content):
    path = write(content, "data.json")
    assert read_examples(path) == (["a\nb", "[{"], ["1", "True"])


def test_a_long_json_list_on_one_line(write):
    rows = [{"text": f"é{n}" * 999, "label": "x"} for n in range(200)]
    path = write(json.dumps(rows, ensure_ascii=False), "data.json")
    assert read_examples(path)[0] == [row["text"] for row in rows]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("[]", "is empty"),
        ('[{"text": "a", "label": "x"}', "never closed"),
        ('[{"text": "a", "label": "x"},\n{"text": ]', "line 2: not valid JSON"),
        ('[{"text": "a", "label": "x"}]\n3', "something follows"),
        ('[{"text": "a", "label": "x"}\n{"text": "a"}]', "line 2: not a JSON object"),
        ('{"text": "a", "label": "x"}, {}', "line 1: not a JSON object"),
        ('[\n["a", "x"]]', "line 2: not a JSON object"),
        ('[{"text": "a"}]', "line 1: there is no column 'label'"),
        ('{"data":\n' + "[" * 100_000, "cannot be read"),
    ],
)
def test_wrong_json(write, content, said):
    path = write(content, "data.json")
    with pytest.raises(DataError, match=said):
        read_examples(path)


def test_json_that_never_ends_is_met_before_it_fills_the_memory(write, monkeypatch):
    from regard.data import formats

    monkeypatch.setattr(formats, "LONGEST_LINE", 2**18)
    path = write('[{"text": "' + "a" * 2**24, "data.json")
    tracemalloc.start()
    with pytest.raises(DataError, match="longer than"):
        read_examples(path)
    assert tracemalloc.get_traced_memory()[1] < 4e6
    tracemalloc.stop()


def test_a_long_text(write):
    """Longer than what Python's reader of CSV takes by itself."""
    text = "word " * 40_000
    for name, quote in (("a.csv", '"'), ("a.tsv", "")):
        end = "," if name == "a.csv" else "\t"
        path = write(f"text{end}label\n{quote}{text}{quote}{end}x\n", name)
        assert read_examples(path) == ([text], ["x"])


def test_what_does_not_fit(write):
    path = write("text,label\na,x\n")
    for name in ("", ",,", '"', "\n"):
        with pytest.raises(ArgumentError, match="separates no fields"):
            read_examples(path, delimiter=name)
    with pytest.raises(ArgumentError, match="has no delimiter"):
        read_examples(path, format="jsonl", delimiter=";")
    with pytest.raises(ArgumentError, match="has names for its columns"):
        read_examples(path, format="json", header=False)


def test_many_columns_give_a_short_message(write):
    names = ",".join(f"column {number}" for number in range(10**5))
    for content in (f"{names}\n{names}\n", f"{names}\na,b\n"):
        with pytest.raises(DataError, match="and 99,990 more") as caught:
            read_examples(write(content), "column 7")
        assert len(str(caught.value)) < 2_000


def test_pairs_too(write):
    path = write("de;en\nhund;dog\n")
    assert read_pairs(path, "de", "en") == (["hund"], ["dog"])
    path = write("hund\tdog\n", "x.tsv")
    assert read_pairs(path, "1", "2", header=False) == (["hund"], ["dog"])
