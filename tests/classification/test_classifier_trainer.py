import numpy as np
import pytest

import regard
import toy


@pytest.mark.parametrize("units", [2, 3])
def test_more_classes_than_units_start_randomly_and_learn(units):
    texts, labels = toy.messages(60)
    settings = toy.SETTINGS | {"embedding_units": units, "epochs": 2}
    classifier = regard.TextClassifier(seed=0, **settings).fit(texts, labels)
    assert np.isfinite(classifier.predict_proba(texts)).all()
