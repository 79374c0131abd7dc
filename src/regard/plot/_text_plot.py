"""Shaded texts, as HTML, in the terminal, or as a picture."""

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from rich.style import Style
from rich.text import Text

from regard._validate import check_choice
from regard.errors import ArgumentError
from regard.plot._color_scale import FAINT, Hue, level
from regard.plot._data import (
    MOST,
    check_fits,
    check_most,
    checked_results,
    checked_tokens,
    described,
    finite_row,
    nonnegative_row,
    numbers,
)
from regard.plot._plot import Plot
from regard.plot._terminal import (
    left_out_line,
    rendered,
    shaded,
    terminal,
    trust_lines,
)
from regard.plot._text_cards import TextCard, checked_right
from regard.plot._text_picture import draw_text, text_picture
from regard.plot._text_segments import (
    Drawn,
    ExplanationToward,
    Shade,
    TextSegment,
    WeightedText,
    hue_of,
    scale_end,
    shaded_values,
    shown_shares,
    shown_weight,
    strongest,
    text_segments,
)
from regard.plot.canvas import check_axes, check_index
from regard.plot.characters import for_terminal, for_terminal_line
from regard.plot.text_page import text_fragment, text_page
from regard.types import AttentionMap, Explanation, Translation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKED = 5
_SHADES: Mapping[str, Shade] = {
    "attention": "attention",
    "contributions": "contributions",
}
_NAMES: Mapping[Shade, str] = {"attention": "weights", "contributions": "contributions"}


class TextPlot(Plot):
    """Explanations drawn as shaded text; made by ``regard.plot.text``.

    In a notebook the object shows itself. The shade of a word is its weight on a scale
    from 0 to the largest weight of the text, but not less than four times an even
    share, so that evenly spread attention stays pale. The scale is printed under the
    text. Contributions have a scale of two sides: what adds to the score of the label
    is blue, what takes from it is orange and underlined.

    Where a model was examined, what was found of its weights stands under the texts;
    where they mislead, shading by attention is grey.

    Args:
        explanations: The explanations, in the order in which they are drawn.
        left_out: How many more there were; a note says so.
        shade: What is shaded: ``"attention"`` or ``"contributions"``.
        right: The right label of each, as ``regard.plot.text`` takes them.
        note: A sentence that stands over them.

    Raises:
        ArgumentError: A weight or a probability is no finite number, or one that cannot
            be negative is; or there are no contributions.
    """

    def __init__(
        self,
        explanations: Sequence[Drawn],
        left_out: int = 0,
        shade: str = "attention",
        right: Any = None,
        note: str = "",
    ) -> None:
        self.explanations, self.left_out = tuple(explanations), left_out
        self.shade, self.note = _checked_shade(shade), note
        known = checked_right(right, len(self.explanations))
        self._cards = tuple(map(TextCard.of, self.explanations, known))
        for explanation in explanations:
            _check_numbers(explanation, self.shade)

    def toward(self, label: str) -> "TextPlot":
        """The same texts, shaded by what speaks for one label in all of them.

        Args:
            label: The label, which need not be the answer.

        Raises:
            ArgumentError: Contributions are not what is shaded, or there is no such
                label.
        """
        has_own = all(
            isinstance(each, Explanation) and each.label_weights is not None
            for each in self.explanations
        )
        if self.shade != "contributions" and not has_own:
            raise ArgumentError(
                "Attention is the same for all labels.",
                expected="contributions as what is shaded, beside a label",
            )
        others = [
            ExplanationToward.of(each, label) if isinstance(each, Explanation) else each
            for each in self.explanations
        ]
        right = [each.right for each in self._cards]
        return TextPlot(others, self.left_out, self.shade, right, self.note)

    def to_html(self) -> str:
        """The whole page: no network, no script but its own, everything escaped.

        Where evidence is known, it stands beside attention, for and against the label
        that was given; with JavaScript another label can be chosen, a head of several,
        and several texts are filtered and sorted.
        """
        return text_page(self._cards, self.left_out, self.shade, self.note)

    def to_terminal(
        self, color: bool | None = None, width: int | None = None, *, note: bool = True
    ) -> str:
        """The text for a terminal.

        Args:
            color: Whether to shade words with ANSI colours; by default where standard
                output is a terminal and ``NO_COLOR`` is not set. Without, the
                strongest words are marked, as in ``[feet 0.421]``.
            width: The width in columns; the terminal's own by default.
            note: Whether what was found of the weights stands under the texts.
        """
        screen = terminal(color, width)
        blocks = [
            text_block(
                each.drawn,
                self.shade,
                screen.color,
                hue_of(each.drawn, self.shade),
                each.verdict,
            )
            for each in self._cards
        ]
        lines = trust_lines(each.trust for each in self.explanations if note)
        return rendered([*blocks, *left_out_line(self.left_out), *lines], screen)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the plot to a file; the suffix says what it becomes.

        ``.html`` is the page, ``.txt`` plain text. ``.png`` and ``.svg`` need
        matplotlib, draw words from left to right and take the glyphs from the fonts
        that matplotlib finds: for Arabic, Hebrew and emoji the page is right.

        Raises:
            ArgumentError: The suffix is unknown, or the folder does not exist.
            MissingExtraError: A picture without matplotlib.
        """
        super().save(path)

    def plot(self, ax: "Axes | None" = None, index: int = 0) -> "Axes":
        """Draw one of the texts with matplotlib.

        Its lines are broken at the width of the axes, in letters of 12 points from
        the upper edge down: a long text needs high axes.

        Args:
            ax: The axes to draw on; new ones, as high as the text, by default.
            index: Which of the texts.

        Returns:
            The axes.

        Raises:
            ArgumentError: There is no text of this index, or ``ax`` are no axes.
            MissingExtraError: matplotlib is not installed.
        """
        check_axes(ax)
        index = check_index(index, len(self.explanations), "text")
        card = self._cards[index]
        return draw_text(ax, card.drawn, self.shade, card.verdict)

    def _table(self) -> dict[str, Any]:
        name = "weight" if self.shade == "attention" else "contribution"
        columns: dict[str, list[Any]] = {key: [] for key in ("text", "token", name)}
        others = [_more_numbers(each, self.shade) for each in self.explanations]
        more: dict[str, list[Any]] = {key: [] for each in others for key in each}
        for number, each in enumerate(self.explanations):
            values = shaded_values(each, self.shade).tolist()
            columns["text"] += [number] * len(values)
            columns["token"] += [each.text[start:end] for start, end in each.offsets]
            columns[name] += values
            for key, column in more.items():
                column.extend(others[number].get(key, [np.nan] * len(values)))
        return columns | more

    def _picture(self, kind: str) -> bytes:
        verdicts = [each.verdict for each in self._cards]
        return text_picture(
            self.explanations, kind, self.left_out, self.shade, verdicts
        )

    def _repr_html_(self) -> str:
        return text_fragment(self._cards, self.left_out, self.shade, self.note)

    def __str__(self) -> str:
        return self.to_terminal(color=False, width=88)

    def __repr__(self) -> str:
        return f"TextPlot({len(self.explanations)} explanations)"


def text(
    explanations: Explanation | Sequence[Explanation] | Sequence[str],
    weights: AttentionMap | npt.ArrayLike | None = None,
    *,
    shade: str = "attention",
    label: str | None = None,
    most: int | None = MOST,
    right: Iterable[Any] | None = None,
) -> TextPlot:
    """Draw explanations, or tokens and their weights, as shaded text.

    Args:
        explanations: One explanation or several, as ``explain`` gives them; or, with
            ``weights``, the tokens of a text.
        weights: ``(tokens,)``, a weight from 0 up for each token; or the
            ``AttentionMap`` of one text with one row of keys, averaged over its heads.
            Tokens are joined by spaces, unless some of them bring their own. Shaded as
            contributions they may be negative.
        shade: ``"attention"``, where the model looked; or ``"contributions"``, what
            each token adds to the score of a label, with its sign.
        label: The label that contributions are shaded for; None: of each text the one
            that it was given.
        most: How many explanations are drawn, from the first on; a note says how many
            more there were. None draws all; a token takes about 70 bytes of a page,
            and 130 where evidence stands beside.
        right: The right label of each explanation, as it was given for the training;
            a list or a set where a text has several, None where it is not known. The
            page says then which are wrong, and is filtered by it.

    Returns:
        A plot that shows itself in a notebook and saves itself with ``save``.

    Raises:
        ArgumentError: There is nothing to draw, or something else than explanations;
            the weights are no row of numbers from 0 up, or more or fewer than tokens;
            the explanations are of a model without contributions.

    Example:
    >>> regard.plot.text(classifier.explain("A film that finds its feet.")).save(
    ...     "why.html"
    ... )
    >>> regard.plot.text(["a", "good", "film"], [0.1, 0.7, 0.2])
    """
    if weights is not None:
        if label is not None or right is not None:
            name = "label" if right is None else "right"
            raise ArgumentError(
                "Weights that are given have no labels.", expected=f"{name}=None"
            )
        tokens = _weighted_text(explanations, weights, _checked_shade(shade))
        return TextPlot([tokens], shade=shade)
    checked = checked_results(
        explanations,
        Explanation,
        plural="explanations",
        expected="an Explanation or a list of them, as explain gives",
        instead="regard.plot.text(tokens, weights) draws tokens with their weights.",
    )
    if right is not None:
        if isinstance(explanations, Explanation):
            right = [right]
        right = checked_right(right, len(checked))
    shown = checked[: check_most(most)]
    known = None if right is None else list(right)[: len(shown)]
    plot = TextPlot(shown, len(checked) - len(shown), shade, known)
    return plot if label is None else plot.toward(label)


def _checked_shade(shade: str) -> Shade:
    return _SHADES[check_choice("shade", shade, _SHADES)]


def _weighted_text(tokens: object, weights: object, shade: Shade) -> WeightedText:
    if isinstance(tokens, Explanation | Translation | AttentionMap):
        raise ArgumentError(
            "Weights are drawn with tokens.",
            expected="a list of tokens",
            received=described(tokens),
            fix="An explanation has weights of its own: give it alone.",
        )
    names = checked_tokens(tokens, "tokens")
    read = nonnegative_row if shade == "attention" else finite_row
    row = np.array(read(weights, "weights of the tokens"))
    check_fits(names, row, "tokens", "keys")
    return WeightedText.of([name or "∅" for name in names], row)


def _check_numbers(explanation: Drawn, shade: Shade) -> None:
    expected = "finite numbers"
    row = numbers(
        shaded_values(explanation, shade),
        f"{_NAMES[shade]} of an explanation",
        expected,
    )
    if isinstance(explanation, Explanation):
        numbers(explanation.probabilities, "probabilities of an explanation", expected)
    if shade == "attention" and row.size and row.min() < 0:
        raise ArgumentError(
            "The weights of an explanation cannot be drawn.",
            expected="numbers that are not negative",
            received=f"{row.min()}",
        )


def _more_numbers(explanation: Drawn, shade: Shade) -> dict[str, list[float]]:
    """What stands beside the attention of tokens, by its column."""
    if shade != "attention" or not isinstance(explanation, Explanation):
        return {}
    heads = () if explanation.head_weights is None else explanation.head_weights
    columns = {f"head {head}": row.tolist() for head, row in enumerate(heads)}
    if explanation.contributions is not None:
        parts = zip(explanation.labels, explanation.contributions.T, strict=True)
        columns |= {f"contribution to {label}": row.tolist() for label, row in parts}
    return columns


def text_block(
    explanation: Drawn,
    shade: Shade,
    color: bool,
    hue: Hue = "blue",
    verdict: str = "",
) -> Text:
    """One text for a terminal, its words shaded, or the strongest marked.

    Args:
        explanation: The text.
        shade: What it is shaded by.
        color: Whether the terminal shows colours.
        hue: The colour of weights, and of what speaks for the answer.
        verdict: What is said of the label.
    """
    heading = _heading(explanation, verdict)
    if color:
        return _shaded(heading, explanation, shade, hue)
    return _marked(heading, explanation, shade)


def _shaded(text: Text, explanation: Drawn, shade: Shade, hue: Hue) -> Text:
    segments = text_segments(explanation, shade)
    top = scale_end(segments, shade)
    for segment in segments:
        text.append(for_terminal(segment.text), _style(segment, top, hue))
    numbers = (_number(segment, shade) for segment in strongest(segments, _MARKED))
    text.append("\n" + " · ".join(numbers), Style(dim=True))
    return _with_note(text, explanation)


def _style(segment: TextSegment, top: float, hue: Hue) -> Style:
    if not segment.seen:
        return Style(dim=True, italic=True)
    if segment.weight is None:
        return Style.null()
    step = level(segment.weight, top)
    if segment.weight < 0 and step >= FAINT:
        return shaded(step, "orange") + Style(underline=True)
    return shaded(step, hue)


def _marked(text: Text, explanation: Drawn, shade: Shade) -> Text:
    segments = text_segments(explanation, shade)
    floor = scale_end(segments, shade) / 4
    chosen = {
        id(segment)
        for segment in strongest(segments, _MARKED)
        if abs(segment.weight or 0.0) > floor
    }
    for segment in segments:
        marked = f"[{_number(segment, shade)}]" if id(segment) in chosen else None
        text.append(marked or for_terminal(segment.text))
    return _with_note(text, explanation)


def _heading(explanation: Drawn, verdict: str) -> Text:
    if not isinstance(explanation, Explanation):
        return Text()
    label = for_terminal_line(explanation.said)
    toward = ""
    if isinstance(explanation, ExplanationToward):
        toward = f"  (shaded for {for_terminal_line(explanation.shown_label)})"
    if verdict:
        toward += f"  ({for_terminal_line(verdict)})"
    share = f"  {shown_shares(explanation)}{toward}\n"
    return Text.assemble((label, Style(bold=True)), share)


def _number(segment: TextSegment, shade: Shade) -> str:
    weight = shown_weight(segment.weight or 0.0, shade)
    return f"{for_terminal_line(segment.text)} {weight}"


def _with_note(text: Text, explanation: Drawn) -> Text:
    if explanation.truncated:
        text.append("\n(The text is longer than the model reads.)", Style(dim=True))
    return text
