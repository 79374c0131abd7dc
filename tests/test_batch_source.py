"""What gives examples or batches of them: one protocol for all of it."""

import itertools

import keras
import numpy as np
import pytest

import regard
import toy
from light_compilation import light_compilation
from regard._batch_source import examples_in, is_batch_source, texts_in
from regard.classification.labelled_texts import LabelledColumns, LabelledTexts
from regard.errors import ArgumentError, DataError
from regard.translation.text_pairs import PairColumns, TextPairs

TEXTS, LABELS = ["one", "two", "three", "für vier"], [0, 1, 1, 0]


class Batches(keras.utils.PyDataset):
    """Batches of a data set of Keras, the last one shorter, and an empty one."""

    def __init__(self, *columns, size=3):
        super().__init__()
        self._columns, self._size = columns, size

    def __len__(self):
        return 3

    def __getitem__(self, index):
        rows = slice(index * self._size, (index + 1) * self._size)
        return tuple(np.asarray(column)[rows] for column in self._columns)


class Examples:
    """A data set of PyTorch: one example a number, nothing to iterate."""

    def __len__(self):
        return len(TEXTS)

    def __getitem__(self, index):
        if not 0 <= index < len(TEXTS):
            raise RuntimeError("asked beyond its end")
        return TEXTS[index], LABELS[index]


def generator_of_batches():
    yield TEXTS[:2], LABELS[:2]
    yield [], []
    yield TEXTS[2:], np.asarray(LABELS[2:])


SOURCES = {
    "pairs": lambda: zip(TEXTS, LABELS, strict=True),
    "a list of pairs": lambda: list(zip(TEXTS, LABELS, strict=True)),
    "a list of mappings": lambda: [
        {"text": text, "label": label}
        for text, label in zip(TEXTS, LABELS, strict=True)
    ],
    "batches": generator_of_batches,
    "batches of mappings": lambda: (
        {"text": texts, "label": labels, "other": 0}
        for texts, labels in generator_of_batches()
    ),
    "bytes": lambda: iter([([text.encode() for text in TEXTS], LABELS)]),
    "columns": lambda: iter(
        [(np.asarray(TEXTS)[:, None], np.asarray(LABELS, np.float32)[:, None])]
    ),
    "a data set of Keras": lambda: Batches(TEXTS, LABELS),
    "a data set by number": Examples,
}


@pytest.mark.parametrize("form", SOURCES)
def test_all_forms_give_the_same_examples(form):
    read = LabelledTexts.of(SOURCES[form](), None, LabelledColumns())
    assert read.texts == TEXTS
    assert read.labels == LABELS
    assert all(isinstance(text, str) for text in read.texts)


def test_all_forms_of_texts_alone():
    for source in (
        iter(TEXTS),
        iter([TEXTS[:2], [], TEXTS[2:]]),
        iter([np.asarray(TEXTS[:3]), np.asarray(TEXTS[3:])]),
        map(list, zip(TEXTS, LABELS, strict=True)),
        ([text.encode() for text in TEXTS[first : first + 2]] for first in (0, 2)),
        zip(TEXTS, LABELS, strict=True),
        generator_of_batches(),
        iter([{"text": TEXTS}]),
        Batches(TEXTS),
        Batches(TEXTS, LABELS),
        Examples(),
    ):
        assert texts_in(source, "text", "texts") == TEXTS
    for held in (TEXTS, tuple(TEXTS), np.asarray(TEXTS), "one", {"a": 1}, None):
        assert not is_batch_source(held)
        assert texts_in(held, "text", "texts") is None


def test_weights_come_along():
    rows = zip(TEXTS, LABELS, [1, 2.5, 0.5, 1], strict=True)
    read = LabelledTexts.of(rows, None, LabelledColumns())
    assert list(read.weights) == [1, 2.5, 0.5, 1]
    rows = [(TEXTS, LABELS, [1, 2, 1, 1])]
    with pytest.raises(ArgumentError, match="two weights"):
        LabelledTexts.of(iter(rows), None, LabelledColumns(), weights=[1, 1, 1, 1])
    with pytest.raises(ArgumentError, match="no weights"):
        TextPairs.of(iter(rows), None, PairColumns())


def test_pairs_of_texts():
    for source in (
        iter([(TEXTS, TEXTS[::-1])]),
        list(zip(TEXTS, TEXTS[::-1], strict=True)),
        iter([{"source": TEXTS, "target": TEXTS[::-1]}]),
        Batches(TEXTS, TEXTS[::-1], size=2),
    ):
        pairs = TextPairs.of(source, None, PairColumns())
        assert (pairs.sources, pairs.targets) == (TEXTS, TEXTS[::-1])


class Endless(Batches):
    @property
    def num_batches(self):
        return None


class Cardinal:
    def cardinality(self):
        return np.int64(-1)

    def __iter__(self):
        return itertools.cycle([(TEXTS, LABELS)])


def test_what_does_not_end_is_refused(monkeypatch):
    monkeypatch.setattr("regard._batch_source._MOST", 1000)
    for source in (
        Endless(TEXTS, LABELS),
        Cardinal(),
        itertools.cycle([(TEXTS, LABELS)]),
        itertools.cycle(zip(TEXTS, LABELS, strict=True)),
    ):
        with pytest.raises(ArgumentError, match=r"seems not to end.*islice"):
            examples_in(source, ["text", "label"], ["texts", "labels"])
    with pytest.raises(ArgumentError, match="seems not to end"):
        texts_in(itertools.cycle(TEXTS), "text", "texts")
    some = itertools.islice(itertools.cycle([(TEXTS, LABELS)]), 3)
    assert len(examples_in(some, ["text", "label"], ["texts", "labels"])[0]) == 12


WRONG = {
    "labels that are too few": ([(TEXTS, LABELS[:3])], "4 texts and 3 labels"),
    "one label for a batch": ([(TEXTS, 1)], "as many labels as texts"),
    "rows of classes": ([(TEXTS, np.eye(4))], r"shape \(4, 4\).*argmax"),
    "tables of texts": ([(np.asarray([TEXTS] * 2), [1, 2])], r"shape \(2, 4\)"),
    "a mapping without it": ([{"text": "a", "y": 1}], "a mapping with 'label'"),
    "more parts later": ([("a", 1), ("b", 1, 2)], "3 parts and 2 before"),
    "no pair later": ([("a", 1), "b"], "Element 1 .*another form"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_elements_are_named(what):
    rows, said = WRONG[what]
    with pytest.raises(ArgumentError, match=said):
        LabelledTexts.of(iter(rows), None, LabelledColumns())


def test_what_gives_no_labels_or_no_text():
    for source in (iter(TEXTS), TEXTS, [], (TEXTS, LABELS), [TEXTS[:2], LABELS[:2]]):
        with pytest.raises(ArgumentError, match="labels are missing"):
            LabelledTexts.of(source, None, LabelledColumns())
    with pytest.raises(ArgumentError, match="no text"):
        LabelledTexts.of(iter([]), None, LabelledColumns())
    with pytest.raises(ArgumentError, match="no text"):
        LabelledTexts.of(iter([([], [])]), None, LabelledColumns())
    with pytest.raises(DataError, match="element 0 is not valid UTF-8"):
        texts_in(iter([b"\xff"]), "text", "texts")
    with pytest.raises(ArgumentError, match="Text 0 is not a string"):
        LabelledTexts.of(iter([([7], [1])]), None, LabelledColumns())


@pytest.mark.backends
def test_a_classifier_learns_from_batches_and_is_asked_them():
    texts, labels = toy.messages(60)
    held = texts[40:], labels[40:]
    with light_compilation():
        learned = regard.TextClassifier(**(toy.SETTINGS | {"epochs": 2})).fit(
            zip(texts[:40], labels[:40], strict=True), validation=Batches(*held, size=7)
        )
    assert learned.validation.accuracy == learned.evaluate(*held).accuracy
    expected = learned.predict_proba(texts)
    asked = Batches(texts, labels, size=20)
    np.testing.assert_array_equal(learned.predict_proba(asked), expected)
    of_lists = learned.evaluate(texts, labels)
    assert learned.evaluate(asked).loss == pytest.approx(of_lists.loss)
    assert len(learned.explain(iter([texts[:2]]))) == 2


@pytest.mark.backends
def test_the_data_of_the_backend_itself():
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        whole = tf.data.Dataset.from_tensor_slices((TEXTS, LABELS))
        named = tf.data.Dataset.from_tensor_slices({"text": TEXTS, "label": LABELS})
        sources = [whole, whole.batch(3), named.batch(2), named]
        endless = whole.repeat()
    elif keras.backend.backend() == "torch":
        from torch.utils.data import DataLoader

        sources = [DataLoader(Examples(), batch_size=size) for size in (1, 3, None)]
        endless = itertools.cycle([])
    else:
        sources, endless = [iter([(TEXTS, keras.ops.array(LABELS))])], None
    for source in sources:
        read = LabelledTexts.of(source, None, LabelledColumns())
        assert (read.texts, read.labels) == (TEXTS, LABELS)
        if hasattr(source, "__len__"):
            assert texts_in(source, "text", "texts") == TEXTS
    if keras.backend.backend() == "tensorflow":
        with pytest.raises(ArgumentError, match="take"):
            LabelledTexts.of(endless, None, LabelledColumns())


@pytest.mark.backends
def test_observing_takes_the_same_sources():
    inputs = keras.Input((4, 3))
    pooled = regard.layers.AttentionPooling(name="look")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(pooled))
    seen = regard.observe(model)
    x = np.random.default_rng(0).normal(size=(6, 4, 3)).astype(np.float32)
    expected = seen.predict(x, batch_size=2, verbose=0)
    sources = [
        (Batches(x, np.zeros(6), size=2), {}),
        ((x[n : n + 2] for n in (0, 2, 4)), {"steps": 3}),
        (((x[n : n + 2], x[n : n + 2, 0]) for n in (0, 2, 4)), {}),
        (itertools.cycle([x[:2], x[2:4], x[4:]]), {"steps": 3}),
    ]
    if keras.backend.backend() == "torch":
        import torch

        data = torch.utils.data.TensorDataset(torch.from_numpy(x))
        sources.append((torch.utils.data.DataLoader(data, batch_size=2), {}))
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        sources.append((tf.data.Dataset.from_tensor_slices(x).batch(2), {}))
    for source, how in sources:
        found = seen.predict(source, verbose=0, **how)
        np.testing.assert_allclose(found.outputs, expected.outputs, atol=1e-6)
        weights = found.attention["look"].weights
        np.testing.assert_allclose(
            weights, expected.attention["look"].weights, atol=1e-6
        )
