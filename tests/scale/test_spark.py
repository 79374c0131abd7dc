"""An ``Explainer`` in Spark's ``mapInArrow``, as the page on clusters shows it."""

import os
import shutil
import sys
from pathlib import Path

import pytest

import regard
from regard import scale

pytestmark = pytest.mark.slow


@pytest.fixture
def spark(monkeypatch):
    pytest.importorskip("pyspark", reason="needs pyspark, which nothing here installs")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("needs Java, which runs Spark")
    from pyspark.sql import SparkSession

    source = str(Path(regard.__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([source, *sys.path]))
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    yield session
    session.stop()


@pytest.mark.filterwarnings("ignore::FutureWarning:pyspark")
def test_columns_of_a_frame_are_answered(spark, toy_bundle, toy_classifier, texts):
    from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

    frame = spark.createDataFrame(
        [*enumerate(texts[:9]), (9, None)], "id long, text string"
    )
    explain = scale.Explainer(toy_bundle, attention="top:1")
    schema = from_arrow_schema(explain.schema(to_arrow_schema(frame.schema)))
    *rows, empty = sorted(frame.mapInArrow(explain, schema).collect())
    assert [row["id"] for row in rows] == [*range(9)]
    alone = toy_classifier.explain(texts[:9])
    assert [row["label"] for row in rows] == [each.label for each in alone]
    strongest = [each.tokens[each.weights.argmax()] for each in alone]
    assert [row["tokens"] for row in rows] == [[token] for token in strongest]
    assert (empty["text"], empty["label"], empty["tokens"]) == (None, None, None)
