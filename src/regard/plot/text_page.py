"""The HTML of explanations: a page, a fragment for notebooks, and their articles."""

from collections.abc import Sequence
from html import escape

from regard.plot._color_scale import level
from regard.plot._text_segments import (
    Drawn,
    TextSegment,
    percent,
    scale_end,
    strongest,
    text_segments,
)
from regard.plot.document import (
    TAB_STOPS,
    bar,
    color_legend,
    contents,
    document,
    embedded,
    fragment_style,
    joined_articles,
    opening,
    page_style,
    remainder,
    safe,
)
from regard.types import Explanation

_TITLE = "What the model looked at"
_DISCLAIMER = "The shade shows where the model looked, not why it decided."
_READING = (
    "The stronger the shade, the more attention the word had. Point at a word to see "
    "its weight, or move through the strongest with the Tab key; the table under a "
    "text has them all."
)
_BARS = 6


def text_page(explanations: Sequence[Drawn], left_out: int = 0) -> str:
    """The explanations as one page that needs no network and no script."""
    articles = joined_articles(explanations, text_article)
    return document(
        title=_title(explanations),
        heading=_TITLE,
        lead=f"{_READING} {_DISCLAIMER}",
        body=_contents(explanations) + articles + remainder(left_out),
        style=page_style(),
    )


def text_fragment(explanations: Sequence[Drawn], left_out: int = 0) -> str:
    """The explanations as HTML that can stand inside another page."""
    articles = joined_articles(explanations, text_article) + remainder(left_out)
    return embedded(articles, _DISCLAIMER, fragment_style())


def text_article(explanation: Drawn, number: int = 1) -> str:
    """One explanation as an ``<article>``; ``number`` makes its anchor."""
    segments = text_segments(explanation)
    return (
        f'<article id="text-{number}">\n'
        f"{_answer(explanation)}"
        f"{_text(segments)}{_legend(segments)}{_note(explanation)}{_table(segments)}"
        "</article>\n"
    )


def _title(explanations: Sequence[Drawn]) -> str:
    if len(explanations) > 1:
        return f"{_TITLE}: {len(explanations)} texts"
    only = explanations[0]
    return (
        f"{only.label}: {_TITLE.lower()}" if isinstance(only, Explanation) else _TITLE
    )


def _contents(explanations: Sequence[Drawn]) -> str:
    entries = [
        (_name(explanation, number), safe(opening(explanation.text)))
        for number, explanation in enumerate(explanations, 1)
    ]
    return contents("text", f"{len(explanations)} texts", entries)


def _name(explanation: Drawn, number: int) -> str:
    if not isinstance(explanation, Explanation):
        return f"text {number}"
    share = safe(percent(explanation.probability))
    return f"<bdi>{safe(explanation.label)}</bdi> {share}"


def _answer(explanation: Drawn) -> str:
    """The label, and the chances of all labels."""
    if not isinstance(explanation, Explanation):
        return ""
    return (
        f'<h2><bdi>{safe(explanation.label)}</bdi> <span class="number">'
        f"{escape(percent(explanation.probability))}</span></h2>\n"
        f"{_chances(explanation)}"
    )


def _chances(explanation: Explanation) -> str:
    probabilities = explanation.probabilities.tolist()
    ranked = sorted(
        zip(explanation.labels, probabilities, strict=True), key=lambda pair: -pair[1]
    )
    shown, rest = ranked[:_BARS], ranked[_BARS:]
    bars = f'<ul class="chances">\n{"".join(_bar(*pair) for pair in shown)}</ul>\n'
    if not rest:
        return bars
    others = "".join(_bar(*pair) for pair in rest)
    return (
        f"{bars}<details><summary>{len(rest)} more labels</summary>\n"
        f'<ul class="chances">\n{others}</ul></details>\n'
    )


def _bar(label: str, probability: float) -> str:
    return (
        f"<li><bdi>{safe(label)}</bdi>{bar(probability)}"
        f'<span class="number">{escape(percent(probability))}</span></li>\n'
    )


def _text(segments: Sequence[TextSegment]) -> str:
    top = scale_end(segments)
    stops = {id(segment) for segment in strongest(segments, TAB_STOPS)}
    spans = "".join(_span(segment, top, id(segment) in stops) for segment in segments)
    # The language of the text is unknown: lang="" keeps the page's from applying.
    return f'<p class="text" dir="auto" lang="">{spans}</p>\n'


def _span(segment: TextSegment, top: float, is_stop: bool) -> str:
    if segment.weight is None:
        text = safe(segment.text)
        return text if segment.seen else f'<span class="unseen">{text}</span>'
    weight, step = f"{segment.weight:.3f}", level(segment.weight, top)
    stop = f' tabindex="0" aria-description="weight {weight}"' if is_stop else ""
    shade = f" class=w{step}" if step else ""
    return f"<span{shade} data-w={weight}{stop}>{safe(segment.text)}</span>"


def _legend(segments: Sequence[TextSegment]) -> str:
    weights = [segment.weight for segment in segments if segment.weight is not None]
    if not weights:
        return '<p class="soft">There is nothing here for the model to look at.</p>\n'
    note = (
        f"weight in this text; spread evenly over its {len(weights)} tokens, "
        f"each would have {1 / len(weights):.3f}"
    )
    return color_legend(f"{scale_end(segments):.3f}", note)


def _note(explanation: Drawn) -> str:
    if not explanation.truncated:
        return ""
    return (
        '<p class="soft">The text is longer than the model reads: it did not see the '
        "underlined end.</p>\n"
    )


def _table(segments: Sequence[TextSegment]) -> str:
    weighted = [segment for segment in segments if segment.weight is not None]
    if not weighted:
        return ""
    order = sorted(enumerate(weighted, 1), key=lambda item: -(item[1].weight or 0.0))
    # The end tags of cells and rows, which HTML does not need, would be a third of it.
    rows = "".join(
        f"<tr><td>{safe(segment.text)}<td>{segment.weight:.4f}<td>{place}\n"
        for place, segment in order
    )
    return (
        f"<details><summary>All {len(weighted)} weights as a table</summary>\n"
        '<table class="weights"><thead><tr><th scope="col">Token</th>'
        '<th scope="col" class="number">Weight</th>'
        '<th scope="col" class="number">Place in the text</th></tr></thead>\n'
        f'<tbody lang="">{rows}</tbody></table></details>\n'
    )
