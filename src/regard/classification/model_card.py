"""What the bundle of a text classifier says to people, in Markdown."""

import json
from collections.abc import Sequence

from regard._version import __version__
from regard.classification.class_metrics import ClassificationEvaluation
from regard.classification.label_sets import LabelSetEvaluation

_CARD = """\
# Text classifier

Trained with `TextClassifier` of regard {version}. `regard.load` loads it, `regard
predict` asks it, `regard evaluate` measures it on other texts.

## Labels

{labels}
## How good it is

{measures}
Its logits are divided by a temperature of {temperature:.3g}, so that it is as sure as
it is right. Texts of another kind than those it was trained on are another matter:
there neither the accuracy nor the confidence is what it is here.

## What the weights are
"""


def card_of(
    labels: Sequence[str],
    evaluation: ClassificationEvaluation | LabelSetEvaluation | None,
    temperature: float,
) -> str:
    """The card of a classifier, up to what its weights are.

    Args:
        labels: The names of its labels.
        evaluation: That on the held-out examples; None: there were none.
        temperature: What its logits are divided by.
    """
    # As JSON and as code nothing in a label is taken for Markdown.
    names = "".join(f"    {json.dumps(name, ensure_ascii=False)}\n" for name in labels)
    return _CARD.format(
        version=__version__,
        labels=names,
        measures=_measures(evaluation),
        temperature=temperature,
    )


def _measures(evaluation: ClassificationEvaluation | LabelSetEvaluation | None) -> str:
    if evaluation is None:
        return "No examples were held out, so that nothing is known of it.\n"
    if isinstance(evaluation, LabelSetEvaluation):
        others = {
            "micro F1": f"{evaluation.micro_f1:.4f}",
            "F1 of the labels of a text": f"{evaluation.sample_f1:.4f}",
        }
        count = evaluation.examples
    else:
        count = int(evaluation.confusion.sum())
        others = {
            name: f"{value:.4f}"
            for name, value in (
                ("mean absolute error", evaluation.mean_absolute_error),
                ("quadratic weighted kappa", evaluation.quadratic_weighted_kappa),
            )
            if value is not None
        }
    lines = {
        "accuracy": f"{evaluation.accuracy:.4f}",
        "macro F1": f"{evaluation.macro_f1:.4f}",
        **others,
        "loss": f"{evaluation.loss:.4f} nats",
        "expected calibration error, 15 bins": (
            f"{evaluation.expected_calibration_error:.4f}"
        ),
    }
    table = "".join(f"| {name} | {value} |\n" for name, value in lines.items())
    return (
        f"On the {count:,} examples that were held out, which "
        f"also chose the best epoch:\n\n| measure | value |\n|---|---|\n{table}"
    )
