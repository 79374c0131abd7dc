"""Columns of many texts hold what a model says of each by itself."""

import numpy as np
import pyarrow as pa
import pytest

from light_compilation import light_compilation
from regard.errors import ArgumentError
from regard.inference.answer_columns import KeptAttention
from regard.kinds import kind_of

pytestmark = pytest.mark.backends

# Nothing, more than is read, and characters of one to four bytes.
ODD = [
    "",
    "Ünïcode 良い映画 didn't 😀 refund!",
    "a",
    " ".join(["my parcel"] * 12),
    "\U00010348\u0301 password",
]


def rows_of(model, texts, attention):
    columns = kind_of(model).columns(model, KeptAttention.parse(attention))
    arrays = columns.to_arrow(columns.compute(columns.read(texts)))
    table = pa.table(arrays, schema=pa.schema(columns.fields))
    table.validate(full=True)
    return table.to_pylist()


def test_labels_tokens_and_weights_are_those_of_each_text(toy_classifier, texts):
    asked = [*ODD, *texts[:9]]
    rows = rows_of(toy_classifier, asked, "full")
    for row, alone in zip(rows, toy_classifier.explain(asked), strict=True):
        assert row["label"] == alone.label
        assert row["tokens"] == list(alone.tokens)
        assert row["truncated"] == alone.truncated
        spans = [[each["start"], each["end"]] for each in row["offsets"]]
        assert spans == alone.offsets.tolist()
        np.testing.assert_allclose(row["weights"], alone.weights, atol=1e-6)
        np.testing.assert_allclose(row["probability"], alone.probability, atol=1e-6)
        np.testing.assert_allclose(row["probabilities"], alone.probabilities, atol=1e-6)


def test_the_strongest_weights_stand_in_the_order_of_the_text(toy_classifier, texts):
    asked = [*ODD, *texts[:9]]
    full = rows_of(toy_classifier, asked, "full")
    for row, whole in zip(rows_of(toy_classifier, asked, "top:2"), full, strict=True):
        weights = np.asarray(whole["weights"])
        kept = np.sort(np.argsort(-weights, kind="stable")[:2])
        for name in ("tokens", "offsets", "weights"):
            assert row[name] == [whole[name][index] for index in kept]


def test_without_attention_there_are_no_columns_of_tokens(toy_classifier):
    [row] = rows_of(toy_classifier, ["my parcel"], "none")
    assert list(row) == ["label", "probability", "probabilities", "truncated"]


@pytest.mark.parametrize(
    "odd", ["", "top", "top:", "top:0", "top:-1", "top:²", "all", 5]
)
def test_how_much_attention_is_said_in_one_of_three_ways(odd):
    with pytest.raises(ArgumentError, match="none, full, or top: and a number"):
        KeptAttention.parse(odd)


def test_translations_have_their_alignment(toy_translator):
    asked = ["", "eins zwei", "drei"]
    with light_compilation():
        full = rows_of(toy_translator, asked, "full")
        top = rows_of(toy_translator, asked, "top:1")
        plain = rows_of(toy_translator, asked, "none")
        alone = toy_translator.translate(asked)
    assert (full[0]["text"], full[0]["alignment"]) == ("", [])
    assert list(plain[1]) == ["text", "score", "log_probability", "truncated"]
    for row, strong, [best] in zip(full[1:], top[1:], alone[1:], strict=True):
        assert (row["text"], row["tokens"]) == (best.text, list(best.target_tokens))
        assert row["source_tokens"] == list(best.source_tokens)
        np.testing.assert_allclose(row["score"], best.score, rtol=1e-5)
        np.testing.assert_allclose(row["alignment"], best.alignment, atol=1e-5)
        for looked, weights in zip(strong["strongest"], row["alignment"], strict=True):
            at = int(np.argmax(weights))
            assert looked == [{"source": at, "weight": weights[at]}]
