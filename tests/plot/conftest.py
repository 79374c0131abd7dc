"""Explanations and translations to draw."""

import re

import numpy as np
import pytest

from regard.types import Explanation, Translation


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


@pytest.fixture
def translate():
    """Makes a translation of words, or of characters, with the weights given."""

    def translate(source, text, weights, by_character=False, **changed):
        cut = tuple if by_character else lambda words: tuple(words.split())
        fields = {
            "source": source,
            "text": text,
            "source_tokens": cut(source),
            "target_tokens": cut(text),
            "alignment": np.asarray(weights, dtype=float),
            "log_probability": -1.5,
            "score": -0.75,
        }
        return Translation(**(fields | changed))

    return translate


@pytest.fixture
def translated(translate):
    weights = [[0.9, 0.1, 0.0], [0.25, 0.5, 0.25]]
    return translate("ein Hund rennt", "a dog", weights)


@pytest.fixture
def signed(explain):
    """Makes an explanation with evidence toward labels, and with heads."""

    def signed(text, parts, weights=None, heads=None, labels=("bad", "good"), **more):
        parts = np.asarray(parts, dtype=float)
        logits = parts.sum(axis=0)
        probabilities = np.exp(logits) / np.exp(logits).sum()
        if heads is not None:
            weights = np.mean(heads, axis=0)
        return explain(
            text,
            weights,
            label=labels[int(probabilities.argmax())],
            labels=labels,
            probabilities=probabilities,
            contributions=parts,
            bias=np.zeros(len(labels)),
            head_weights=None if heads is None else np.asarray(heads, dtype=float),
            **more,
        )

    return signed
