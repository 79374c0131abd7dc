"""Arguments and options that several commands have."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Bundle: TypeAlias = Annotated[
    Path, typer.Argument(metavar="BUNDLE", help="The trained model.")
]
Texts: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(metavar="TEXT", help="The texts; - reads standard input."),
]
TextFile: TypeAlias = Annotated[
    str | None, typer.Option("--file", "-f", help="A file with one text a line.")
]
JsonLines: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print one JSON object a text.")
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Page: TypeAlias = Annotated[
    Path | None, typer.Option("--html", help="Write a page that shows the texts, too.")
]
Most: TypeAlias = Annotated[
    int, typer.Option(min=1, help="How many texts the page shows, from the first on.")
]
NewBundle: TypeAlias = Annotated[
    Path, typer.Option(help="The folder to save the model in.")
]
TextColumn: TypeAlias = Annotated[str, typer.Option(help="The column with the texts.")]
LabelColumn: TypeAlias = Annotated[
    str, typer.Option(help="The column with the labels.")
]
SourceColumn: TypeAlias = Annotated[
    str, typer.Option(help="The column with the sources.")
]
TargetColumn: TypeAlias = Annotated[
    str, typer.Option(help="The column with the targets.")
]
Beam: TypeAlias = Annotated[
    int, typer.Option(min=1, help="How many hypotheses are followed.")
]
Clean: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--clean",
        help="Mend the data: make one of labels that differ in letter case and white "
        "space only, leave out rows where something is missing; say what was done.",
    ),
]
Epochs: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="The most passes over DATA.")
]
Seed: TypeAlias = Annotated[
    int, typer.Option(min=0, help="What all random choices hang on.")
]
