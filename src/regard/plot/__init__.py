"""Pictures of results: data in, picture out."""

from regard.plot._alignment_plot import AlignmentPlot, alignment
from regard.plot._attention_plot import attention
from regard.plot._bars_plot import BarsPlot, bars
from regard.plot._curves_plot import CurvesPlot, curves
from regard.plot._heads_plot import HeadsPlot, heads
from regard.plot._image_plot import ImagePlot, image
from regard.plot._series_plot import SeriesPlot, over_time
from regard.plot._text_plot import TextPlot, text
from regard.plot._trust_plot import TrustPlot, trust

__all__ = [
    "AlignmentPlot",
    "BarsPlot",
    "CurvesPlot",
    "HeadsPlot",
    "ImagePlot",
    "SeriesPlot",
    "TextPlot",
    "TrustPlot",
    "alignment",
    "attention",
    "bars",
    "curves",
    "heads",
    "image",
    "over_time",
    "text",
    "trust",
]


def __dir__() -> list[str]:
    # What is for users, without the modules that it is made of.
    return __all__
