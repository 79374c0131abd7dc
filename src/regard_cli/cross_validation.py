"""``--cross-validate``: how good a training is on parts that it has not seen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer

from regard_cli.interrupts import INTERRUPTED, telling_that_it_ends
from regard_cli.progress_bar import training_progress
from regard_cli.training_session import warnings_as_lines

_HINT = "--cross-validate"


@dataclass(frozen=True)
class FoldMeasures:
    """The measures of a fold.

    Args:
        fold: Which it is, from 1 on.
        examples: How many it has.
        measures: What was measured on them, by name.
    """

    fold: int
    examples: int
    measures: Mapping[str, float]


@dataclass(frozen=True)
class CrossValidation:
    """The measures of the folds that are finished.

    Args:
        folds: How many there were to be.
        measured: Those that are finished.
    """

    folds: int
    measured: Sequence[FoldMeasures]

    def statistics(self) -> tuple[dict[str, float], dict[str, float]]:
        """The mean of each measure over the folds, and its standard deviation.

        The deviation is that of a sample, whose sum of squares is divided by one less
        than there are folds; 0 for one fold.
        """
        import numpy as np  # noqa: PLC0415 - slow, and --help waits for it

        means, deviations = {}, {}
        for name in self.measured[0].measures:
            values = np.asarray([each.measures[name] for each in self.measured])
            means[name] = float(values.mean())
            deviations[name] = float(values.std(ddof=1)) if len(values) > 1 else 0.0
        return means, deviations

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON: what a bundle keeps of it."""
        means, deviations = self.statistics()
        finished = len(self.measured)
        return {"folds": finished, "mean": means, "standard_deviation": deviations}

    def to_text(self) -> str:
        """A table with a line for each fold, their mean and their deviation."""
        names = list(self.measured[0].measures)
        shown = [name.replace("_", " ").replace("f1", "F1") for name in names]
        widths = [max(len(name), 8) for name in shown]
        means, deviations = self.statistics()
        rows: list[tuple[str, str, Mapping[str, float]]] = [
            (f"fold {each.fold}", f"{each.examples:,}", each.measures)
            for each in self.measured
        ]
        rows += [("mean", "", means), ("deviation", "", deviations)]
        head = [f"{'':9}  {'examples':>8}", *map(str.rjust, shown, widths)]
        lines = ["  ".join(head)]
        for name, examples, measures in rows:
            values = [f"{measures[one]:.4f}" for one in names]
            cells = [f"{name:9}  {examples:>8}", *map(str.rjust, values, widths)]
            lines.append("  ".join(cells))
        return "".join(f"{line}\n" for line in lines)


def show_cross_validation(
    make: Callable[[], Any],
    examples: Any,
    weights: Any,
    fitting: Mapping[str, Any],
    **options: Any,
) -> dict[str, Any]:
    """The measures of a cross-validation, printed; an interrupt ends the command."""
    from regard.training.callbacks import InterruptBetweenSteps  # noqa: PLC0415 - loads Keras

    def fit(model: Any, *data: Any, **more: Any) -> None:
        with (
            training_progress() as show,
            InterruptBetweenSteps().listening(at_once=True),
        ):
            model.fit(*data, progress=show, **fitting, **more)

    with warnings_as_lines(of_data=False), telling_that_it_ends():
        result, interrupted = cross_validate(
            make, examples, weights, fit=fit, **options
        )
    done = len(result.measured)
    if done:
        typer.echo(result.to_text(), nl=False)
    if interrupted:
        typer.echo(f"Interrupted: {done} of {result.folds} folds done.", err=True)
        raise typer.Exit(INTERRUPTED)
    return result.to_dict()


def cross_validate(
    make: Callable[[], Any],
    examples: Sequence[Sequence[Any]],
    weights: Sequence[float] | None,
    *,
    folds: int,
    seed: int,
    fit: Callable[..., None],
) -> tuple[CrossValidation, bool]:
    """Train without each fold in turn, and measure on it.

    Every fold has the same share of each label. An interrupt ends it with the folds
    that are finished.

    Args:
        make: Makes a new model.
        examples: Texts and labels.
        weights: How much each counts in a training, or None.
        folds: The number of folds.
        seed: What the choice of the folds depends on.
        fit: Trains a model, as its own ``fit``.

    Returns:
        The measures, and whether there was an interrupt.
    """
    import numpy as np  # noqa: PLC0415 - slow, and --help waits for it

    from regard.text.labels import stratified_folds  # noqa: PLC0415 - loads Keras
    from regard.training.provenance import plain_measures  # noqa: PLC0415 - likewise

    labels = [str(label) for label in examples[1]]
    counted, targets, counts = np.unique(
        labels, return_inverse=True, return_counts=True
    )
    # Of several labels at once each set of them may be there once.
    is_one_each = not any(isinstance(label, list | tuple) for label in examples[1])
    if is_one_each and counts.min() < folds:
        rarest = counted[counts.argmin()]
        raise typer.BadParameter(
            f"Each fold needs an example of every label, and of '{rarest}' there are "
            f"{counts.min()}. Ask for fewer folds, or add examples.",
            param_hint=_HINT,
        )
    fold_of = stratified_folds(targets, folds, seed)
    measured: list[FoldMeasures] = []
    for fold in range(folds):
        kept, left = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        typer.echo(f"Fold {fold + 1} of {folds}", err=True)
        more = {} if weights is None else {"sample_weight": _some(weights, kept)}
        try:
            model = make()
            fit(model, *(_some(each, kept) for each in examples), **more)
            if model.interrupted:
                raise KeyboardInterrupt
            evaluation = model.evaluate(*(_some(each, left) for each in examples))
        except KeyboardInterrupt:
            return CrossValidation(folds, measured), True
        measures = plain_measures(evaluation)
        measured.append(FoldMeasures(fold + 1, len(left), measures))
    return CrossValidation(folds, measured), False


def _some(values: Sequence[Any], indices: Any) -> list[Any]:
    return [values[index] for index in indices.tolist()]
