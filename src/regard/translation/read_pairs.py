"""The pairs of a training as a model reads them, out of lists or from disk."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from regard._validate import check_share
from regard.data.streamed_file import StreamedFile, changed
from regard.errors import DataError
from regard.text import SequenceVocabulary
from regard.text.id_file import IdFile, IdFileWriter
from regard.text.vocabulary import TextStream
from regard.training.checkpoint import digest
from regard.training.example_cache import example_cache
from regard.translation.config import TranslatorConfig
from regard.translation.pair_batches import EncodedPairs
from regard.translation.text_pairs import TextPairs, check_choose_by
from regard.types import IntArray

_SIDES = ("sources", "targets")
_TRAIN, _HELD_OUT, _TEXTS = "train", "validation", "validation.jsonl"
# So many pairs are read at once.
_AT_ONCE = 1 << 12


@dataclass(frozen=True, eq=False)
class ReadPairs:
    """What a translator is trained on, and what it reads and writes it with.

    Args:
        source: The symbols of sources.
        target: Those of targets.
        train: The pairs to train on.
        held_out: The pairs to choose the best epoch on; None: there are none.
        held_texts: The same as texts.
    """

    source: SequenceVocabulary
    target: SequenceVocabulary
    train: EncodedPairs
    held_out: EncodedPairs | None
    held_texts: TextPairs | None


def read_pairs(
    train: TextPairs, held_out: TextPairs | None, config: TranslatorConfig
) -> ReadPairs:
    """Learn the vocabularies of pairs in memory, and read them.

    Raises:
        DataError: No pair is short enough, or there is nothing to learn.
    """
    source = learned_vocabulary(train.sources, config.source_vocabulary, config)
    target = learned_vocabulary(train.targets, config.target_vocabulary, config)
    read = [
        None if pairs is None else encoded_pairs(pairs, source, target, config)
        for pairs in (train, held_out)
    ]
    of_train, beside = read
    assert of_train is not None  # noqa: S101 - for the checker of types
    return ReadPairs(source, target, of_train, beside, held_out)


@contextmanager
def pairs_on_disk(
    file: StreamedFile,
    validation: StreamedFile | TextPairs | None,
    *,
    share: float,
    choose_by: str,
    config: TranslatorConfig,
    seed: int,
    checkpoint: Path | None,
) -> Iterator[ReadPairs]:
    """As ``read_pairs``, of files that are never held in memory; in the end the same.

    The texts of the pairs that choose the best epoch are held.

    Args:
        file: The pairs to train on.
        validation: Separate pairs to choose the best epoch on.
        share: Without them, the share of the file held out; 0: none.
        choose_by: What tells the best epoch.
        config: The settings.
        seed: What the split depends on.
        checkpoint: The file beside which what is read is stored; None: it is removed
            after the block.

    Raises:
        ArgumentError: There is nothing to choose the best epoch on.
        DataError: A file is damaged, no pair is short enough, or there is nothing to
            learn.
    """
    check_share("validation_split", share)
    facts = {
        **file.facts(),
        "validation": _facts_of(validation),
        "share": None if validation is not None else share,
        "seed": seed,
        "settings": config.to_dict(),
    }

    def build(folder: Path) -> Mapping[str, Any]:
        count = sum(1 for _ in file.pairs())
        held = np.zeros(count, np.bool_)
        if validation is None:
            order = np.random.default_rng(seed).permutation(count)
            held[order[: round(share * count)]] = True
        texts: TextPairs | None = None
        if isinstance(validation, StreamedFile):
            texts = _text_pairs(validation.pairs())
        elif validation is not None:
            texts = validation
        elif held.any():
            texts = _text_pairs(_some(file, held))
        check_choose_by(choose_by, texts)
        _write(folder, file, ~held, texts, config)
        return {}

    def load(folder: Path, _: Mapping[str, Any], name: str) -> ReadPairs:
        source, target = (
            SequenceVocabulary.from_json((folder / f"{side}.json").read_text("utf-8"))
            for side in _SIDES
        )
        texts = folder / _TEXTS
        has_held = texts.exists()
        return ReadPairs(
            source,
            target,
            _stored(folder, _TRAIN, name),
            _stored(folder, _HELD_OUT, name) if has_held else None,
            _stored_texts(texts) if has_held else None,
        )

    with example_cache(checkpoint, facts, build, load) as read:
        check_choose_by(choose_by, read.held_texts)
        yield read


def learned_vocabulary(
    texts: Sequence[str] | TextStream, kind: str, config: TranslatorConfig
) -> SequenceVocabulary:
    """The symbols of one side.

    Raises:
        ArgumentError: There is no room for the characters.
        DataError: There is nothing to learn.
    """
    return SequenceVocabulary.train(
        texts,
        kind,  # type: ignore[arg-type]  # checked by the configuration
        size=config.max_vocabulary,
        min_frequency=config.min_frequency if kind in {"word", "character"} else 1,
        split=config.split,  # type: ignore[arg-type]  # likewise
        lowercase=config.lowercase,
    )


def encoded_pairs(
    pairs: TextPairs,
    source: SequenceVocabulary,
    target: SequenceVocabulary,
    config: TranslatorConfig,
) -> EncodedPairs:
    """As ids, without pairs that are too long or empty on a side.

    Raises:
        DataError: None is left.
    """
    sides = _kept(pairs.sources, pairs.targets, source, target, config)
    if not sides[0]:
        raise _none_kept(config, len(pairs))
    return EncodedPairs(*sides)


def _kept(
    sources: Sequence[str],
    targets: Sequence[str],
    source: SequenceVocabulary,
    target: SequenceVocabulary,
    config: TranslatorConfig,
) -> tuple[list[IntArray], list[IntArray]]:
    left = [encoded.ids for encoded in source.encode(sources)]
    right = [encoded.ids for encoded in target.encode(targets)]
    limit = config.max_length
    kept = [
        index
        for index, sides in enumerate(zip(left, right, strict=True))
        if all(0 < len(ids) <= limit for ids in sides)
    ]
    return [left[index] for index in kept], [right[index] for index in kept]


def _none_kept(config: TranslatorConfig, count: int) -> DataError:
    return DataError(
        "No pair can be trained on.",
        expected=f"texts of 1 to {config.max_length} symbols on both sides",
        received=f"{count} pairs, all of them empty or longer",
        fix="Raise max_length, or choose larger symbols.",
        arguments=["max_length", "vocabulary"],
        elsewhere="Shorten the texts, or choose larger symbols: 'vocabulary'.",
    )


# On disk


def _facts_of(validation: StreamedFile | TextPairs | None) -> Any:
    if isinstance(validation, StreamedFile):
        return validation.facts()
    if validation is None:
        return None
    texts = [*validation.sources, *validation.targets]
    return digest(np.frombuffer(text.encode(), np.uint8) for text in texts)


def _some(file: StreamedFile, wanted: Any) -> Iterator[tuple[str, str]]:
    """The pairs of a file that are wanted."""
    count = 0
    for pair in file.pairs():
        if count == len(wanted):
            raise changed(file.name)
        if wanted[count]:
            yield pair
        count += 1
    if count != len(wanted):
        raise changed(file.name)


def _write(
    folder: Path,
    file: StreamedFile,
    wanted: Any,
    held_texts: TextPairs | None,
    config: TranslatorConfig,
) -> None:
    """Learn the vocabularies, and store what is read of pairs."""

    def side(number: int) -> Callable[[], Iterator[str]]:
        return lambda: (pair[number] for pair in _some(file, wanted))

    kinds = (config.source_vocabulary, config.target_vocabulary)
    vocabularies = [
        learned_vocabulary(TextStream(side(number)), kind, config)
        for number, kind in enumerate(kinds)
    ]
    for name, vocabulary in zip(_SIDES, vocabularies, strict=True):
        (folder / f"{name}.json").write_text(vocabulary.to_json(), "utf-8")
    _store(folder, _TRAIN, _some(file, wanted), vocabularies, config)
    if held_texts is None:
        return
    pairs = list(zip(held_texts.sources, held_texts.targets, strict=True))
    _store(folder, _HELD_OUT, iter(pairs), vocabularies, config)
    lines = [json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs]
    (folder / _TEXTS).write_text("".join(lines), "utf-8")


def _store(
    folder: Path,
    part: str,
    pairs: Iterator[tuple[str, str]],
    sides: Sequence[SequenceVocabulary],
    config: TranslatorConfig,
) -> None:
    source, target = sides
    count = kept = 0
    places = [_place(folder, part, side) for side in _SIDES]
    with IdFileWriter(places[0]) as left, IdFileWriter(places[1]) as right:
        while some := list(islice(pairs, _AT_ONCE)):
            texts = _text_pairs(some)
            read = _kept(texts.sources, texts.targets, source, target, config)
            count, kept = count + len(some), kept + len(read[0])
            for writer, ids in zip((left, right), read, strict=True):
                if ids:
                    lengths = np.asarray(list(map(len, ids)), np.int64)
                    writer.add(np.concatenate(ids), lengths)
    if not kept:
        raise _none_kept(config, count)


def _place(folder: Path, part: str, side: str) -> Path:
    return folder / f"{part}-{side}.arrow"


def _stored(folder: Path, part: str, name: str) -> EncodedPairs:
    sides = [IdFile(_place(folder, part, side), f"{name} {part}") for side in _SIDES]
    if len(sides[0]) != len(sides[1]):
        raise ValueError("there are not as many sources as targets")
    return EncodedPairs(*sides)


def _stored_texts(path: Path) -> TextPairs:
    with path.open(encoding="utf-8") as lines:
        return _text_pairs(json.loads(line) for line in lines)


def _text_pairs(pairs: Iterable[Sequence[str]]) -> TextPairs:
    texts = TextPairs([], [])
    for source, target in pairs:
        texts.sources.append(source)
        texts.targets.append(target)
    return texts
