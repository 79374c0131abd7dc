"""Leaving out, against doing it by hand."""

import numpy as np
import pytest
from explained_models import averaged, ids, logits, pooled

from regard import explain
from regard.errors import ArgumentError

pytestmark = pytest.mark.backends


def test_an_id_that_is_masked_is_left_out_where_it_stands():
    model, x = pooled(recurrent=True), ids()
    told = explain.leave_one_out(model, x)
    whole = logits(model, x, told.target)
    for position in range(x.shape[1]):
        without = x.copy()
        without[:, position] = 0
        expected = whole - logits(model, without, told.target)
        np.testing.assert_allclose(told.scores[:, position], expected, atol=1e-5)


def test_a_baseline_stands_in_the_place_of_what_is_left_out():
    model, x = averaged(), ids()
    told = explain.leave_one_out(model, x, 1, baseline=3)
    table, kernel = model.get_weights()[:2]
    added = (table @ kernel)[:, 1] / x.shape[1]
    np.testing.assert_allclose(told.scores, added[x] - added[3], atol=1e-5)


def test_where_0_is_an_id_as_others_a_baseline_has_to_be_said():
    with pytest.raises(ArgumentError, match=r"does not mask the id 0.*baseline="):
        explain.leave_one_out(averaged(), ids())


def test_a_token_of_a_text_takes_its_ngrams_along(toy_classifier):
    trained = toy_classifier.trained
    texts = ["the refund was in my order", "parcel", ""]
    told = explain.leave_one_out(toy_classifier, texts, of="probability")
    rows = [each.ids for each in trained.reader.read(texts)]
    answers = trained.predictor.predict(rows)
    for text, position in ((0, 0), (0, 1), (0, 5), (1, 0)):
        keep = np.arange(len(rows[text])) != position
        without = trained.predictor.predict(
            [trained.reader.features.without(rows[text], keep)]
        )[0]
        target = told.target[text]
        expected = answers[text, target] - without[target]
        np.testing.assert_allclose(told.scores[text, position], expected, atol=1e-5)
    assert len(told[2]) == 0
