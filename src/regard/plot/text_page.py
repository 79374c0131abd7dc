"""The HTML of explanations: a page, a fragment for notebooks, and their articles."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from regard.plot._color_scale import FAINT, level
from regard.plot._text_segments import (
    Drawn,
    ExplanationToward,
    Shade,
    TextSegment,
    hue_of,
    percent,
    scale_end,
    shaded_label,
    shown_weight,
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
    grey_style,
    joined_articles,
    look_of,
    opening,
    page_style,
    remainder,
    safe,
    signed_style,
    trust_note,
)
from regard.types import Explanation


class _Words(NamedTuple):
    """What a page says of a shade.

    Args:
        title: The heading of the page.
        reading: How to read it.
        disclaimer: What it does not say.
        quantity: What a number is, at the head of its column.
    """

    title: str
    reading: str
    disclaimer: str
    quantity: str


_KEYBOARD = (
    "Point at a word to see its {}, or move through the strongest with the Tab key; "
    "the table under a text has them all."
)
_WORDS: Mapping[Shade, _Words] = {
    "attention": _Words(
        "What the model looked at",
        "The stronger the shade, the more attention the word had. "
        + _KEYBOARD.format("weight"),
        "The shade shows where the model looked, not why it decided.",
        "Weight",
    ),
    "contributions": _Words(
        "What each word adds",
        "A blue word adds to the score of the label, an orange and underlined one "
        "takes from it, the more the stronger the shade. " + _KEYBOARD.format("part"),
        "The parts of all words and a constant are the score, the logit of the label.",
        "Adds",
    ),
}
_BARS = 6


def text_page(
    explanations: Sequence[Drawn], left_out: int = 0, shade: Shade = "attention"
) -> str:
    """The explanations as one page that needs no network and no script."""
    words = _WORDS[shade]
    return document(
        title=_title(explanations, words.title),
        heading=words.title,
        lead=f"{words.reading} {words.disclaimer}",
        body=_contents(explanations)
        + _articles(explanations, shade)
        + remainder(left_out),
        style=page_style() + _more_style(explanations, shade),
    )


def text_fragment(
    explanations: Sequence[Drawn], left_out: int = 0, shade: Shade = "attention"
) -> str:
    """The explanations as HTML that can stand inside another page."""
    articles = _articles(explanations, shade) + remainder(left_out)
    style = fragment_style() + _more_style(explanations, shade)
    return embedded(articles, _WORDS[shade].disclaimer, style)


def text_article(
    explanation: Drawn, number: int = 1, shade: Shade = "attention"
) -> str:
    """One explanation as an ``<article>``; ``number`` makes its anchor."""
    look = look_of(explanation.trust) if shade == "attention" else ""
    return (
        f'<article id="text-{number}"{look}>\n'
        f"{_answer(explanation)}{shaded_text(explanation, shade)}"
        f"{trust_note(explanation.trust)}{_table(explanation, shade)}"
        "</article>\n"
    )


def shaded_text(explanation: Drawn, shade: Shade) -> str:
    """The text itself, its legend, and a note where its end was not seen."""
    segments = text_segments(explanation, shade)
    return (
        f"{_text(segments, shade)}{_legend(segments, explanation, shade)}"
        f"{_note(explanation)}"
    )


def _articles(explanations: Sequence[Drawn], shade: Shade) -> str:
    return joined_articles(
        explanations, lambda each, place: text_article(each, place, shade)
    )


def _more_style(explanations: Sequence[Drawn], shade: Shade) -> str:
    """The style of what not every page has."""
    if shade == "contributions":
        return signed_style()
    is_grey = any(hue_of(each, shade) == "grey" for each in explanations)
    return grey_style() if is_grey else ""


def _title(explanations: Sequence[Drawn], title: str) -> str:
    if len(explanations) > 1:
        return f"{title}: {len(explanations)} texts"
    only = explanations[0]
    return f"{only.label}: {title.lower()}" if isinstance(only, Explanation) else title


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


def _text(segments: Sequence[TextSegment], shade: Shade) -> str:
    top = scale_end(segments, shade)
    stops = {id(segment) for segment in strongest(segments, TAB_STOPS)}
    spans = "".join(
        _span(segment, top, shade, id(segment) in stops) for segment in segments
    )
    # The language of the text is unknown: lang="" keeps the page's from applying.
    return f'<p class="text" dir="auto" lang="">{spans}</p>\n'


def _span(segment: TextSegment, top: float, shade: Shade, is_stop: bool) -> str:
    if segment.weight is None:
        text = safe(segment.text)
        return text if segment.seen else f'<span class="unseen">{text}</span>'
    weight, step = shown_weight(segment.weight, shade), level(segment.weight, top)
    quantity = _WORDS[shade].quantity.lower()
    stop = f' tabindex="0" aria-description="{quantity} {weight}"' if is_stop else ""
    look = ""
    if step:
        look = f" class=w{step}"
    if step and segment.weight < 0:
        look = f' class="n{step} against"' if step >= FAINT else f" class=n{step}"
    return f"<span{look} data-w={weight}{stop}>{safe(segment.text)}</span>"


def _legend(segments: Sequence[TextSegment], explanation: Drawn, shade: Shade) -> str:
    weights = [segment.weight for segment in segments if segment.weight is not None]
    if not weights:
        return '<p class="soft">There is nothing here for the model to look at.</p>\n'
    end = scale_end(segments, shade)
    if shade == "contributions":
        of = "the answer"
        if isinstance(explanation, Explanation):
            of = f"the score of <bdi>{safe(shaded_label(explanation))}</bdi>"
            if isinstance(explanation, ExplanationToward):
                of += f" ({safe(explanation.shown_share)})"
        note = f"what a word adds to {of}, underlined where it takes from it"
        return color_legend(shown_weight(end, shade), note, shown_weight(-end, shade))
    note = (
        f"weight in this text; spread evenly over its {len(weights)} tokens, "
        f"each would have {1 / len(weights):.3f}"
    )
    return color_legend(shown_weight(end, shade), note)


def _note(explanation: Drawn) -> str:
    if not explanation.truncated:
        return ""
    return (
        '<p class="soft">The text is longer than the model reads: it did not see the '
        "underlined end.</p>\n"
    )


def _table(explanation: Drawn, shade: Shade) -> str:
    segments = text_segments(explanation, shade)
    weighted = [
        (place, segment.text, segment.weight)
        for place, segment in enumerate(
            (each for each in segments if each.weight is not None), 1
        )
        if segment.weight is not None
    ]
    if not weighted:
        return ""
    order = sorted(weighted, key=lambda item: -item[2])
    # The end tags of cells and rows, which HTML does not need, would be a third of it.
    rows = "".join(
        f"<tr><td>{safe(text)}<td>{shown_weight(weight, shade, 4)}<td>{place}\n"
        for place, text, weight in order
    )
    what = "weights" if shade == "attention" else "parts"
    return (
        f"<details><summary>All {len(weighted)} {what} as a table</summary>\n"
        '<table class="weights"><thead><tr><th scope="col">Token</th>'
        f'<th scope="col" class="number">{_WORDS[shade].quantity}</th>'
        '<th scope="col" class="number">Place in the text</th></tr></thead>\n'
        f'<tbody lang="">{rows}</tbody></table></details>\n'
    )
