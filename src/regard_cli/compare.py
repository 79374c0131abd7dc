"""``regard compare``: with and without attention, who learns a task."""

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regard_cli.environment import prepare
from regard_cli.options import Json, Seed
from regard_cli.targets import check_picture_target

if TYPE_CHECKING:
    from regard.comparison import Comparison, TrainingRun


def compare(
    *,
    task: Annotated[str, typer.Argument(metavar="TASK", help="The name of the task.")],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A setting of the task: length=5."
        ),
    ] = None,
    models: Annotated[
        str | None, typer.Option(help="Their names, with commas between.")
    ] = None,
    repeats: Annotated[
        int, typer.Option(min=1, help="How often each model is trained.")
    ] = 10,
    samples: Annotated[
        int, typer.Option(min=1, help="Training samples, each seen once.")
    ] = 5_000,
    batch: Annotated[int, typer.Option(min=1, help="How many make a step.")] = 1,
    test: Annotated[int, typer.Option(min=1, help="Fresh samples to answer.")] = 1_000,
    units: Annotated[int, typer.Option(min=1, help="The width of the layers.")] = 150,
    learning_rate: Annotated[float, typer.Option(help="The step size of Adam.")] = 1e-3,
    out: Annotated[
        Path | None,
        typer.Option(help="The loss curves: a .png, .svg, .html or .txt file."),
    ] = None,
    as_json: Json = False,
    seed: Seed = 0,
) -> None:
    """Train models with and without attention on a task of which the answer is known.

    A line for each model ends with its mean accuracy, in per cent.
    """
    prepare()
    if out is not None:
        check_picture_target(out)
    import regard  # noqa: PLC0415 - loads Keras
    from regard.comparison import Budget  # noqa: PLC0415 - loads Keras
    from regard.comparison import compare as run_all  # noqa: PLC0415 - loads Keras
    from regard.tasks.catalog import defaults  # noqa: PLC0415 - loads Keras

    comparison = run_all(
        regard.tasks.get(task, **_settings(settings or [], defaults(task))),
        None if models is None else [name.strip() for name in models.split(",")],
        repeats=repeats,
        budget=Budget(samples, batch, test, units, learning_rate),
        seed=seed,
        on_run=_show_run,
    )
    typer.echo(json.dumps(comparison.to_dict()) if as_json else _table(comparison))
    if out is not None:
        title = f"Loss on {task}, mean of {repeats} runs"
        plot = regard.plot.curves(
            comparison.losses, comparison.samples_seen, title=title
        )
        plot.save(out)
        typer.echo(f"Wrote {out}.", err=True)


def _settings(arguments: list[str], defaults: dict[str, object]) -> dict[str, object]:
    """The settings of a task: numbers, ranges as ``10-20``, lists of words."""
    settings: dict[str, object] = {}
    for argument in arguments:
        name, sign, value = argument.partition("=")
        if not (name and sign and value):
            raise typer.BadParameter(
                f"expected NAME=VALUE, received {argument!r}.", param_hint="--set"
            )
        name, value = name.strip(), value.strip()
        if isinstance(defaults.get(name), tuple):
            settings[name] = tuple(part.strip() for part in value.split(","))
        else:
            settings[name] = _value(value)
    return settings


def _value(text: str) -> object:
    """A number, a range of whole numbers, or, where it is neither, the text."""
    if re.fullmatch(r"\d+(-\d+)+", text):
        return tuple(map(int, text.split("-")))
    for number in (int, float):
        with suppress(ValueError):
            return number(text)
    return text


def _show_run(run: "TrainingRun") -> None:
    looked = "" if run.on_gold is None else f"  attention on gold {run.on_gold:.1%}"
    typer.echo(
        f"{run.model}  run {run.repeat + 1}  accuracy {run.accuracy:.1%}{looked}",
        err=True,
    )


def _table(comparison: "Comparison") -> str:
    width = max(map(len, comparison.models))
    lines = []
    for model in comparison.models:
        accuracy = 100 * comparison.accuracy(model)
        runs = " ".join(f"{share:5.1f}" for share in accuracy)
        on_gold = comparison.on_gold(model)
        gold = "   -  " if on_gold is None else f"{100 * on_gold:5.1f}%"
        lines.append(
            f"{model:{width}}  runs {runs}  attention on gold {gold}  "
            f"deviation {accuracy.std():5.2f}  mean {accuracy.mean():6.2f}"
        )
    lines.append(
        f"{len(comparison.runs)} runs of {comparison.budget.samples:,} samples in "
        f"{comparison.seconds:,.0f} s"
    )
    return "\n".join(lines)
