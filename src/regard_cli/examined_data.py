"""What ``regard trust`` reads: a model, texts, marks of people, training examples."""

import json
from codecs import BOM_UTF8
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import typer

from regard_cli.models import check_options_of, column_of, load_model
from regard_cli.options import Reading

# A larger one is refused.
_LARGEST_REPORT = 64 * 2**20


class Columns(NamedTuple):
    """The columns of tables: of texts, marks and labels, or of a translator's pairs."""

    text: str | None
    gold: str | None
    label: str | None
    source: str | None
    target: str | None


class Examples(NamedTuple):
    """The examples that a model was trained on."""

    texts: list[str]
    labels: list[Any]


def is_report(path: Path) -> bool:
    """Whether a file is a saved report, whole or not, rather than texts."""
    if path.suffix != ".json" or not path.is_file():
        return False
    with path.open("rb") as file:
        # Texts are a list, or an object a line.
        if not file.read(64).removeprefix(BOM_UTF8).lstrip().startswith(b"{"):
            return False
        file.seek(0)
        content = file.read(_LARGEST_REPORT)
    with suppress(ValueError, RecursionError):
        stored = json.loads(content)
        return isinstance(stored, dict) and {"verdict", "gates"} <= set(stored)
    return False


def read_examined(
    model: Path,
    data: Path,
    training: Path | None,
    *,
    save: bool,
    columns: Columns,
    reading: Reading,
) -> tuple[Any, list[str], list[Any] | None, Examples | None]:
    """All that is read, before anything is measured: model, texts, marks, examples."""
    from regard.bundle import check_part_target  # noqa: PLC0415 - loads Keras

    trained = load_model(model)
    given = {"text": columns.text, "label": columns.label, "source": columns.source}
    check_options_of(trained, model, given)
    if save:
        check_part_target(model)
    texts, marks = _texts(data, _text_column(trained, columns), columns.gold, reading)
    examples = None
    if training is not None:
        examples = _examples(trained, training, columns, reading)
    return trained, texts, marks, examples


def _text_column(trained: Any, columns: Columns) -> str:
    held, given = (
        ("source", columns.source) if _translates(trained) else ("text", columns.text)
    )
    return column_of(trained, held, given)


def _translates(trained: Any) -> bool:
    from regard.kinds import is_of_kind  # noqa: PLC0415 - loads Keras
    from regard.translation.artifact import KIND  # noqa: PLC0415 - loads Keras

    return is_of_kind(trained, KIND)


def read_targets(
    trained: Any, data: Path, columns: Columns, reading: Reading
) -> list[str] | None:
    """The targets of a translator, where a column holds them."""
    if columns.target is None:
        return None
    if not _translates(trained):
        raise typer.BadParameter(
            "Only the pairs of a translator have targets.", param_hint="--target"
        )
    if not _is_table(data, reading):
        raise typer.BadParameter(
            "A file with a text a line has no columns.", param_hint="--target"
        )
    return _texts(data, columns.target, None, reading)[0]


def _is_table(data: Path, reading: Reading) -> bool:
    """Whether DATA has columns: all but what is called so has a text a line."""
    from regard.data.dialect import Dialect, is_table  # noqa: PLC0415 - loads Keras

    name = data.name.lower().removesuffix(".gz")
    is_plain = name.endswith(".txt") or reading["format"] == "lines"
    return not is_plain or is_table(data, Dialect(**reading))


def _texts(
    data: Path, column: str, gold: str | None, reading: Reading
) -> tuple[list[str], list[Any] | None]:
    """The texts of a table, or of a plain file with one a line, and their marks."""
    from regard._files import read_lines  # noqa: PLC0415 - loads Keras
    from regard.data import iterate_rows  # noqa: PLC0415 - loads Keras

    if _is_table(data, reading):
        if gold is not None:
            return _marked_texts(data, column, gold, reading)
        return [row[0] for row in iterate_rows(data, [column], **reading)], None
    if gold is not None:
        raise typer.BadParameter(
            "A file with a text a line has no columns.", param_hint="--gold"
        )
    return list(read_lines(data, reading["encoding"])), None


def _marked_texts(
    data: Path, column: str, gold: str, reading: Reading
) -> tuple[list[str], list[Any]]:
    from regard.data.dialect import Dialect  # noqa: PLC0415 - loads Keras
    from regard.data.formats import open_rows  # noqa: PLC0415 - loads Keras
    from regard.trust import read_marks  # noqa: PLC0415 - loads Keras

    texts, marks = [], []
    for row in open_rows(data, [column, gold], Dialect(**reading)):
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
    trained: Any, training: Path, columns: Columns, reading: Reading
) -> Examples:
    """The examples of a file with the labels of a model, and no others."""
    from regard.data import read_examples  # noqa: PLC0415 - loads Keras
    from regard.trust.repetition import check_retrainable  # noqa: PLC0415 - loads Keras

    check_retrainable(trained)
    # A file has texts for labels, also where the model was trained on numbers.
    known = {str(name): name for name in trained.labels}
    texts, names = read_examples(
        training,
        column_of(trained, "text", columns.text),
        column_of(trained, "label", columns.label),
        known_labels=known,
        **reading,
    )
    missing = sorted(set(known) - set(names))
    if missing:
        raise typer.BadParameter(
            f"{training} has no text of the label '{missing[0]}', which the model "
            "knows: it is not what it was trained on.",
            param_hint="--training",
        )
    return Examples(texts, [known[name] for name in names])
