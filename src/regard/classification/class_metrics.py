"""Accuracy, F1 and confusion of a classifier on labelled examples."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from regard._label_values import ratings
from regard.metrics import expected_calibration_error
from regard.types import FloatArray, IntArray, pandas_frame

if TYPE_CHECKING:
    import pandas as pd


_OF_RATINGS = ("mean_absolute_error", "quadratic_weighted_kappa")


@dataclass(frozen=True)
class ClassMetrics:
    """The measures of one class.

    Args:
        precision: The share of the examples given this label that have it; 0 where
            none was given it.
        recall: The share of the examples with this label that were given it; 0 where
            none has it.
        f1: The harmonic mean of both; 0 where both are 0.
        support: The number of examples with this label.
    """

    precision: float
    recall: float
    f1: float
    support: int


class EvaluationByLabel:
    """What evaluations with measures of each label show of them."""

    per_class: Mapping[str, ClassMetrics]

    def to_dict(self) -> dict[str, Any]:
        """The measures as plain values."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from regard.plot.figures import bundle  # noqa: PLC0415 - for notebooks only

        return bundle("Evaluation of a classifier", self.to_dict())

    def to_pandas(self) -> "pd.DataFrame":
        """A row for each label: ``precision``, ``recall``, ``f1`` and ``support``.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        rows = self.per_class.values()
        columns = {
            each.name: [getattr(row, each.name) for row in rows]
            for each in fields(ClassMetrics)
        }
        return pandas_frame(columns, list(self.per_class), "label")


@dataclass(frozen=True, eq=False)
class ClassificationEvaluation(EvaluationByLabel):
    """The measures of a classifier on labelled examples.

    Args:
        accuracy: The share of examples given their own label.
        macro_f1: The mean of F1 over the classes that occur, in the examples or in
            the predictions.
        loss: The mean of minus the logarithm of the probability of the right label,
            in nats.
        expected_calibration_error: The mean distance between the confidence and the
            accuracy in 15 bins, 0 to 1; see
            ``regard.metrics.expected_calibration_error``.
        per_class: The measures of each class by its label.
        confusion: ``(classes, classes)``, counts: a row for each right label, a
            column for each predicted one, both in the order of ``per_class``.
        mean_absolute_error: The mean distance between the number that was given and the
            right one, where there are three or more labels and all are numbers.
        quadratic_weighted_kappa: How much better than chance it is with what is far off
            counting more, as scikit-learn's ``cohen_kappa_score(weights="quadratic")``
            of ranks among such labels: 1 is perfect, 0 chance.
    """

    accuracy: float
    macro_f1: float
    loss: float
    expected_calibration_error: float
    per_class: Mapping[str, ClassMetrics]
    confusion: IntArray
    mean_absolute_error: float | None = None
    quadratic_weighted_kappa: float | None = None

    @property
    def _of_ratings(self) -> dict[str, float]:
        measures = {name: getattr(self, name) for name in _OF_RATINGS}
        return {name: each for name, each in measures.items() if each is not None}

    def __repr__(self) -> str:
        names = ["accuracy", "macro_f1", "loss", "expected_calibration_error"]
        names += self._of_ratings
        said = ", ".join(f"{name}={getattr(self, name):.4g}" for name in names)
        count = f"{len(self.per_class)} labels, {self.confusion.sum():,g} texts"
        return f"{type(self).__name__}({said}, {count})"

    def to_dict(self) -> dict[str, Any]:
        """The measures as plain values, ready for JSON."""
        return {
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "loss": self.loss,
            "expected_calibration_error": self.expected_calibration_error,
            **self._of_ratings,
            "per_class": {
                name: asdict(metrics) for name, metrics in self.per_class.items()
            },
            "confusion": self.confusion.tolist(),
        }


def evaluate(
    probabilities: FloatArray, targets: IntArray, names: Sequence[str]
) -> ClassificationEvaluation:
    """Measure probabilities against the right classes.

    Args:
        probabilities: ``(examples, classes)``.
        targets: ``(examples,)``, the index of the right class.
        names: The label of each class.
    """
    confusion = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(confusion, (targets, probabilities.argmax(axis=1)), 1)
    classes = [_class_metrics(confusion, index) for index in range(len(names))]
    occurring = confusion.sum(axis=0) + confusion.sum(axis=1) > 0
    return ClassificationEvaluation(
        accuracy=float(np.trace(confusion) / len(targets)),
        macro_f1=float(np.mean([metrics.f1 for metrics in classes], where=occurring)),
        loss=log_loss(probabilities, targets),
        expected_calibration_error=float(
            expected_calibration_error(probabilities, targets)
        ),
        per_class=dict(zip(names, classes, strict=True)),
        confusion=confusion,
        **_measures_of_ratings(confusion, ratings(names)),
    )


def _measures_of_ratings(
    confusion: IntArray, numbers: Sequence[float] | None
) -> dict[str, float]:
    r"""The mean absolute error and the quadratic weighted kappa.

    .. math::
        \mathrm{MAE} = \frac{1}{n} \sum_{ij} n_{ij} |v_i - v_j|, \qquad
        \kappa = 1 - \frac{n \sum_{ij} n_{ij} (r_i - r_j)^2}
        {\sum_{ij} n_{i \cdot} n_{\cdot j} (r_i - r_j)^2}

    with the number :math:`v_i` of a label, its rank :math:`r_i` and the texts
    :math:`n_{ij}` that have label ``i`` and are given ``j``.

    References:
        Cohen: Weighted kappa (1968), https://doi.org/10.1037/h0026256.
    """
    if numbers is None:
        return {}
    values, count = np.asarray(numbers), confusion.sum()
    errors = np.abs(values[:, None] - values)
    measures = {"mean_absolute_error": float((confusion * errors).sum() / count)}
    ranks = values.argsort().argsort()
    distances = (ranks[:, None] - ranks) ** 2
    by_chance = np.outer(confusion.sum(axis=1), confusion.sum(axis=0)) / count
    expected = (by_chance * distances).sum()
    # Where nothing is expected all texts have one label and are given it.
    share = (confusion * distances).sum() / expected if expected > 0 else 0.0
    return measures | {"quadratic_weighted_kappa": float(1 - share)}


def log_loss(
    probabilities: FloatArray, targets: IntArray, weights: FloatArray | None = None
) -> float:
    """The mean of minus the logarithm of the probability of the right class, in nats.

    A probability that was rounded to 0 counts as the smallest there is.
    """
    of_targets = probabilities[np.arange(len(targets)), targets].astype(np.float64)
    smallest = np.finfo(np.float32).tiny
    # Not the negative mean: of nothing but ones that is -0.
    losses = np.log(1 / np.maximum(of_targets, smallest))
    return float(np.average(losses, weights=weights))


def _class_metrics(confusion: IntArray, index: int) -> ClassMetrics:
    hits = int(confusion[index, index])
    predicted, actual = int(confusion[:, index].sum()), int(confusion[index].sum())
    return ClassMetrics(
        precision=hits / max(predicted, 1),
        recall=hits / max(actual, 1),
        f1=2 * hits / max(predicted + actual, 1),
        support=actual,
    )
