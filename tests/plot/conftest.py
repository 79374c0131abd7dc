"""Explanations to draw."""

import re

import numpy as np
import pytest

from regard.types import Explanation


@pytest.fixture
def explain():
    """Makes an explanation of a text with the weights given, one a word or sign."""

    def explain(text, weights=None, truncated=False, label="negative", **changed):
        spans = [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]
        if weights is None:
            weights = [1 / len(spans)] * len(spans) if spans else []
        spans = spans[: len(weights)]
        fields = {
            "text": text,
            "label": label,
            "labels": (label, "positive"),
            "probabilities": np.array([0.75, 0.25]),
            "tokens": tuple(text[start:end] for start, end in spans),
            "offsets": np.array(spans, dtype=int).reshape(-1, 2),
            "weights": np.array(weights, dtype=float),
            "truncated": truncated,
        }
        return Explanation(**(fields | changed))

    return explain


@pytest.fixture
def film(explain):
    return explain("It never finds its feet.", [0.01, 0.2, 0.03, 0.03, 0.7, 0.03])
