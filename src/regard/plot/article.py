"""The HTML of one explanation: label, probabilities, shaded text, exact numbers."""

from collections.abc import Sequence
from html import escape

from regard.plot.document import TAB_STOPS, bar, safe
from regard.plot.scale import LEVELS, level
from regard.plot.segments import Segment, percent, scale_top, segments, strongest
from regard.types import Explanation

_BARS = 6


def article(explanation: Explanation, number: int = 1) -> str:
    """One explanation as an ``<article>``; ``number`` makes its anchor."""
    pieces = segments(explanation)
    return (
        f'<article id="text-{number}">\n'
        f"{_heading(explanation)}{_chances(explanation)}"
        f"{_text(pieces)}{_legend(pieces)}{_note(explanation)}{_table(pieces)}"
        "</article>\n"
    )


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


def _text(pieces: Sequence[Segment]) -> str:
    top = scale_top(list(pieces))
    stops = {id(piece) for piece in strongest(list(pieces), TAB_STOPS)}
    spans = "".join(_span(piece, top, id(piece) in stops) for piece in pieces)
    # The language of the text is unknown: lang="" keeps the page's from applying.
    return f'<p class="text" dir="auto" lang="">{spans}</p>\n'


def _span(piece: Segment, top: float, is_stop: bool) -> str:
    if piece.weight is None:
        text = safe(piece.text)
        return text if piece.seen else f'<span class="unseen">{text}</span>'
    weight = f"{piece.weight:.3f}"
    stop = f' tabindex="0" aria-description="weight {weight}"' if is_stop else ""
    shade = f'class="w{level(piece.weight, top)}"'
    return f'<span {shade} data-w="{weight}"{stop}>{safe(piece.text)}</span>'


def _legend(pieces: Sequence[Segment]) -> str:
    weights = [piece.weight for piece in pieces if piece.weight is not None]
    if not weights:
        return '<p class="soft">There is nothing here for the model to look at.</p>\n'
    steps = "".join(f'<i class="w{step}"></i>' for step in range(LEVELS))
    return (
        f'<p class="legend soft"><span>0</span><span class="scale" aria-hidden="true">'
        f"{steps}</span><span>{scale_top(list(pieces)):.3f}</span>"
        f"<span>weight in this text; spread evenly over its {len(weights)} tokens, "
        f"each would have {1 / len(weights):.3f}</span></p>\n"
    )


def _note(explanation: Explanation) -> str:
    if not explanation.truncated:
        return ""
    return (
        '<p class="soft">The text is longer than the model reads: it did not see the '
        "underlined end.</p>\n"
    )


def _table(pieces: Sequence[Segment]) -> str:
    weighted = [piece for piece in pieces if piece.weight is not None]
    if not weighted:
        return ""
    order = sorted(enumerate(weighted, 1), key=lambda item: -(item[1].weight or 0.0))
    rows = "".join(
        f'<tr><td class="token" dir="auto" lang="">{safe(piece.text)}</td>'
        f'<td class="number">{piece.weight:.4f}</td>'
        f'<td class="number">{place}</td></tr>\n'
        for place, piece in order
    )
    return (
        f"<details><summary>All {len(weighted)} weights as a table</summary>\n<table>"
        '<thead><tr><th scope="col">Token</th><th scope="col" class="number">Weight'
        '</th><th scope="col" class="number">Place in the text</th></tr></thead>\n'
        f"<tbody>{rows}</tbody></table></details>\n"
    )
