"""Labelled texts, out of lists or a file, and the part held out for validation."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from regard._batch_source import examples_in, is_batch_source
from regard._frames import frame_column, frame_columns, is_frame, listed_values
from regard._label_values import (
    check_separator,
    is_label_set,
    plain_value,
    split_labels,
)
from regard._validate import check_share
from regard.classification.example_weights import checked_weights
from regard.data import read_examples
from regard.data.examples_summary import label_names, label_problems
from regard.data.record import check_two_columns
from regard.data.repair import mended_examples
from regard.data.streamed_file import StreamedFile
from regard.data.table import read_weights
from regard.errors import ArgumentError, DataError
from regard.text import Labels
from regard.text.labels import train_test_split
from regard.text.text_validation import checked_pairs
from regard.types import IntArray

#: Texts; or a frame, or the path of a file, with texts and labels. What frames there
#: are is found out where one comes.
LabelledSource: TypeAlias = Any
#: Texts and labels; or a frame, or the path of a file, with both.
LabelledValidation: TypeAlias = tuple[Iterable[Any], ...] | str | Path | Any


@dataclass(frozen=True)
class LabelledColumns:
    """The columns of a file that hold texts, labels and, if named, weights."""

    text: str = "text"
    label: str = "label"
    weight: str | None = None
    separator: str | None = None

    def __post_init__(self) -> None:
        check_separator(self.separator)


@dataclass(frozen=True, eq=False)
class LabelledTexts:
    """Texts and the label of each, what was mended, and how much each counts."""

    texts: list[str]
    labels: list[Any]
    changes: tuple[str, ...] = ()
    weights: Sequence[float] | None = None

    @classmethod
    def of(
        cls,
        source: Any,
        labels: Any,
        columns: LabelledColumns,
        *,
        clean: bool = False,
        known: Labels | None = None,
        weights: Any = None,
    ) -> "LabelledTexts":
        """Read texts and labels from two lists, a frame, batches, or a file.

        Args:
            source: Texts, a frame, what gives batches, or the path of a file.
            labels: The label of each text; None where a frame or a file has them.
            columns: The columns of a frame or a file.
            clean: Whether they are mended, see ``regard.data.clean_examples``.
            known: The labels that mended ones are to become.
            weights: How much each counts; None: what the column says, where one is
                named.

        Raises:
            ArgumentError: The lists do not pair up, or labels came beside a path.
            DataError: The file is damaged; the message says where.
        """
        if labels is None:
            held = [columns.text, columns.label]
            given = examples_in(source, held, ["texts", "labels"])
            if given is not None:
                source, labels, *beside = given
                weights = _only_weights(weights, beside)
        texts, answers = cls._read(source, labels, columns, lenient=clean)
        if clean and Labels.are_several(answers):
            raise not_cleaned()
        if weights is None:
            weights = _weights_in(source, labels, columns)
        if weights is not None:
            weights = checked_weights(weights, texts)
        if not clean:
            return cls(texts, answers, (), weights)
        names = None if known is None else known.names
        mended, kept = mended_examples(texts, answers, names)
        if weights is not None:
            weights = [weights[at] for at in kept]
        return cls(*mended, weights)

    @staticmethod
    def _read(
        source: Any, labels: Any, columns: LabelledColumns, *, lenient: bool = False
    ) -> tuple[list[Any], list[Any]]:
        if is_frame(source) and labels is None:
            check_two_columns("Text and label", columns.text, columns.label)
            names = {"text": columns.text, "label": columns.label}
            source, labels = frame_columns(source, names)
        labels = _listed_label_sets(labels, columns.separator)
        if not isinstance(source, str | Path):
            return checked_pairs(source, labels, lenient=lenient)
        if labels is not None:
            raise ArgumentError(
                "Labels were given beside the path of a file.",
                expected="labels in the file, or a list of texts",
                received=f"the path '{str(source)[:40]}' and labels",
            )
        return read_examples(
            source,
            text=columns.text,
            label=columns.label,
            lenient=lenient,
            label_separator=columns.separator,
        )

    def at(self, indices: IntArray) -> "LabelledTexts":
        """The examples at ``indices``."""
        chosen = indices.tolist()
        weights = self.weights
        return LabelledTexts(
            [self.texts[index] for index in chosen],
            [self.labels[index] for index in chosen],
            weights=None if weights is None else [weights[index] for index in chosen],
        )


def _only_weights(weights: Any, beside: Sequence[Any]) -> Any:
    """Those of an argument, or those that came with the texts."""
    if weights is not None and beside:
        raise ArgumentError(
            "There are two weights of each example.",
            expected="'sample_weight', or weights beside texts and labels",
            arguments=["sample_weight"],
        )
    return beside[0] if beside else weights


def not_cleaned() -> ArgumentError:
    """The error of data with several labels a text that are to be mended."""
    return ArgumentError(
        "Several labels a text cannot be mended.",
        expected="one label for each text, or data as they are",
        fix="Mend them first, and leave clean= out.",
        arguments=["clean"],
        elsewhere="Mend them first, and leave --clean out.",
    )


def _listed_label_sets(labels: Any, separator: str | None) -> Any:
    """Labels of which a text may have several as tuples, and a matrix as its rows.

    Raises:
        DataError: The matrix has something else than 0 and 1 in it.
    """
    if labels is None:
        return None
    if separator is not None:
        return [
            split_labels(each, separator, f"The label of example {index}")
            for index, each in enumerate(listed_values(labels, "labels"))
        ]
    if isinstance(labels, list | tuple):
        return [
            tuple(plain_value(each)) if is_label_set(each) else each for each in labels
        ]
    dense = labels.toarray() if hasattr(labels, "toarray") else labels
    if not isinstance(dense, np.ndarray) or dense.ndim != 2:
        return labels
    if dense.shape[1] == 1:
        # One label for each text, as scikit-learn has it.
        return dense
    if not np.isin(dense, (0, 1)).all():
        raise DataError(
            "The matrix of labels has other values than 0 and 1.",
            expected="a row for each text and a column for each label",
        )
    return list(dense.astype(np.int8))


def _weights_in(source: Any, labels: Any, columns: LabelledColumns) -> Any:
    """The weights in a column of a frame or a file; None where none is named."""
    if columns.weight is None:
        return None
    if labels is None and is_frame(source):
        return frame_column(source, "sample_weight", columns.weight)
    if isinstance(source, str | Path):
        return read_weights(source, columns.weight)
    raise ArgumentError(
        f"'sample_weight' names a column '{columns.weight:.60}', and there is no frame "
        "or file.",
        expected="a weight for each text",
        arguments=["sample_weight"],
    )


def train_validation_split(
    examples: LabelledTexts,
    labels: Labels,
    validation: LabelledValidation | None,
    *,
    share: float,
    columns: LabelledColumns,
    seed: int,
    clean: bool = False,
) -> tuple[LabelledTexts, LabelledTexts | None]:
    """The examples to train on, and those to choose the best epoch on.

    Args:
        examples: All examples for training.
        labels: Their labels.
        validation: Separate examples for the choice.
        share: Without ``validation``, the share of ``examples`` held out; 0: none.
        columns: The columns, where ``validation`` is a file.
        seed: What the split depends on.
        clean: Whether ``validation`` is mended.
    """
    mending: dict[str, Any] = {"clean": clean, "known": labels}
    if _is_whole(validation):
        return examples, LabelledTexts.of(validation, None, columns, **mending)
    if validation is not None:
        columns = replace(columns, weight=None)
        texts, answers, weights = _parts(validation)
        held_out = LabelledTexts.of(texts, answers, columns, weights=weights, **mending)
        return examples, held_out
    if check_share("validation_split", share) == 0:
        return examples, None
    targets = labels.encode(examples.labels)
    kept, held = train_test_split(targets, share, labels, seed)
    return examples.at(kept), examples.at(held)


def _is_whole(validation: Any) -> bool:
    """Whether it has texts and labels of its own, and is not two lists."""
    is_file = isinstance(validation, str | Path)
    return is_file or is_frame(validation) or is_batch_source(validation)


def _parts(validation: Any) -> tuple[Any, Any, Any]:
    """Texts, labels and weights, where there are any."""
    if len(validation) not in (2, 3):
        raise ArgumentError(
            "The validation examples are two lists.",
            expected="validation=(texts, labels), or (texts, labels, weights), a "
            "frame, or a file",
            received=f"{len(validation)} parts",
            arguments=["validation"],
        )
    texts, answers, *weights = validation
    return texts, answers, weights[0] if weights else None


def validation_of_stream(
    validation: LabelledValidation | StreamedFile | None,
    source: StreamedFile,
    columns: LabelledColumns,
) -> StreamedFile | LabelledTexts | None:
    """The examples to choose the best epoch on, beside a file that is streamed."""
    if validation is None or isinstance(validation, StreamedFile):
        return validation
    if isinstance(validation, str | Path):
        return replace(source, files=(Path(validation),))
    if _is_whole(validation):
        return LabelledTexts.of(validation, None, columns)
    texts, answers, weights = _parts(validation)
    return LabelledTexts.of(
        texts, answers, replace(columns, weight=None), weights=weights
    )


def with_weights(
    source: StreamedFile, weight: str | None, weights: Any
) -> StreamedFile:
    """A file that is streamed, with the column of its weights.

    Raises:
        ArgumentError: They are in no column of it.
    """
    if weights is not None:
        raise ArgumentError(
            "Weights were given beside a file that is streamed.",
            expected="the name of a column of the file",
            fix="Write them into the file, or hold it in memory: stream=False.",
            arguments=["sample_weight", "stream"],
        )
    return source if weight is None else replace(source, weight=weight)


def dirt(
    labels: Sequence[Any] | Mapping[str, int],
    said: str = "fit(..., clean=True) mends it.",
) -> list[str]:
    """What looks wrong in the labels of a training, in sentences with a way out.

    Args:
        labels: The label of each text; or how often each is there.
        said: The way out.
    """
    if not isinstance(labels, Mapping) and Labels.are_several(labels):
        # The columns of a matrix have no names.
        flat = [label for each in labels if type(each) is tuple for label in each]
        labels = Counter(label_names(flat))
    names = labels if isinstance(labels, Mapping) else label_names(labels)
    return [f"{each.message} {said}" for each in label_problems(names)]
