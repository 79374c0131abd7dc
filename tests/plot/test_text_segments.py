"""Cutting a text at its tokens loses nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.errors import ArgumentError
from regard.plot._text_segments import TextSegment, scale_end, strongest, text_segments
from regard.types import Explanation


def explanation(text, spans, weights, truncated=False):
    return Explanation(
        text=text,
        label="x",
        labels=("x",),
        probabilities=np.ones(1),
        tokens=tuple(text[start:end] for start, end in spans),
        offsets=np.array(spans, dtype=int).reshape(-1, 2),
        weights=np.array(weights, dtype=float),
        truncated=truncated,
    )


@st.composite
def cut_texts(draw):
    text = draw(st.text(min_size=1, max_size=20))
    ends = st.integers(0, len(text))
    spans = draw(st.lists(st.tuples(ends, ends).map(sorted), max_size=8))
    weights = draw(st.lists(st.floats(0, 1), min_size=len(spans), max_size=len(spans)))
    return text, spans, weights


@given(cut_texts(), st.booleans())
def test_the_pieces_are_the_text_and_the_weights_add_up(cut, truncated):
    text, spans, weights = cut
    pieces = text_segments(explanation(text, spans, weights, truncated))
    assert "".join(piece.text for piece in pieces) == text
    drawn = sum(w for (a, b), w in zip(spans, weights, strict=True) if b > a)
    assert sum(piece.weight or 0.0 for piece in pieces) == pytest.approx(drawn)


def test_text_between_tokens_stays_as_it_is():
    pieces = text_segments(explanation("  a,\n\tb ", [(2, 3), (6, 7)], [0.4, 0.6]))
    assert pieces == [
        TextSegment("  "),
        TextSegment("a", 0.4),
        TextSegment(",\n\t"),
        TextSegment("b", 0.6),
        TextSegment(" "),
    ]


def test_tokens_on_the_same_character_are_one_piece():
    pieces = text_segments(
        explanation("😀", [(0, 1), (0, 1), (0, 1)], [0.25, 0.25, 0.5])
    )
    assert pieces == [TextSegment("😀", 1.0)]


def test_the_end_of_a_truncated_text_is_unseen():
    pieces = text_segments(explanation("a b c", [(0, 1)], [1.0], truncated=True))
    assert pieces == [TextSegment("a", 1.0), TextSegment(" b c", seen=False)]
    assert text_segments(explanation("a b", [(0, 1)], [1.0]))[-1].seen


@pytest.mark.parametrize("span", [(0, 4), (-1, 1), (2, 1)])
def test_offsets_outside_the_text(span):
    with pytest.raises(ArgumentError, match="outside its text"):
        text_segments(explanation("abc", [span], [1.0]))


def test_the_strongest_come_first_and_empty_ones_never():
    pieces = [
        TextSegment("a", 0.1),
        TextSegment(" "),
        TextSegment("b", 0.9),
        TextSegment("c", 0.0),
    ]
    assert strongest(pieces, 5) == [pieces[2], pieces[0]]
    assert strongest(pieces, 1) == [pieces[2]]


def test_the_scale_ends_at_the_largest_weight_unless_attention_is_even():
    peaked = [TextSegment("x", weight) for weight in [0.7] + [0.03] * 10]
    even = [TextSegment("x", 0.01)] * 100
    assert scale_end(peaked) == pytest.approx(0.7)
    assert scale_end(even) == pytest.approx(0.04)
    assert scale_end([TextSegment("x", 1.0)]) == 1.0
    assert scale_end([TextSegment(" ")]) == 1.0
