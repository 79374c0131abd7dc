"""``regard predict``: the answers of any trained model, and what they rest on."""

import itertools
import json
from typing import Annotated, Any

import typer

from regard_cli.environment import prepare
from regard_cli.models import load_model, tell_trust
from regard_cli.options import Bundle, JsonLines, Most, Page, TextFile, Texts
from regard_cli.targets import check_page_target
from regard_cli.texts import answered, check_texts, open_texts, printed, write_page


def predict(
    *,
    bundle: Bundle,
    texts: Texts = None,
    file: TextFile = None,
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
) -> None:
    """Answer texts, for example with labels, and show the words each rests on."""
    check_texts(texts or [], file)
    if html is not None:
        check_page_target(html)
    prepare()
    from regard.kinds import kind_of  # noqa: PLC0415 - loads Keras

    model = load_model(bundle)
    kind = kind_of(model)
    if shade not in kind.shades:
        raise typer.BadParameter(
            f"'{shade}' is none of {', '.join(map(repr, kind.shades))}.",
            param_hint="--shade",
        )
    separators = itertools.chain([""], itertools.repeat("\n"))

    def to_lines(answer: Any) -> str:
        if as_json:
            return json.dumps(kind.to_json(answer), ensure_ascii=False) + "\n"
        return next(separators) + kind.plot([answer], shade=shade).to_terminal(
            note=False
        )

    with open_texts(texts or [], file) as lines:
        answers = answered(
            lambda batch: kind.answer(model, batch), lines, kind.batch_size
        )
        keep = 0 if html is None else most
        shown, left_out = printed(answers, to_lines, keep=keep)
    if html is not None:
        write_page(kind, shown, left_out, html, shade)
    if not as_json:
        tell_trust(model, bundle)
