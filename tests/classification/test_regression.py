import numpy as np
import pytest

from regard.classification import regression
from regard.classification.feature_counts import log_odds
from regard.classification.regression import FeatureBags, regression_weights

RNG = np.random.default_rng(0)
# A column of words, one of bigrams, two of pieces; rows 1 to 9.
DOCUMENTS = [RNG.integers(0, 10, (tokens, 4)) for tokens in RNG.integers(1, 7, 30)]
TARGETS = np.arange(30) % 3


def even(document, _):
    return np.full(len(document), 1 / len(document))


def bags(documents=DOCUMENTS, attention=even):
    return FeatureBags.of(documents, ngrams=2, attention=attention)


def dense(of: FeatureBags) -> np.ndarray:
    matrix = np.zeros((of.documents, 10))
    np.add.at(matrix, (of.owners, of.rows), of.shares)
    return matrix


def loss(weights, bias, features, targets):
    logits = features @ weights + bias
    logits -= logits.max(axis=1, keepdims=True)
    chosen = logits[np.arange(len(targets)), targets]
    return (np.log(np.exp(logits).sum(axis=1)) - chosen).sum()


def test_a_bag_is_what_the_embedding_pools():
    document = np.array([[1, 2, 3, 4], [1, 0, 3, 0]])
    pooled = bags([document], lambda *_: np.array([0.75, 0.25]))
    half = np.sqrt(0.5)
    expected = [0, 1, 0.75, 0.75 * half + 0.25, 0.75 * half]
    np.testing.assert_allclose(dense(pooled)[0, :5], expected, rtol=1e-6)
    assert pooled.length == 2


@pytest.mark.parametrize("entries", [1, 3, 1000])
def test_sums_have_the_digits_of_sums_one_after_the_other(monkeypatch, entries):
    monkeypatch.setattr(regression, "_ENTRIES", entries)
    empty = np.zeros((2, 4), DOCUMENTS[0].dtype)
    of = bags([empty, *DOCUMENTS, empty, empty])
    weights, errors = RNG.normal(size=(2, 14)), RNG.normal(size=(2, of.documents))
    weights, errors = weights.astype("float32"), errors.astype("float32")

    def plain(columns, sources, targets, count):
        sums = [
            np.bincount(targets, of.shares * column[sources], count)
            for column in columns
        ]
        return np.array(sums, "float32")

    scores = plain(weights, of.rows, of.owners, of.documents)
    np.testing.assert_array_equal(of.scores(weights), scores)
    # Rows that no text has are beyond the last one, too.
    slopes = plain(errors, of.owners, of.rows, 14)
    np.testing.assert_array_equal(of.slopes(errors, 14), slopes)


def test_texts_without_a_feature_have_no_sums():
    of = bags([np.zeros((2, 4), DOCUMENTS[0].dtype)] * 2)
    assert of.scores(np.ones((1, 5), "float32")).tolist() == [[0, 0]]
    assert of.slopes(np.ones((1, 2), "float32"), 5).tolist() == [[0] * 5]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("strength", [0.1, 10.0])
def test_the_weights_are_where_the_penalised_loss_is_least(classes, strength):
    targets = TARGETS % classes
    odds = log_odds(DOCUMENTS, targets, 10, classes)
    of = bags()
    weights, bias = regression_weights(of, targets, odds, strength)
    assert weights.shape == (10, classes)
    assert not weights[0].any()
    # One column for both of two classes: each of them has half of it.
    scale = of.length * odds / (1 if classes > 2 else 2)

    def penalised(values, bias):
        counted = values[:, :1] if classes == 2 else values
        penalty = (counted**2).sum() / (2 * strength)
        return loss(scale * values, bias, dense(of), targets) + penalty

    known = np.abs(odds) > 1e-6
    values = np.divide(weights, scale, out=np.zeros_like(weights), where=known)
    least = penalised(values, bias)
    for row in range(1, 10):
        for step in (-0.02, 0.02):
            moved = values.copy()
            moved[row] += step * (1 if classes == 2 else np.eye(classes)[row % 3])
            assert penalised(moved, bias) > least - 2e-3
    assert penalised(0 * values, 0 * bias) > least + 0.1


def test_a_text_without_a_feature_changes_only_the_bias():
    empty = np.zeros((1, 4), int)
    weights, bias = regression_weights(
        bags([*DOCUMENTS, empty, empty, empty]),
        np.append(TARGETS, [0, 0, 0]),
        log_odds(DOCUMENTS, TARGETS, 10, 3),
        1.0,
    )
    assert np.isfinite(weights).all()
    assert bias.argmax() == 0
