"""The rules of the library for tokenizers that are taken from others.

Each of them is known to cut a text into pieces of it, or to make of a piece one that is
little longer. Others panic on some texts, need files, or run what a user wrote.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from tokenizers import Tokenizer, models

from regard.errors import ArgumentError
from regard.text.segmentation import TOKEN

Rule: TypeAlias = Mapping[str, Any]

# How much longer all replacements together may make a text.
_MOST_GROWTH = 16
_MOST_RULES = 16


class UnknownRuleError(ValueError):
    """A rule is not among those that are taken; the text says which and why."""


def check_rules(normalizer: Any, pre_tokenizer: Any, *, trusted: bool) -> None:
    """Refuse rules that are not among those taken.

    Args:
        normalizer: How a piece is normalised, as plain values.
        pre_tokenizer: Where a text is cut, as plain values.
        trusted: Whether regular expressions may be any; those of a file have to be
            this library's, since one can take for ever.

    Raises:
        UnknownRuleError: One is not.
    """
    growth = 1.0
    for rule in _flat(normalizer, "normalizers"):
        _check_known(rule, _NORMALIZERS, "normaliser")
        if rule["type"] == "Replace":
            pattern, kind = _pattern(rule, trusted=trusted)
            content = rule.get("content")
            if not isinstance(content, str):
                raise UnknownRuleError("a replacement is no text")
            added = len(content.encode()) / len(pattern.encode())
            growth *= max(1, added if kind == "String" else 1 + len(content))
    if growth > _MOST_GROWTH:
        raise UnknownRuleError(
            f"its replacements make a text more than {_MOST_GROWTH} times as long"
        )
    for rule in _flat(pre_tokenizer, "pretokenizers"):
        _check_known(rule, _CUTS, "way to cut a text")
        if rule["type"] == "Split":
            _pattern(rule, trusted=trusted)


def check_pipeline(pipeline: Tokenizer) -> None:
    """Refuse a tokenizer whose rules are not among those taken.

    Raises:
        ArgumentError: They are not.
    """
    try:
        if not isinstance(pipeline.model, models.WordLevel):
            raise UnknownRuleError("its model is not a vocabulary of words")
        extras = (pipeline.truncation, pipeline.padding)
        more = (pipeline.post_processor, pipeline.decoder)
        if any(each is not None for each in (*extras, *more)):
            raise UnknownRuleError("it cuts, fills or decodes what it read")
        rules = (_plain(pipeline.normalizer), _plain(pipeline.pre_tokenizer))
        check_rules(*rules, trusted=True)
    except UnknownRuleError as error:
        raise ArgumentError(
            f"This tokenizer is not taken: {error}.",
            expected=f"normalisers of {', '.join(_NORMALIZERS)}, and cuts of "
            f"{', '.join(_CUTS)}",
        ) from error


def _plain(component: Any) -> Any:
    try:
        return None if component is None else json.loads(component.__getstate__())
    except Exception as error:  # the library raises the bare class
        raise UnknownRuleError("a rule is a program of its own") from error


def _flat(rule: Any, members: str) -> list[Rule]:
    """The rules one after the other."""
    if not isinstance(rule, dict):
        raise UnknownRuleError("its rules for cutting and normalising text are missing")
    rules = rule.get(members) if rule.get("type") == "Sequence" else [rule]
    if not isinstance(rules, list) or len(rules) > _MOST_RULES:
        raise UnknownRuleError(f"it has more than {_MOST_RULES} rules, or none")
    return rules


def _check_known(
    rule: Any, known: Mapping[str, Callable[[Rule], bool]], what: str
) -> None:
    name = rule.get("type") if isinstance(rule, dict) else None
    if not isinstance(name, str) or name not in known:
        raise UnknownRuleError(f"{str(name)[:40]!r} is no {what} that is taken")
    if not known[name](rule):
        raise UnknownRuleError(f"its {what} {name!r} has settings that are not taken")


def _pattern(rule: Rule, *, trusted: bool) -> tuple[str, str]:
    """What a rule looks for, and whether that is a ``String`` or a ``Regex``."""
    stored = rule.get("pattern")
    if not isinstance(stored, dict) or len(stored) != 1:
        raise UnknownRuleError("what a rule looks for is missing")
    ((kind, pattern),) = stored.items()
    if kind not in {"String", "Regex"} or not isinstance(pattern, str) or not pattern:
        raise UnknownRuleError("what a rule looks for is missing")
    if kind == "Regex" and not trusted and pattern != TOKEN:
        raise UnknownRuleError("its regular expression is not one of this library")
    return pattern, kind


def _any(_: Rule) -> bool:
    return True


def _has_length(rule: Rule) -> bool:
    length = rule.get("length")
    return type(length) is int and length > 0


# Normalisers by name, and what is asked of their settings beside what the library does.
_NORMALIZERS: Mapping[str, Callable[[Rule], bool]] = {
    "BertNormalizer": _any,
    "Lowercase": _any,
    "NFC": _any,
    "NFD": _any,
    "NFKC": _any,
    "NFKD": _any,
    "Nmt": _any,
    "Replace": _any,
    "Strip": _any,
    "StripAccents": _any,
}
# Ways to cut a text that leave it as it is.
_CUTS: Mapping[str, Callable[[Rule], bool]] = {
    "BertPreTokenizer": _any,
    "CharDelimiterSplit": _any,
    "Digits": _any,
    "FixedLength": _has_length,
    "Punctuation": _any,
    "Split": _any,
    "UnicodeScripts": _any,
    "Whitespace": _any,
    "WhitespaceSplit": _any,
}
