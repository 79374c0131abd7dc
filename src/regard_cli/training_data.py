"""What ``regard train`` learns from: read, mended where asked, and summed up."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import typer

if TYPE_CHECKING:
    from regard.data import ExamplesSummary, PairsSummary
    from regard.data.streamed_file import StreamedFile

_CLEAN = "With --clean such rows are left out."
_MENDING = "--clean mends what can be mended of that."
#: Two lists: of texts and labels, or of sources and targets.
Columns = tuple[list[Any], ...]
#: What is learned from, as arguments of ``fit``: such lists, or what is streamed.
Examples: TypeAlias = "Columns | tuple[StreamedFile]"
HeldOut: TypeAlias = "Columns | StreamedFile | None"


def read_labelled(
    data: Path,
    validation: Path | None,
    columns: tuple[str, str],
    *,
    clean: bool,
    stream: bool | None = None,
    reading: Mapping[str, Any],
    weight: str | None = None,
    separator: str | None = None,
) -> tuple[Examples, HeldOut, list[float] | None]:
    """Texts and labels to train on and to choose the best epoch on; told in words.

    Args:
        data: The file of examples.
        validation: That of those for the choice.
        columns: The columns with the texts and with the labels.
        clean: Whether the examples are mended.
        stream: Whether they are streamed; None: where there are many.
        reading: How the files are read, as ``read_examples`` takes it.
        weight: The column that says how much an example counts.
        separator: What stands between the labels of a text that may have several.

    Returns:
        Both, and the weights of the first where they are no column of what is streamed.
    """
    if separator is not None:
        from regard.data.streamed_file import several_streamed  # noqa: PLC0415 - loads Keras

        if stream:
            raise several_streamed()
        stream = False
    streamed = _streamed([data], columns, stream, clean, reading)
    if streamed is not None:
        streamed = replace(streamed, weight=weight)
        beside = None if validation is None else replace(streamed, files=(validation,))
        return (streamed,), beside, None
    from regard.data import ExamplesSummary, read_examples  # noqa: PLC0415 - loads Keras
    from regard.data.repair import hinting, mended_examples  # noqa: PLC0415 - loads Keras

    weights = _weights(data, weight, reading)

    held_out: Columns | None = None
    said = {**reading, "lenient": clean, "label_separator": separator}
    with hinting(_CLEAN):
        examples: Columns = read_examples(data, *columns, **said)
        several = any(isinstance(each, tuple) for each in examples[1])
        if clean and several:
            from regard.classification.labelled_texts import not_cleaned  # noqa: PLC0415 - loads Keras

            raise not_cleaned()
        if clean:
            mended, kept = mended_examples(examples[0], examples[1])
            examples = mended.texts, mended.labels
            weights = None if weights is None else [weights[at] for at in kept]
            _tell_changes(data, mended.changes)
        known = set(chain.from_iterable(examples[1]) if several else examples[1])
        if validation is not None:
            held_out = read_examples(validation, *columns, known_labels=known, **said)
    if held_out is not None and validation is not None:
        counts = _weights(validation, weight, reading)
        if clean:
            mended, kept = mended_examples(held_out[0], held_out[1], known)
            held_out = mended.texts, mended.labels
            counts = None if counts is None else [counts[at] for at in kept]
            _tell_changes(validation, mended.changes)
        held_out = held_out if counts is None else (*held_out, counts)
    _tell(ExamplesSummary.of(*examples))
    return examples, held_out, weights


def _weights(
    path: Path, column: str | None, reading: Mapping[str, Any]
) -> list[float] | None:
    from regard.data.table import read_weights  # noqa: PLC0415 - loads Keras

    return None if column is None else read_weights(path, column, **reading)


def read_paired(
    data: Sequence[Path],
    validation: Sequence[Path],
    columns: tuple[str, str],
    *,
    clean: bool,
    stream: bool | None = None,
    reading: Mapping[str, Any],
) -> tuple[Examples, HeldOut]:
    """Pairs to train on and to choose the best epoch on; told in words.

    Args:
        data: The file of pairs, or those of sources and of targets.
        validation: Those of the pairs for the choice; none: there are none.
        columns: The columns with the sources and with the targets.
        clean: Whether the pairs are mended.
        stream: Whether they are streamed; None: where there are many.
        reading: How the files are read, as ``read_pairs`` takes it; the encoding is
            that of two files of texts as well.
    """
    streamed = _streamed(data, columns, stream, clean, reading)
    if streamed is not None:
        beside = replace(streamed, files=tuple(validation)) if validation else None
        return (streamed,), beside
    from regard.data import PairsSummary, clean_pairs  # noqa: PLC0415 - loads Keras
    from regard.data.parallel_texts import read_pair_files  # noqa: PLC0415 - loads Keras
    from regard.data.repair import hinting  # noqa: PLC0415 - loads Keras

    sides: list[Columns] = []
    with hinting(_CLEAN):
        for files in filter(None, (data, validation)):
            # What is said of a table is not said of two files that are none.
            is_beside = files is not data and len(files) > len(data)
            said = {"encoding": reading["encoding"]} if is_beside else reading
            pairs = read_pair_files(files, *columns, said, lenient=clean)
            if clean:
                mended = clean_pairs(*pairs)
                pairs = mended.sources, mended.targets
                _tell_changes(files[0], mended.changes)
            sides.append(pairs)
    _tell(PairsSummary.of(*sides[0]))
    return sides[0], sides[1] if len(sides) > 1 else None


def _streamed(
    files: Sequence[Path],
    columns: tuple[str, str],
    stream: bool | None,
    clean: bool,
    reading: Mapping[str, Any],
) -> "StreamedFile | None":
    """What is streamed, told in words; None where it is held in memory."""
    from regard.data.streamed_file import StreamedFile, streamed_file  # noqa: PLC0415 - loads Keras

    file = StreamedFile(tuple(files), columns, reading, _CLEAN, _MENDING)
    streamed = streamed_file(file, stream=stream, clean=clean)
    if streamed is not None:
        size = f"about {streamed.size / 1e6:,.0f} MB"
        typer.echo(f"Reading {streamed.name} from disk, {size} of text.", err=True)
    return streamed


def _tell(summary: "ExamplesSummary | PairsSummary") -> None:
    typer.echo(summary.to_text(), nl=False, err=True)
    if any(problem.is_cleaned for problem in summary.problems):
        typer.echo(_MENDING, err=True)


def _tell_changes(path: Path | None, changes: Sequence[str]) -> None:
    for change in changes:
        typer.echo(f"{path}: {change}", err=True)
