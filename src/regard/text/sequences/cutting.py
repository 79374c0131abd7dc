"""Where texts are cut: at white space, around punctuation, at every character."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeAlias

from tokenizers import Regex, pre_tokenizers

Spans: TypeAlias = list[tuple[int, int]]
Cut: TypeAlias = Callable[[str], Spans]
Join: TypeAlias = Callable[[Sequence[str]], str]

_REMEMBERED = 1 << 15

# ASCII white space alone: in tokenised corpora a no-break space can be a token.
_WORD = re.compile(r"[^ \t\n\r\f\v]+")
_PIECE = re.compile(r" ?\S+|\s")

_MARK = r"\s?[^\w\s]\s?"
_WORDS_AND_MARKS = pre_tokenizers.Split(
    Regex(rf"\w+|{_MARK}"), behavior="removed", invert=True
)
_NOTHING_BUT_A_MARK = pre_tokenizers.Split(Regex(rf"\A{_MARK}\z"), behavior="removed")


def at_white_space(text: str) -> Spans:
    """Everything between ASCII white space, as it is."""
    return [match.span() for match in _WORD.finditer(text)]


def around_marks(text: str) -> Spans:
    r"""Words (``\w+``), and every other character with the spaces that touch it.

    A space between two words is in no piece. All others are kept with the mark they
    touch, so that the pieces can be joined again as they were: ``a, b`` is cut into
    ``a``, ``", "`` and ``b``.
    """
    return [span for _, span in _WORDS_AND_MARKS.pre_tokenize_str(text)]


def words_with_space(text: str) -> list[str]:
    """Words with the space before them, and any other white space on its own."""
    return _PIECE.findall(text)


def join_with_spaces(tokens: Sequence[str]) -> str:
    """The reverse of ``at_white_space``."""
    return " ".join(tokens)


def join_around_marks(tokens: Sequence[str]) -> str:
    """The reverse of ``around_marks``: a space where two words meet."""
    parts: list[str] = []
    after_word = False
    for token in tokens:
        word = not _is_mark(token)
        parts += [" ", token] if word and after_word else [token]
        after_word = word
    return "".join(parts)


@lru_cache(_REMEMBERED)
def _is_mark(token: str) -> bool:
    # Asked of the library that does the cutting: Python knows other classes of
    # characters, and another version of Unicode.
    return bool(token) and not _NOTHING_BUT_A_MARK.pre_tokenize_str(token)


#: How words are told apart, by the name of the option.
CUTS: dict[str, Cut] = {"whitespace": at_white_space, "words": around_marks}
JOINS: dict[str, Join] = {
    "whitespace": join_with_spaces,
    "words": join_around_marks,
}
