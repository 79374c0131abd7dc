"""The HTML of explanations: a page, a fragment for notebooks, and their articles."""

from collections.abc import Sequence
from html import escape

from regard.plot._color_scale import level
from regard.plot._text_segments import (
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


def text_page(explanations: Sequence[Explanation]) -> str:
    """The explanations as one page that needs no network and no script."""
    articles = joined_articles(explanations, text_article)
    return document(
        title=_title(explanations),
        heading=_TITLE,
        lead=f"{_READING} {_DISCLAIMER}",
        body=_contents(explanations) + articles,
        style=page_style(),
    )


def text_fragment(explanations: Sequence[Explanation]) -> str:
    """The explanations as HTML that can stand inside another page."""
    articles = joined_articles(explanations, text_article)
    return embedded(articles, _DISCLAIMER, fragment_style())


def text_article(explanation: Explanation, number: int = 1) -> str:
    """One explanation as an ``<article>``; ``number`` makes its anchor."""
    segments = text_segments(explanation)
    return (
        f'<article id="text-{number}">\n'
        f"{_heading(explanation)}{_chances(explanation)}"
        f"{_text(segments)}{_legend(segments)}{_note(explanation)}{_table(segments)}"
        "</article>\n"
    )


def _title(explanations: Sequence[Explanation]) -> str:
    if len(explanations) == 1:
        return f"{explanations[0].label}: {_TITLE.lower()}"
    return f"{_TITLE}: {len(explanations)} texts"


def _contents(explanations: Sequence[Explanation]) -> str:
    entries = [
        (
            f"<bdi>{safe(explanation.label)}</bdi> "
            f"{safe(percent(explanation.probability))}",
            safe(opening(explanation.text)),
        )
        for explanation in explanations
    ]
    return contents("text", f"{len(explanations)} texts", entries)


def _heading(explanation: Explanation) -> str:
    return (
        f'<h2><bdi>{safe(explanation.label)}</bdi> <span class="number">'
        f"{escape(percent(explanation.probability))}</span></h2>\n"
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
    weight = f"{segment.weight:.3f}"
    stop = f' tabindex="0" aria-description="weight {weight}"' if is_stop else ""
    shade = f'class="w{level(segment.weight, top)}"'
    return f'<span {shade} data-w="{weight}"{stop}>{safe(segment.text)}</span>'


def _legend(segments: Sequence[TextSegment]) -> str:
    weights = [segment.weight for segment in segments if segment.weight is not None]
    if not weights:
        return '<p class="soft">There is nothing here for the model to look at.</p>\n'
    note = (
        f"weight in this text; spread evenly over its {len(weights)} tokens, "
        f"each would have {1 / len(weights):.3f}"
    )
    return color_legend(f"{scale_end(segments):.3f}", note)


def _note(explanation: Explanation) -> str:
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
    rows = "".join(
        f'<tr><td class="token" dir="auto" lang="">{safe(segment.text)}</td>'
        f'<td class="number">{segment.weight:.4f}</td>'
        f'<td class="number">{place}</td></tr>\n'
        for place, segment in order
    )
    return (
        f"<details><summary>All {len(weighted)} weights as a table</summary>\n<table>"
        '<thead><tr><th scope="col">Token</th><th scope="col" class="number">Weight'
        '</th><th scope="col" class="number">Place in the text</th></tr></thead>\n'
        f"<tbody>{rows}</tbody></table></details>\n"
    )
