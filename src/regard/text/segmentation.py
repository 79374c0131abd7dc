"""Where texts are cut into words, and what makes two words the same.

``word_pipeline`` is for classifiers, whose tokens are looked at; ``CUTS`` are for
models of sequences, whose tokens are joined again. The pipeline cuts a text as it came
into

- words: letters, combining marks, digits and underscores, joined across an inner
  apostrophe (``don't``) or an inner joiner (Persian, Indic scripts);
- single characters of scripts that write no spaces between words (Chinese, Japanese,
  Thai, Lao, Khmer, Burmese), each with its marks;
- anything else that is not white space, one user-perceived character at a time, so
  that a family emoji, a flag or an emoji with a skin tone is one token.

Only then each piece is normalised (NFKC, lower case, one kind of apostrophe). In the
other order, which is the library's own, one character can end in several words that
share its offsets: "½" is three words, and "¼0" loses its zero.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import TypeAlias

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from regard.errors import DataError
from regard.text.text_validation import not_unicode

#: How the pipeline spells the special ids.
PADDING_WORD = "[PAD]"
UNKNOWN_WORD = "[UNK]"
#: Start and end of each piece, the end exclusive.
Spans: TypeAlias = list[tuple[int, int]]
Cut: TypeAlias = Callable[[str], Spans]
Join: TypeAlias = Callable[[Sequence[str]], str]

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_WORD = rf"[[\p{{L}}\p{{M}}\p{{N}}_]&&[^{_UNSPACED}]]+"
_JOINERS = r"['\u2019\u200c\u200d]"
#: What is one token, for the library.
TOKEN = rf"[{_UNSPACED}]\p{{M}}*|{_WORD}(?:{_JOINERS}{_WORD})*|(?!\s)\X"
# What the rules of the pipeline come to where all characters are ASCII.
_ASCII_TOKEN = re.compile(r"[A-Za-z0-9_]+(?:'[A-Za-z0-9_]+)*|[^\t\n\v\f\r ]")

# ASCII white space alone: in tokenised corpora a no-break space can be a token.
_BETWEEN_SPACES = re.compile(r"[^ \t\n\r\f\v]+")
_PIECE = re.compile(r" ?\S+|\s")
_MARK = r"\s?[^\w\s]\s?"
_WORDS_AND_MARKS = pre_tokenizers.Split(
    Regex(rf"\w+|{_MARK}"), behavior="removed", invert=True
)
_NOTHING_BUT_A_MARK = pre_tokenizers.Split(Regex(rf"\A{_MARK}\z"), behavior="removed")

# One character of Unicode is 18 in its compatibility form.
_GROWTH = 64
_CHUNK = 1024
_REMEMBERED = 1 << 15


class Splitter:
    """Cuts texts into the pieces that a pipeline looks up.

    A text of ASCII characters alone is cut by an expression of Python's own, in a
    third of the time, where the pipeline has the rules of this library.

    Args:
        pipeline: A tokenizer of the Hugging Face library.
    """

    def __init__(self, pipeline: Tokenizer) -> None:
        self._library = splitter(pipeline)
        self._has_our_rules = _cuts(pipeline) == _cuts(word_pipeline({}))

    def split(self, texts: Sequence[str]) -> Iterator[Spans]:
        """The spans of each text.

        Raises:
            DataError: A text is not valid Unicode (it holds half a surrogate pair).
        """
        for start in range(0, len(texts), _CHUNK):
            yield from self._chunk(texts[start : start + _CHUNK])

    def _chunk(self, texts: Sequence[str]) -> Iterator[Spans]:
        plain = [self._is_plain(text) for text in texts]
        others = [text for text, known in zip(texts, plain, strict=True) if not known]
        try:
            encodings = iter(self._library.encode_batch(others) if others else ())
        except BaseException as error:
            if isinstance(error, TypeError | UnicodeError):
                raise not_unicode(texts) from error
            if is_panic(error):
                raise _fails(error) from error
            raise
        for text, known in zip(texts, plain, strict=True):
            if known:
                yield [match.span() for match in _ASCII_TOKEN.finditer(text)]
            else:
                yield next(encodings).offsets

    def _is_plain(self, text: str) -> bool:
        return self._has_our_rules and isinstance(text, str) and text.isascii()


def word_pipeline(vocabulary: dict[str, int]) -> Tokenizer:
    """The rules and ``vocabulary`` as a tokenizer of the Hugging Face library.

    It has no added tokens on purpose: those are looked for in the raw text, and a text
    that spells ``[PAD]`` would then hold padding.
    """
    pipeline = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN_WORD))
    pipeline.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Lowercase(),
            normalizers.Replace("\u2019", "'"),
        ]
    )
    pipeline.pre_tokenizer = pre_tokenizers.Split(
        Regex(TOKEN), behavior="removed", invert=True
    )
    return pipeline


def splitter(pipeline: Tokenizer) -> Tokenizer:
    """The splitting of ``pipeline`` alone: each piece of raw text is one token."""
    alone = Tokenizer(models.WordLevel({UNKNOWN_WORD: 0}, unk_token=UNKNOWN_WORD))
    alone.pre_tokenizer = pipeline.pre_tokenizer
    return alone


def at_white_space(text: str) -> Spans:
    """Everything between ASCII white space, as it is."""
    return [match.span() for match in _BETWEEN_SPACES.finditer(text)]


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


#: How words are told apart, by the name of the option.
CUTS: dict[str, Cut] = {"whitespace": at_white_space, "words": around_marks}
JOINS: dict[str, Join] = {
    "whitespace": join_with_spaces,
    "words": join_around_marks,
}


@lru_cache(_REMEMBERED)
def _is_mark(token: str) -> bool:
    # Asked of the library that does the cutting: Python knows other classes of
    # characters, and another version of Unicode.
    return bool(token) and not _NOTHING_BUT_A_MARK.pre_tokenize_str(token)


def is_panic(error: BaseException) -> bool:
    """Whether the library for tokenizers gave up; no ``except Exception`` sees that."""
    return type(error).__name__ == "PanicException"


def normalised(pipeline: Tokenizer, piece: str) -> str:
    """The word that a piece of text is looked up as.

    Raises:
        DataError: The rules make it far longer than it was, or fail.
    """
    try:
        word = str(pipeline.normalizer.normalize_str(piece))
    except BaseException as error:
        if is_panic(error):
            raise _fails(error) from error
        raise
    if len(word) > _GROWTH * len(piece):
        raise DataError(
            f"The rules of the tokenizer make {len(word)} characters of {len(piece)}.",
            expected=f"at most {_GROWTH} times as many",
        )
    return word


def _fails(error: BaseException) -> DataError:
    return DataError(f"The rules of the tokenizer fail on a text ({error}).")


def has_our_rules(pipeline: Tokenizer) -> bool:
    """Whether a pipeline cuts and normalises as ``word_pipeline`` does."""
    ours = word_pipeline({})
    rules = json.loads(ours.normalizer.__getstate__())
    if pipeline.normalizer is None or _cuts(pipeline) != _cuts(ours):
        return False
    return bool(json.loads(pipeline.normalizer.__getstate__()) == rules)


def _cuts(pipeline: Tokenizer) -> object:
    return json.loads(pipeline.pre_tokenizer.__getstate__())
