"""``regard predict``: labels, and what they rest on."""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regard_cli.backend import prepare
from regard_cli.inputs import check_page_target, check_texts, open_texts

if TYPE_CHECKING:
    from regard import Explanation, TextClassifier

# Enough for the machine to work on at once, little enough to see results early.
_BATCH = 256


def predict(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="The trained model.")
    ],
    texts: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT", help="The texts; - reads standard input."),
    ] = None,
    file: Annotated[
        str | None,
        typer.Option("--file", "-f", help="A file with one text a line."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a text.")
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Write a page that shows all texts, too."),
    ] = None,
) -> None:
    """Label texts and show the words each label rests on."""
    check_texts(texts or [], file)
    if html is not None:
        check_page_target(html)
    prepare()
    import regard  # noqa: PLC0415 - loads Keras

    classifier = regard.load(bundle)
    if not isinstance(classifier, regard.TextClassifier):
        raise typer.BadParameter(
            f"{bundle} holds a translator; see 'regard translate'", param_hint="BUNDLE"
        )
    with open_texts(texts or [], file) as given:
        explanations = _explained(classifier, given)
        shown = list(_printed(explanations, as_json, keep=html is not None))
    if html is not None:
        _write_page(shown, html)


def _explained(
    classifier: "TextClassifier", texts: Iterator[str]
) -> "Iterator[Explanation]":
    while batch := list(islice(texts, _BATCH)):
        yield from classifier.explain(batch)


def _printed(
    explanations: "Iterable[Explanation]", as_json: bool, keep: bool
) -> "Iterator[Explanation]":
    """Print each explanation as it comes; pass on those that are needed afterwards."""
    for number, explanation in enumerate(explanations):
        if as_json:
            typer.echo(json.dumps(explanation.to_dict(), ensure_ascii=False))
        else:
            _print_text(explanation, is_first=number == 0)
        if keep:
            yield explanation


def _print_text(explanation: "Explanation", is_first: bool) -> None:
    from regard import plot  # noqa: PLC0415 - loads Keras

    if not is_first:
        typer.echo()
    typer.echo(plot.text(explanation).to_terminal(), nl=False)


def _write_page(explanations: "list[Explanation]", path: Path) -> None:
    from regard import plot  # noqa: PLC0415 - loads Keras

    if not explanations:
        typer.echo("There was no text, so no page was written.", err=True)
        return
    plot.text(explanations).save(path)
    typer.echo(f"Wrote {path}.", err=True)
