"""The JSON of a tokenizer, checked before anything relies on it."""

import json
from typing import Any

from tokenizers import Tokenizer

from regard.errors import BundleError
from regard.text.pipeline import PADDING, UNKNOWN
from regard.text.special_ids import PADDING_ID, UNKNOWN_ID

# What the file of a tokenizer may say beside its words and rules: all of it would
# change ids or offsets behind our back.
_UNUSED = ("added_tokens", "truncation", "padding", "post_processor", "decoder")


def read_pipeline(content: str) -> Tokenizer:
    """Read a pipeline from JSON; data only, nothing in it is executed.

    Raises:
        BundleError: The JSON is damaged or not that of a vocabulary of words.
    """
    _check_structure(content)
    try:
        return Tokenizer.from_str(content)
    except Exception as error:  # the library raises the bare class
        raise _damaged(f"the library refuses it ({error})") from error


def _check_structure(content: str) -> None:
    try:
        stored = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _damaged(f"it is not JSON ({error})") from error
    if not isinstance(stored, dict) or not isinstance(stored.get("model"), dict):
        raise _damaged("it is not the JSON of a tokenizer")
    if extras := [name for name in _UNUSED if stored.get(name)]:
        raise _damaged(f"it has parts that are not used here: {extras}")
    if not stored.get("normalizer") or not stored.get("pre_tokenizer"):
        raise _damaged("its rules for cutting and normalising text are missing")
    if stored["model"].get("type") != "WordLevel":
        raise _damaged("its model is not a vocabulary of words")
    _check_vocabulary(stored["model"].get("vocab"))


def _check_vocabulary(vocabulary: Any) -> None:
    if not isinstance(vocabulary, dict):
        raise _damaged("it has no vocabulary")
    ids = list(vocabulary.values())
    if any(type(id_) is not int for id_ in ids) or sorted(ids) != list(range(len(ids))):
        raise _damaged("its ids are not 0, 1, 2, … each once")
    if (vocabulary.get(PADDING), vocabulary.get(UNKNOWN)) != (PADDING_ID, UNKNOWN_ID):
        raise _damaged("its first two ids are not padding and unknown")


def _damaged(problem: str) -> BundleError:
    return BundleError(f"This tokenizer cannot be read: {problem}.")
