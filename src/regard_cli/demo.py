"""``regard demo``: both main jobs once, on data made on the spot."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from regard_cli.environment import prepare
from regard_cli.options import Seed
from regard_cli.progress_bar import training_progress
from regard_cli.targets import check_new_folder

if TYPE_CHECKING:
    from regard import Explanation, TextClassifier, Translation, Translator
    from regard.tasks import Message, SequencePairs

_TRAIN_MESSAGES, _TEST_MESSAGES = 4_000, 1_000
_MESSAGES_SHOWN, _MESSAGES_ON_PAGE = 4, 24
_TRAIN_DATES, _TEST_DATES = 30_000, 1_000
# One date of each locale is shown, of so many locales.
_DATES_SHOWN = 12
#: The settings of a character model of dates, which sees each of them once.
DATE_SETTINGS: dict[str, Any] = {
    "source_vocabulary": "character",
    "target_vocabulary": "character",
    "min_frequency": 1,
    "units": 128,
    "embedding_units": 64,
    "dropout": 0.0,
    "label_smoothing": 0.0,
    "learning_rate": 4e-3,
    "epochs": 1,
    "batch_size": 64,
}


def demo(
    out: Annotated[
        Path, typer.Option(help="The folder for the pages and the trained models.")
    ] = Path("demo"),
    seed: Seed = 0,
) -> None:
    """Classify messages and rewrite dates; show what the models looked at."""
    prepare()
    check_new_folder(out, ["messages.html", "dates.html"])
    from regard.bundle import check_target  # noqa: PLC0415 - loads Keras

    for name in ("messages", "dates"):
        check_target(out / f"{name}.regard")
    demo_messages(out, seed)
    demo_dates(out, seed)


def demo_messages(out: Path, seed: int) -> None:
    """Train on messages whose deciding phrase is known; show what was looked at."""
    import regard  # noqa: PLC0415 - loads Keras
    from regard.tasks import SupportMessages  # noqa: PLC0415 - loads Keras

    task = SupportMessages()
    train = task.sample(_TRAIN_MESSAGES, seed=seed)
    test = task.sample(_TEST_MESSAGES, seed=seed + 1)
    typer.echo(
        f"{_TRAIN_MESSAGES:,} support messages, classes {', '.join(task.labels)}: in "
        "each, one planted phrase decides the class.",
        err=True,
    )
    classifier = regard.TextClassifier(seed=seed)
    with training_progress() as show:
        classifier.fit(*_texts_and_labels(train), progress=show)
    explanations = classifier.explain([message.text for message in test])
    _print_measures(explanations, test)
    _show_messages(explanations, out / "messages.html")
    _save_classifier(classifier, out / "messages.regard")


def _texts_and_labels(messages: "list[Message]") -> tuple[list[str], list[str]]:
    texts = [message.text for message in messages]
    return texts, [message.label for message in messages]


def _print_measures(explanations: "list[Explanation]", test: "list[Message]") -> None:
    """How often the label is right, and how much attention the phrase gets.

    Beside the share that a phrase gets stands its share of the tokens, which is what
    attention spread evenly would give it.
    """
    from regard.tasks import SupportMessages  # noqa: PLC0415 - loads Keras

    pairs = list(zip(explanations, test, strict=True))
    correct = sum(explanation.label == message.label for explanation, message in pairs)
    on_phrase = [SupportMessages.share_on_phrase(*pair) for pair in pairs]
    of_tokens = [SupportMessages.share_of_tokens(*pair) for pair in pairs]
    typer.echo(
        f"accuracy on {len(pairs):,} new messages      {correct / len(pairs):7.1%}\n"
        f"attention on the planted phrase     {sum(on_phrase) / len(pairs):7.1%}\n"
        f"share of the phrase in the tokens   {sum(of_tokens) / len(pairs):7.1%}\n"
    )


def _show_messages(explanations: "list[Explanation]", page: Path) -> None:
    from regard import plot  # noqa: PLC0415 - loads Keras

    for explanation in explanations[:_MESSAGES_SHOWN]:
        typer.echo(plot.text(explanation).to_terminal())
    plot.text(explanations[:_MESSAGES_ON_PAGE]).save(page)
    typer.echo(f"Wrote {page}: open it in a browser.")


def _save_classifier(classifier: "TextClassifier", bundle: Path) -> None:
    classifier.save(bundle)
    typer.echo(
        f'Saved {bundle}. Try: regard predict {bundle} "The parcel never arrived."'
    )


def demo_dates(out: Path, seed: int) -> None:
    """Train on dates of many locales; show which part of each was looked at."""
    import regard  # noqa: PLC0415 - loads Keras
    from regard.errors import MissingExtraError  # noqa: PLC0415 - loads Keras

    try:
        task = regard.tasks.get("dates")
    except MissingExtraError as error:
        typer.echo(f"The dates are left out. {error}", err=True)
        return
    train, test = task.split(_TRAIN_DATES, _TEST_DATES, seed=seed, by="target")
    typer.echo(
        f"\n{_TRAIN_DATES:,} dates in {len(set(train.groups or ()))} locales, to be "
        "written as YYYY-MM-DD.",
        err=True,
    )
    translator = regard.Translator(seed=seed, **DATE_SETTINGS)
    with training_progress() as show:
        translator.fit(train.source_texts, train.target_texts, progress=show)
    greedy = translator.translate(test.source_texts, beam=1)
    best = [hypotheses[0] for hypotheses in greedy]
    score = task.score([translation.text for translation in best], test)
    typer.echo(
        f"right on {len(test):,} dates of other days     {score.accuracy:7.1%}\n"
    )
    _show_dates(_one_of_each(best, test), out / "dates.html")
    _save_translator(translator, out / "dates.regard")


def _one_of_each(
    translations: "list[Translation]", pairs: "SequencePairs"
) -> "list[Translation]":
    """The first translation of each locale, a dozen."""
    firsts: dict[str, Translation] = {}
    for translation, locale in zip(translations, pairs.groups or (), strict=True):
        firsts.setdefault(locale, translation)
    return [firsts[locale] for locale in sorted(firsts)][:_DATES_SHOWN]


def _show_dates(translations: "list[Translation]", page: Path) -> None:
    from regard import plot  # noqa: PLC0415 - loads Keras
    from regard.plot.characters import for_terminal  # noqa: PLC0415 - the same

    for translation in translations:
        typer.echo(f"{translation.text}  {for_terminal(translation.source)}")
    plot.alignment(translations).save(page)
    typer.echo(f"Wrote {page}: open it in a browser.")


def _save_translator(translator: "Translator", bundle: Path) -> None:
    translator.save(bundle)
    typer.echo(f'Saved {bundle}. Try: regard translate {bundle} "3. März 2027"')
