"""Lines of a picture: nothing lost, nothing too wide."""

from hypothesis import given
from hypothesis import strategies as st

from regard.plot._text_picture import wrapped_lines
from regard.plot._text_segments import TextSegment

PIECES = st.lists(
    st.text("ab \n", min_size=1, max_size=12).map(TextSegment), max_size=6
)


@given(PIECES, st.integers(1, 9))
def test_no_line_is_too_wide_and_no_letter_is_lost(pieces, width):
    lines = wrapped_lines(pieces, len, width)
    letters = "".join(piece.text for piece in pieces).replace("\n", "").replace(" ", "")
    drawn = "".join(word.text for line in lines for word in line).replace(" ", "")
    assert drawn == letters
    for line in lines:
        assert sum(word.width for word in line) <= width
        assert [word.x for word in line] == [
            sum(other.width for other in line[:index]) for index in range(len(line))
        ]


def test_lines_break_at_spaces_and_at_line_ends():
    pieces = [TextSegment("one two", 0.5), TextSegment("\n  three")]
    lines = wrapped_lines(pieces, len, 5)
    texts = ["".join(word.text for word in line) for line in lines]
    assert texts == ["one ", "two", "  ", "three"]
    assert lines[0][0].segment is pieces[0]


def test_the_space_that_breaks_a_line_is_not_drawn():
    lines = wrapped_lines([TextSegment("ab cd")], len, 2)
    assert [[word.text for word in line] for line in lines] == [["ab"], ["cd"]]
