"""Where the pieces of a text stand."""

import json
import re
from collections.abc import Iterator, Sequence

import tokenizers

from regard.text.pipeline import splitter, word_pipeline
from regard.text.unicode import not_unicode

#: Start and end of each piece, the end exclusive.
Spans = list[tuple[int, int]]

_CHUNK = 1024
# What the rules of `pipeline` come to where all characters are ASCII.
_ASCII_TOKEN = re.compile(r"[A-Za-z0-9_]+(?:'[A-Za-z0-9_]+)*|[^\t\n\v\f\r ]")


class Splitter:
    """Cuts texts into the pieces that a pipeline looks up.

    A text of ASCII characters alone is cut by an expression of Python's own, in a
    third of the time, where the pipeline has the rules of this library.

    Args:
        pipeline: A tokenizer of the Hugging Face library.
    """

    def __init__(self, pipeline: tokenizers.Tokenizer) -> None:
        self._library = splitter(pipeline)
        self._has_our_rules = _rules(pipeline) == _rules(word_pipeline({}))

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
        except (TypeError, UnicodeError) as error:
            raise not_unicode(texts) from error
        for text, known in zip(texts, plain, strict=True):
            if known:
                yield [found.span() for found in _ASCII_TOKEN.finditer(text)]
            else:
                yield next(encodings).offsets

    def _is_plain(self, text: str) -> bool:
        return self._has_our_rules and isinstance(text, str) and text.isascii()


def _rules(pipeline: tokenizers.Tokenizer) -> object:
    return json.loads(pipeline.to_str())["pre_tokenizer"]
