import numpy as np
import pytest

import regard
import toy
from regard.classification.artifact import TrainedTextClassifier


@pytest.mark.parametrize("units", [2, 3])
def test_more_classes_than_units_start_randomly_and_learn(units):
    texts, labels = toy.messages(60)
    settings = toy.SETTINGS | {"embedding_units": units, "epochs": 2}
    classifier = regard.TextClassifier(seed=0, **settings).fit(texts, labels)
    assert np.isfinite(classifier.predict_proba(texts)).all()


def test_what_validation_said_is_not_asked_again(tmp_path, monkeypatch):
    texts, labels = toy.messages(60)
    settings = toy.SETTINGS | {"epochs": 2}
    checkpoint = tmp_path / "checkpoint"
    classifier = regard.TextClassifier(seed=0, **settings)
    classifier.fit(texts, labels, checkpoint=checkpoint)
    # The training was over before: nobody has seen what the model says.
    late = regard.TextClassifier(seed=0, **settings)
    late.fit(texts, labels, checkpoint=checkpoint)
    asked_late = late.validation
    monkeypatch.setattr(TrainedTextClassifier, "probabilities", None)
    told = classifier.validation
    assert told.loss == pytest.approx(asked_late.loss, rel=1e-5)
    assert told.confusion.tolist() == asked_late.confusion.tolist()
    best = min(classifier.history, key=lambda epoch: -epoch.validation["accuracy"])
    assert told.accuracy == pytest.approx(best.validation["accuracy"])
