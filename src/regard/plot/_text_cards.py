"""Cards of explanations: what is right about them, and what can be chosen on them.

A page of several cards is filtered and sorted by its script; on each card evidence is
shown for another label, and attention of another head. The numbers of what can be
chosen travel with the card, in thousandths, which is how they are shown.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from regard._label_values import KnownLabels, is_missing, plain_label, plain_value
from regard._validate import check_same_length
from regard.errors import ArgumentError
from regard.plot._color_scale import FAINT, LEVELS, end_of_scale
from regard.plot._data import described
from regard.plot._text_segments import Drawn, percent, segment_sums
from regard.plot.characters import for_page
from regard.plot.document import TAB_STOPS, safe
from regard.types import Explanation, FloatArray

#: So many labels and heads can be chosen on a card: each takes 4 bytes a token.
MOST_CHOICES = 10
# From so many on only those in sight are laid out.
_MANY = 30
_SEVERAL = (list, tuple, set, frozenset)
_STYLE = """
.regard:not(.scripted) .needs-script{display:none}
.regard [hidden]{display:none}
.regard .asks{display:flex;flex-wrap:wrap;gap:.6rem 1.25rem;align-items:end;
margin:1.25rem 0 .5rem;font-size:.875rem}
.regard .asks label{display:grid;gap:.15rem}
.regard :is(.asks,.looks) :is(select,input,button){font:inherit;color:inherit;
background:var(--paper);border:1px solid var(--soft);border-radius:.4rem;
padding:.3rem .5rem;min-height:2rem;max-width:16rem}
.regard .asks input{width:5.5rem}
.regard .asks button{cursor:pointer;color:var(--link);padding-inline:.9rem}
.regard :is(select,input,button):focus-visible{outline:2px solid var(--link);
outline-offset:2px}
.regard .looks label{font-size:.8125rem;font-weight:400;color:var(--soft)}
"""
#: What is on a page only where something is right, or evidence stands beside.
CARD_STYLE = """
main.regard.wide{max-width:68rem}
main.regard.wide>:is(header,nav){max-width:46rem}
.regard .looks{display:grid;gap:0 2rem;
grid-template-columns:repeat(auto-fit,minmax(min(100%,19rem),1fr))}
.regard .looks>*{min-width:0;margin-top:1.1rem;display:grid;
grid-template:subgrid/minmax(0,1fr);grid-row:span 4}
.regard .looks .text{margin-top:.5rem}
.regard h3{font-size:.9375rem;line-height:1.4;margin:0}
.regard .looks .head{display:flex;flex-wrap:wrap;gap:.3rem .75rem;
align-items:start;align-content:start;justify-content:space-between;min-height:2rem}
.regard .many>article{content-visibility:auto;contain-intrinsic-size:auto 28rem}
.regard .looks h3{padding-block:.3rem}
.regard .looks .legend{align-content:start}
.regard .said{margin:.6rem 0 .3rem}
.regard .verdict{margin-top:.15rem}
.regard .wrong{border-inline-start:.3rem solid var(--ink)}
""".lstrip()


@dataclass(frozen=True, eq=False)
class TextCard:
    """A text to draw, and what is known of it.

    Args:
        drawn: The text.
        right: The names of its right labels; None: not known.
    """

    drawn: Drawn
    right: frozenset[str] | None = None

    @classmethod
    def of(cls, drawn: Drawn, right: frozenset[str] | None = None) -> "TextCard":
        """One whose right labels are called as the model calls them."""
        if right is None or not isinstance(drawn, Explanation):
            return cls(drawn)
        known = KnownLabels(drawn.labels)
        return cls(drawn, frozenset(known.find(name) or name for name in right))

    @property
    def given(self) -> frozenset[str]:
        """The labels that the model gave; none where it gives none."""
        drawn = self.drawn
        if not isinstance(drawn, Explanation):
            return frozenset()
        return frozenset({drawn.label} if drawn.given is None else drawn.given)

    @property
    def is_right(self) -> bool | None:
        """Whether those are the right ones, all of them; None: not known."""
        return None if self.right is None else self.right == self.given

    @property
    def verdict(self) -> str:
        """What is said of a wrong label on one line; of others nothing."""
        if self.is_right is not False:
            return ""
        return f"wrong, right is {' and '.join(sorted(self.right or ())) or 'none'}"


def checked_right(right: Any, count: int) -> tuple[frozenset[str] | None, ...]:
    """The names of the right labels of each text; None where one has none.

    Args:
        right: For each text its right label, several of them, or None.
        count: How many texts there are.

    Raises:
        ArgumentError: They are one text, no labels, or more or fewer than texts.
    """
    if right is None:
        return (None,) * count
    if isinstance(right, str | Mapping) or not isinstance(right, Iterable):
        raise ArgumentError(
            "'right' has a wrong value.",
            expected="the right label of each text, in a list",
            received=described(right),
        )
    labels = list(right)
    check_same_length({"explanations": range(count), "right": labels})
    return tuple(_names(each, place) for place, each in enumerate(labels))


def choices(card: TextCard) -> list[str]:
    """The labels that evidence can be shown for: the likeliest, and the right ones."""
    explanation = card.drawn
    if not isinstance(explanation, Explanation) or explanation.contributions is None:
        return []
    order = np.argsort(-explanation.probabilities, kind="stable").tolist()
    ranked = [explanation.labels[place] for place in order]
    kept = ranked[:MOST_CHOICES]
    right = card.right or ()
    # The answer is the likeliest, but for ties.
    more = [name for name in ranked if name in {*right, *card.given}]
    return list(dict.fromkeys([*kept, *more]))


def toward_rows(card: TextCard) -> FloatArray:
    """What each segment adds to each label that can be chosen, ``(labels, segments)``.

    In nats.
    """
    explanation = card.drawn
    if not isinstance(explanation, Explanation) or explanation.contributions is None:
        return np.zeros((0, 0))
    places = [explanation.labels.index(name) for name in choices(card)]
    return segment_sums(explanation, explanation.contributions[:, places]).T


def label_rows(card: TextCard) -> FloatArray:
    """The attention of each label that can be chosen, where each has its own."""
    explanation = card.drawn
    if not isinstance(explanation, Explanation) or explanation.label_weights is None:
        return np.zeros((0, 0))
    places = [explanation.labels.index(name) for name in choices(card)]
    return segment_sums(explanation, explanation.label_weights[places].T).T


def head_rows(card: TextCard) -> FloatArray:
    """The weights of each segment: the mean, and each head, ``(1 + heads, segments)``.

    There is none where there is one head.
    """
    explanation = card.drawn
    if not isinstance(explanation, Explanation) or explanation.head_weights is None:
        return np.zeros((0, 0))
    heads = explanation.head_weights[:MOST_CHOICES]
    return segment_sums(explanation, np.vstack([explanation.weights, heads]).T).T


def row_data(rows: FloatArray, is_signed: bool) -> str:
    """The attributes with numbers that can be chosen, and the ends of their scales.

    Args:
        rows: ``(choices, segments)``.
        is_signed: Whether they are contributions, and no weights.
    """
    sizes = np.abs(rows).tolist()
    ends = (end_of_scale(row, sum(row) if is_signed else 1.0) for row in sizes)
    scales = ",".join(f"{1000 * end:.6g}" for end in ends)
    thousandths = np.round(1000 * rows.astype(np.float64)).astype(np.int64)
    joined = ";".join(",".join(map(str, row)) for row in thousandths.tolist())
    return f' data-rows="{joined}" data-ends="{scales}"'


def options(names: Iterable[str], chosen: int = 0, values: bool = True) -> str:
    """The options of a choice, of names as HTML; the values are their numbers."""
    return "".join(
        f"<option{f' value={place}' if values else ''}"
        f"{' selected' if place == chosen else ''}>{name}</option>"
        for place, name in enumerate(names)
    )


def isolated(name: str) -> str:
    """A label in a choice, where no element can keep its direction to itself."""
    return f"\u2068{safe(name)}\u2069"


def card_attributes(card: TextCard, order: Sequence[str]) -> str:
    """What a card is filtered and sorted by, as attributes.

    Args:
        card: The card.
        order: All labels of the page.
    """
    if not isinstance(card.drawn, Explanation):
        return ""
    told = f' data-label="{_places(card.given, order)}"'
    told += f' data-p="{card.drawn.probability:.6g}"'
    if card.right is not None:
        told += f' data-right="{_places(card.right, order)}"'
        told += f' data-verdict="{"right" if card.is_right else "wrong"}"'
    return told


def labels_of(cards: Sequence[TextCard]) -> list[str]:
    """All labels that a page speaks of, sorted."""
    return sorted(
        {name for each in cards for name in each.given | (each.right or set())}
    )


def toolbar(cards: Sequence[TextCard]) -> str:
    """What a page of several cards is filtered and sorted by; needs the script."""
    labelled = [each for each in cards if isinstance(each.drawn, Explanation)]
    if len(cards) < 2 or not labelled:
        return ""
    order = labels_of(cards)
    asked = _by_label("Label", "label", Counter(_all(c.given for c in cards)), order)
    known = [each for each in cards if each.right is not None]
    if known:
        counted = Counter(_all(each.right or () for each in known))
        asked += _by_label("Right label", "right", counted, order)
    wrong = sum(each.is_right is False for each in known)
    is_mixed = 0 < wrong < len(known)
    if is_mixed:
        asked += _by_verdict(wrong, len(known) - wrong)
    asked += _by_probability()
    orders = {"": "as they came", "-p": "probability, highest first",
              "p": "probability, lowest first", "label": "label"}  # fmt: skip
    if known:
        orders["right"] = "right label"
    if is_mixed:
        orders["wrong"] = "wrong first, surest first"
    asked += _choice("Sort by", "order", orders)
    asked += _by_toward(labelled)
    count = f"{len(cards):,} texts"
    return (
        '<div class="asks needs-script" role="group" aria-label="Filter and sort">'
        f'{asked}<button type="button">Show all</button></div>\n'
        f'<p class="soft needs-script" role="status" data-of="{count}">'
        f"All {count}.</p>\n"
    )


def card_style(has_script: bool, has_looks: bool) -> str:
    """The style of what these cards have."""
    return (CARD_STYLE if has_looks else "") + (_STYLE.lstrip() if has_script else "")


def settings(count: int) -> str:
    """What the script has to know of shades and keys, and the style of many cards."""
    many = " many" * (count > _MANY)
    return (
        f' class="cards{many}"'
        f' data-steps="{LEVELS - 1}" data-faint="{FAINT}" data-stops="{TAB_STOPS}"'
    )


@cache
def script() -> str:
    """The script of a page of cards."""
    return Path(__file__).with_name("text_page.js").read_text("utf-8")


def share_of(explanation: Explanation, label: str) -> str:
    """The probability of a label for people; nothing where the model lacks it."""
    if label not in explanation.labels:
        return ""
    return percent(float(explanation.probabilities[explanation.labels.index(label)]))


def _names(label: Any, place: int) -> frozenset[str] | None:
    several = label if isinstance(label, _SEVERAL) else [label]
    if label is None or (len(several) == 1 and is_missing(plain_value(*several))):
        return None
    said = f"The right label of explanation {place}"
    return frozenset(str(plain_label(each, said)) for each in several)


def _all(groups: Iterable[Iterable[str]]) -> list[str]:
    return [name for group in groups for name in group]


def _places(names: Iterable[str], order: Sequence[str]) -> str:
    return " ".join(str(order.index(name)) for name in sorted(names))


def _by_label(
    title: str, name: str, counts: Mapping[str, int], order: Sequence[str]
) -> str:
    entries = {"": "all"} | {
        str(place): f"{isolated(label)} ({counts[label]:,})"
        for place, label in enumerate(order)
        if counts[label]
    }
    return _choice(title, name, entries)


def _by_verdict(wrong: int, right: int) -> str:
    entries = {
        "": "right and wrong",
        "right": f"right ({right:,})",
        "wrong": f"wrong ({wrong:,})",
    }
    return _choice("Right or wrong", "verdict", entries)


def _by_probability() -> str:
    limits = (("from", 0), ("to", 100))
    return "".join(
        f"<label>Probability {name}, %"
        f'<input type="number" min="0" max="100" step="any" value="{value}" '
        f'data-ask="{name}"></label>'
        for name, value in limits
    )


def _by_toward(labelled: Sequence[TextCard]) -> str:
    names = [choices(each) for each in labelled]
    common = set.intersection(*map(set, names)) if all(names) else set()
    if len(common) < 2:
        return ""
    entries = {"": "the label of each"} | {
        for_page(name): safe(name) for name in sorted(common)
    }
    return _choice("For and against", "toward", entries)


def _choice(title: str, name: str, entries: Mapping[str, str]) -> str:
    told = "".join(
        f'<option value="{escape(value)}">{shown}</option>'
        for value, shown in entries.items()
    )
    return f'<label>{title}<select data-ask="{name}">{told}</select></label>'
