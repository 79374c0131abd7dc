"""Arguments and options that several commands have."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

Bundle: TypeAlias = Annotated[
    Path, typer.Argument(metavar="BUNDLE", help="The trained model.")
]
Texts: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(metavar="TEXT", help="The texts; - reads standard input."),
]
TextFile: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--file", "-f", help="A file with a text a line, or a table; - is a pipe."
    ),
]
AnswerTable: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="Write a table of the answers in place of printing them: a .csv, .jsonl "
        "or .parquet file, with the columns that --file has."
    ),
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
MaybeBundle: TypeAlias = Annotated[
    Path | None, typer.Option("--out", help="The folder to save the model in.")
]
Restart: TypeAlias = Annotated[
    bool, typer.Option("--restart", help="Begin anew where a training was stopped.")
]
Devices: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="N|all",
        help="Cut each batch between so many devices, of all hosts together.",
    ),
]
Coordinator: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT|auto",
        help="Train together with other hosts: where the first process is; auto under "
        "Slurm, Open MPI or Kubernetes.",
    ),
]
Processes: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="The number of processes, one a host.")
]
Process: TypeAlias = Annotated[
    int | None, typer.Option(min=0, help="Which of them this is, from 0 on.")
]
Checkpoint: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="The file that holds how far the training is, and beside which what is "
        "read of streamed data is stored; by default OUT.checkpoint."
    ),
]
Stream: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--stream/--no-stream",
        help="Whether DATA is read from disk again and again and never held in memory; "
        "by default where it is large, 256 MB or more.",
        show_default=False,
    ),
]
TextColumn: TypeAlias = Annotated[str, typer.Option(help="The column with the texts.")]
# Of a trained model: by default the columns that it was trained on.
KnownText: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--text", help="The column with the texts; by default that of the training."
    ),
]
KnownLabel: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--label", help="The column with the labels; by default that of the training."
    ),
]
KnownSource: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--source", help="The column with the sources; by default that of the training."
    ),
]
KnownTarget: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--target", help="The column with the targets; by default that of the training."
    ),
]
LabelColumn: TypeAlias = Annotated[
    str, typer.Option(help="The column with the labels.")
]
LabelSeparator: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="What stands between the labels of a text that may have several.",
    ),
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
Shortlist: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--shortlist/--no-shortlist",
        help="Whether a translator searches among the likely symbols only, or among "
        "all; by default among the likely ones where it has a shortlist.",
        show_default=False,
    ),
]
Clean: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--clean",
        help="Mend the data: make one of labels that differ in letter case and white "
        "space only, leave out rows where something is missing; say what was done.",
    ),
]
Description: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--describe",
        metavar="TEXT",
        help="What the model does, for people: kept in it, and shown by a service.",
    ),
]
Examples: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--example",
        metavar="TEXT",
        help="A text to try it on, kept and shown likewise; give it once for each.",
    ),
]
Epochs: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="The most passes over DATA.")
]
Seed: TypeAlias = Annotated[
    int, typer.Option(min=0, max=2**63 - 1, help="What all random choices hang on.")
]

#: How files are read: arguments of the functions of ``regard.data``.
Reading: TypeAlias = dict[str, Any]
_READING = {
    "format": Annotated[
        str | None,
        typer.Option(
            "--format",
            help="How files are read: csv, tsv, json, jsonl, parquet, xlsx, or lines "
            "with a text each; by default as their names end.",
        ),
    ],
    "delimiter": Annotated[
        str | None,
        typer.Option(
            "--delimiter",
            help="The character between fields, or tab; by default what a file shows.",
        ),
    ],
    "no_header": Annotated[
        bool,
        typer.Option(
            "--no-header",
            help="The first line is a row: columns are called 1, 2 and so on.",
        ),
    ],
    "encoding": Annotated[
        str, typer.Option("--encoding", help="The encoding of the files.")
    ],
}
_USUAL = {"format": None, "delimiter": None, "no_header": False, "encoding": "utf-8"}


def reads_files(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that reads data the options that say how.

    They come in place of its parameter ``reading``, to which they are handed as the
    arguments that the functions of ``regard.data`` take.
    """
    signature = inspect.signature(command)
    own = [each for each in signature.parameters.values() if each.name != "reading"]
    added = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=_USUAL[name],
            annotation=annotation,
        )
        for name, annotation in _READING.items()
    ]

    @functools.wraps(command)
    def with_options(**arguments: Any) -> None:
        said = {name: arguments.pop(name) for name in _READING}
        said["header"] = not said.pop("no_header")
        command(**arguments, reading=said)

    parameters = [*own, *added]
    with_options.__signature__ = signature.replace(  # type: ignore[attr-defined]  # what typer reads
        parameters=parameters
    )
    with_options.__annotations__ = {each.name: each.annotation for each in parameters}
    return with_options
