"""Pictures of results: data in, picture out."""

from regard.plot.alignment_plot import AlignmentPlot, alignment
from regard.plot.bars_plot import BarsPlot, bars
from regard.plot.characters import for_terminal
from regard.plot.series_plot import SeriesPlot, over_time
from regard.plot.text_plot import TextPlot, text

__all__ = [
    "AlignmentPlot",
    "BarsPlot",
    "SeriesPlot",
    "TextPlot",
    "alignment",
    "bars",
    "for_terminal",
    "over_time",
    "text",
]
