"""``regard translate``: sequences, and where each of their tokens looked."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from regard_cli.answer_table import check_table_target
from regard_cli.environment import prepare
from regard_cli.models import column_of, load_model, tell_trust
from regard_cli.options import (
    AnswerTable,
    Beam,
    Bundle,
    JsonLines,
    Most,
    Page,
    Reading,
    Shortlist,
    TextFile,
    Texts,
    reads_files,
)
from regard_cli.questions import Questions, check_texts
from regard_cli.targets import check_page_target, check_writable
from regard_cli.texts import tell_answers, write_page

if TYPE_CHECKING:
    from regard import Translation


@reads_files
def translate(
    *,
    bundle: Bundle,
    texts: Texts = None,
    file: TextFile = None,
    text: Annotated[
        str | None,
        typer.Option(
            "--text",
            "--source",
            help="The column with the texts; by default that of the training.",
        ),
    ] = None,
    out: AnswerTable = None,
    beam: Beam = 5,
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
    as_json: JsonLines = False,
    html: Page = None,
    most: Most = 100,
    alignments: Annotated[
        Path | None,
        typer.Option(help="Write where each token looked, in Pharaoh's format."),
    ] = None,
    shortlist: Shortlist = None,
    reading: Reading,
) -> None:
    """Translate texts and show where each written token looked."""
    check_texts(texts or [], file)
    if html is not None:
        check_page_target(html)
    if alignments is not None:
        check_writable(alignments, "--alignments")
    if out is not None:
        check_table_target(out, [Path(file)] if file else [])
    prepare()
    from regard.kinds import is_of_kind, kind_of  # noqa: PLC0415 - loads Keras

    translator = load_model(bundle)
    if not is_of_kind(translator, "translator"):
        raise typer.BadParameter(
            f"{bundle} holds no translator; see 'regard predict'", param_hint="BUNDLE"
        )
    kind = kind_of(translator)
    search = {
        "beam": beam,
        "n_best": n_best,
        "length_penalty": length_penalty,
        "coverage_penalty": coverage_penalty,
        "max_length": max_length,
        "shortlist": shortlist,
    }

    def to_lines(answer: "list[Translation]") -> str:
        if as_json:
            return json.dumps(kind.to_json(answer), ensure_ascii=False) + "\n"
        return _lines(answer)

    def to_row(answer: "list[Translation] | None") -> dict[str, Any]:
        best = answer or []
        others = {
            f"translation_{number + 1}": best[number].text
            if number < len(best)
            else None
            for number in range(1, n_best)
        }
        return {**kind.to_row(answer), **others}

    column = column_of(translator, kind.text_column, text)
    shown, left_out = tell_answers(
        Questions(
            texts or [],
            file,
            reading,
            column=column,
            is_named=text is not None,
            whole=out is not None,
        ),
        lambda batch: translator.translate(batch, **search),
        kind.batch_size,
        to_lines=to_lines if out is None or as_json else None,
        to_row=to_row,
        out=out,
        # Of the alignments of all texts a line each is written, of a page the first.
        keep=None if alignments is not None else most if html is not None else 0,
    )
    if alignments is not None:
        _write_alignments(shown, alignments)
    if html is not None:
        left_out += len(shown[most:])
        plot = kind.plot(shown[:most], left_out)
        write_page(plot, len(shown[:most]), left_out, html)
    if not as_json:
        tell_trust(translator, bundle)


def _lines(hypotheses: "list[Translation]") -> str:
    if len(hypotheses) == 1:
        return _one_line(hypotheses[0].text) + "\n"
    lines = [
        f"{hypothesis.log_probability:z9.3f}  {_one_line(hypothesis.text)}\n"
        for hypothesis in hypotheses
    ]
    return "".join([*lines, "\n"])


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())


def _write_alignments(shown: "list[list[Translation]]", path: Path) -> None:
    from regard._files import write_file  # noqa: PLC0415 - loads Keras
    from regard.metrics import format_alignment, hard_alignment  # noqa: PLC0415 - loads Keras

    lines = [format_alignment(hard_alignment(best[0].alignment)) for best in shown]
    write_file(path, "".join(f"{line}\n" for line in lines).encode("utf-8"))
    typer.echo(f"Wrote {path}.", err=True)
