"""Reading texts from CSV, TSV, JSON lines, Parquet and plain files."""

from regard.data.examples import iterate_examples, read_examples
from regard.data.lines import open_binary
from regard.data.pairs import read_pairs
from regard.data.parallel import read_parallel
from regard.data.plain import iterate_lines
from regard.data.rows import iterate_rows

__all__ = [
    "iterate_examples",
    "iterate_lines",
    "iterate_rows",
    "open_binary",
    "read_examples",
    "read_pairs",
    "read_parallel",
]
