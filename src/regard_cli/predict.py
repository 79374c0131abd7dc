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
from regard_cli.questions import Question, Questions, check_texts
from regard_cli.targets import check_page_target
from regard_cli.texts import tell_answers, write_page

_LABELS = (str, int, float, list)


@reads_files
def predict(
    *,
    bundle: Bundle,
    texts: Texts = None,
    file: TextFile = None,
    text: KnownText = None,
    label: Annotated[
        str | None,
        typer.Option(
            help="The column with the right labels, by default that of the training: "
            "where the file has it, the --html page says what is wrong."
        ),
    ] = None,
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
    labels = _label_column(model, label, file, html)
    asked: list[Question] = []
    shown, left_out = tell_answers(
        Questions(
            texts or [],
            file,
            reading,
            column=column,
            is_named=text is not None,
            whole=out is not None or labels is not None,
        ),
        lambda batch: kind.answer(model, batch),
        kind.batch_size,
        to_lines=to_lines if out is None or as_json else None,
        to_row=kind.to_row,
        out=out,
        keep=0 if html is None else most,
        asked=asked,
    )
    if html is not None:
        known = _right_labels(asked, labels, is_named=label is not None)
        plot = drawn(kind.plot(shown, left_out, shade=shade, **known))
        write_page(plot, len(shown), left_out, html)
    if not as_json:
        tell_trust(model, bundle)


def _label_column(
    model: Any, label: str | None, file: str | None, html: Path | None
) -> str | None:
    """The column of a file that may have right labels; None: nothing asks for them.

    Raises:
        BadParameter: One is named where there are none.
    """
    from regard.kinds import kind_of  # noqa: PLC0415 - loads Keras

    if html is None or file is None:
        if label is None:
            return None
        raise typer.BadParameter(
            "Right labels are those of a --file, and are told on a page: --html",
            param_hint="--label",
        )
    kind = kind_of(model)
    if "label" not in kind.evaluation_options:
        if label is None:
            return None
        raise typer.BadParameter(
            f"A {kind.name} gives no labels.", param_hint="--label"
        )
    return column_of(model, "label", label)


def _right_labels(
    asked: list[Question], column: str | None, *, is_named: bool
) -> dict[str, Any]:
    """The right labels of what was asked, as an argument of a plot.

    Raises:
        DataError: No row has the column that was named.
    """
    if column is None:
        return {}
    if any(column in each.row for each in asked):
        told = [each.row.get(column) for each in asked]
        # A column that only has the name of one with labels is no error.
        if not is_named:
            told = [each if isinstance(each, _LABELS) else None for each in told]
        return {"right": told}
    if is_named and asked:
        from regard.errors import DataError  # noqa: PLC0415 - loads Keras

        raise DataError(
            f"There is no column '{column}'.",
            expected=f"one of {', '.join(asked[0].row) or 'none'}",
        )
    return {}


def _drawn_for(model: Any, shade: str, toward: str | None) -> Callable[[Any], Any]:
    """What is done to a plot so that it is shaded for a label."""
    if toward is None:
        return lambda plot: plot
    # Of several labels each may have attention of its own; the plot knows.
    if shade != "contributions" and getattr(model, "thresholds", None) is None:
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
