r"""Several labels a text: how sure a classifier is, which it gives, how good it is.

Each label is a question of its own, with the answer

.. math::
    p_k = \sigma(z_k / T), \qquad \text{given where } p_k \ge t_k
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from regard.classification.class_metrics import ClassMetrics, EvaluationByLabel
from regard.metrics import expected_calibration_error
from regard.types import FloatArray, IntArray

# The logarithms of the coldest and the hottest that is looked for, and how often what
# is between them is halved.
_BOUNDS, _HALVINGS = (float(np.log(0.05)), float(np.log(50.0))), 50
# As many texts with a label are borrowed from all labels together where its threshold
# is chosen: of few of its own chance would choose it.
_BORROWED = 10.0
_SMALLEST = float(np.finfo(np.float32).tiny)
BoolArray = Any


def sigmoid_temperature(
    probabilities: FloatArray, targets: IntArray, weights: FloatArray | None = None
) -> float:
    r"""The temperature at which each label is as sure as it is right.

    .. math::
        T = \arg\min_T -\sum_{ik} \left( y_{ik} \log p_{ik}(T) +
        (1 - y_{ik}) \log (1 - p_{ik}(T)) \right), \qquad p(T) = \sigma(z / T)

    with one example more of which each label is as likely as not, see
    ``regard.classification.temperature.fitted_temperature``.

    Args:
        probabilities: ``(examples, labels)``, at temperature 1.
        targets: ``(examples, labels)``, 1 where an example has the label.
        weights: ``(examples,)``, how much each counts; None: all the same.

    Returns:
        From 0.05 to 50; 1 where the probabilities are not finite.
    """
    logits = _logits(probabilities)
    if not np.isfinite(logits).all():
        return 1.0
    counts = np.ones(len(logits)) if weights is None else np.asarray(weights, float)
    total = counts.sum()
    counted = counts @ (targets * logits).sum(axis=1)
    counted += counts @ logits.sum(axis=1) / 2 / total
    low, high = _BOUNDS
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        expected = (_sigmoid(logits / np.exp(middle)) * logits).sum(axis=1)
        # The loss grows with 1 / T: the temperature has to be higher.
        if counts @ expected * (total + 1) / total > counted:
            low = middle
        else:
            high = middle
    return float(np.exp((low + high) / 2))


def sigmoid_tempered(probabilities: FloatArray, temperature: float) -> FloatArray:
    """Probabilities at temperature 1 as those at another one."""
    return _sigmoid(_logits(probabilities) / temperature)


def label_set_loss(
    probabilities: FloatArray, targets: IntArray, weights: FloatArray | None = None
) -> float:
    """The mean over texts and labels of minus the logarithm of what is right, in nats.

    A probability that was rounded to 0 counts as the smallest there is.
    """
    of_right = np.where(targets == 1, probabilities, 1 - probabilities)
    losses = np.log(1 / np.maximum(of_right.astype(np.float64), _SMALLEST))
    return float(np.average(losses.mean(axis=1), weights=weights))


def fitted_thresholds(
    probabilities: FloatArray, targets: IntArray, weights: FloatArray | None = None
) -> FloatArray:
    r"""The probability from which on each label is given: where its F1 is highest.

    .. math::
        t_k = \arg\max_t \frac{2 \, (h_k(t) + a \, h(t))}
        {g_k(t) + n_k + a \, (g(t) + n)}

    with :math:`h_k(t)` the texts that have label ``k`` and are given it, :math:`g_k(t)`
    those given it and :math:`n_k` those that have it, and the same of all labels
    together, which count as much as ten texts with a label: of few texts of its own
    chance would choose.

    Args:
        probabilities: ``(examples, labels)``, on examples that were not trained on.
        targets: ``(examples, labels)``, 1 where an example has the label.
        weights: ``(examples,)``, how much each counts; None: all the same.

    Returns:
        ``(labels,)``, float32; 0.5 where no example has any label.

    References:
        Lipton, Elkan, Naryanaswamy: Optimal thresholding of classifiers to maximize F1
        measure (2014), https://arxiv.org/abs/1402.1892.
    """
    labels = targets.shape[1]
    counts = np.ones(len(targets)) if weights is None else np.asarray(weights, float)
    having = counts @ targets
    if not having.sum() > 0:
        return np.full(labels, 0.5, np.float32)
    # What is between two probabilities gives the same labels.
    known = np.unique(probabilities)
    edges = np.append((known[1:] + known[:-1]) / 2, known[-1])
    if len(edges) > _MOST_EDGES:
        edges = np.unique(np.quantile(edges, np.linspace(0, 1, _MOST_EDGES)))
    hits, given = np.empty((2, len(edges), labels))
    for label in range(labels):
        order = np.argsort(probabilities[:, label])
        places = np.searchsorted(probabilities[order, label], edges)
        for found, each in ((given, counts), (hits, counts * targets[:, label])):
            below = np.append(0, np.cumsum(each[order]))
            found[:, label] = below[-1] - below[places]
    share = _BORROWED / having.sum()
    shared = 2 * share * hits.sum(axis=1), share * (given + having).sum(axis=1)
    f1 = (2 * hits + shared[0][:, None]) / (given + having + shared[1][:, None])
    return np.asarray(edges[f1.argmax(axis=0)], np.float32)


# More thresholds than that are hardly different ones.
_MOST_EDGES = 2_000


@dataclass(frozen=True, eq=False)
class LabelSetEvaluation(EvaluationByLabel):
    """The measures of a classifier that gives several labels, on labelled texts.

    Args:
        macro_f1: The mean of F1 over the labels that occur, in the examples or in the
            predictions.
        micro_f1: F1 of all pairs of a text and a label together.
        sample_f1: The mean over the texts of F1 of the labels of each; 1 where it has
            none and is given none.
        accuracy: The share of texts that are given exactly their labels.
        loss: The mean over texts and labels of minus the logarithm of the probability
            that a text has the label, or has it not, in nats.
        expected_calibration_error: The mean distance between the probability of labels
            and how often they are there, in 15 bins, 0 to 1.
        per_class: The measures of each label by its name.
        examples: The number of texts.
    """

    macro_f1: float
    micro_f1: float
    sample_f1: float
    accuracy: float
    loss: float
    expected_calibration_error: float
    per_class: Mapping[str, ClassMetrics]
    examples: int

    def __repr__(self) -> str:
        names = "macro_f1", "micro_f1", "sample_f1", "accuracy", "loss"
        said = ", ".join(f"{name}={getattr(self, name):.4g}" for name in names)
        count = f"{len(self.per_class)} labels, {self.examples:,} texts"
        return f"LabelSetEvaluation({said}, {count})"

    def to_dict(self) -> dict[str, Any]:
        """The measures as plain values, ready for JSON."""
        return {
            **{
                each.name: getattr(self, each.name)
                for each in fields(self)
                if each.name != "per_class"
            },
            "per_class": {
                name: asdict(metrics) for name, metrics in self.per_class.items()
            },
        }


def evaluate_label_sets(
    probabilities: FloatArray,
    targets: IntArray,
    names: Sequence[str],
    thresholds: FloatArray,
) -> LabelSetEvaluation:
    """Measure probabilities against the right labels.

    Args:
        probabilities: ``(examples, labels)``.
        targets: ``(examples, labels)``, 1 where an example has the label.
        names: The name of each label.
        thresholds: ``(labels,)``, the probability from which on it is given.
    """
    given, right = probabilities >= thresholds, targets == 1
    metrics = [
        ClassMetrics(
            precision=_ratio(hits, count),
            recall=_ratio(hits, support),
            f1=_ratio(2 * hits, count + support),
            support=support,
        )
        for hits, count, support in zip(
            (given & right).sum(axis=0).tolist(),
            given.sum(axis=0).tolist(),
            right.sum(axis=0).tolist(),
            strict=True,
        )
    ]
    measured = label_set_measures(given, right)
    flat = probabilities.astype(np.float64).ravel()
    pairs = np.stack([1 - flat, flat], axis=1)
    error = expected_calibration_error(pairs, right.ravel().astype(np.int64))
    return LabelSetEvaluation(
        **measured,
        loss=label_set_loss(probabilities, targets),
        expected_calibration_error=float(error),
        per_class=dict(zip(names, metrics, strict=True)),
        examples=len(targets),
    )


def label_set_measures(
    given: BoolArray, right: BoolArray, weights: FloatArray | None = None
) -> dict[str, float]:
    """Macro, micro and sample F1 and the share of texts with exactly their labels.

    Args:
        given: ``(examples, labels)``, which labels are given.
        right: ``(examples, labels)``, which are right.
        weights: ``(examples,)``, how much each counts; None: all the same.
    """
    counts = np.ones(len(given)) if weights is None else np.asarray(weights, float)
    hits, either = counts @ (given & right), counts @ given + counts @ right
    of_texts = given.sum(axis=1) + right.sum(axis=1)
    shared = 2 * (given & right).sum(axis=1)
    # Nothing is right where nothing is.
    each = np.where(of_texts > 0, shared / np.maximum(of_texts, 1), 1.0)
    occurs = either > 0
    return {
        "macro_f1": float((2 * hits / np.maximum(either, _SMALLEST))[occurs].mean())
        if occurs.any()
        else 1.0,
        "micro_f1": _ratio(2 * hits.sum(), either.sum()),
        "sample_f1": float(np.average(each, weights=weights)),
        "accuracy": float(np.average((given == right).all(axis=1), weights=weights)),
    }


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0


def _logits(probabilities: FloatArray) -> FloatArray:
    shares = np.asarray(probabilities, np.float64)
    # Float32 knows less of what is near to 1.
    return np.log(np.maximum(shares, _SMALLEST)) - np.log(
        np.maximum(1 - shares, 2**-25)
    )


def _sigmoid(logits: FloatArray) -> FloatArray:
    return 1 / (1 + np.exp(-np.clip(logits, -700, 700)))
