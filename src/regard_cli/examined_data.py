"""What ``regard trust`` reads: a model, texts, marks of people, training examples."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import typer

from regard_cli.models import load_model


class Columns(NamedTuple):
    """The columns of tables: of texts, marks and labels, or of a translator's pairs."""

    text: str
    gold: str | None
    label: str
    source: str
    target: str | None


class Examples(NamedTuple):
    """The examples that a model was trained on."""

    texts: list[str]
    labels: list[Any]


def read_examined(
    model: Path,
    data: Path,
    training: Path | None,
    *,
    save: bool,
    columns: Columns,
    encoding: str,
) -> tuple[Any, list[str], list[Any] | None, Examples | None]:
    """All that is read, before anything is measured: model, texts, marks, examples."""
    from regard.bundle import check_part_target  # noqa: PLC0415 - loads Keras

    trained = load_model(model)
    if save:
        check_part_target(model)
    column = columns.source if _translates(trained) else columns.text
    texts, marks = _texts(data, column, columns.gold, encoding)
    examples = None
    if training is not None:
        examples = _examples(trained, training, columns.text, columns.label, encoding)
    return trained, texts, marks, examples


def _translates(trained: Any) -> bool:
    from regard.kinds import is_of_kind  # noqa: PLC0415 - loads Keras
    from regard.translation.artifact import KIND  # noqa: PLC0415 - loads Keras

    return is_of_kind(trained, KIND)


def read_targets(
    trained: Any, data: Path, columns: Columns, encoding: str
) -> list[str] | None:
    """The targets of a translator, where a column holds them."""
    if columns.target is None:
        return None
    if not _translates(trained):
        raise typer.BadParameter(
            "Only the pairs of a translator have targets.", param_hint="--target"
        )
    if data.name.lower().removesuffix(".gz").endswith(".txt"):
        raise typer.BadParameter(
            "A file with a text a line has no columns.", param_hint="--target"
        )
    return _texts(data, columns.target, None, encoding)[0]


def _texts(
    data: Path, column: str, gold: str | None, encoding: str
) -> tuple[list[str], list[Any] | None]:
    """The texts of a table, or of a plain file with one a line, and their marks."""
    from regard.data import iterate_lines, iterate_rows, open_binary  # noqa: PLC0415 - loads Keras

    name = data.name.lower().removesuffix(".gz")
    if not name.endswith(".txt"):
        if gold is not None:
            return _marked_texts(data, column, gold, encoding)
        return [row[0] for row in iterate_rows(data, [column], encoding=encoding)], None
    if gold is not None:
        raise typer.BadParameter(
            "A file with a text a line has no columns.", param_hint="--gold"
        )
    if encoding.lower().replace("-", "").replace("_", "") != "utf8":
        raise typer.BadParameter(
            "A file with a text a line is read as UTF-8. Save it so, or as a table.",
            param_hint="--encoding",
        )
    with open_binary(data) as file:
        return list(iterate_lines(file, str(data))), None


def _marked_texts(
    data: Path, column: str, gold: str, encoding: str
) -> tuple[list[str], list[Any]]:
    from regard.data.dialect import Dialect  # noqa: PLC0415 - loads Keras
    from regard.data.formats import open_rows  # noqa: PLC0415 - loads Keras
    from regard.trust import read_marks  # noqa: PLC0415 - loads Keras

    texts, marks = [], []
    for row in open_rows(data, [column, gold], Dialect(encoding=encoding)):
        text, stored = row.text(0, column), row.values[1]
        if isinstance(stored, str):
            # What is no JSON is no marks: that is said with what is expected.
            with suppress(ValueError, RecursionError):
                stored = json.loads(stored) if stored.strip() else None
        texts.append(text)
        marks.append(read_marks(stored, text, f"{row.place}, column '{gold}'"))
    if not any(marks):
        raise typer.BadParameter(
            f"In none of the texts of {data} a word is marked.", param_hint="--gold"
        )
    return texts, marks


def _examples(
    trained: Any, training: Path, text: str, label: str, encoding: str
) -> Examples:
    """The examples of a file with the labels of a model, and no others."""
    from regard.data import read_examples  # noqa: PLC0415 - loads Keras
    from regard.trust.repetition import check_retrainable  # noqa: PLC0415 - loads Keras

    check_retrainable(trained)
    # A file has texts for labels, also where the model was trained on numbers.
    known = {str(name): name for name in trained.labels}
    texts, names = read_examples(
        training, text, label, encoding=encoding, known_labels=known
    )
    missing = sorted(set(known) - set(names))
    if missing:
        raise typer.BadParameter(
            f"{training} has no text of the label '{missing[0]}', which the model "
            "knows: it is not what it was trained on.",
            param_hint="--training",
        )
    return Examples(texts, [known[name] for name in names])
