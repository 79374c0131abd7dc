"""Keras models of every sort as subjects: what is asked, and what is refused."""

import keras
import numpy as np
import pytest

import regard
from light_compilation import light_compilation
from regard.errors import ArgumentError, DataError, ObservationError
from regard.trust import Erase, ModelSubject, model_subject
from regard.trust.explained_orders import Scores

pytestmark = pytest.mark.backends

layers = keras.layers
ROWS = np.arange(4)
NOTHING = lambda *_: Scores({}, {})  # noqa: E731 - in the place of an object
SERIES = np.random.default_rng(0).normal(5, 1, (6, 5, 3)).astype(np.float32)
IDS = np.array(
    [[3, 4, 5, 6, 0], [7, 8, 3, 0, 0], [9, 4, 4, 5, 6], [5, 6, 7, 0, 0]] * 2, np.int64
)


@pytest.fixture(autouse=True, scope="module")
def _light():
    """Compile little: the other orders of a model have tests of their own."""
    with light_compilation(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_subject, "ExplainedOrders", lambda *_, **__: NOTHING)
        yield


def series_model(units=2, activation="softmax", *, masking=None):
    series = keras.Input((None, 3))
    states = series if masking is None else layers.Masking(masking)(series)
    states = regard.layers.AttentionPooling("gated", name="pool")(states)
    return keras.Model(series, layers.Dense(units, activation=activation)(states))


def word_model(attend, *, mask_zero=True):
    """Ids to classes: ``attend`` makes one state of the states of the words."""
    ids = keras.Input((None,), dtype="int32")
    states = layers.Embedding(12, 4, mask_zero=mask_zero)(ids)
    return keras.Model(ids, layers.Dense(2, activation="softmax")(attend(states)))


def own_answers(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


def replayed(subject):
    baseline = subject.baseline(ROWS)
    np.testing.assert_allclose(baseline.replayed, baseline.probabilities, atol=1e-5)
    return baseline


def erased(subject, eraser, place, draw=0.0):
    """The answers without one key of each sample."""
    keep = subject.baseline(ROWS).valid
    keep[:, place] = False
    return subject.erased(ROWS, keep, eraser, np.full(keep.shape, draw))


def test_a_series_is_erased_by_the_mean_of_its_data():
    model = series_model()
    subject = ModelSubject(model, SERIES)
    assert subject.erasers == ("value", "swap")
    replayed(subject)
    changed = SERIES[:4].copy()
    changed[:, 1] = SERIES.mean(axis=(0, 1))
    answers = erased(subject, "value", 1)
    np.testing.assert_allclose(answers, own_answers(model, changed), atol=1e-5)
    changed[:, 1] = SERIES[0, 0]
    answers = erased(subject, "swap", 1)
    np.testing.assert_allclose(answers, own_answers(model, changed), atol=1e-5)


def test_a_series_of_its_own_length_is_not_filled_up_unless_that_is_masked_out():
    rows = [
        each[:count] for each, count in zip(SERIES, [5, 3, 5, 3, 4, 4], strict=True)
    ]
    open_model, masking = series_model(), series_model(masking=-1.0)
    for model in (open_model, masking):
        subject = ModelSubject(model, rows)
        assert subject.erasers[0] == ("value" if model is open_model else "hole")
        expected = [own_answers(model, row[None])[0] for row in rows[:4]]
        answers = replayed(subject).probabilities
        np.testing.assert_allclose(answers, expected, atol=1e-5)


def test_members_of_a_bag_are_erased_by_its_mask():
    bag = keras.Input((None, 3), name="bag")
    mask = keras.Input((None,), dtype="bool", name="bag_mask")
    pooled = regard.layers.AttentionPooling("gated")(bag, mask=mask)
    answer = layers.Dense(1, activation="sigmoid")(pooled)
    model = keras.Model({"bag": bag, "bag_mask": mask}, answer)
    valid = np.arange(5) < np.array([5, 3, 4, 2, 5, 1])[:, None]
    subject = ModelSubject(model, {"bag": SERIES, "bag_mask": valid})
    assert subject.erasers == ("hole", "swap")
    assert replayed(subject).lengths.tolist() == [5, 3, 4, 2]
    without = valid[:4].copy()
    without[:, 1] = False
    positive = own_answers(model, {"bag": SERIES[:4], "bag_mask": without})
    expected = np.concatenate([1 - positive, positive], axis=1)
    np.testing.assert_allclose(erased(subject, "hole", 1), expected, atol=1e-5)
    two = ModelSubject(
        model,
        {"bag": SERIES, "bag_mask": valid},
        erase=Erase(mask="bag_mask", value=[5, 5, 5], swap=False),
    )
    assert two.erasers == ("hole", "value")


def test_a_feature_is_erased_by_its_own_mean_and_swapped_with_its_own_column():
    features = keras.Input((3,))
    weighed = regard.layers.FeatureAttention()(features)
    model = keras.Model(features, layers.Dense(2, activation="softmax")(weighed))
    rows = SERIES[:, 0] * np.array([1, 10, 100])
    subject = ModelSubject(model, rows)
    replayed(subject)
    for eraser, value in (("value", rows[:, 2].mean()), ("swap", rows[3, 2])):
        changed = rows[:4].copy()
        changed[:, 2] = value
        answers = erased(subject, eraser, 2, draw=0.5)
        np.testing.assert_allclose(answers, own_answers(model, changed), atol=1e-4)


def self_attention(states, layer):
    return layers.GlobalAveragePooling1D()(layer(states))


ATTENDING = {
    "MultiHeadAttention": lambda states: self_attention(
        states, lambda each: layers.MultiHeadAttention(2, 3)(each, each)
    ),
    "SelfAttention": lambda states: self_attention(
        states, regard.layers.SelfAttention(num_heads=2)
    ),
    "Attention": lambda states: self_attention(
        states, lambda each: layers.Attention()([each, each])
    ),
    "AdditiveAttention": lambda states: self_attention(
        states, lambda each: layers.AdditiveAttention()([each, each])
    ),
    "legacy": regard.legacy.layers.AttentionWithContext(),
}


@pytest.mark.parametrize("name", ATTENDING)
def test_attention_of_each_sort_is_replayed(name):
    model = word_model(ATTENDING[name])
    subject = ModelSubject(model, IDS)
    baseline = replayed(subject)
    assert baseline.lengths.tolist() == [4, 3, 5, 3]
    ids = IDS[:4].copy()
    ids[:, 0] = 0
    np.testing.assert_allclose(
        erased(subject, "hole", 0), own_answers(model, ids), atol=1e-5
    )


def test_weights_of_queries_are_shuffled_together_or_one_alone():
    model = word_model(ATTENDING["MultiHeadAttention"])
    own = regard.observe(model)(IDS[:4])
    (weights,) = own.attention.values()
    together = ModelSubject(model, IDS).baseline(ROWS).weights
    # Two heads, and queries that are padding have no weight to report.
    assert together.shape == (4, 10, 5)
    assert np.count_nonzero(together[1].sum(axis=-1)) == 2 * 3
    np.testing.assert_allclose(
        together.sum(axis=1)[2], weights.weights[2].sum(axis=(0, 1)), atol=1e-5
    )
    # Twenty shuffles of them are to fit into memory, however many queries there are.
    many = ModelSubject(model, np.tile(IDS, 60))
    assert many.part == 2**20 // (2 * 300 * 300)
    for query, of_row in ((1, 1), (-1, 2)):
        one = replayed(ModelSubject(model, IDS, query=query))
        np.testing.assert_allclose(
            one.weights[1, :, :3], weights.weights[1, :, of_row, :3], atol=1e-6
        )
    with pytest.raises(ArgumentError, match=r"'query'.*from -5 to 4"):
        ModelSubject(model, IDS, query=5)


def test_keys_that_are_no_positions_need_to_be_told_what_they_read():
    model = word_model(
        lambda states: regard.layers.AttentionPooling()(
            layers.Conv1D(4, 2, strides=2)(states)
        ),
        mask_zero=False,
    )
    ids = np.maximum(IDS, 2)[:, :4]
    with pytest.raises(ArgumentError, match=r"Expected: 4 keys. Received: 2"):
        ModelSubject(model, ids, erase=Erase(id=1))
    subject = ModelSubject(
        model, ids, erase=Erase(id=1), positions=lambda key: (2 * key, 2 * key + 1)
    )
    assert replayed(subject).lengths.tolist() == [2] * 4
    changed = ids[:4].copy()
    changed[:, 2:] = 1
    answers = erased(subject, "id", 1)
    np.testing.assert_allclose(answers, own_answers(model, changed), atol=1e-5)
    # The second key alone is one of the input.
    subject = ModelSubject(model, ids, erase=Erase(id=1), positions=[-1, 3])
    assert replayed(subject).lengths.tolist() == [1] * 4
    for wrong in ([0], [0, 4], [0.5, 1.0]):
        with pytest.raises(ArgumentError, match="for each of 2 keys"):
            ModelSubject(model, ids, erase=Erase(id=1), positions=wrong)


def test_attention_made_by_hand_and_the_use_of_a_layer_are_chosen():
    def by_hand(states):
        weights = layers.Softmax(axis=1, name="weights")(layers.Dense(1)(states))
        return keras.ops.sum(weights * states, axis=1)

    model = word_model(by_hand, mask_zero=False)
    with pytest.raises(ObservationError, match="softmax=\\['weights'\\]"):
        ModelSubject(model, IDS, erase=Erase(id=1))
    replayed(ModelSubject(model, IDS, softmax="weights", erase=Erase(id=1)))
    pool = regard.layers.AttentionPooling(name="pool")
    twice = word_model(lambda states: layers.Add()([pool(states), pool(states)]))
    replayed(ModelSubject(twice, IDS, layer="pool#2"))
    with pytest.raises(ArgumentError, match=r"no attention 'pool#3'.*'pool#2'"):
        ModelSubject(twice, IDS, layer="pool#3")


@keras.saving.register_keras_serializable(package="tests")
class Weigh(layers.Layer):
    """Weights by a softmax of its own, which cannot be replaced."""

    def call(self, states):
        return keras.ops.softmax(keras.ops.sum(states, axis=-1), axis=1)


def test_weights_that_cannot_be_forced_are_not_replayed():
    def by_hand(states):
        weights = keras.ops.expand_dims(Weigh(name="weigh")(states), -1)
        return keras.ops.sum(weights * states, axis=1)

    subject = ModelSubject(
        word_model(by_hand, mask_zero=False),
        IDS,
        softmax="weigh",
        erase=Erase(id=1),
    )
    assert subject.baseline(ROWS).replayed is None


def test_logits_and_one_unit_are_made_distributions():
    series = series_model(1, None)
    with pytest.raises(ArgumentError, match=r"no probabilities.*outputs='logits'"):
        ModelSubject(series, SERIES)
    subject = ModelSubject(series, SERIES, outputs="logits")
    logits = own_answers(series, SERIES[:4])
    positive = 1 / (1 + np.exp(-logits))
    answers = subject.baseline(ROWS).probabilities
    expected = np.concatenate([1 - positive, positive], axis=1)
    np.testing.assert_allclose(answers, expected, atol=1e-5)
    several = series_model(3, None)
    several.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    raised = np.exp(own_answers(several, SERIES[:4]))
    np.testing.assert_allclose(
        ModelSubject(several, SERIES).baseline(ROWS).probabilities,
        raised / raised.sum(axis=1, keepdims=True),
        atol=1e-5,
    )


def test_one_of_several_inputs_and_outputs_is_meant():
    ids, series = keras.Input((None,), name="ids"), keras.Input((None, 3), name="of")
    states = layers.Embedding(12, 4, mask_zero=True)(ids)
    pooled = regard.layers.AttentionPooling(name="pool")(states)
    joined = layers.Concatenate()([pooled, layers.GlobalMaxPooling1D()(series)])
    answer = layers.Dense(2, activation="softmax", name="answer")(joined)
    model = keras.Model([ids, series], [pooled, answer])
    x = [IDS[:6], SERIES]
    with pytest.raises(ArgumentError, match=r"several inputs.*'ids', 'of'"):
        ModelSubject(model, x)
    with pytest.raises(ArgumentError, match="no input 'words'"):
        ModelSubject(model, x, input="words")
    with pytest.raises(ArgumentError, match=r"several outputs.*one of 0, 1"):
        ModelSubject(model, x, input="ids")
    for chosen in ({"input": "ids", "output": "answer"}, {"input": 0, "output": 1}):
        subject = ModelSubject(model, x, **chosen)
        changed = IDS[:4].copy()
        changed[:, 0] = 0
        _, expected = model([changed, SERIES[:4]])
        answers = erased(subject, "hole", 0)
        expected = keras.ops.convert_to_numpy(expected)
        np.testing.assert_allclose(answers, expected, atol=1e-5)
    with pytest.raises(ArgumentError, match="as many samples"):
        ModelSubject(model, [IDS, SERIES], input="ids", output=1)


@pytest.fixture(scope="module")
def pooling():
    return word_model(regard.layers.AttentionPooling(name="pool"))


@pytest.fixture(scope="module")
def open_pooling():
    return word_model(regard.layers.AttentionPooling(name="pool"), mask_zero=False)


def test_what_an_erased_id_is_has_to_be_known(open_pooling):
    with pytest.raises(ArgumentError, match=r"id 0 is not masked out.*Erase\(id=1\)"):
        ModelSubject(open_pooling, IDS)
    with pytest.raises(ArgumentError, match=r"does not mask positions out"):
        ModelSubject(open_pooling, IDS, erase=Erase(mask=True))
    with pytest.raises(ArgumentError, match="no way left"):
        ModelSubject(open_pooling, IDS, erase=Erase(mask=False, swap=False))
    assert ModelSubject(open_pooling, IDS, erase=Erase(mask=False)).erasers == ("swap",)
    # Every position is one, unless it is said where texts end.
    subject = ModelSubject(open_pooling, IDS, erase=Erase(id=1))
    assert subject.baseline(ROWS).lengths.tolist() == [5] * 4
    lengths = np.count_nonzero(IDS, axis=1)
    subject = ModelSubject(open_pooling, IDS, erase=Erase(id=1), lengths=lengths)
    assert replayed(subject).lengths.tolist() == [4, 3, 5, 3]


def test_an_erased_id_that_is_padding_is_a_hole(pooling):
    by_id = ModelSubject(pooling, IDS, erase=Erase(id=0))
    assert by_id.erasers == ("id", "swap")
    hole = ModelSubject(pooling, IDS)
    np.testing.assert_allclose(
        erased(by_id, "id", 1), erased(hole, "hole", 1), atol=1e-6
    )


def test_samples_of_one_position_and_of_none(pooling):
    rows = [[4], [], [5, 6, 7], [3]]
    subject = ModelSubject(pooling, rows)
    assert subject.indices.tolist() == [0, 2, 3]
    texts = np.arange(3)
    baseline = subject.baseline(texts)
    assert baseline.lengths.tolist() == [1, 3, 1]
    keep = np.zeros((3, 3), bool)
    nothing = own_answers(pooling, np.zeros((3, 3), np.int32))
    answers = subject.erased(texts, keep, "hole", np.zeros(keep.shape))
    np.testing.assert_allclose(answers, nothing, atol=1e-6)


def test_samples_are_shown_by_their_tokens(pooling):
    told = ModelSubject(pooling, IDS).passages(ROWS[:2])
    assert [each.text for each in told] == ["3 4 5 6", "7 8 3"]
    tokens = [[f"w{at}" for at in row[row > 0]] for row in IDS]
    subject = ModelSubject(pooling, IDS, tokens=tokens)
    assert subject.passages(ROWS[1:2])[0].text == "w7 w8 w3"
    with pytest.raises(ArgumentError, match=r"sample 1 are not .* 3 tokens"):
        ModelSubject(pooling, IDS, tokens=[tokens[0], ["w7"], *tokens[2:]])
    assert ModelSubject(series_model(), SERIES).passages([0])[0].text == "0 1 2 3 4"


@pytest.mark.parametrize(
    ("x", "error", "said"),
    [
        (["a text", "another"], ArgumentError, "not made of numbers.*ids"),
        ([], DataError, "no sample"),
        (np.zeros((3, 5), int), DataError, "no sample to examine"),
        (np.arange(5), ArgumentError, "no axis of positions"),
        (np.ones((4, 5, 2), int), ArgumentError, r"\(None, None\).*\(4, 5, 2\)"),
        ([[1, 2], [[3], [4]]], ArgumentError, "differ in more than their length"),
    ],
)
def test_inputs_that_are_none_are_refused(pooling, x, error, said):
    with pytest.raises(error, match=said):
        ModelSubject(pooling, x)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"layer": "poll"}, ObservationError, "matches 'poll'.*'pool'"),
        ({"lengths": [6] * 8}, ArgumentError, "8 whole numbers from 0 to 5"),
        ({"lengths": [1, 2]}, ArgumentError, "one a sample"),
        ({"erase": Erase(id=12)}, ArgumentError, "whole number below 12"),
        ({"erase": Erase(mask="mask")}, ArgumentError, "no mask 'mask'"),
        ({"erase": "mask"}, ArgumentError, r"'erase'.*regard\.trust\.Erase"),
        ({"outputs": "classes"}, ArgumentError, "'auto', 'probabilities'"),
        ({"output": "answer"}, ArgumentError, "no output 'answer'"),
        ({"tokens": [["a"]]}, ArgumentError, "tokens"),
        ({"tokens": ["a word", "b"]}, ArgumentError, "a list of words for each"),
        ({"tokens": {3: "three"}}, ArgumentError, "a list of words for each"),
        ({"positions": [0, 1, 2, 3, 9]}, ArgumentError, "below 5"),
    ],
)
def test_options_that_do_not_fit_are_refused(pooling, options, error, said):
    with pytest.raises(error, match=said):
        ModelSubject(pooling, IDS, **options)


def test_a_value_for_each_feature_has_one_for_each():
    with pytest.raises(ArgumentError, match=r"does not fit.*\(5, 3\).*\(2,\)"):
        ModelSubject(series_model(), SERIES, erase=Erase(value=[0.0, 0.0]))


def test_a_model_without_an_answer_to_nothing_is_examined():
    def attend(states):
        seen = layers.Attention(name="look")([states, states])
        return layers.GlobalAveragePooling1D()(seen)  # 0 / 0 where all is masked out

    report = regard.trust.examine(word_model(attend), IDS)
    assert np.isnan(report.figures["soft comprehensiveness"])


def test_a_layer_that_is_never_called_does_not_make_a_model_untrained():
    model = series_model()
    model.unused = keras.layers.Dense(3)
    assert len(ModelSubject(model, SERIES)) == len(SERIES)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"id": -1}, "'id'"), ({"value": [1, "a"]}, "'value'"), ({"swap": 1}, "'swap'")],
)
def test_erasers_that_are_none_are_refused(wrong, said):
    with pytest.raises(ArgumentError, match=said):
        Erase(**wrong)
    assert Erase(value=np.array([1.0, 2.0])) == Erase(value=[1, 2])


def test_models_that_cannot_be_examined_are_refused(pooling):
    unbuilt = keras.Sequential(
        [layers.Embedding(12, 4), regard.layers.AttentionPooling(), layers.Dense(2)]
    )
    with pytest.raises(ArgumentError, match="not built"):
        ModelSubject(unbuilt, IDS)
    plain = word_model(layers.GlobalAveragePooling1D())
    with pytest.raises(ObservationError, match=r"no attention layer.*softmax="):
        regard.trust.examine(plain, IDS)
    two = word_model(
        lambda states: regard.layers.AttentionPooling(name="pool")(
            regard.layers.SelfAttention(name="first")(states)
        )
    )
    with pytest.raises(ArgumentError, match=r"several.*'first', 'pool'"):
        regard.trust.examine(two, IDS)
    with pytest.raises(ArgumentError, match=r"no setting 'layers'.*'layer'"):
        regard.trust.examine(pooling, IDS, layers="pool")
    for labels in ([0] * 7, [0] * 7 + [2], ["a"] * 8):
        with pytest.raises(ArgumentError, match="8 whole numbers from 0 to 1"):
            regard.trust.examine(pooling, IDS, labels=labels)
    sequence = keras.Input((None, 3))
    tagger = keras.Model(sequence, layers.Attention()([sequence, sequence]))
    with pytest.raises(ArgumentError, match="one answer for each sample"):
        ModelSubject(tagger, SERIES)


def test_answers_that_are_no_numbers_or_not_the_same_are_refused():
    broken = SERIES.copy()
    broken[2, 1] = np.nan
    with pytest.raises(DataError, match="no finite numbers"):
        ModelSubject(series_model(), broken)

    @keras.saving.register_keras_serializable(package="tests")
    class Noise(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.seeds = keras.random.SeedGenerator(0)

        def call(self, states):
            return states + keras.random.normal(
                keras.ops.shape(states), seed=self.seeds
            )

    series = keras.Input((None, 3))
    pooled = regard.layers.AttentionPooling()(Noise()(series))
    # Weights as drawn by chance may be so large that no noise moves an answer.
    small = keras.initializers.RandomNormal(stddev=0.1, seed=0)
    classes = layers.Dense(2, activation="softmax", kernel_initializer=small)
    model = keras.Model(series, classes(pooled))
    with pytest.raises(ArgumentError, match="differently each time"):
        ModelSubject(model, SERIES)


@pytest.mark.parametrize(
    ("option", "given", "said"),
    [
        ("labels", np.arange(400), r"a ndarray of int64 of shape \(400,\)"),
        ("labels", [0] * 7 + [7], "7 for sample 7"),
        ("labels", ["no"] * 400, r"400 in all"),
        ("lengths", [[3]] * 400, r"\[\[3\].*400 in all"),
        ("lengths", [3] * 7 + [99], "99 for sample 7"),
        ("tokens", "word " * 9_999, r"\.\.\."),
    ],
)
def test_a_wrong_value_is_said_without_all_of_it(option, given, said):
    model = word_model(regard.layers.AttentionPooling(name="pool"))
    with pytest.raises(ArgumentError, match=said) as error:
        regard.trust.examine(model, IDS, n=4, **{option: given})
    assert len(str(error.value)) < 400
