"""Texts cut into the segments that carry a weight and the segments between them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np

from regard._validate import check_choice
from regard.errors import ArgumentError
from regard.plot._color_scale import Hue, end_of_scale
from regard.types import Explanation, FloatArray, IntArray, TrustLine

#: What a text is shaded by: where the model looked, or what each token adds, signed.
Shade = Literal["attention", "contributions"]


@dataclass(frozen=True, slots=True)
class TextSegment:
    """A piece of a text.

    Args:
        text: Its characters; all segments joined are the text, character for character.
        weight: The attention on it, or what it adds, ``None`` between tokens.
        seen: Whether the model read it; ``False`` after the end of a truncated text.
    """

    text: str
    weight: float | None = None
    seen: bool = True


@dataclass(frozen=True, eq=False, slots=True)
class WeightedText:
    """A text with weights that come with no label.

    Args:
        text: The text.
        offsets: ``(tokens, 2)``: start and end of each token in it.
        weights: ``(tokens,)``, the weight of each.
        truncated: Whether it was longer than the model reads.
        trust: Whether the weights may be read as reasons, where that is known.
    """

    text: str
    offsets: IntArray
    weights: FloatArray
    truncated: bool = False
    trust: TrustLine | None = None

    @classmethod
    def of(cls, tokens: Sequence[str], weights: FloatArray) -> "WeightedText":
        """Tokens joined by spaces; as they stand where some bring their own."""
        has_spaces = any(token != token.strip() for token in tokens)
        gap = 0 if has_spaces else 1
        lengths = np.array([len(token) for token in tokens], dtype=int)
        ends = np.cumsum(lengths) + gap * np.arange(len(tokens))
        offsets = np.stack([ends - lengths, ends], axis=1)
        return cls((" " * gap).join(tokens), offsets, weights)


@dataclass(frozen=True, eq=False, repr=False)
class ExplanationToward(Explanation):
    """An explanation that is shaded by what speaks for one of its labels.

    Args:
        toward: The label, which need not be the answer.
    """

    toward: str = ""

    @classmethod
    def of(cls, explanation: Explanation, toward: str) -> "ExplanationToward":
        """That of an explanation.

        Raises:
            ArgumentError: It has no such label.
        """
        check_choice("label", toward, explanation.labels, of="contributions")
        names = [each.name for each in fields(Explanation)]
        parts = {name: getattr(explanation, name) for name in names}
        if explanation.label_weights is not None:
            place = explanation.labels.index(toward)
            parts["weights"] = explanation.label_weights[place]
        return cls(**parts, toward=toward)

    @property
    def shown_share(self) -> str:
        """The probability of the label, as people read it."""
        return percent(float(self.probabilities[self.labels.index(self.toward)]))

    @property
    def shown_label(self) -> str:
        """The label with its probability."""
        return f"{self.toward}, {self.shown_share}"


def shown_shares(explanation: Explanation) -> str:
    """The probability of the label, or of each that is given, as people read it."""
    if explanation.given is None:
        return percent(explanation.probability)
    places = [explanation.labels.index(name) for name in explanation.given]
    return ", ".join(percent(float(explanation.probabilities[at])) for at in places)


def shaded_label(explanation: Explanation) -> str:
    """The label that contributions are shaded for."""
    if isinstance(explanation, ExplanationToward):
        return explanation.toward
    return explanation.label


#: What is drawn as a shaded text.
Drawn = Explanation | WeightedText


def shaded_values(explanation: Drawn, shade: Shade) -> FloatArray:
    """What a text is shaded by, ``(tokens,)``: contributions are to one label."""
    if shade == "attention" or isinstance(explanation, WeightedText):
        return explanation.weights
    if explanation.contributions is None:
        raise ArgumentError(
            "This explanation has no contributions.",
            expected="one of a model that adds up what each token brings",
            fix="Shade it by attention.",
        )
    label = explanation.labels.index(shaded_label(explanation))
    return np.asarray(explanation.contributions[:, label])


def hue_of(explanation: Drawn, shade: Shade) -> Hue:
    """The colour of weights, and of what speaks for a label: grey where it misleads."""
    trust = explanation.trust
    is_grey = shade == "attention" and trust is not None and trust.is_misleading
    return "grey" if is_grey else "blue"


def text_segments(explanation: Drawn, shade: Shade = "attention") -> list[TextSegment]:
    """Cut the text of an explanation at its tokens.

    Tokens on the same characters (one character can be several tokens to a
    tokenizer of bytes) become one segment with the sum of their weights.

    Raises:
        ArgumentError: An offset lies outside the text.
    """
    segments: list[TextSegment] = []
    position = 0
    for start, end, weight in _spans(explanation, shade):
        if start > position:
            segments.append(TextSegment(explanation.text[position:start]))
        if end > position:
            text = explanation.text[max(start, position) : end]
            segments.append(TextSegment(text, weight))
            position = end
        else:
            _add_to_last_token(segments, weight)
    if position < len(explanation.text):
        rest = explanation.text[position:]
        segments.append(TextSegment(rest, seen=not explanation.truncated))
    return segments


def segment_sums(explanation: Drawn, values: FloatArray) -> FloatArray:
    """Numbers of tokens added up by segment, in the order of ``text_segments``.

    Args:
        explanation: The text.
        values: ``(tokens, kinds)``.

    Returns:
        ``(segments, kinds)``: of those with a weight only.
    """
    owners: list[int] = []
    members: list[int] = []
    position, count = 0, 0
    spans = explanation.offsets
    for token in np.lexsort((spans[:, 1], spans[:, 0])).tolist():
        start, end = spans[token].tolist()
        if end <= start:
            continue
        if end > position:
            position, count = end, count + 1
        owners.append(count - 1)
        members.append(token)
    sums = np.zeros((count, values.shape[1]))
    np.add.at(sums, owners, values[members])
    return sums


def strongest(segments: Sequence[TextSegment], count: int) -> list[TextSegment]:
    """The segments with the largest weights, at most ``count``, largest first.

    Of signed ones those that are the furthest from 0.
    """
    weighted = [segment for segment in segments if segment.weight]
    return sorted(weighted, key=lambda segment: -abs(segment.weight or 0.0))[:count]


def scale_end(segments: Sequence[TextSegment], shade: Shade = "attention") -> float:
    """The weight at the end of the colour scale of a text."""
    sizes = [abs(each.weight) for each in segments if each.weight is not None]
    # Weights add up to 1; what tokens add has no such sum.
    return end_of_scale(sizes, 1.0 if shade == "attention" else sum(sizes))


def shown_weight(weight: float, shade: Shade, digits: int = 3) -> str:
    """A weight, or what a token adds with its sign, as it is shown."""
    sign = "" if shade == "attention" else "+"
    return format(weight, f"{sign}z.{digits}f")


def percent(probability: float) -> str:
    """A probability in per cent; never 100 % or 0 % where it is not."""
    if 0.9995 <= probability < 1:
        return "> 99.9 %"
    if 0 < probability < 0.0005:
        return "< 0.1 %"
    return f"{100 * probability:.1f} %"


def _spans(explanation: Drawn, shade: Shade) -> Iterator[tuple[int, int, float]]:
    """Start, end and weight of each token with characters, in reading order."""
    weights = shaded_values(explanation, shade).tolist()
    for (start, end), weight in sorted(
        zip(explanation.offsets.tolist(), weights, strict=True)
    ):
        if not 0 <= start <= end <= len(explanation.text):
            raise ArgumentError(
                "A token lies outside its text.",
                expected=f"offsets between 0 and {len(explanation.text)}",
                received=f"{start} to {end}",
            )
        if end > start:
            yield start, end, weight


def _add_to_last_token(segments: list[TextSegment], weight: float) -> None:
    last = segments[-1]
    segments[-1] = replace(last, weight=(last.weight or 0.0) + weight)
