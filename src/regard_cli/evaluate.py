"""``regard evaluate``: how good a trained model is on data with the right answers."""

import json
from pathlib import Path
from typing import Annotated

import typer

from regard_cli.environment import prepare
from regard_cli.models import load_model
from regard_cli.options import (
    Beam,
    Bundle,
    Json,
    LabelColumn,
    SourceColumn,
    TargetColumn,
    TextColumn,
)


def evaluate(
    *,
    bundle: Bundle,
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
    text: TextColumn = "text",
    label: LabelColumn = "label",
    source: SourceColumn = "source",
    target: TargetColumn = "target",
    beam: Beam = 5,
    tokenize: Annotated[
        str, typer.Option(help="How BLEU cuts words: 13a, intl, char, zh or none.")
    ] = "13a",
    alignments: Annotated[
        Path | None,
        typer.Option(help="Gold alignments, a line a pair, in Pharaoh's format."),
    ] = None,
    encoding: Annotated[str, typer.Option(help="The encoding of DATA.")] = "utf-8",
    as_json: Json = False,
) -> None:
    """Measure a trained model on data with the right answers."""
    prepare()
    from regard.kinds import kind_of  # noqa: PLC0415 - loads Keras

    model = load_model(bundle)
    kind = kind_of(model)
    options = {
        "text": text,
        "label": label,
        "source": source,
        "target": target,
        "beam": beam,
        "tokenize": tokenize,
        "alignments": alignments,
        "encoding": encoding,
    }
    files = [data] if targets is None else [data, targets]
    evaluation = kind.evaluate(model, files, options)
    if as_json:
        typer.echo(json.dumps(evaluation.to_dict(), ensure_ascii=False))
    else:
        typer.echo(kind.evaluation_table(evaluation), nl=False)
