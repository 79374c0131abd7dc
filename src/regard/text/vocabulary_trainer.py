"""Vocabularies learned from texts; the same texts always give the same one."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from tokenizers import models, trainers

from regard.errors import ArgumentError, DataError
from regard.text.codec import SPACE, UNKNOWN_SPELLING, subword_tokenizer
from regard.text.segmentation import CUTS, Cut
from regard.text.serialization import SymbolTable
from regard.text.special_ids import FIRST_ORDINARY_ID

# The library gives the characters it would have dropped the lowest score and tells
# them apart by steps of this size, in an order that changes from run to run.
_STEP = 1e-4
_DIGITS = 4


def learn_pieces(
    forms: Iterable[str], kind: str, split: str, size: int, min_frequency: int
) -> SymbolTable:
    """A vocabulary of words or characters, the most frequent ones first."""
    counts = _characters(forms) if kind == "character" else _words(forms, CUTS[split])
    frequent = [piece for piece in counts if counts[piece] >= min_frequency]
    frequent.sort(key=lambda piece: (-counts[piece], piece))
    if not frequent:
        raise _nothing(kind, min_frequency)
    return SymbolTable(kind, tuple(frequent[: size - FIRST_ORDINARY_ID]), split)


def learn_bpe(forms: Iterable[str], size: int, min_frequency: int) -> SymbolTable:
    """Byte pair encoding on characters; a pair has to be seen ``min_frequency`` times.

    References:
        Sennrich et al. (2016), Neural machine translation of rare words with subword
        units.
    """
    alphabet = _alphabet(forms, "bpe", size, min_frequency)
    trainer = trainers.BpeTrainer(
        vocab_size=size - FIRST_ORDINARY_ID,
        min_frequency=min_frequency,
        limit_alphabet=len(alphabet),
        show_progress=False,
    )
    model = _train(models.BPE(), trainer, forms)
    ids: dict[str, int] = model["vocab"]
    merges = tuple((first, second) for first, second in model["merges"])
    return SymbolTable("bpe", tuple(sorted(ids, key=ids.__getitem__)), merges=merges)


def learn_unigram(forms: Iterable[str], size: int, min_frequency: int) -> SymbolTable:
    """A unigram model of subwords, its symbols in the order of their spelling.

    References:
        Kudo (2018), Subword regularization: improving neural network translation
        models with multiple subword candidates.
    """
    alphabet = _alphabet(forms, "unigram", size, min_frequency)
    trainer = trainers.UnigramTrainer(
        vocab_size=size - FIRST_ORDINARY_ID + 1,
        special_tokens=[UNKNOWN_SPELLING],
        unk_token=UNKNOWN_SPELLING,
        show_progress=False,
    )
    model = _train(models.Unigram(), trainer, forms)
    scores = {
        piece: score for piece, score in model["vocab"] if piece != UNKNOWN_SPELLING
    }
    # Rounded, since the library sums in an order that changes from run to run.
    floor = min(scores.values())
    dropped = floor + _STEP * (len(alphabet) + 1)
    kept = {
        piece: floor if len(piece) == 1 and score <= dropped else score
        for piece, score in scores.items()
        if alphabet.issuperset(piece)
    }
    symbols = tuple(sorted(kept))
    rounded = tuple(round(kept[symbol], _DIGITS) for symbol in symbols)
    return SymbolTable("unigram", symbols, scores=rounded)


def _words(forms: Iterable[str], cut: Cut) -> Counter[str]:
    counts: Counter[str] = Counter()
    for form in forms:
        counts.update([form[start:end] for start, end in cut(form)])
    return counts


def _characters(forms: Iterable[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for form in forms:
        counts.update(form)
    return counts


def _alphabet(
    forms: Iterable[str], kind: str, size: int, min_frequency: int
) -> set[str]:
    """The characters that are frequent enough to be known."""
    counts = _characters(SPACE + form for form in forms)
    alphabet = {
        character for character, count in counts.items() if count >= min_frequency
    }
    if not any(character.strip() for character in alphabet):
        raise _nothing(kind, min_frequency)
    if size < FIRST_ORDINARY_ID + len(alphabet):
        raise ArgumentError(
            "The vocabulary has no room for the characters of the texts.",
            expected=f"a size of {FIRST_ORDINARY_ID + len(alphabet)} or more",
            received=str(size),
            fix="Raise the size, or min_frequency: rarer characters are unknown then.",
            arguments=["min_frequency"],
            elsewhere="Leave texts with rare characters out, or choose other symbols.",
        )
    return alphabet


def _train(model: models.Model, trainer: Any, forms: Iterable[str]) -> dict[str, Any]:
    tokenizer = subword_tokenizer(model)
    tokenizer.train_from_iterator((SPACE + form for form in forms), trainer)
    content: dict[str, Any] = json.loads(tokenizer.to_str())["model"]
    return content


def _nothing(kind: str, min_frequency: int) -> DataError:
    return DataError(
        f"There is no {'word' if kind == 'word' else 'character'} to learn from.",
        expected=f"texts in which one is seen at least {min_frequency} times",
    )
