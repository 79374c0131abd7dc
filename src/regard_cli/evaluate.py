"""``regard evaluate``: how good a trained model is on labelled data."""

import json
from pathlib import Path
from typing import Annotated

import typer

from regard_cli.backend import prepare
from regard_cli.metrics import metrics_table


def evaluate(
    *,
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="The trained model.")
    ],
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA", help="Labelled texts: CSV, TSV, JSON lines or Parquet."
        ),
    ],
    text: Annotated[str, typer.Option(help="The column with the texts.")] = "text",
    label: Annotated[str, typer.Option(help="The column with the labels.")] = "label",
    encoding: Annotated[str, typer.Option(help="The encoding of DATA.")] = "utf-8",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure a trained model on labelled texts."""
    prepare()
    import regard  # noqa: PLC0415 - loads Keras
    from regard.data import read_examples  # noqa: PLC0415

    classifier = regard.load(bundle)
    # A file has texts for labels, also where the model was trained on numbers.
    known = {str(one): one for one in classifier.labels}
    texts, names = read_examples(
        data, text, label, encoding=encoding, known_labels=known
    )
    metrics = classifier.evaluate(texts, [known[name] for name in names])
    if as_json:
        typer.echo(json.dumps(metrics.to_dict(), ensure_ascii=False))
    else:
        typer.echo(metrics_table(metrics), nl=False)
