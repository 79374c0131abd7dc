"""A model as a function from Arrow to Arrow."""

import pickle

import numpy as np
import pyarrow as pa
import pytest

from regard import scale
from regard.errors import ArgumentError, DataError


@pytest.fixture
def explainer(toy_bundle):
    return scale.Explainer(toy_bundle, attention="top:1")


def test_batches_tables_and_iterators_come_out_as_they_went_in(
    explainer, table, texts, toy_classifier
):
    answered = explainer(table)
    assert answered["id"].to_pylist() == list(range(60))
    labels = toy_classifier.predict(texts)
    assert answered["label"].to_pylist() == labels
    batches = table.to_batches(max_chunksize=40)
    one = explainer(batches[0])
    assert isinstance(one, pa.RecordBatch)
    both = explainer(iter(batches))
    assert next(both).equals(one)
    assert next(both)["label"].to_pylist() == labels[40:]
    assert answered.schema.equals(explainer.schema(table.schema))
    assert explainer(table.slice(0, 0)).schema.equals(answered.schema)


def test_where_there_is_no_text_the_answers_are_null(explainer):
    batch = pa.RecordBatch.from_pydict({"text": [None, "my parcel", None]})
    rows = explainer(batch).to_pylist()
    assert rows[0] == dict.fromkeys(rows[0])
    assert (rows[1]["label"], rows[1]["tokens"]) == ("delivery", ["parcel"])
    nothing = pa.RecordBatch.from_pydict({"text": pa.array([None], pa.string())})
    assert explainer(nothing).to_pylist() == [rows[0]]


def test_a_text_that_is_not_valid_has_no_answers(explainer):
    ends = pa.py_buffer(np.array([0, 2, 8], "int32").tobytes())
    content = pa.py_buffer(b"\xff\xferefund")
    texts = pa.Array.from_buffers(pa.string(), 2, [None, ends, content])
    rows = explainer(pa.table({"text": texts}))
    assert rows["label"].is_null().to_pylist() == [True, False]


def test_it_is_sent_to_other_processes(explainer, table):
    again = pickle.loads(pickle.dumps(explainer))  # noqa: S301 - of our own
    assert again(table).equals(explainer(table))
    assert len(pickle.dumps(explainer)) < 1_000


def test_the_columns_that_are_passed_on(toy_bundle):
    explainer = scale.Explainer(
        toy_bundle, text="body", columns=["label"], attention="none"
    )
    rows = explainer(pa.table({"body": ["refund"], "label": ["x"], "more": [1]}))
    told = ["label", "probability", "probabilities", "truncated"]
    assert rows.column_names == ["input_label", *told]


def test_what_it_cannot_answer_is_refused(explainer, toy_bundle):
    with pytest.raises(DataError, match=r"no column 'text'.*'body'.*text="):
        explainer(pa.table({"body": ["refund"]}))
    some = scale.Explainer(toy_bundle, columns=["id"])
    with pytest.raises(DataError, match=r"no column 'id'.*'text'.*columns="):
        some(pa.table({"text": ["refund"]}))
    twice = pa.Table.from_arrays([pa.array(["refund"])] * 2, ["text", "text"])
    with pytest.raises(DataError, match="Several columns have the name 'text'"):
        explainer(twice)
    for column, said in (([5], "int64"), ([b"refund"], "binary")):
        with pytest.raises(DataError, match=f"values of the type {said}"):
            explainer(pa.table({"text": column}))
    for rows in (5, "refund", {"text": ["refund"]}, pa.array(["refund"])):
        with pytest.raises(ArgumentError, match="a record batch or a table"):
            explainer(rows)
    with pytest.raises(ArgumentError, match="record batches of Arrow"):
        next(explainer(["refund"]))
    with pytest.raises(ArgumentError, match="'bundle' has a wrong value"):
        scale.Explainer(None)
    for options in ({"attention": "some"}, {"columns": "id"}, {"text": 5}):
        with pytest.raises(ArgumentError):
            scale.Explainer(toy_bundle, **options)
