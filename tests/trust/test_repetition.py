"""The same training from another seed, and what is shown of it."""

from dataclasses import replace

import planted
import pytest

import regard
import toy
from regard.errors import ArgumentError
from regard.trust import TrustReport, Verdict, examine_subject, retrained


@pytest.fixture
def fitted(monkeypatch):
    """Trainings that cost nothing, and what they were asked."""
    asked = []

    def fit(self, texts, labels, *, progress):
        asked.append((self.seed, self.settings, texts, labels, progress))
        return self

    monkeypatch.setattr(regard.TextClassifier, "fit", fit)
    return asked


def test_all_settings_are_those_of_the_model(toy_classifier, fitted):
    texts, labels = toy.messages(9)
    again = retrained(toy_classifier, texts, labels, seed=5, progress=print)
    settings = toy_classifier.trained.config.to_dict()
    # What is None was chosen by nobody.
    chosen = {name: each for name, each in settings.items() if each is not None}
    assert fitted == [(5, chosen, texts, labels, print)]
    assert again.seed == 5
    # Those that the recipe chose, too.
    assert settings.keys() > toy.SETTINGS.keys()


def test_a_part_of_a_training_is_none(toy_classifier, fitted, monkeypatch):
    monkeypatch.setattr(
        regard.TextClassifier,
        "fit",
        lambda self, *_, **__: setattr(self, "interrupted", True),
    )
    with pytest.raises(KeyboardInterrupt):
        retrained(toy_classifier, *toy.messages(9), seed=1)


def test_other_models_are_refused():
    with pytest.raises(ArgumentError, match=r"cannot be trained again.*repeated\("):
        retrained(object(), [], [], seed=1)


def test_repetitions_stand_beside_the_verdict_and_are_kept():
    report = examine_subject(planted.plant("good", count=60, seed=1), n=55, seed=4)
    other = examine_subject(planted.plant("sink", count=60, seed=1), n=55, seed=4)
    both = report.repeated(1, other).repeated(2, report)
    assert (both.verdict, both.gates) == (report.verdict, report.gates)
    assert [each.verdict for each in both.repetitions] == [
        Verdict.READ_CONTRIBUTIONS,
        Verdict.EXPLAINS,
    ]
    assert replace(both, repetitions=()) == report
    assert TrustReport.from_dict(both.to_dict()) == both
    table = both.to_text().partition("Trained again")[2]
    values = sorted(each.gates["words"].interval.value for each in (report, other))
    assert f"{values[0]:.3f}     {values[1]:.3f}" in table
