"""``regard translate``: sequences, and where each of their tokens looked."""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from regard_cli.backend import prepare
from regard_cli.inputs import (
    check_page_target,
    check_texts,
    check_writable,
    open_texts,
)

if TYPE_CHECKING:
    from regard import Translation, Translator

# Enough texts to sort by length and fill batches, few enough to see results early.
_BATCH = 1024


def translate(
    *,
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
    beam: Annotated[
        int, typer.Option(min=1, help="How many hypotheses are followed.")
    ] = 5,
    n_best: Annotated[int, typer.Option(min=1, help="How many of them are shown.")] = 1,
    length_penalty: Annotated[
        float, typer.Option(min=0, help="More prefers longer results.")
    ] = 1.0,
    coverage_penalty: Annotated[
        float, typer.Option(min=0, help="More prefers to look at every token.")
    ] = 0.0,
    max_length: Annotated[
        int | None, typer.Option(min=1, help="The most tokens of a result.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a text.")
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Write a page that shows all texts, too."),
    ] = None,
    alignments: Annotated[
        Path | None,
        typer.Option(help="Write where each token looked, in Pharaoh's format."),
    ] = None,
) -> None:
    """Translate texts and show where each written token looked."""
    check_texts(texts or [], file)
    if html is not None:
        check_page_target(html)
    if alignments is not None:
        check_writable(alignments, "--alignments")
    prepare()
    import regard  # noqa: PLC0415 - loads Keras

    translator = regard.load(bundle)
    if not isinstance(translator, regard.Translator):
        raise typer.BadParameter(
            f"{bundle} holds no translator; see 'regard predict'", param_hint="BUNDLE"
        )
    search = {
        "beam": beam,
        "n_best": n_best,
        "length_penalty": length_penalty,
        "coverage_penalty": coverage_penalty,
        "max_length": max_length,
    }
    with open_texts(texts or [], file) as given:
        found = _translated(translator, given, search)
        keep = html is not None or alignments is not None
        shown = list(_printed(found, as_json, keep))
    if alignments is not None:
        _write_alignments(shown, alignments)
    if html is not None:
        _write_page(shown, html)


def _translated(
    translator: "Translator", texts: Iterator[str], search: dict[str, Any]
) -> "Iterator[list[Translation]]":
    while batch := list(islice(texts, _BATCH)):
        yield from translator.translate(batch, **search)


def _printed(
    found: "Iterable[list[Translation]]", as_json: bool, keep: bool
) -> "Iterator[list[Translation]]":
    """Print each result as it comes; pass on those that are needed afterwards."""
    for best in found:
        if as_json:
            hypotheses = [one.to_dict() for one in best]
            typer.echo(json.dumps(hypotheses, ensure_ascii=False))
        else:
            _print_text(best)
        if keep:
            yield best


def _print_text(best: "list[Translation]") -> None:
    if len(best) == 1:
        typer.echo(_one_line(best[0].text))
        return
    for one in best:
        typer.echo(f"{one.log_probability:9.3f}  {_one_line(one.text)}")
    typer.echo()


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())


def _write_alignments(shown: "list[list[Translation]]", path: Path) -> None:
    from regard._files import write_file  # noqa: PLC0415 - loads Keras
    from regard.metrics import format_alignment, hard_alignment  # noqa: PLC0415 - loads Keras

    lines = [format_alignment(hard_alignment(best[0].alignment)) for best in shown]
    write_file(path, "".join(f"{line}\n" for line in lines).encode("utf-8"))
    typer.echo(f"Wrote {path}.", err=True)


def _write_page(shown: "list[list[Translation]]", path: Path) -> None:
    from regard import plot  # noqa: PLC0415 - loads Keras

    if not shown:
        typer.echo("There was no text, so no page was written.", err=True)
        return
    plot.alignment([one for best in shown for one in best]).save(path)
    typer.echo(f"Wrote {path}.", err=True)
