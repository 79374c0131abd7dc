"""``regard predict``: the answers of any trained model, and what they rest on."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from regard_cli.answer_table import check_table_target
from regard_cli.environment import prepare
from regard_cli.models import column_of, load_model, tell_trust
from regard_cli.options import (
    AnswerTable,
    Bundle,
    JsonLines,
    KnownText,
    Most,
    Page,
    Reading,
    TextFile,
    Texts,
    reads_files,
)
from regard_cli.questions import Questions, check_texts
from regard_cli.targets import check_page_target
from regard_cli.texts import tell_answers, write_page


@reads_files
def predict(
    *,
    bundle: Bundle,
    texts: Texts = None,
    file: TextFile = None,
    text: KnownText = None,
    out: AnswerTable = None,
    as_json: JsonLines = False,
    html: Page = None,
    most: Most = 100,
    shade: Annotated[
        str,
        typer.Option(
            help="What shades words: 'attention', or 'contributions', what each adds "
            "to the score of the label or takes from it."
        ),
    ] = "attention",
    toward: Annotated[
        str | None,
        typer.Option(
            metavar="LABEL",
            help="The label whose score contributions are of, by default of each text "
            "the one it is given.",
        ),
    ] = None,
    reading: Reading,
) -> None:
    """Answer texts, for example with labels, and show the words each rests on."""
    check_texts(texts or [], file)
    if html is not None:
        check_page_target(html)
    if out is not None:
        check_table_target(out, [Path(file)] if file else [])
    prepare()
    from regard.kinds import kind_of  # noqa: PLC0415 - loads Keras

    model = load_model(bundle)
    kind = kind_of(model)
    if shade not in kind.shades:
        raise typer.BadParameter(
            f"'{shade}' is none of {', '.join(map(repr, kind.shades))}.",
            param_hint="--shade",
        )
    drawn = _drawn_for(model, shade, toward)
    separators = itertools.chain([""], itertools.repeat("\n"))

    def to_lines(answer: Any) -> str:
        if as_json:
            return json.dumps(kind.to_json(answer), ensure_ascii=False) + "\n"
        plot = drawn(kind.plot([answer], shade=shade))
        return next(separators) + plot.to_terminal(note=False)

    column = column_of(model, kind.text_column, text)
    shown, left_out = tell_answers(
        Questions(
            texts or [],
            file,
            reading,
            column=column,
            is_named=text is not None,
            whole=out is not None,
        ),
        lambda batch: kind.answer(model, batch),
        kind.batch_size,
        to_lines=to_lines if out is None or as_json else None,
        to_row=kind.to_row,
        out=out,
        keep=0 if html is None else most,
    )
    if html is not None:
        plot = drawn(kind.plot(shown, left_out, shade=shade))
        write_page(plot, len(shown), left_out, html)
    if not as_json:
        tell_trust(model, bundle)


def _drawn_for(model: Any, shade: str, toward: str | None) -> Callable[[Any], Any]:
    """What is done to a plot so that it is shaded for a label."""
    if toward is None:
        return lambda plot: plot
    if shade != "contributions":
        raise typer.BadParameter(
            "Attention is the same for all labels: --shade contributions",
            param_hint="--toward",
        )
    # Labels may be numbers, which are shown as texts.
    known = [str(name) for name in model.labels]
    if toward not in known:
        from regard.errors import listed  # noqa: PLC0415 - loads Keras

        raise typer.BadParameter(
            f"'{toward}' is none of {listed(known)}.", param_hint="--toward"
        )
    return lambda plot: plot.toward(toward)
