"""The HTML of explanations: a page, a fragment for notebooks, and their articles."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from regard.plot._color_scale import FAINT, level
from regard.plot._text_cards import (
    TextCard,
    card_attributes,
    card_style,
    choices,
    head_rows,
    isolated,
    label_rows,
    labels_of,
    options,
    row_data,
    script,
    settings,
    share_of,
    toolbar,
    toward_rows,
)
from regard.plot._text_segments import (
    Drawn,
    ExplanationToward,
    Shade,
    TextSegment,
    hue_of,
    percent,
    scale_end,
    segment_sums,
    shaded_label,
    shown_shares,
    shown_weight,
    strongest,
    text_segments,
)
from regard.plot.characters import for_page
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
    told,
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
_BESIDE = (
    "Beside it stands the evidence: a blue word speaks for the label over the text, an "
    "orange and underlined one against it. The parts of all words and a constant are "
    "the logit of the label."
)


def text_page(
    cards: Sequence[TextCard],
    left_out: int = 0,
    shade: Shade = "attention",
    note: str = "",
) -> str:
    """The cards as one page that needs no network.

    It has a script where there is something to filter, to sort or to choose; without
    one it is read all the same.
    """
    words = _WORDS[shade]
    has_script = any(_can_choose(each, shade) for each in cards)
    bar = toolbar(cards)
    has_script = has_script or bool(bar)
    has_looks = any(_has_looks(each, shade) for each in cards)
    lead = f"{words.reading} {words.disclaimer}"
    if has_looks and shade == "attention":
        lead += f" {_BESIDE}"
    return document(
        title=_title([each.drawn for each in cards], words.title),
        heading=words.title,
        lead=lead,
        body=_models(cards, note)
        + bar
        + _contents(cards)
        + f"<div{settings(len(cards)) if has_script else ''}>\n"
        + _articles(cards, shade, has_script=has_script)
        + "</div>\n"
        + remainder(left_out),
        style=page_style()
        + _more_style(cards, shade)
        + card_style(has_script, has_looks or has_script or bool(note)),
        script=script() if has_script else "",
        is_wide=has_looks,
    )


def text_fragment(
    cards: Sequence[TextCard],
    left_out: int = 0,
    shade: Shade = "attention",
    note: str = "",
) -> str:
    """The cards as HTML that can stand inside another page, without a script."""
    articles = _models(cards, note) + _articles(cards, shade) + remainder(left_out)
    has_looks = any(_has_looks(each, shade) for each in cards)
    style = fragment_style() + _more_style(cards, shade) + card_style(False, has_looks)
    return embedded(articles, _WORDS[shade].disclaimer, style)


def text_article(
    explanation: Drawn, number: int = 1, shade: Shade = "attention"
) -> str:
    """One explanation as an ``<article>``; ``number`` makes its anchor.

    It is shaded by one thing; ``text_card`` has evidence beside attention.
    """
    look = look_of(explanation.trust) if shade == "attention" else ""
    return (
        f'<article id="text-{number}"{look}>\n'
        f"{_answer(TextCard(explanation))}{shaded_text(explanation, shade)}"
        f"{trust_note(explanation.trust)}{_table(explanation, shade)}"
        "</article>\n"
    )


def text_card(
    card: TextCard,
    number: int = 1,
    shade: Shade = "attention",
    *,
    order: Sequence[str] = (),
    has_script: bool = False,
) -> str:
    """A card as an ``<article>``: attention, and evidence where it is known.

    Args:
        card: The card.
        number: What makes its anchor.
        shade: What it is shaded by; contributions stand alone.
        order: All labels of the page.
        has_script: Whether the page has the script with which labels and heads are
            chosen.
    """
    explanation = card.drawn
    has_looks = _has_looks(card, shade) or (has_script and _can_choose(card, shade))
    look = "" if has_looks or shade != "attention" else look_of(explanation.trust)
    if card.is_right is False:
        look = look.replace('"grey', '"wrong grey') or ' class="wrong"'
    told = card_attributes(card, order) if has_script else ""
    shown = (
        _looks(card, shade, has_script) + _note(explanation)
        if has_looks
        else shaded_text(explanation, shade)
    )
    return (
        f'<article id="text-{number}"{look}{told}>\n{_answer(card)}{shown}'
        f"{trust_note(explanation.trust)}{_table(explanation, shade)}</article>\n"
    )


def shaded_text(explanation: Drawn, shade: Shade) -> str:
    """The text itself, its legend, and a note where its end was not seen."""
    segments = text_segments(explanation, shade)
    return (
        f"{_text(segments, shade)}{_legend(segments, explanation, shade)}"
        f"{_note(explanation)}"
    )


def _looks(card: TextCard, shade: Shade, has_script: bool) -> str:
    """What a card shades: attention, and what speaks for labels and against them."""
    explanation = card.drawn
    looks = ""
    if shade == "attention":
        looks += _attention(card, has_script)
    if isinstance(explanation, Explanation) and explanation.contributions is not None:
        names = choices(card)
        shown = [shaded_label(explanation)]
        if card.is_right is False and not _is_either(explanation):
            # Of two labels what speaks against one speaks for the other.
            shown += [name for name in names if name in (card.right or ())]
        data = ""
        if has_script and len(names) > 1:
            told = json.dumps([for_page(name) for name in names], ensure_ascii=False)
            data = f' data-names="{escape(told)}"{row_data(toward_rows(card), True)}'
        looks += "".join(
            _evidence(explanation, label, names, data) for label in dict.fromkeys(shown)
        )
    return f'<div class="looks">\n{looks}</div>\n'


def _is_either(explanation: Explanation) -> bool:
    """Whether what speaks against one label speaks for the only other one."""
    return len(explanation.labels) == 2 and explanation.given is None


def _attention(card: TextCard, has_script: bool) -> str:
    explanation = card.drawn
    heads = head_rows(card) if has_script else ()
    head, data = "", ""
    if len(heads):
        whole = len(explanation.head_weights)  # type: ignore[union-attr, arg-type]  # it has rows
        names = [f"mean of {whole}", *map(str, range(len(heads) - 1))]
        head = _asked("Head", names, 0)
        data = row_data(np.asarray(heads), False)
    elif has_script and isinstance(explanation, Explanation):
        rows, names = label_rows(card), choices(card)
        if len(rows) > 1:
            head = _asked("Label", [isolated(name) for name in names], 0)
            data = row_data(rows, False)
    segments = text_segments(explanation, "attention")
    return (
        f'<section{look_of(explanation.trust)} data-shade="attention"{data}>'
        f'<div class="head"><h3>Where the model looked</h3>{head}</div>\n'
        f"{_text(segments, 'attention')}{_legend(segments, explanation, 'attention')}"
        "</section>\n"
    )


def _evidence(
    explanation: Explanation, label: str, names: Sequence[str], data: str
) -> str:
    shown = ExplanationToward.of(explanation, label)
    segments = text_segments(shown, "contributions")
    asked = ""
    if data:
        shares = [
            f"{isolated(name)} ({told(share_of(explanation, name))})" for name in names
        ]
        asked = _asked("Label", shares, names.index(label))
    left = len(explanation.labels) - len(names)
    note = f'<p class="soft">{left:,} less likely labels cannot be chosen here.</p>\n'
    said = f'For and against <bdi class="toward">{safe(label)}</bdi>'
    if _is_either(explanation):
        [other] = [name for name in explanation.labels if name != label]
        said = (
            f'For <bdi class="toward">{safe(label)}</bdi>, underlined for '
            f'<bdi class="other">{safe(other)}</bdi>'
        )
    return (
        f'<section data-shade="contributions"{data}>'
        f'<div class="head"><h3>{said}</h3>{asked}</div>\n'
        f"{_text(segments, 'contributions')}"
        f"{_legend(segments, explanation, 'contributions', label)}"
        f"{note if left and data else ''}</section>\n"
    )


def _asked(title: str, names: Sequence[str], chosen: int) -> str:
    return (
        f'<label class="needs-script">{title} '
        f"<select>{options(names, chosen)}</select></label>"
    )


def _has_looks(card: TextCard, shade: Shade) -> bool:
    """Whether evidence stands on a card beside attention."""
    has_evidence = getattr(card.drawn, "contributions", None) is not None
    return has_evidence and shade == "attention"


def _can_choose(card: TextCard, shade: Shade) -> bool:
    has_heads = getattr(card.drawn, "head_weights", None) is not None
    return (has_heads and shade == "attention") or len(choices(card)) > 1


def _models(cards: Sequence[TextCard], note: str) -> str:
    """Which models the answers are of, each once, and what is said of all."""
    said = f'<p class="said">{safe(note)}</p>\n' if note else ""
    lines = (getattr(each.drawn, "model", None) for each in cards)
    told = dict.fromkeys(line.sentence for line in lines if line is not None)
    return said + "".join(
        f'<p class="soft model">Model: <bdi>{safe(sentence)}</bdi>.</p>\n'
        for sentence in told
        if sentence
    )


def _articles(
    cards: Sequence[TextCard], shade: Shade, *, has_script: bool = False
) -> str:
    order = labels_of(cards)
    return joined_articles(
        cards,
        lambda each, place: text_card(
            each, place, shade, order=order, has_script=has_script
        ),
    )


def _more_style(cards: Sequence[TextCard], shade: Shade) -> str:
    """The style of what not every page has."""
    drawn = [each.drawn for each in cards]
    has_parts = any(getattr(each, "contributions", None) is not None for each in drawn)
    style = signed_style() if shade == "contributions" or has_parts else ""
    is_grey = any(hue_of(each, shade) == "grey" for each in drawn)
    return style + (grey_style() if is_grey else "")


def _title(explanations: Sequence[Drawn], title: str) -> str:
    if len(explanations) != 1:
        return f"{title}: {len(explanations)} texts"
    only = explanations[0]
    return f"{only.label}: {title.lower()}" if isinstance(only, Explanation) else title


def _contents(cards: Sequence[TextCard]) -> str:
    entries = [
        (_name(card, number), safe(opening(card.drawn.text)))
        for number, card in enumerate(cards, 1)
    ]
    return contents("text", f"{len(cards)} texts", entries)


def _name(card: TextCard, number: int) -> str:
    explanation = card.drawn
    if not isinstance(explanation, Explanation):
        return f"text {number}"
    share = told(shown_shares(explanation))
    wrong = " (wrong)" if card.is_right is False else ""
    return f"<bdi>{safe(explanation.said)}</bdi> {share}{wrong}"


def _answer(card: TextCard) -> str:
    """The label, whether it is right, and the chances of all labels."""
    explanation = card.drawn
    if not isinstance(explanation, Explanation):
        return ""
    return (
        f'<h2><bdi>{safe(explanation.said)}</bdi> <span class="number">'
        f"{escape(shown_shares(explanation))}</span></h2>\n"
        f"{_verdict(card, explanation)}{_chances(explanation)}"
    )


def _verdict(card: TextCard, explanation: Explanation) -> str:
    if card.right is None:
        return ""
    if card.is_right:
        return '<p class="verdict soft">Right.</p>\n'
    named = [
        f"<bdi><strong>{safe(name)}</strong></bdi>"
        + (f" ({told(share)})" if (share := share_of(explanation, name)) else "")
        for name in sorted(card.right)
    ]
    said = " and ".join(named) or "no label"
    return f'<p class="verdict"><strong>Wrong.</strong> Right is {said}.</p>\n'


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


def _legend(
    segments: Sequence[TextSegment],
    explanation: Drawn,
    shade: Shade,
    label: str | None = None,
) -> str:
    """The scale under a text.

    Args:
        segments: The segments of the text.
        explanation: The text.
        shade: What it is shaded by.
        label: The label that contributions are to, where it may be another.
    """
    weights = [segment.weight for segment in segments if segment.weight is not None]
    if not weights:
        return '<p class="soft">There is nothing here for the model to look at.</p>\n'
    end = scale_end(segments, shade)
    if shade == "contributions":
        of = "the answer"
        if label is not None and isinstance(explanation, Explanation):
            share = told(share_of(explanation, label))
            of = f"the score of <bdi>{safe(label)}</bdi> ({share}), in nats"
        elif isinstance(explanation, Explanation):
            of = f"the score of <bdi>{safe(shaded_label(explanation))}</bdi>"
            if isinstance(explanation, ExplanationToward):
                of += f" ({told(explanation.shown_share)})"
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
        (each.text, each.weight) for each in segments if each.weight is not None
    ]
    if not weighted:
        return ""
    label = explanation.label if isinstance(explanation, Explanation) else ""
    parts = getattr(explanation, "contributions", None)
    added: Sequence[float] = ()
    if shade == "attention" and parts is not None:
        place = explanation.labels.index(label)  # type: ignore[union-attr]  # it has parts
        added = segment_sums(explanation, parts[:, [place]])[:, 0].tolist()
    order = sorted(range(len(weighted)), key=lambda place: -weighted[place][1])
    # The end tags of cells and rows, which HTML does not need, would be a third of it.
    rows = "".join(
        f"<tr><td>{safe(weighted[place][0])}"
        f"<td>{shown_weight(weighted[place][1], shade, 4)}"
        + (f"<td>{shown_weight(added[place], 'contributions', 4)}" if added else "")
        + f"<td>{place + 1}\n"
        for place in order
    )
    what = "weights" if shade == "attention" else "parts"
    adds = f'<th scope="col" class="number">Adds to <bdi>{safe(label)}</bdi></th>'
    return (
        f"<details><summary>All {len(weighted)} {what} as a table</summary>\n"
        '<table class="weights"><thead><tr><th scope="col">Token</th>'
        f'<th scope="col" class="number">{_WORDS[shade].quantity}</th>'
        f"{adds if added else ''}"
        '<th scope="col" class="number">Place in the text</th></tr></thead>\n'
        f'<tbody lang="">{rows}</tbody></table></details>\n'
    )
