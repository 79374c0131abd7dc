# ruff: noqa: E402 - where scikit-learn is not installed there is nothing to import
"""Tools of scikit-learn take the classifier for one of their own."""

import copy
import os
import pickle
import pickletools
import subprocess
import sys

import numpy as np
import pytest

import regard
import toy
from light_compilation import kept_programs, light_compilation
from regard.errors import ArgumentError, DataError, NotTrainedError

base = pytest.importorskip("sklearn.base", reason="needs scikit-learn")

import joblib
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.validation import check_is_fitted

SETTINGS = toy.SETTINGS | {"epochs": 1, "learning_rate": 0.2}


@pytest.fixture(autouse=True, scope="module")
def _quick(tmp_path_factory):
    with light_compilation(), kept_programs(tmp_path_factory.mktemp("programs")):
        yield


@pytest.fixture(scope="module")
def data():
    texts, labels = toy.messages(36)
    return np.array(texts, dtype=object), np.array(labels)


def small() -> regard.TextClassifier:
    return regard.TextClassifier(seed=0, **SETTINGS)


@pytest.mark.parametrize("kind", [regard.TextClassifier, regard.Translator])
def test_the_parameters_are_seed_devices_and_all_settings(kind):
    names = kind()._config_type.names()
    given = list(kind().get_params())
    assert given[:2] == ["seed", "devices"]
    assert given[-len(names) :] == list(names)
    chosen = kind(seed=3, epochs=2, dropout=0)
    params = chosen.get_params()
    assert (params["seed"], params["epochs"], params["dropout"]) == (3, 2, 0.0)
    # What was not chosen is left to the data, in a copy as well.
    assert params["batch_size"] is None
    copied = base.clone(chosen)
    assert copied is not chosen
    assert copied.get_params() == params
    assert copied.settings == {"epochs": 2, "dropout": 0.0}


@pytest.mark.parametrize("kind", [regard.TextClassifier, regard.Translator])
def test_parameters_are_set_all_or_none(kind):
    estimator = kind(epochs=2)
    assert estimator.set_params(seed=5, epochs=None, dropout=0.1) is estimator
    assert estimator.get_params() == kind(seed=5, dropout=0.1).get_params()
    before = estimator.get_params()
    for wrong in ({"epochs": 0}, {"seed": -1}, {"width": 3}, {"devices": "x"}):
        with pytest.raises(ArgumentError, match=next(iter(wrong))):
            estimator.set_params(batch_size=7, **wrong)
        assert estimator.get_params() == before
    with pytest.raises(ArgumentError, match="no setting 'width'"):
        kind(width=None)


def test_a_copy_of_a_trained_one_is_not_trained(toy_classifier):
    copied = base.clone(toy_classifier)
    assert copied.get_params() == toy_classifier.get_params()
    with pytest.raises(NotFittedError):
        check_is_fitted(copied)
    check_is_fitted(toy_classifier)


def test_what_is_not_trained_says_so_as_scikit_learn_does():
    with pytest.raises(NotFittedError, match="not trained yet") as raised:
        small().predict(["a"])
    assert isinstance(raised.value, NotTrainedError)
    # Workers send errors home.
    again = pickle.loads(pickle.dumps(raised.value))  # noqa: S301 - made just before
    assert type(again) is NotTrainedError
    assert str(again) == str(raised.value)
    for name in ("classes_", "n_iter_", "n_features_in_", "labels"):
        assert not hasattr(small(), name)


def test_what_it_is(toy_classifier):
    assert base.is_classifier(toy_classifier)
    tags = toy_classifier.__sklearn_tags__()
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert tags.classifier_tags.multi_label
    assert toy_classifier.classes_.tolist() == list(toy_classifier.labels)
    assert toy_classifier.n_iter_ == len(toy_classifier.history)
    assert not hasattr(toy_classifier, "n_features_in_")


def test_the_score_is_the_accuracy(toy_classifier):
    texts, labels = toy.messages(12, seed=3)
    wrong = labels[1]
    labels[0] = "never seen"
    labels[1] = next(label for label in toy.WORDS if label != wrong)
    assert toy_classifier.score(texts, labels) == 10 / 12
    weights = np.array([2, 0, *[1] * 10])
    assert toy_classifier.score(texts, labels, sample_weight=weights) == 10 / 12
    assert toy_classifier.score(texts[:2], labels[:2], [0, 1]) == 0
    for odd in ([1], [-1] * 12, [0] * 12, [float("nan")] * 12):
        with pytest.raises((ArgumentError, DataError), match="weight"):
            toy_classifier.score(texts, labels, sample_weight=odd)


def test_columns_of_texts_and_labels_are_lists(toy_classifier):
    texts, labels = toy.messages(6, seed=3)
    column = np.array(texts, dtype=object).reshape(-1, 1)
    assert toy_classifier.predict(column) == toy_classifier.predict(texts)
    assert toy_classifier.score(column, np.array(labels).reshape(-1, 1)) == 1
    with pytest.raises(ArgumentError, match="not a string"):
        toy_classifier.predict(column.reshape(3, 2))


@pytest.mark.parametrize("kind", [str, int, bool, float])
def test_labels_are_an_array_of_their_kind(data, kind):
    texts, names = data
    numbers = np.unique(names, return_inverse=True)[1] % (2 if kind is bool else 3)
    labels = names if kind is str else numbers.astype(kind)
    classifier = small().fit(texts, labels)
    assert classifier.classes_.dtype.kind == {"str": "U", "bool": "b"}.get(
        kind.__name__, "i"
    )
    assert classifier.classes_.tolist() == np.unique(labels).tolist()


@pytest.mark.backends
def test_a_grid_of_settings_in_a_pipeline_over_a_column(data):
    pandas = pytest.importorskip("pandas", reason="an extra")
    texts, labels = data
    frame = pandas.DataFrame({"text": texts, "number": range(len(texts))})
    column = ColumnTransformer([("text", "passthrough", ["text"])])
    pipeline = Pipeline([("column", column), ("classifier", small())])
    grid = {"classifier__learning_rate": [0.2, 1e-6], "classifier__naive_bayes": [0.0]}
    search = GridSearchCV(
        pipeline, grid, cv=2, scoring=["accuracy", "neg_log_loss"], refit="accuracy"
    )
    search.fit(frame, labels)
    assert search.best_params_["classifier__learning_rate"] == 0.2
    assert search.classes_.tolist() == sorted(toy.WORDS)
    assert search.score(frame, labels) > 0.5


def test_probabilities_are_calibrated(data):
    texts, labels = data
    calibrated = CalibratedClassifierCV(small(), cv=2).fit(texts, labels)
    assert calibrated.predict_proba(texts).shape == (len(texts), 3)
    assert calibrated.score(texts, labels) > 0.5


def test_pictures_of_a_pipeline_say_what_is_in_it(toy_classifier):
    assert "TextClassifier(seed=0" in repr(make_pipeline(toy_classifier))
    assert "TextClassifier" in make_pipeline(toy_classifier)._repr_html_()
    assert repr(regard.TextClassifier()) == "<TextClassifier(seed=0), not trained>"
    said = repr(toy_classifier)
    assert "trained: 3 labels (account, billing, delivery), 3,940 parameters" in said
    assert len(said) < 200
    assert "not trained" in repr(regard.Translator(units=8))


# Pickles


def test_a_pickle_has_nothing_that_runs_but_known_classes(toy_classifier):
    texts, _ = toy.messages(120)
    content = pickle.dumps(toy_classifier)
    assert not any(text.encode() in content for text in texts)
    strings = [arg for _, arg, _ in pickletools.genops(content) if isinstance(arg, str)]
    modules = {text for text in strings if "." in text and text in sys.modules}
    packages = {module.partition(".")[0] for module in modules}
    assert packages <= {"regard", "numpy", "datetime", "types"}
    copied = pickle.loads(content)  # noqa: S301 - made just before
    assert copied.get_params() == toy_classifier.get_params()
    assert copied.history == toy_classifier.history
    assert copied.validation.accuracy == toy_classifier.validation.accuracy
    np.testing.assert_allclose(
        copied.predict_proba(texts[:4]),
        toy_classifier.predict_proba(texts[:4]),
        atol=1e-6,
    )


def test_what_is_not_trained_travels():
    for estimator in (small(), regard.Translator(units=8, seed=2)):
        copied = pickle.loads(pickle.dumps(estimator))  # noqa: S301 - made just before
        assert copied.get_params() == estimator.get_params()
        assert copy.deepcopy(estimator).get_params() == estimator.get_params()


ELSEWHERE = """
import sys, warnings
import joblib, numpy
warnings.simplefilter("ignore")
classifier, texts, expected = joblib.load(sys.argv[1])
numpy.testing.assert_allclose(classifier.predict_proba(texts), expected, atol=1e-5)
print(repr(classifier))
"""


@pytest.mark.slow
def test_another_process_gives_the_same_numbers(toy_classifier, tmp_path):
    texts, _ = toy.messages(12, seed=4)
    place = tmp_path / "classifier.joblib"
    joblib.dump((toy_classifier, texts, toy_classifier.predict_proba(texts)), place)
    for backend in ("jax", "tensorflow", "torch"):
        found = subprocess.run(
            [sys.executable, "-c", ELSEWHERE, place],
            env={**os.environ, "KERAS_BACKEND": backend},
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.returncode == 0, found.stderr[-2000:]
        assert found.stdout.strip() == repr(toy_classifier)


@pytest.mark.slow
def test_a_search_in_two_processes_finds_the_same(data):
    grid = {"learning_rate": [0.2, 1e-6]}
    found = [
        GridSearchCV(small(), grid, cv=2, n_jobs=jobs).fit(*data).cv_results_
        for jobs in (1, 2)
    ]
    scores = [each["mean_test_score"].tolist() for each in found]
    assert scores[0] == scores[1]
