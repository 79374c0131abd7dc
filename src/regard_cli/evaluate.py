"""``regard evaluate``: how good a trained model is on data with the right answers."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from regard_cli.backend import prepare
from regard_cli.metrics import metrics_table, translation_table

if TYPE_CHECKING:
    from regard import TextClassifier


def evaluate(
    *,
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="The trained model.")
    ],
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="CSV, TSV, JSON lines or Parquet; or a text file of sources.",
        ),
    ],
    targets: Annotated[
        Path | None,
        typer.Argument(
            metavar="[TARGETS]", help="For a translator: a text file of targets."
        ),
    ] = None,
    text: Annotated[str, typer.Option(help="The column with the texts.")] = "text",
    label: Annotated[str, typer.Option(help="The column with the labels.")] = "label",
    source: Annotated[
        str, typer.Option(help="The column with the sources.")
    ] = "source",
    target: Annotated[
        str, typer.Option(help="The column with the targets.")
    ] = "target",
    beam: Annotated[
        int, typer.Option(min=1, help="How many hypotheses are followed.")
    ] = 5,
    tokenize: Annotated[
        str, typer.Option(help="How BLEU cuts words: 13a, intl, char, zh or none.")
    ] = "13a",
    alignments: Annotated[
        Path | None,
        typer.Option(help="Gold alignments, a line a pair, in Pharaoh's format."),
    ] = None,
    encoding: Annotated[str, typer.Option(help="The encoding of DATA.")] = "utf-8",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure a trained model on data with the right answers."""
    prepare()
    import regard  # noqa: PLC0415 - loads Keras

    model = regard.load(bundle)
    if isinstance(model, regard.Translator):
        given: list[Any] = [data] if targets is None else [data, targets]
        found: Any = model.evaluate(
            *given,
            source=source,
            target=target,
            beam=beam,
            tokenize=tokenize,
            alignments=None if alignments is None else _gold(alignments, encoding),
        )
        table: Any = translation_table
    else:
        found = _labelled(model, data, text, label, encoding)
        table = metrics_table
    if as_json:
        typer.echo(json.dumps(found.to_dict(), ensure_ascii=False))
    else:
        typer.echo(table(found), nl=False)


def _labelled(
    classifier: "TextClassifier", data: Path, text: str, label: str, encoding: str
) -> Any:
    from regard.data import read_examples  # noqa: PLC0415 - loads Keras

    # A file has texts for labels, also where the model was trained on numbers.
    known = {str(one): one for one in classifier.labels}
    texts, names = read_examples(
        data, text, label, encoding=encoding, known_labels=known
    )
    return classifier.evaluate(texts, [known[name] for name in names])


def _gold(path: Path, encoding: str) -> Any:
    from regard.errors import DataError  # noqa: PLC0415 - loads Keras
    from regard.metrics import parse_alignments  # noqa: PLC0415 - loads Keras

    try:
        lines = path.read_text(encoding).splitlines()
    except (OSError, UnicodeError) as error:
        raise DataError(f"{path} cannot be read: {error}.") from error
    return parse_alignments(lines, str(path))
