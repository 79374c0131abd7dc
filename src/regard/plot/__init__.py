"""Pictures of results: data in, picture out."""

from regard.plot.alignment_plot import AlignmentPlot, alignment
from regard.plot.bars_plot import BarsPlot, bars
from regard.plot.characters import for_terminal
from regard.plot.curves_plot import CurvesPlot, curves
from regard.plot.series_plot import SeriesPlot, over_time
from regard.plot.text_plot import TextPlot, text

__all__ = [
    "AlignmentPlot",
    "BarsPlot",
    "CurvesPlot",
    "SeriesPlot",
    "TextPlot",
    "alignment",
    "bars",
    "curves",
    "for_terminal",
    "over_time",
    "text",
]
