"""Trained models out of bundles, and what was found of their weights."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
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

        with bundle_warnings():
            return regard.load(bundle)


def column_of(model: Any, held: str, given: str | None) -> str:
    """The column that holds something: the given one, or that of the training."""
    remembered: dict[str, str] = getattr(model, "columns", {})
    return given or remembered.get(held, held)


@contextmanager
def bundle_warnings() -> Iterator[None]:
    """Say as a line for people what bundles loaded in the block have that is not used.

    Other warnings stay as they are.
    """
    from regard.errors import BundleWarning  # noqa: PLC0415 - loads Keras

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", BundleWarning)
        yield
    for each in caught:
        if issubclass(each.category, BundleWarning):
            typer.echo(f"Warning: {each.message}", err=True)
        else:
            warnings.warn_explicit(
                each.message, each.category, each.filename, each.lineno
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
