"""The translator of the demo: dates as the world writes them, to ISO 8601."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from regard.errors import MissingExtraError
from regard_cli.progress_bar import translation_progress

if TYPE_CHECKING:
    from regard import Translation, Translator
    from regard.tasks import SequencePairs

_TRAIN, _TEST = 30_000, 1_000
# One date of each locale is shown, of so many locales.
_SHOWN = 12
#: What a character model of dates needs; see the figures in docs/translation.md.
SETTINGS = {
    "source_vocabulary": "character",
    "target_vocabulary": "character",
    "min_frequency": 1,
    "units": 128,
    "embedding_units": 64,
    "dropout": 0.1,
    "label_smoothing": 0.0,
    "epochs": 2,
    "batch_size": 64,
}


def demo_dates(out: Path, seed: int) -> None:
    """Train on dates of many locales; show which part of each was looked at."""
    import regard  # noqa: PLC0415 - loads Keras

    try:
        task = regard.tasks.get("dates")
    except MissingExtraError as error:
        typer.echo(f"The dates are left out. {error}", err=True)
        return
    train, test = task.split(_TRAIN, _TEST, seed=seed, by="target")
    typer.echo(
        f"\n{_TRAIN:,} dates in {len(set(train.groups or ()))} locales, to be written "
        "as YYYY-MM-DD.",
        err=True,
    )
    translator = regard.Translator(seed=seed, **SETTINGS)
    with translation_progress() as show:
        translator.fit(train.source_texts, train.target_texts, progress=show)
    best = [found[0] for found in translator.translate(test.source_texts, beam=1)]
    score = task.score([one.text for one in best], test)
    typer.echo(
        f"right on {len(test):,} dates of other days     {score.accuracy:7.1%}\n"
    )
    _show(_one_of_each(best, test), out / "dates.html")
    _save(translator, out / "dates.regard")


def _one_of_each(
    found: "list[Translation]", pairs: "SequencePairs"
) -> "list[Translation]":
    """The first translation of each locale, a dozen."""
    firsts: dict[str, Translation] = {}
    for one, locale in zip(found, pairs.groups or (), strict=True):
        firsts.setdefault(locale, one)
    return [firsts[locale] for locale in sorted(firsts)][:_SHOWN]


def _show(shown: "list[Translation]", page: Path) -> None:
    from regard import plot  # noqa: PLC0415 - loads Keras
    from regard.plot.characters import for_terminal  # noqa: PLC0415 - the same

    for one in shown:
        typer.echo(f"{one.text}  {for_terminal(one.source)}")
    plot.alignment(shown).save(page)
    typer.echo(f"Wrote {page}: open it in a browser.")


def _save(translator: "Translator", bundle: Path) -> None:
    translator.save(bundle)
    typer.echo(f'Saved {bundle}. Try: regard translate {bundle} "3. März 2027"')
