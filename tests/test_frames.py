"""Frames of any library come in at every door, and what is none is refused in words."""

from types import SimpleNamespace

import numpy as np
import pytest

import regard
from regard import _frames
from regard.classification import text_classifier
from regard.classification.artifact import TrainedTextClassifier
from regard.errors import ArgumentError, DataError, MissingExtraError
from regard.text.text_validation import checked_texts
from regard.training.loop import TrainingOutcome
from regard.translation import translator as translation_module
from regard.translation.artifact import TrainedTranslator
from regard.trust import examination

TEXTS, LABELS = ["fine film", "poor film", "good", "bad"], [1, 0, 1, 0]
COLUMNS = {"review": TEXTS, "stars": LABELS, "id": [1, 2, 3, 4]}


def pandas(columns):
    return pytest.importorskip("pandas", reason="needs pandas").DataFrame(columns)


def polars(columns):
    return pytest.importorskip("polars", reason="needs Polars").DataFrame(columns)


def polars_query(columns):
    return polars(columns).lazy()


def arrow(columns):
    return pytest.importorskip("pyarrow", reason="needs pyarrow").table(columns)


class Dataset:
    """What a data set of Hugging Face in memory has in common with others."""

    def __init__(self, columns):
        self._columns = columns
        self.features = dict.fromkeys(columns)

    @property
    def column_names(self):
        return list(self._columns)

    def __getitem__(self, name):
        return iter(self._columns[name])

    def __len__(self):
        return len(next(iter(self._columns.values())))


class StreamedDataset:
    """One that is read from the network row by row."""

    def __init__(self, columns):
        self._columns = columns
        self.column_names, self.features = list(columns), None

    def __iter__(self):
        for row in zip(*self._columns.values(), strict=True):
            yield dict(zip(self._columns, row, strict=True))


FRAMES = [pandas, polars, polars_query, arrow, Dataset, StreamedDataset]


@pytest.fixture
def recorder(monkeypatch):
    """Takes the place of training, and keeps what it was given."""
    given = SimpleNamespace()

    def training(train, held_out, known=None, **_):
        given.train, given.held_out, given.known = train, held_out, known
        model = SimpleNamespace(count_params=lambda: 0)
        trained = SimpleNamespace(trust=None, columns={}, model=model)
        return TrainingOutcome(trained, (), False)

    monkeypatch.setattr(text_classifier, "fit_text_classifier", training)
    monkeypatch.setattr(translation_module, "fit_translator", training)
    return given


@pytest.mark.parametrize("frame", FRAMES)
def test_a_classifier_is_trained_on_a_frame(recorder, frame):
    learner = regard.TextClassifier()
    names = {"text": "review", "label": "stars"}
    learner.fit(frame(COLUMNS), **names, validation=frame(COLUMNS))
    assert recorder.train.texts == recorder.held_out.texts == TEXTS
    assert recorder.train.labels == LABELS
    assert recorder.known.values == (0, 1)


@pytest.mark.parametrize("frame", FRAMES)
def test_columns_of_a_frame_by_themselves(recorder, frame):
    one = frame({"review": TEXTS}), frame({"stars": LABELS})
    regard.TextClassifier().fit(*one, validation_split=0)
    assert recorder.train.texts == TEXTS
    assert recorder.train.labels == LABELS


@pytest.mark.parametrize("frame", [pandas, polars, arrow, Dataset])
def test_series_arrays_and_generators(recorder, frame):
    table = frame(COLUMNS)
    for texts, labels in (
        (table["review"], table["stars"]),
        (np.array(TEXTS), np.array(LABELS)),
        ((text for text in TEXTS), (label for label in LABELS)),
    ):
        regard.TextClassifier().fit(texts, labels, validation_split=0)
        assert recorder.train.texts == TEXTS
        assert list(recorder.train.labels) == LABELS
        assert recorder.known.values == (0, 1)


@pytest.mark.parametrize("frame", FRAMES)
def test_a_translator_is_trained_on_a_frame(recorder, frame):
    pairs = {"de": ["a", "b"], "en": ["x", "y"], "more": [1, 2]}
    learner = regard.Translator()
    learner.fit(frame(pairs), source="de", target="en", validation=frame(pairs))
    assert recorder.train.sources == recorder.held_out.sources == ["a", "b"]
    assert recorder.train.targets == ["x", "y"]


@pytest.mark.parametrize("frame", [pandas, polars, arrow])
def test_missing_values_of_a_frame(recorder, frame):
    holes = frame({"text": [None, *TEXTS[1:]], "label": [1, 0, None, 0]})
    with pytest.raises(DataError, match=r"Text 0 is missing.*clean=True"):
        regard.TextClassifier().fit(holes)
    more = frame({"text": ["a", None, "b", "c"], "label": [1.0, 0.0, 0.0, None]})
    with pytest.warns(regard.errors.DataWarning):
        regard.TextClassifier().fit(more, clean=True, validation_split=0)
    assert (recorder.train.texts, recorder.train.labels) == (["a", "b"], [1, 0])


@pytest.fixture
def asked(monkeypatch):
    """Trained things that keep what they are asked in place of an answer."""
    questions: list = []
    columns = {"text": "message", "label": "topic", "source": "de"}

    def keeping(_, texts, *rest):
        questions.append(list(texts))
        return np.full((len(texts), 2), 0.5)

    for kind, method in (
        (TrainedTextClassifier, "probabilities"),
        (TrainedTextClassifier, "explain"),
        (TrainedTranslator, "translate"),
    ):
        monkeypatch.setattr(kind, method, keeping)
    for kind, name in (
        (regard.TextClassifier, TrainedTextClassifier),
        (regard.Translator, TrainedTranslator),
    ):
        trained = object.__new__(name)
        object.__setattr__(trained, "labels", regard.text.Labels((0, 1)))
        object.__setattr__(trained, "columns", columns)
        monkeypatch.setattr(kind, "trained", trained)
    return questions


@pytest.mark.parametrize("frame", FRAMES)
def test_what_is_trained_is_asked_with_a_frame(asked, frame):
    classifier, translator = regard.TextClassifier(), regard.Translator()
    alone = {"anything": TEXTS}
    for columns, options in (
        (alone, {}),
        ({"message": TEXTS, "id": LABELS}, {}),
        (COLUMNS, {"text": "review"}),
    ):
        classifier.predict(frame(columns), **options)
        classifier.predict_proba(frame(columns), **options)
        classifier.explain(frame(columns), **options)
    classifier.evaluate(frame(COLUMNS), text="review", label="stars")
    classifier.evaluate(frame({"topic": LABELS, "message": TEXTS}))
    for columns, options in (
        (alone, {}),
        ({"de": TEXTS, "id": LABELS}, {}),
        (COLUMNS, {"source": "review"}),
    ):
        translator.translate(frame(columns), **options)
    assert asked == [TEXTS] * 14


def test_an_examination_reads_a_frame(monkeypatch):
    def subject(_, texts):
        raise RuntimeError(texts)

    rows = {**examination.SUBJECTS, "text-classifier": subject}
    monkeypatch.setattr(examination, "SUBJECTS", rows)
    for texts in (arrow({"words": TEXTS}), arrow({"text": TEXTS, "id": LABELS})):
        with pytest.raises(RuntimeError, match=r"fine film.*bad"):
            regard.trust.examine(regard.TextClassifier(), texts)


# What it refuses


@pytest.mark.parametrize(
    ("texts", "match"),
    [
        ("one text", r"One text was given .*\[text\]"),
        (b"one text", "Bytes were given.*Decode"),
        ({"text": TEXTS}, r"not a list.*a dict.*data\['text'\]"),
        ({"a", "b"}, "not a list.*a set"),
        (5, "not a list.*a int"),
        (None, "not a list"),
        ([b"a"], r"Text 0 is not a string.*a bytes"),
        ([1, 2], r"Text 0 is not a string.*1, a int"),
        (np.array("one text"), "not a list.*ndarray"),
        (np.array([["a", "b"], ["c", "d"]]), "Text 0 is not a string"),
        (SimpleNamespace(columns=["text"]), "is no frame that can be read"),
        (
            SimpleNamespace(column_names={"train": [], "test": []}),
            r"several data sets.*'train', 'test'.*datasets\[name\]",
        ),
        (Dataset({"a": TEXTS, "b": TEXTS}), r"several columns.*'a', 'b'"),
        (Dataset({}), "several columns"),
    ],
)
def test_what_is_no_list_of_texts(texts, match):
    with pytest.raises(ArgumentError, match=match):
        checked_texts(texts)


@pytest.mark.parametrize("frame", [pandas, polars, arrow, Dataset])
def test_columns_that_are_not_there(recorder, frame):
    learner, table = regard.TextClassifier(), frame(COLUMNS)
    with pytest.raises(DataError, match=r"no column 'text'.*'review', 'stars', 'id'"):
        learner.fit(table)
    with pytest.raises(DataError, match=r"no column 'star'.*label='stars'"):
        learner.fit(table, text="review", label="star")
    with pytest.raises(ArgumentError, match=r"the same column.*'stars' twice"):
        learner.fit(table, text="stars", label="stars")
    with pytest.raises(ArgumentError, match="several columns"):
        learner.fit(table["review"], table)
    with pytest.raises(DataError, match=r"no column 'source'.*source="):
        regard.Translator().fit(table, target="review")
    with pytest.raises(ArgumentError, match="same column"):
        regard.Translator().fit(table, source="review", target="review")


def test_two_columns_of_one_name():
    pd = pytest.importorskip("pandas", reason="needs pandas")
    table = pd.DataFrame([["a", "b", 1]], columns=["text", "text", "label"])
    with pytest.raises(DataError, match="2 columns of the name 'text'"):
        regard.TextClassifier().fit(table)
    assert _frames.frame_column(table, "label") == [1]


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        ("xy", "One label was given where a list of labels"),
        ({"a": 1}, "labels are not a list.*a dict"),
        ({"x", "y"}, "labels are not a list.*a set"),
    ],
)
def test_labels_that_are_no_list(recorder, labels, match):
    with pytest.raises(ArgumentError, match=match):
        regard.TextClassifier().fit(["a", "b"], labels)


def test_a_column_without_a_frame(asked):
    with pytest.raises(
        ArgumentError, match="'review' was named, and there is no frame"
    ):
        regard.TextClassifier().predict(TEXTS, text="review")


def test_without_narwhals_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "narwhals", None)
    with pytest.raises(MissingExtraError, match=r'pip install "regard\[data\]"'):
        regard.TextClassifier().fit(SimpleNamespace(columns=["text", "label"]))


def test_columns_that_have_numbers_for_names(recorder):
    pd = pytest.importorskip("pandas", reason="needs pandas")
    table = pd.DataFrame({0: TEXTS, 1: LABELS})
    learner = regard.TextClassifier()
    with pytest.raises(DataError, match=r"no column 'text'.*0, 1"):
        learner.fit(table)
    assert _frames.frame_columns(table, {"text": 0, "label": 1}) == [TEXTS, LABELS]
    assert _frames.frame_columns(table.iloc[:, ::-1], {"label": 1, "text": 0}) == [
        LABELS,
        TEXTS,
    ]


def test_series_of_the_same_rows_in_another_order(recorder):
    table = pandas(COLUMNS)
    turned = table.iloc[::-1]
    match = "the same rows in another order"
    with pytest.raises(ArgumentError, match=match):
        regard.TextClassifier().fit(turned["review"], table["stars"])
    with pytest.raises(ArgumentError, match=match):
        regard.Translator().fit(turned["review"], table["review"])
    pairs = {"texts": turned["review"], "labels": turned["stars"]}
    _frames.check_one_order(pairs)
    apart = pandas(COLUMNS).set_index("review")["stars"]
    _frames.check_one_order({**pairs, "labels": apart})
    _frames.check_one_order({**pairs, "labels": turned["stars"].to_list()})
