"""The classifier of the demo: messages whose deciding phrase is known."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from regard_cli.progress_bar import training_progress

if TYPE_CHECKING:
    from regard import Explanation, TextClassifier
    from regard.tasks import Message

_TRAIN, _TEST = 4_000, 1_000
_SHOWN, _ON_PAGE = 4, 24


def demo_messages(out: Path, seed: int) -> None:
    """Train on messages whose deciding phrase is known; show what was looked at."""
    import regard  # noqa: PLC0415 - loads Keras
    from regard.tasks import SupportMessages  # noqa: PLC0415 - loads Keras

    task = SupportMessages()
    train = task.sample(_TRAIN, seed=seed)
    test = task.sample(_TEST, seed=seed + 1)
    typer.echo(
        f"{_TRAIN:,} support messages, classes {', '.join(task.labels)}: in each, one "
        "planted phrase decides the class.",
        err=True,
    )
    classifier = regard.TextClassifier(seed=seed)
    with training_progress() as show:
        classifier.fit(*_pairs(train), progress=show)
    seen = classifier.explain([message.text for message in test])
    _print_measures(seen, test)
    _show(seen, out / "messages.html")
    _save(classifier, out / "messages.regard")


def _pairs(messages: "list[Message]") -> tuple[list[str], list[str]]:
    return [one.text for one in messages], [one.label for one in messages]


def _print_measures(seen: "list[Explanation]", test: "list[Message]") -> None:
    """How often the label is right, and how much attention the phrase gets.

    Beside the share that a phrase gets stands its share of the tokens, which is what
    attention spread evenly would give it.
    """
    from regard.tasks import SupportMessages  # noqa: PLC0415 - loads Keras

    pairs = list(zip(seen, test, strict=True))
    right = sum(one.label == message.label for one, message in pairs) / len(pairs)
    on_phrase = [SupportMessages.share_on_phrase(*pair) for pair in pairs]
    of_tokens = [SupportMessages.share_of_tokens(*pair) for pair in pairs]
    typer.echo(
        f"accuracy on {len(pairs):,} new messages      {right:7.1%}\n"
        f"attention on the planted phrase     {sum(on_phrase) / len(pairs):7.1%}\n"
        f"share of the phrase in the tokens   {sum(of_tokens) / len(pairs):7.1%}\n"
    )


def _show(seen: "list[Explanation]", page: Path) -> None:
    from regard import plot  # noqa: PLC0415 - loads Keras

    for explanation in seen[:_SHOWN]:
        typer.echo(plot.text(explanation).to_terminal())
    plot.text(seen[:_ON_PAGE]).save(page)
    typer.echo(f"Wrote {page}: open it in a browser.")


def _save(classifier: "TextClassifier", bundle: Path) -> None:
    classifier.save(bundle)
    typer.echo(
        f'Saved {bundle}. Try: regard predict {bundle} "The parcel never arrived."'
    )
