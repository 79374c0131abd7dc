"""Writing sequences: greedy and beam search that keep every weight."""

from regard.decoding.hypothesis import Hypothesis
from regard.decoding.searcher import Searcher, padded_length
from regard.decoding.settings import Search

__all__ = ["Hypothesis", "Search", "Searcher", "padded_length"]
