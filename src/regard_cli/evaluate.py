"""``regard evaluate``: how good a trained model is on data with the right answers."""

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from regard_cli.environment import prepare
from regard_cli.models import check_options_of, column_of, load_model
from regard_cli.options import (
    Beam,
    Bundle,
    Clean,
    Json,
    KnownLabel,
    KnownSource,
    KnownTarget,
    KnownText,
    LabelSeparator,
    Most,
    Reading,
    Shortlist,
    reads_files,
)
from regard_cli.targets import check_page_target
from regard_cli.texts import write_page

_BEAM: Final = 5
_TOKENIZE: Final = "13a"


@reads_files
def evaluate(
    *,
    bundle: Bundle,
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="CSV, TSV, JSON, Parquet or Excel; or a text file of sources.",
        ),
    ],
    targets: Annotated[
        Path | None,
        typer.Argument(
            metavar="[TARGETS]", help="For a translator: a text file of targets."
        ),
    ] = None,
    text: KnownText = None,
    label: KnownLabel = None,
    source: KnownSource = None,
    target: KnownTarget = None,
    beam: Beam = _BEAM,
    tokenize: Annotated[
        Literal["13a", "intl", "char", "zh", "none"],
        typer.Option(help="How BLEU cuts words."),
    ] = _TOKENIZE,
    alignments: Annotated[
        Path | None,
        typer.Option(help="Gold alignments, a line a pair, in Pharaoh's format."),
    ] = None,
    first: Annotated[
        int,
        typer.Option(
            min=0, max=1, help="What --alignments call the first position: 0 or 1."
        ),
    ] = 0,
    target_first: Annotated[
        bool,
        typer.Option(
            "--target-first", help="The links of --alignments name the target first."
        ),
    ] = False,
    shortlist: Shortlist = None,
    label_separator: LabelSeparator = None,
    clean: Clean = False,
    as_json: Json = False,
    errors: Annotated[
        bool,
        typer.Option(
            "--errors",
            help="Also show the texts with a wrong label, the surest first; of a "
            "classifier.",
        ),
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Write the --errors as a page, with what each rests on.",
        ),
    ] = None,
    most: Most = 100,
    reading: Reading,
) -> None:
    """Measure a trained model on data with the right answers."""
    if alignments is None and (first or target_first):
        hint = "--first" if first else "--target-first"
        raise typer.BadParameter(
            "This is how --alignments are read, and there are none.", param_hint=hint
        )
    if alignments is not None and clean:
        raise typer.BadParameter(
            "Each pair has a line of --alignments, so that none can be left out.",
            param_hint="--clean",
        )
    if html is not None:
        if not errors:
            raise typer.BadParameter(
                "The page shows the texts with a wrong label: --errors --html "
                f"{html.name}",
                param_hint="--html",
            )
        check_page_target(html)
    prepare()
    from regard.kinds import kind_of  # noqa: PLC0415 - loads Keras

    model = load_model(bundle)
    kind = kind_of(model)
    columns = {"text": text, "label": label, "source": source, "target": target}
    given = {
        **columns,
        "targets": targets,
        "alignments": alignments,
        "beam": None if beam == _BEAM else beam,
        "tokenize": None if tokenize == _TOKENIZE else tokenize,
        "shortlist": shortlist,
        "errors": errors or None,
        "label_separator": label_separator,
    }
    check_options_of(model, bundle, given)
    options = {
        **{held: column_of(model, held, name) for held, name in columns.items()},
        "beam": beam,
        "tokenize": tokenize,
        "shortlist": shortlist,
        "label_separator": label_separator,
        "alignments": alignments,
        "first": first,
        "target_first": target_first,
        "reading": reading,
        "clean": clean,
        "errors": errors,
        "most": most if html is not None else 0,
    }
    files = [data] if targets is None else [data, targets]
    with _told_as_options():
        evaluation: Any = kind.evaluate(model, files, options)
    if as_json:
        typer.echo(json.dumps(evaluation.to_dict(), ensure_ascii=False))
    else:
        typer.echo(kind.evaluation_table(evaluation), nl=False)
    if html is not None:
        shown = len(evaluation.explanations)
        write_page(evaluation.plot(), shown, len(evaluation) - shown, html)


@contextmanager
def _told_as_options() -> Iterator[None]:
    """Say what was mended, and by the options of this command what mends errors."""
    from regard.data.repair import hinting  # noqa: PLC0415 - loads Keras
    from regard.errors import DataError, DataWarning  # noqa: PLC0415 - loads Keras
    from regard.metrics.word_alignment import (  # noqa: PLC0415 - loads Keras
        MisplacedLinkError,
    )

    try:
        with hinting("With --clean such rows are left out."):
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always", DataWarning)
                yield
            for one in told:
                if issubclass(one.category, DataWarning):
                    typer.echo(one.message, err=True)
                else:
                    warnings.warn_explicit(
                        one.message, one.category, one.filename, one.lineno
                    )
    except MisplacedLinkError as error:
        remedy, fix = dict(error.remedy), error.fix
        if remedy:
            changes = []
            if "first" in remedy:
                changes.append(f"with --first {remedy['first']}")
            if "target_first" in remedy:
                joined = "with" if remedy["target_first"] else "without"
                changes.append(f"{joined} --target-first")
            fix = f"All links fit {' and '.join(changes)}."
        raise DataError(error.message, expected=error.expected, fix=fix) from error
