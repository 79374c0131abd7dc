"""Repetitions: the same training from another seed, examined on the same texts.

A verdict is about one model. How far it hangs on the luck of its training is shown
beside it, and never part of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from regard.classification import TextClassifier
from regard.classification.artifact import KIND as TEXT_CLASSIFIER
from regard.classification.trainer import ClassificationCallback
from regard.errors import ArgumentError
from regard.translation.artifact import KIND as TRANSLATOR
from regard.trust.gates import Gate
from regard.trust.verdict import Verdict


@dataclass(frozen=True)
class Repetition:
    """What was found of a model that was trained from another seed.

    Args:
        seed: The seed of its training.
        verdict: What may be read in its weights.
        gates: Its gates, as ``TrustReport.gates``.
    """

    seed: int
    verdict: Verdict
    gates: Mapping[str, Gate]


def retrained(
    model: Any,
    texts: Sequence[str],
    labels: Sequence[Any],
    *,
    seed: int,
    progress: ClassificationCallback | None = None,
) -> TextClassifier:
    """A classifier trained as another one was, from another seed.

    All settings are those that the other one was trained with. A tenth of the examples
    is held out to choose the best epoch.

    Args:
        model: A trained ``TextClassifier``.
        texts: The texts it was trained on.
        labels: Their labels.
        seed: The seed of the new training.
        progress: See ``TextClassifier.fit``.

    Raises:
        ArgumentError: The model is no text classifier.
        DataError: The examples cannot be trained on.
        KeyboardInterrupt: There was one; a model of a part of the epochs is none.
    """
    check_retrainable(model)
    again = TextClassifier(seed, **model.trained.config.to_dict())
    again.fit(texts, labels, progress=progress)
    if again.interrupted:
        raise KeyboardInterrupt
    return again


def check_retrainable(model: Any) -> None:
    """Refuse a model that ``retrained`` cannot train.

    Raises:
        ArgumentError: It is no text classifier.
    """
    kind = getattr(model, "kind", type(model).__name__)
    if kind == TEXT_CLASSIFIER:
        if model.trained.encoder is None:
            return
        raise ArgumentError(
            "A classifier with an encoder cannot be trained again here: it does not "
            "have what the encoder was before.",
            fix="Train it again from another seed, examine that model, and compare the "
            "reports.",
        )
    fixes = {
        TRANSLATOR: "Translators train for long, and are not trained again by an "
        "examination. Train others with 'regard train translate --seed 1', examine "
        "each, and compare the reports: regard trust FIRST.json SECOND.json",
    }
    own = (
        "How it was trained is not known here. Train it again from another seed, "
        "examine that model, and put it beside: report.repeated(seed, its_report)."
    )
    raise ArgumentError(
        "A model of this kind cannot be trained again here.",
        expected=f"a '{TEXT_CLASSIFIER}'",
        received=f"'{kind}'",
        fix=fixes.get(kind, own),
    )


def repetition_lines(
    gates: Mapping[str, Gate], repetitions: Sequence[Repetition]
) -> list[str]:
    """The verdicts of repetitions and how far the gates spread, for a terminal.

    Args:
        gates: The gates of the model that the report is about.
        repetitions: Those of the others.
    """
    all_gates = [gates, *(each.gates for each in repetitions)]
    lines = ["Trained again from other seeds, never part of the verdict:"]
    lines += [f"{f'seed {each.seed}':24}{each.verdict}" for each in repetitions]
    lines += ["", f"{'of all, this one too':24}{'lowest':>10}{'highest':>10}"]
    for name in gates:
        found = [each[name] for each in all_gates if name in each]
        values = [each.interval.value for each in found if each.interval is not None]
        finite = [value for value in values if np.isfinite(value)]
        if finite:
            lines.append(f"{name:24}{min(finite):>z10.3f}{max(finite):>z10.3f}")
    return lines
