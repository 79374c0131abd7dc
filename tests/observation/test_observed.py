"""Every kind of model gives its answer and its attention in one pass."""

import keras
import numpy as np
import pytest
from observed_models import CASES, STATES, Case

import regard
from regard.layers import CrossAttention

pytestmark = pytest.mark.backends

every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def arrays(outputs):
    return [keras.ops.convert_to_numpy(x) for x in keras.tree.flatten(outputs)]


def check_weights(result: regard.Observation, case: Case, rows: int = 4) -> None:
    assert list(result.attention) == list(case.axes)
    for key, actual in result.attention.items():
        assert actual.axes == case.axes[key]
        assert actual.shape[0] == rows
        sums = actual.weights.sum(axis=-1)
        assert np.all((np.abs(sums - 1) < 1e-5) | (sums == 0))


@every_case
def test_a_call_gives_the_bits_of_the_model(case, patched):
    model = case.make()
    expected = model(case.inputs, training=False)
    result = regard.observe(model)(case.inputs)
    keras.tree.assert_same_structure(result.outputs, expected)
    for actual, wanted in zip(arrays(result.outputs), arrays(expected), strict=True):
        np.testing.assert_array_equal(actual, wanted)
    check_weights(result, case)
    assert not patched(model)


@every_case
def test_predict_gives_what_predict_gives(case, patched):
    model = case.make()
    observed = regard.observe(model)
    result = observed.predict(case.inputs, batch_size=4, verbose=0)
    check_weights(result, case)
    assert not patched(model)
    expected = model.predict(case.inputs, batch_size=4, verbose=0)
    keras.tree.assert_same_structure(result.outputs, expected)
    for actual, wanted in zip(arrays(result.outputs), arrays(expected), strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=0, atol=1e-6)
    eager = observed(case.inputs)
    for key, actual in result.attention.items():
        np.testing.assert_allclose(
            actual.weights, eager.attention[key].weights, rtol=0, atol=1e-5
        )


def test_the_arrays_are_the_users_own():
    case = CASES["functional"]
    observed = regard.observe(case.make())
    for result in (observed(case.inputs), observed.predict_on_batch(case.inputs)):
        for array in (*arrays(result.outputs), *result.attention.values()):
            values = getattr(array, "weights", array)
            np.multiply(values, 2, out=values)
    again = observed.predict_on_batch(case.inputs)
    check_weights(again, case)


def test_weights_in_closed_form():
    query, value = keras.Input((1, 1)), keras.Input((2, 1))
    outputs = keras.layers.Attention(name="dot")([query, value])
    model = keras.Model([query, value], outputs)
    inputs = [np.ones((1, 1, 1), "float32"), np.array([[[0.0], [1.0]]], "float32")]
    result = regard.observe(model).predict(inputs, verbose=0)
    expected = np.array([1, np.e]) / (1 + np.e)
    actual = result.attention["dot"].select(batch=0, heads=0, queries=0)
    np.testing.assert_allclose(actual.weights, expected, atol=1e-6)
    np.testing.assert_allclose(result.outputs, [[[expected[1]]]], atol=1e-6)


def test_uses_are_the_weights_of_each_use():
    model = CASES["shared"].make()
    result = regard.observe(model)(STATES)
    layer = model.get_layer("look")
    first, weights = layer(STATES, return_attention_scores=True)
    _, later = layer(first + 1.0, return_attention_scores=True)
    for key, wanted in (("look", weights), ("look#2", later)):
        actual = result.attention[key]
        assert actual.layer == "look"
        assert actual.kind == "SelfAttention"
        np.testing.assert_array_equal(
            actual.weights, keras.ops.convert_to_numpy(wanted)
        )


def test_steps_are_the_weights_of_each_step():
    case = CASES["distributed twice"]
    model = case.make()
    weights = regard.observe(model)(case.inputs).attention["outer/inner/pool"].weights
    pool = model.get_layer("outer").layer.layer
    for outer in range(2):
        for inner in range(3):
            step = case.inputs[:, outer, inner]
            _, wanted = pool(step, return_attention_scores=True)
            np.testing.assert_allclose(
                weights[:, outer, inner],
                keras.ops.convert_to_numpy(wanted),
                atol=1e-6,
            )


class Writer(keras.Model):
    """Looks at its source in a loop, in each step at one more place of itself."""

    def __init__(self):
        super().__init__()
        self.look = CrossAttention("scaled_dot", name="look")
        self.back = CrossAttention("dot", name="back")

    def build(self, shape):
        self.look.build(shape, shape)
        self.back.build(shape, shape)

    def call(self, source):
        states = source[:, :1]
        for _ in range(3):
            step = self.look(states[:, -1:], source) + self.back(states[:, -1:], states)
            states = keras.ops.concatenate([states, step], axis=1)
        return states


def test_calls_in_a_loop_are_stacked():
    observed = regard.observe(Writer())
    result = observed.predict(STATES, verbose=0)
    assert list(result.attention) == [
        *("look", "back", "look#2", "back#2", "look#3", "back#3")
    ]
    look = result.stacked("look")
    assert look.axes == ("batch", "call", "heads", "queries", "keys")
    assert look.shape == (4, 3, 1, 1, 6)
    assert look.kind == "CrossAttention"
    for call, key in enumerate(("look", "look#2", "look#3")):
        np.testing.assert_array_equal(
            look.select(call=call).weights, result.attention[key].weights
        )
    # The keys of a later call are none of an earlier one.
    back = result.stacked("back").weights[:, :, 0, 0]
    assert back.shape == (4, 3, 3)
    np.testing.assert_allclose(back.sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_array_equal(back[0] > 0, np.tril(np.ones((3, 3), bool)))
    with pytest.raises(regard.errors.ArgumentError, match="'look', 'back'"):
        result.stacked("look#2")


def test_uses_of_different_axes_are_not_stacked():
    pooled, looked = (
        regard.types.AttentionMap(np.ones(len(axes) * (1,)), axes, "look")
        for axes in (("batch", "keys"), ("batch", "queries", "keys"))
    )
    result = regard.Observation(None, {"look": pooled, "look#2": looked})
    with pytest.raises(regard.errors.ArgumentError, match="different axes"):
        result.stacked("look")


def test_a_caller_that_asks_for_weights_still_gets_them():
    states = keras.Input((6, 8))
    own = regard.layers.SelfAttention(name="own")(states, return_attention_scores=True)
    theirs = keras.layers.MultiHeadAttention(2, 4, name="theirs")(
        states, states, return_attention_scores=True
    )
    model = keras.Model(states, [own, theirs])
    result = regard.observe(model)(STATES)
    (_, own_weights), (_, their_weights) = result.outputs
    np.testing.assert_array_equal(result.attention["own"].weights, own_weights)
    np.testing.assert_array_equal(result.attention["theirs"].weights, their_weights)


def test_more_arguments_reach_the_model():
    model = keras.Sequential([regard.layers.AttentionPooling(name="pool")])
    mask = np.array([[1, 1, 0, 0, 0, 0]] * 4, "bool")
    actual = regard.observe(model)(STATES, mask=mask).attention["pool"].weights
    assert np.all(actual[..., 2:] == 0)
    assert np.all(actual[..., :2] > 0)


def test_only_a_keras_model_can_be_observed():
    with pytest.raises(regard.errors.ArgumentError, match=r"keras\.Model"):
        regard.observe(lambda x: x)


class Pair(keras.Model):
    """Its call needs two inputs."""

    def __init__(self):
        super().__init__()
        self.embedding = keras.layers.Embedding(9, 4)
        self.cross = regard.layers.CrossAttention("dot", name="cross")

    def call(self, source, target, scale=1.0):
        cross = self.cross(self.embedding(target), self.embedding(source))
        return scale * cross


def test_the_first_pass_builds_a_model_of_several_arguments():
    source, target = np.array([[1, 2, 3]]), np.array([[4, 5]])
    results = []
    for call in (
        lambda observed: observed(source, target=target, scale=2.0),
        lambda observed: observed(source, target, scale=2.0),
    ):
        keras.utils.set_random_seed(1)
        results.append(call(regard.observe(Pair())))
    keras.utils.set_random_seed(1)
    expected = keras.ops.convert_to_numpy(Pair()(source, target, scale=2.0))
    for result in results:
        np.testing.assert_array_equal(result.outputs, expected)
        assert result.attention["cross"].shape == (1, 1, 2, 3)


def test_an_argument_that_is_missing_is_named():
    model, source = Pair(), np.array([[1, 2, 3]])
    observed = regard.observe(model)
    for _ in range(2):
        for run in (observed, observed.predict_on_batch, observed.predict):
            with pytest.raises(
                regard.errors.ArgumentError,
                match=r"more arguments: target\. .*observed\(x, target=target\)",
            ):
                run(source)
        # Built or not, all the same.
        observed(source, source)


@pytest.mark.parametrize("call", ["model", "function"])
def test_a_mask_must_be_named(call):
    class Masked(keras.Model):
        def __init__(self):
            super().__init__()
            self.pool = regard.layers.AttentionPooling(name="pool")

        def call(self, x, mask=None):
            return self.pool(x, mask=mask)

    pool = regard.layers.AttentionPooling(name="pool")
    model = keras.Sequential([pool]) if call == "model" else Masked()
    mask = np.array([[1, 1, 0, 0, 0, 0]] * 4, "bool")
    observed = regard.observe(model)
    with pytest.raises(regard.errors.ArgumentError, match=r"observed\(x, mask=mask\)"):
        observed(STATES, mask)
    weights = observed(STATES, mask=mask).attention["pool"].weights
    assert np.all(weights[..., 2:] == 0)
