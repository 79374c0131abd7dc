"""Files of texts for batch jobs, as small as they can be."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import toy


@pytest.fixture
def texts():
    return toy.messages(60)[0]


@pytest.fixture
def table(texts):
    return pa.table({"id": range(len(texts)), "text": texts})


@pytest.fixture
def parquet(tmp_path, table):
    """A file of three row groups."""
    path = tmp_path / "in.parquet"
    pq.write_table(table, path, row_group_size=25)
    return path
