"""Writing sequences: greedy and beam search that keep every weight."""

from regard.decoding.search import Hypothesis, Search
from regard.decoding.searcher import Searcher, padded_length

__all__ = ["Hypothesis", "Search", "Searcher", "padded_length"]
