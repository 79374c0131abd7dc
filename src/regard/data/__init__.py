"""Reading texts from CSV, TSV, JSON lines, Parquet and plain files; what is in them."""

from regard._files import decoded_lines as iterate_lines
from regard._files import open_binary
from regard.data.examples_summary import ExamplesSummary
from regard.data.pairs_summary import PairsSummary
from regard.data.parallel_texts import read_pairs, read_parallel
from regard.data.repair import clean_examples, clean_pairs
from regard.data.table import iterate_examples, iterate_rows, read_examples

__all__ = [
    "ExamplesSummary",
    "PairsSummary",
    "clean_examples",
    "clean_pairs",
    "iterate_examples",
    "iterate_lines",
    "iterate_rows",
    "open_binary",
    "read_examples",
    "read_pairs",
    "read_parallel",
]


def __dir__() -> list[str]:
    # What is for users, without the modules that it is made of.
    return __all__
