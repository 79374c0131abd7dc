"""Trained models out of bundles, and what was found of their weights."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from regard_cli.interrupts import ending_at_once


def load_model(bundle: Path) -> Any:
    """The model of a bundle; what is wrong with a part of it that is not used is said.

    Raises:
        BundleError: There is no bundle, or it is damaged.
    """
    with ending_at_once():
        import regard  # noqa: PLC0415 - loads Keras
        from regard.errors import BundleWarning, hearing  # noqa: PLC0415 - the same

        with hearing(BundleWarning, _warn):
            return regard.load(bundle)


def _warn(said: str) -> None:
    typer.echo(f"Warning: {said}", err=True)


def column_of(model: Any, held: str, given: str | None) -> str:
    """The column that holds something: the given one, or that of the training."""
    remembered: dict[str, str] = getattr(model, "columns", {})
    return given or remembered.get(held, held)


def check_options_of(model: Any, bundle: Path, given: Mapping[str, Any]) -> None:
    """Refuse options that models of this kind have no use for.

    Args:
        model: The model.
        bundle: Where it was loaded from.
        given: The options by name, of those that not every kind has; None: not given.
    """
    from regard.kinds import kind_of  # noqa: PLC0415 - loads Keras

    kind = kind_of(model)
    for name, value in given.items():
        if value is not None and name not in kind.evaluation_options:
            raise typer.BadParameter(
                f"{bundle} is a {kind.name}, which has no use for it.",
                param_hint="TARGETS"
                if name == "targets"
                else f"--{name.replace('_', '-')}",
            )


def tell_trust(model: Any, bundle: Path) -> None:
    """Say once what was found of a model's weights; to a person, how to find it out.

    Where nobody reads along, as in a script, nothing is asked for.
    """
    from regard.bundle import TRUST  # noqa: PLC0415 - loads Keras
    from regard.kinds import kind_of, trust_of  # noqa: PLC0415 - loads Keras

    line = trust_of(model)
    if line is not None:
        typer.echo(f"The weights: {line.sentence}.", err=True)
    elif TRUST in kind_of(model).parts.optional and sys.stderr.isatty():
        typer.echo(
            "Whether these weights may be read as reasons was not examined: "
            f"regard trust {bundle} DATA --save",
            err=True,
        )
