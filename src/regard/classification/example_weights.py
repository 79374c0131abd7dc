"""How much each example counts: by its class, and by a number of its own."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from regard._frames import listed_values
from regard._label_values import KnownLabels
from regard._validate import check_same_length, wrong_value
from regard.errors import ArgumentError, DataError, listed
from regard.text import Labels
from regard.training.batches import EncodedExamples
from regard.types import FloatArray


def class_weights_of(
    class_weight: str | Mapping[Any, float] | None,
    labels: Labels,
    train: EncodedExamples,
) -> FloatArray | None:
    r"""The weight of each class in a training.

    .. math::
        w_c = \frac{n}{K \, n_c}

    where they are ``"balanced"``, with :math:`n_c` of the :math:`n` examples of class
    ``c``, each counted as often as its own weight says.

    Args:
        class_weight: The setting; None: there are none.
        labels: The classes. One that a mapping does not name has the weight 1.
        train: The examples.

    Returns:
        ``(classes,)``, or None.

    Raises:
        ArgumentError: A label is none of the classes, or no example counts.
    """
    if class_weight is None:
        return None
    if labels.several:
        raise ArgumentError(
            "'class_weight' is for texts with one label each.",
            expected="no such weights where a text may have several",
            fix="Leave it out: each label has a threshold of its own, and "
            "sample_weight= lets texts count more.",
            arguments=["class_weight", "sample_weight"],
        )
    counts = np.bincount(train.targets, train.weights, minlength=len(labels))
    if isinstance(class_weight, str):
        return np.asarray(counts.sum() / (len(labels) * np.maximum(counts, 1e-9)))
    weights, known = np.ones(len(labels)), KnownLabels(labels.names)
    for label, weight in class_weight.items():
        name = known.find(str(label))
        if name is None:
            near = known.nearest(str(label))
            raise ArgumentError(
                f"'class_weight' names the label {str(label)!r:.60}, which no example "
                "has.",
                expected=f"labels among {listed(labels.names)}",
                fix=None if near is None else f"Did you mean {near!r}?",
                arguments=["class_weight"],
            )
        weights[labels.names.index(name)] = weight
    if not (weights * counts).sum() > 0:
        raise wrong_value("class_weight", class_weight, "one above 0")
    return weights


def weighed(
    train: EncodedExamples, class_weights: FloatArray | None
) -> EncodedExamples:
    """Examples that count as much as they and their classes do.

    Raises:
        DataError: None does.
    """
    train = replace(train, class_weights=class_weights)
    if train.importance is not None:
        check_sum(train.importance)
    return train


def checked_weights(values: Any, texts: list[Any]) -> list[float]:
    """The weights that were given beside texts: one for each, 0 or more.

    Raises:
        ArgumentError: There are not as many.
        DataError: One is no such number, or all are 0.
    """
    listed_weights = listed_values(values, "weights")
    check_same_length({"texts": texts, "weights": listed_weights})
    weights = [_weight(value, index) for index, value in enumerate(listed_weights)]
    check_sum(weights)
    return weights


def check_sum(weights: Any) -> None:
    """Refuse weights by which no example counts."""
    if not np.sum(weights) > 0:
        raise DataError(
            "All weights of the examples to train on are zero: none counts.",
            expected="one above 0",
        )


def _weight(value: Any, index: int) -> float:
    with suppress(TypeError, ValueError):
        number = float(value)
        if 0 <= number < np.inf and not isinstance(value, str | bool):
            return number
    raise DataError(
        f"The weight of example {index} is none.",
        expected="a number, 0 or more",
        received=f"{value!r:.60}",
    )
