"""Pictures of results: data in, picture out."""

from regard.plot.characters import for_terminal
from regard.plot.text_plot import TextPlot, text

__all__ = ["TextPlot", "for_terminal", "text"]
