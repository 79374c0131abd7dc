"""Several labels a text: from what comes in to what goes out."""

import json
import pickle

import keras
import numpy as np
import pytest

import regard
import toy
from light_compilation import light_compilation
from regard.bundle import Bundle
from regard.classification.artifact import TrainedTextClassifier
from regard.classification.evidence_pooling import LabelEvidencePooling
from regard.classification.feature_counts import log_odds
from regard.classification.label_sets import (
    evaluate_label_sets,
    fitted_thresholds,
    label_set_loss,
    sigmoid_temperature,
    sigmoid_tempered,
)
from regard.classification.labelled_texts import LabelledColumns, LabelledTexts
from regard.classification.regression import FeatureBags, regression_weights
from regard.classification.temperature import TemperedSigmoid, fitted_temperature
from regard.errors import ArgumentError, BundleError, DataError, DataWarning
from regard.inference import Limits, Question
from regard.inference.answer_columns import KeptAttention
from regard.inference.engine import PredictionRequest
from regard.kinds import kind_of
from regard.text import Labels
from regard.text.labels import train_test_split
from regard.training.provenance import plain_measures
from regard_cli import main

RNG = np.random.default_rng(0)
SETTINGS = toy.SETTINGS | {
    "regression": 1.0,
    "sharpness": 1.0,
    "naive_bayes": 0.5,
    "embedding_units": 8,
    "epochs": 2,
}
TAGS = tuple(sorted(toy.WORDS))


def messages(count, seed=0):
    """Texts in which any of three words may stand, each of which decides a label."""
    generator = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(count):
        words = generator.choice(toy.FILLER, 8).tolist()
        given = [tag for tag in TAGS if generator.random() < 0.4]
        for tag in given:
            words.insert(int(generator.integers(len(words))), toy.WORDS[tag])
        texts.append(" ".join(words))
        labels.append(tuple(given))
    return texts, labels


TEXTS, LABELS = messages(120)


@pytest.fixture(scope="module")
def classifier():
    with light_compilation():
        return regard.TextClassifier(seed=0, **SETTINGS).fit(TEXTS, LABELS)


# What labels may be


def test_labels_of_several_forms_are_one():
    forms = [
        [("a", "b"), (), ("b",)],
        [["b", "a"], [], ["b"]],
        [{"a", "b"}, set(), {"b"}],
    ]
    for each in forms:
        labels = Labels.of(each)
        assert labels.values == ("a", "b")
        assert labels.several
        assert labels.encode(each).tolist() == [[1, 1], [0, 0], [0, 1]]
    assert labels.decode(labels.encode(forms[0])) == forms[0]
    assert Labels.from_dict(json.loads(json.dumps(labels.to_dict()))) == labels
    assert "of a text" not in Labels.of(["a", "b"]).to_dict()


def test_numbers_stay_numbers():
    labels = Labels.of([(3, 1), (2,)])
    assert labels.values == (1, 2, 3)
    assert labels.decode(np.array([[1, 0, 1]])) == [(1, 3)]


def test_the_rows_of_a_matrix_keep_columns_without_a_text():
    rows = list(np.array([[1, 0, 0], [0, 0, 1]]))
    labels = Labels.of(rows)
    assert labels.values == (0, 1, 2)
    assert labels.decode(labels.encode(rows)).tolist() == [[1, 0, 0], [0, 0, 1]]
    # Those of a file are numbers of columns.
    assert labels.encode([(0, 2), ("1",)]).tolist() == [[1, 0, 1], [0, 1, 0]]
    with pytest.raises(DataError, match="another number of columns"):
        labels.encode(list(np.ones((2, 4))))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([("a",), "b"], "Some texts have one label"),
        ([[0, 1, 1], [1, 0, 0]], r"Give it as an array"),
        ([("a",), ("a",)], "needs two to give"),
        ([("a", None), ("b",)], "label of example 0 is missing"),
    ],
)
def test_other_labels_are_refused(labels, message):
    with pytest.raises(DataError, match=message):
        Labels.of(labels)


def test_labels_that_do_not_fit_the_classifier_are_refused(classifier):
    with pytest.raises(DataError, match="gives several labels a text"):
        classifier.evaluate(TEXTS[:2], ["billing", "account"])
    with pytest.raises(DataError, match="'none' of example 1 was not seen"):
        classifier.evaluate(TEXTS[:2], [(), ("none",)])
    with pytest.raises(DataError, match="gives one label a text"):
        Labels.of(["a", "b"]).encode([("a",)])


def test_each_part_of_a_split_has_its_share_of_each_label():
    targets = (RNG.random((200, 5)) < [0.5, 0.3, 0.1, 0.05, 0.02]).astype(int)
    labels = Labels.of(list(targets))
    kept, held = train_test_split(targets, 0.2, labels, 0)
    assert sorted([*kept, *held]) == list(range(200))
    shares = targets[held].sum(axis=0) / targets.sum(axis=0)
    assert shares.min() > 0.1
    assert shares.max() < 0.4
    assert 0.15 < len(held) / 200 < 0.25


# What is learned from


DOCUMENTS = [RNG.integers(0, 10, (tokens, 3)) for tokens in RNG.integers(1, 7, 40)]
TARGETS = (RNG.random((40, 3)) < 0.4).astype(int)


def test_the_evidence_for_a_label_is_that_of_two_classes():
    found = log_odds(DOCUMENTS, TARGETS, 10, 3)
    for label in range(3):
        alone = log_odds(DOCUMENTS, TARGETS[:, label], 10, 2)
        np.testing.assert_allclose(found[:, label], alone[:, 1], atol=1e-5)
    counts = RNG.integers(1, 4, 40)
    copies = np.repeat(np.arange(40), counts)
    several = log_odds([DOCUMENTS[at] for at in copies], TARGETS[copies], 10, 3)
    weighted = log_odds(DOCUMENTS, TARGETS, 10, 3, counts)
    np.testing.assert_allclose(weighted, several, atol=1e-5)


def test_the_regression_of_a_label_is_that_of_two_classes():
    odds, bags = log_odds(DOCUMENTS, TARGETS, 10, 3), FeatureBags.of(DOCUMENTS, 2)
    weights, bias = regression_weights(bags, TARGETS, odds, 1.0)
    for label in range(3):
        pair = np.stack([-odds[:, label], odds[:, label]], axis=1)
        alone, alone_bias = regression_weights(bags, TARGETS[:, label], pair, 1.0)
        np.testing.assert_allclose(
            weights[:, label], alone[:, 1] - alone[:, 0], atol=0.02
        )
        assert bias[label] == pytest.approx(alone_bias[1] - alone_bias[0], abs=0.02)


# The network


@pytest.mark.backends
def test_each_label_attends_to_what_speaks_for_it():
    layer = LabelEvidencePooling()
    evidence = RNG.normal(size=(2, 5, 3)).astype("float32")
    mask = np.array([[True] * 5, [True, True, True, False, False]])
    layer.build(evidence.shape)
    layer.sharpness.assign(2.0)
    layer.bias.assign([0.5, 0.0, -1.0])
    logits, weights = layer(evidence, mask=mask, return_attention_scores=True)
    logits, weights = map(keras.ops.convert_to_numpy, (logits, weights))
    for row in range(2):
        kept = evidence[row, mask[row]]
        for label in range(3):
            powers = np.exp(kept[:, label])
            expected = powers / powers.sum()
            np.testing.assert_allclose(
                weights[row, label, mask[row]], expected, rtol=1e-5
            )
            total = float(layer.bias[label]) + expected @ kept[:, label]
            assert logits[row, label] == pytest.approx(total, abs=1e-5)
    assert (weights[1, :, 3:] == 0).all()
    nothing = layer(evidence[:1], mask=np.zeros((1, 5), bool))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(nothing)[0], [0.5, 0, -1])


def test_labels_are_squashed_each_by_itself():
    layer = TemperedSigmoid()
    layer.build((None, 2))
    layer.temperature.assign(2.0)
    given = keras.ops.convert_to_numpy(layer(np.array([[2.0, -4.0]], "float32")))
    np.testing.assert_allclose(given, 1 / (1 + np.exp([[-1.0, 2.0]])), rtol=1e-6)
    assert keras.ops.convert_to_numpy(layer.thresholds).tolist() == [0.5, 0.5]


# How sure, and from where on


def test_the_temperature_makes_the_loss_least():
    logits = 3 * RNG.normal(size=(400, 3))
    right = (RNG.random((400, 3)) < 1 / (1 + np.exp(-logits / 2))).astype(int)
    sure = 1 / (1 + np.exp(-logits))
    found = sigmoid_temperature(sure, right)
    assert found == fitted_temperature(sure, right)
    losses = [
        label_set_loss(sigmoid_tempered(sure, found * factor), right)
        for factor in (0.9, 1, 1.1)
    ]
    assert min(losses) == losses[1]
    assert found == pytest.approx(2, abs=0.4)
    copies = np.repeat(np.arange(400), 2)
    twice = sigmoid_temperature(sure, right, np.full(400, 2.0))
    assert twice == pytest.approx(sigmoid_temperature(sure[copies], right[copies]))


def test_thresholds_are_where_f1_is_highest():
    right = (RNG.random((2_000, 2)) < [0.5, 0.1]).astype(int)
    sure = 1 / (1 + np.exp(-(2 * right - 3 + RNG.normal(size=right.shape))))
    found = fitted_thresholds(sure, right)

    def f1(label, threshold):
        given = sure[:, label] >= threshold
        hits = (given & (right[:, label] == 1)).sum()
        return 2 * hits / (given.sum() + right[:, label].sum())

    for label in range(2):
        best = max(f1(label, threshold) for threshold in np.linspace(0.01, 0.99, 99))
        assert f1(label, found[label]) > best - 0.02
    assert found[1] > found[0]


def test_few_texts_choose_no_threshold_by_themselves():
    right = (RNG.random((500, 2)) < [0.5, 0.0]).astype(int)
    right[0, 1] = 1
    sure = np.clip(right * 0.5 + RNG.random(right.shape) * 0.45, 0, 1)
    sure[0, 1] = 0.98
    of_all, of_one = fitted_thresholds(sure, right)
    # Alone it would be just below 0.98.
    assert abs(of_one - of_all) < 0.2
    assert fitted_thresholds(sure, 0 * right).tolist() == [0.5, 0.5]


def test_measures_are_those_of_the_books():
    right = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 0]])
    given = np.array([[1, 0, 0], [1, 0, 1], [0, 0, 0], [1, 1, 0]])
    shares = np.where(given == 1, 0.8, 0.2)
    told = evaluate_label_sets(shares, right, "abc", np.full(3, 0.5))
    assert told.accuracy == 0.5
    assert told.macro_f1 == pytest.approx((4 / 5 + 2 / 3 + 0) / 3)
    assert told.micro_f1 == pytest.approx(2 * 3 / (5 + 4))
    assert told.sample_f1 == pytest.approx((1 + 1 / 2 + 1 + 2 / 3) / 4)
    assert told.loss == pytest.approx(-(9 * np.log(0.8) + 3 * np.log(0.2)) / 12)
    assert told.per_class["a"].recall == 1
    assert told.per_class["c"].support == 0
    assert json.loads(json.dumps(told.to_dict()))["examples"] == 4


# The classifier


@pytest.mark.backends
def test_a_text_is_given_its_labels(classifier):
    texts, labels = messages(60, seed=1)
    told = classifier.evaluate(texts, labels)
    assert told.macro_f1 > 0.95
    assert classifier.score(texts, labels) == told.accuracy
    assert classifier.labels == TAGS
    given = classifier.predict(texts)
    shares = classifier.predict_proba(texts)
    for row, each in enumerate(given):
        named = np.flatnonzero(shares[row] >= classifier.thresholds)
        assert each == tuple(TAGS[place] for place in named)
    assert () in given
    assert classifier.validation.examples > 5
    measures = {"loss", "accuracy", "macro_f1", "micro_f1", "sample_f1", "temperature"}
    assert set(classifier.history[0].validation) == measures
    assert classifier.trained.config.choose_by == "macro_f1"


@pytest.mark.backends
def test_each_label_says_what_it_rests_on(classifier):
    text = "the parcel of my week was in the refund"
    why = classifier.explain(text)
    assert why.given == ("billing", "delivery")
    assert why.label in why.given
    for name in why.given:
        weights = why.label_weights[why.labels.index(name)]
        assert why.tokens[int(weights.argmax())] == toy.WORDS[name]
        assert weights.sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(
        why.weights, why.label_weights[why.labels.index(why.label)]
    )
    logits = why.contributions.sum(axis=0) + why.bias
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), why.probabilities, atol=1e-5)
    assert why.head_weights is None
    told = why.to_dict()
    assert told["labels"] == ["billing", "delivery"]
    assert "weight of billing" in why.to_pandas().columns
    nothing = classifier.explain("the of in it was the")
    assert nothing.given == ()
    assert nothing.said == "no label"


def test_it_is_the_same_after_saving(classifier, tmp_path):
    path = tmp_path / "several.regard"
    classifier.save(path)
    for again in (regard.load(path), pickle.loads(pickle.dumps(classifier))):  # noqa: S301 - our own
        assert again.predict(TEXTS) == classifier.predict(TEXTS)
        np.testing.assert_array_equal(again.thresholds, classifier.thresholds)
    assert "micro F1" in (path / "README.md").read_text("utf-8")
    labels = json.loads((path / "labels.json").read_text("utf-8"))
    assert labels["of a text"] == "tuple"


def test_labels_that_are_not_those_of_the_model_are_refused(classifier):
    parts = classifier.trained.to_parts()
    labels = json.loads(parts["labels.json"])
    del labels["of a text"]
    parts["labels.json"] = json.dumps(labels).encode()

    bundle = Bundle(None, classifier.kind, parts, dict.fromkeys(parts, ""))
    with pytest.raises(BundleError, match="as many labels as it says"):
        TrainedTextClassifier.from_bundle(bundle)


def test_a_matrix_comes_back_as_one():
    matrix = np.array([[tag in each for tag in TAGS] for each in LABELS]).astype(int)
    with light_compilation():
        classifier = regard.TextClassifier(seed=0, **SETTINGS | {"epochs": 1})
        classifier.fit(TEXTS, matrix, sample_weight=np.ones(len(TEXTS)))
    given = classifier.predict(TEXTS)
    assert given.shape == matrix.shape
    assert (given == matrix).mean() > 0.9
    assert classifier.evaluate(TEXTS, matrix).macro_f1 > 0.9
    with pytest.raises(DataError, match="other values than 0 and 1"):
        classifier.fit(TEXTS, 2 * matrix)


def test_a_learned_attention_is_that_of_all_labels():
    settings = SETTINGS | {"sharpness": 0.0, "num_heads": 2, "epochs": 1}
    with light_compilation():
        classifier = regard.TextClassifier(seed=0, **settings).fit(TEXTS, LABELS)
    why = classifier.explain(TEXTS[0])
    assert why.label_weights is None
    assert why.head_weights.shape == (2, len(why.tokens))
    logits = why.contributions.sum(axis=0) + why.bias
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), why.probabilities, atol=1e-5)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_labels_of_files(suffix, tmp_path, monkeypatch, classifier):
    path = tmp_path / f"data.{suffix}"
    if suffix == "csv":
        rows = [
            f"{text},{'; '.join(each)}"
            for text, each in zip(TEXTS, LABELS, strict=True)
        ]
        path.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    elif suffix == "jsonl":
        rows = zip(TEXTS, LABELS, strict=True)
        lines = [json.dumps({"text": text, "label": each}) for text, each in rows]
        path.write_text("\n".join(lines), encoding="utf-8")
    else:
        pa = pytest.importorskip("pyarrow", reason="Parquet")
        table = pa.table({"text": TEXTS, "label": list(map(list, LABELS))})
        pytest.importorskip("pyarrow.parquet").write_table(table, path)
    separator = {"label_separator": ";"} if suffix == "csv" else {}
    texts, labels = regard.data.read_examples(path, **separator)
    assert (texts, labels) == (TEXTS, LABELS)
    assert classifier.evaluate(path, **separator).examples == len(TEXTS)
    told = regard.data.ExamplesSummary.of(texts, labels)
    assert told.labels["billing"] == sum("billing" in each for each in LABELS)
    assert told.without_label == 0
    if suffix == "csv":
        with pytest.raises(ArgumentError, match="cannot be streamed"):
            classifier.fit(path, stream=True, **separator)
    else:
        pytest.importorskip("pyarrow", reason="what streams")
        with pytest.raises(ArgumentError, match="cannot be streamed"):
            classifier.fit(path, stream=True)
    with pytest.raises(ArgumentError, match="cannot be mended"):
        classifier.fit(path, clean=True, **separator)


@pytest.mark.parametrize(
    ("settings", "options", "name"),
    [
        ({"class_weight": "balanced"}, {}, "class_weight"),
        ({"choose_by": "balanced_accuracy"}, {}, "choose_by"),
        ({}, {"vectors": regard.text.WordVectors(["a"], np.ones((1, 2)))}, "vectors"),
    ],
)
def test_what_makes_no_sense_for_several_labels_is_refused(settings, options, name):
    with pytest.raises(ArgumentError) as caught:
        regard.TextClassifier(**SETTINGS | settings).fit(TEXTS, LABELS, **options)
    assert name in caught.value.arguments


def test_trust_and_errors_are_refused(classifier):
    with pytest.raises(ArgumentError, match="several labels a text cannot be examined"):
        regard.trust.examine(classifier, TEXTS)
    with pytest.raises(ArgumentError, match="no list of errors"):
        classifier.errors(TEXTS, LABELS)


def test_a_separator_that_separates_nothing_is_told():
    with pytest.raises(ArgumentError, match="'label_separator' separates nothing"):
        regard.TextClassifier(**SETTINGS).fit(
            ["a", "b"], ["x", "y"], label_separator=""
        )
    with (
        pytest.warns(DataWarning, match=r"'\|' stands between no labels"),
        pytest.raises(DataError, match="was not seen"),
    ):
        # Ends before it trains: there is nothing to choose by.
        regard.TextClassifier(**SETTINGS).fit(
            ["a", "b"], ["x;y", "z"], label_separator="|", validation=(["a"], ["no"])
        )


@pytest.mark.parametrize("separator", [None, " "])
def test_errors_of_a_file_are_refused_in_words_of_its_door(
    classifier, separator, tmp_path
):
    path = tmp_path / "file.csv"
    path.write_text(f"text,label\nthe parcel,{TAGS[0]}\n")
    options = {"text": "text", "label": "label", "reading": {}, "clean": False}
    options |= {"errors": True, "most": 1, "label_separator": separator}
    with pytest.raises(ArgumentError, match="no list of errors") as caught:
        kind_of(classifier).evaluate(classifier, [path], options)
    assert "evaluate()" not in caught.value.worded({}.get)


def test_numbers_with_fractions_come_back_as_numbers_in_their_order():
    texts, _ = messages(60)
    labels = [10, 2.5, 1] * 20
    classifier = regard.TextClassifier(seed=0, **SETTINGS | {"epochs": 1})
    classifier.fit(texts, labels)
    loaded = pickle.loads(pickle.dumps(classifier))  # noqa: S301 - our own
    assert loaded.labels == (1.0, 2.5, 10.0)
    assert {type(each) for each in loaded.predict(texts[:3])} == {float}
    measured = loaded.evaluate(texts, list(map(str, labels)))
    errors = np.abs(np.asarray(loaded.predict(texts)) - labels)
    assert measured.mean_absolute_error == pytest.approx(errors.mean())
    told = kind_of(loaded).evaluation_table(measured)
    assert f"MAE      {errors.mean():.4f}\nQWK      " in told


def test_a_separator_has_something_in_it(classifier, tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("text,label\na,billing;refund\n")
    for call in (classifier.fit, classifier.evaluate):
        with pytest.raises(ArgumentError, match="'label_separator' separates nothing"):
            call(path, label_separator="")
    with pytest.raises(ArgumentError, match="'label_separator' separates nothing"):
        regard.data.read_examples(path, label_separator="")


def test_counts_are_no_measures(classifier):
    measures = plain_measures(classifier.evaluate(TEXTS[:9], LABELS[:9]))
    assert list(measures) == [
        "macro_f1",
        "micro_f1",
        "sample_f1",
        "accuracy",
        "loss",
        "expected_calibration_error",
    ]


def test_commands_say_what_is_not_there_for_several_labels(
    classifier, tmp_path, capsys
):
    classifier.save(tmp_path / "x.regard")
    file = tmp_path / "data.csv"
    file.write_text("text,label\nhello,billing;delivery\n")
    bundle, page = str(tmp_path / "x.regard"), tmp_path / "worst.html"
    separator = ["--label-separator", ";"]

    def refused(*arguments):
        with pytest.raises(SystemExit) as left:
            main([*map(str, arguments), *separator])
        assert left.value.code == 2
        return capsys.readouterr().err

    told = refused("evaluate", bundle, file, "--errors", "--html", page)
    assert "no list of errors" in told
    assert "evaluate()" not in told
    assert "no list of errors" in refused("evaluate", bundle, file, "--errors")
    assert not page.exists()
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("hello 1 2\n")
    out = tmp_path / "y.regard"
    for option in (["--vectors", vectors], ["--class-weight", "balanced"]):
        told = refused("train", "classify", file, "--out", out, *option)
        assert f"{option[0]} is for texts with one label each" in told
        assert "None" not in told
    assert not out.exists()


def test_each_label_can_be_shaded_for_by_the_command(classifier, tmp_path, capsys):
    classifier.save(tmp_path / "x.regard")
    text = f"hello {toy.WORDS[TAGS[0]]} and {toy.WORDS[TAGS[1]]}"
    shaded = []
    for tag in TAGS[:2]:
        with pytest.raises(SystemExit) as left:
            main(["predict", str(tmp_path / "x.regard"), text, "--toward", tag])
        assert not left.value.code
        shaded.append(capsys.readouterr().out)
        assert f"(shaded for {tag}" in shaded[-1]
    assert shaded[0].splitlines()[1:] != shaded[1].splitlines()[1:]


# What is told


def test_tables_pages_and_replies_have_all_labels(classifier):
    kind = kind_of(classifier)
    table = kind.evaluation_table(classifier.evaluate(TEXTS, LABELS))
    assert table.startswith("macro F1  ")
    assert "sample F1" in table
    [answer, nothing] = kind.answer(
        classifier, ["the parcel of the refund", "it was in of the"]
    )
    row = kind.to_row(answer)
    assert row["prediction"] == ["billing", "delivery"]
    assert len(row["probability"]) == 2
    assert kind.to_row(nothing)["prediction"] == []
    plot = regard.plot.text([answer, nothing], right=[("delivery", "billing"), ["x"]])
    page = plot.to_html()
    assert "billing, delivery" in page
    assert "no label" in page
    assert "(wrong)" in page
    toward = plot.toward("delivery")
    assert "delivery" in toward.to_html()
    other = toward.explanations[0].weights
    np.testing.assert_array_equal(other, answer.label_weights[TAGS.index("delivery")])
    assert "billing, delivery" in str(plot)


def test_columns_of_a_batch(classifier):
    pytest.importorskip("pyarrow", reason="columns of Arrow")

    texts = [*TEXTS[:5], "it was in of the"]
    columns = kind_of(classifier).columns(classifier, KeptAttention())
    told = columns.to_arrow(columns.compute(columns.read(texts)))
    named = dict(zip([each.name for each in columns.fields], told, strict=True))
    given = classifier.predict(texts)
    assert [tuple(each) for each in named["labels"].to_pylist()] == given
    why = classifier.explain(texts)
    assert named["label"].to_pylist() == [each.label for each in why]
    for weights, each in zip(named["weights"].to_pylist(), why, strict=True):
        np.testing.assert_allclose(weights, each.weights, atol=1e-6)


def test_replies_of_a_service(classifier):
    engine = kind_of(classifier).engine(classifier, Limits(), 4)
    request = PredictionRequest(("the refund", "it was"))
    questions = [Question(text, request) for text in request.inputs]
    jobs = engine.read(questions)
    replies = [
        engine.reply(job, answer)
        for job, answer in zip(jobs, engine.compute(jobs), strict=True)
    ]
    assert [each["labels"] for each in replies] == [["billing"], []]
    assert replies[0]["label"] == "billing"


def test_an_example_that_does_not_count_changes_no_temperature():
    probabilities = 1 / (1 + np.exp(-2 * RNG.normal(size=(20, 3))))
    targets = (RNG.random((20, 3)) < probabilities).astype(np.int32)
    more = np.concatenate([probabilities, np.full((5, 3), 1 - 1e-6)])
    of_more = np.concatenate([targets, np.zeros((5, 3), np.int32)])
    weights = np.append(np.ones(20), np.zeros(5))
    np.testing.assert_allclose(
        sigmoid_temperature(more, of_more, weights),
        sigmoid_temperature(probabilities, targets),
    )


def test_a_label_that_was_never_seen_is_not_found():
    labels = Labels.of([("a",), ("b",)])
    kept, is_known = labels.known_sets([("a", "x"), ("b",), ()])
    assert labels.encode(kept).tolist() == [[1, 0], [0, 1], [0, 0]]
    assert is_known.tolist() == [False, True, True]
    rows = np.eye(2)
    assert labels.known_sets(rows)[0] is rows


def test_what_is_no_label_in_a_list_of_labels_is_told():
    with pytest.raises(DataError, match="example 0 is not a label"):
        Labels.of([[["a"], "b"], ["c"]])


def test_a_matrix_of_one_column_holds_one_label_a_text():
    column = np.array([[0], [1], [1]])
    examples = LabelledTexts.of(["a b", "c d", "e f"], column, LabelledColumns())
    assert Labels.of(examples.labels) == Labels((0, 1))
