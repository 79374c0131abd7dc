"""Pairs of texts, out of lists or a file, and the part held out for validation."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from regard._batch_source import examples_in, is_batch_source
from regard._frames import (
    check_one_order,
    frame_columns,
    is_frame,
    listed_values,
)
from regard._label_values import is_missing, plain_value
from regard._validate import check_choice, check_same_length, check_share
from regard.data import clean_pairs, read_pairs, read_parallel
from regard.data.record import check_two_columns
from regard.data.streamed_file import StreamedFile
from regard.errors import ArgumentError, DataError

#: Sources; or a frame, or the path of a file, with sources and targets. What frames
#: there are is found out where one comes.
PairSource: TypeAlias = Any
#: Sources and targets; or a frame, or the path of a file, with both.
PairValidation: TypeAlias = tuple[Iterable[str], Iterable[str]] | str | Path | Any


@dataclass(frozen=True)
class PairColumns:
    """The columns of a file that hold sources and targets."""

    source: str = "source"
    target: str = "target"


@dataclass(frozen=True, eq=False)
class TextPairs:
    """Sources and the target of each, and what was mended, in sentences."""

    sources: list[str]
    targets: list[str]
    changes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, sources: Any, targets: Any, columns: PairColumns, *, clean: bool = False
    ) -> "TextPairs":
        """Read pairs from two lists, from two parallel files, or from one file.

        Args:
            sources: Texts; or the path of a file: of pairs, or of sources alone.
            targets: Texts; or the path of a file of targets alone; or None.
            columns: Where sources and targets stand in a file of pairs.
            clean: Whether they are mended, see ``regard.data.clean_pairs``.

        Raises:
            ArgumentError: The lists do not pair up.
            DataError: A file is damaged; the message says where.
        """
        if clean:
            return cls(*clean_pairs(*_read(sources, targets, columns, lenient=True)))
        return cls(*_read(sources, targets, columns))

    @classmethod
    def of_lists(cls, sources: Any, targets: Any) -> "TextPairs":
        """Check that two lists of texts pair up.

        Raises:
            ArgumentError: They do not.
            DataError: They are empty.
        """
        return cls(*_checked(sources, targets))

    def __len__(self) -> int:
        return len(self.sources)

    def at(self, indices: Sequence[int]) -> "TextPairs":
        """The pairs at ``indices``."""
        return TextPairs(
            [self.sources[index] for index in indices],
            [self.targets[index] for index in indices],
        )


def train_validation_split(
    pairs: TextPairs,
    validation: PairValidation | None,
    *,
    share: float,
    columns: PairColumns,
    seed: int,
    clean: bool = False,
) -> tuple[TextPairs, TextPairs | None]:
    """The pairs to train on, and those to choose the best epoch on.

    Args:
        pairs: All pairs for training.
        validation: Separate pairs for the choice.
        share: Without ``validation``, the share of ``pairs`` held out; 0: none.
        columns: The columns, where ``validation`` is a file.
        seed: What the split depends on.
        clean: Whether ``validation`` is mended.
    """
    if _is_whole(validation):
        return pairs, TextPairs.of(validation, None, columns, clean=clean)
    if validation is not None:
        return pairs, TextPairs.of(*_two_parts(validation), columns, clean=clean)
    held = round(check_share("validation_split", share) * len(pairs))
    if not held:
        return pairs, None
    order = np.random.default_rng(seed).permutation(len(pairs)).tolist()
    return pairs.at(sorted(order[held:])), pairs.at(sorted(order[:held]))


def validation_of_stream(
    validation: PairValidation | StreamedFile | None,
    file: StreamedFile,
    columns: PairColumns,
) -> StreamedFile | TextPairs | None:
    """The pairs to choose the best epoch on, beside files that are streamed."""
    if validation is None or isinstance(validation, StreamedFile):
        return validation
    if isinstance(validation, str | Path):
        return replace(file, files=(Path(validation),))
    if _is_whole(validation):
        return TextPairs.of(validation, None, columns)
    return TextPairs.of(*_two_parts(validation), columns)


def _is_whole(validation: Any) -> bool:
    """Whether it has sources and targets of its own, and is not two lists."""
    is_file = isinstance(validation, str | Path)
    return is_file or is_frame(validation) or is_batch_source(validation)


def _two_parts(validation: Any) -> tuple[Any, Any]:
    if len(validation) != 2:
        raise ArgumentError(
            "The validation pairs are two lists.",
            expected="validation=(sources, targets), a frame, or a file",
            received=f"{len(validation)} parts",
            arguments=["validation"],
        )
    sources, targets = validation
    return sources, targets


def check_choose_by(choose_by: str, held_out: TextPairs | None) -> None:
    """Refuse a choice of the best epoch that is unknown, or has nothing to go by.

    Raises:
        ArgumentError: It is as above.
    """
    problem = "The best epoch is told by the loss or by BLEU."
    check_choice("choose_by", choose_by, ("loss", "bleu"), problem=problem)
    if choose_by == "bleu" and held_out is None:
        raise ArgumentError(
            "The best epoch cannot be chosen by BLEU without validation pairs.",
            fix="Give validation=..., or a larger validation_split.",
            arguments=["validation", "validation_split"],
            elsewhere="Give more pairs, or others to choose by: 'validation'.",
        )


def _read(
    sources: Any, targets: Any, columns: PairColumns, *, lenient: bool = False
) -> tuple[list[str], list[str]]:
    if is_frame(sources) and targets is None:
        check_two_columns("Source and target", columns.source, columns.target)
        names = {"source": columns.source, "target": columns.target}
        sources, targets = frame_columns(sources, names)
    elif targets is None:
        names = {"sources": columns.source, "targets": columns.target}
        given = examples_in(sources, list(names.values()), list(names))
        if given is not None:
            sources, targets, *beside = given
            if beside:
                raise ArgumentError(
                    "Pairs have no weights.", expected="a source and a target each"
                )
    is_path = isinstance(sources, str | Path)
    if is_path and targets is None:
        return read_pairs(sources, columns.source, columns.target, lenient=lenient)
    if is_path and isinstance(targets, str | Path):
        return read_parallel(sources, targets, lenient=lenient)
    return _checked(sources, targets, lenient=lenient)


def _checked(
    sources: Any, targets: Any, *, lenient: bool = False
) -> tuple[list[str], list[str]]:
    if not (_is_list(sources) and _is_list(targets)):
        raise ArgumentError(
            "Pairs are two lists of texts, or one frame, or one file, or two.",
            expected="sources and targets of the same kind",
            received=f"{type(sources).__name__} and {type(targets).__name__}",
        )
    check_one_order({"sources": sources, "targets": targets})
    sources, targets = (
        listed_values(sources, "sources"),
        listed_values(targets, "targets"),
    )
    check_same_length({"sources": sources, "targets": targets})
    if not sources:
        raise DataError("There is no pair.", expected="at least one")
    for side, texts in (("source", sources), ("target", targets)):
        for index, text in enumerate(texts):
            if not isinstance(text, str):
                if lenient and is_missing(plain_value(text)):
                    continue
                raise ArgumentError(
                    f"The {side} of pair {index} is no text.",
                    expected="a string",
                    received=type(text).__name__,
                )
    return sources, targets


def _is_list(side: Any) -> bool:
    return isinstance(side, Iterable) and not isinstance(side, str)
