"""Tasks as a model meets them: arrays, losses, and what counts as right."""

import numpy as np
import pytest

import regard
from regard.comparison import Budget
from regard.comparison.array_problem import ArrayProblem
from regard.comparison.sequence_problem import SequenceProblem

SMALL = Budget(samples=10, units=4)


def of(name, **settings):
    return SequenceProblem(regard.tasks.get(name, **settings), looked_at=300)


def perfect(problem, examples):
    """Probabilities that are sure of the right symbols."""
    symbols = len(problem.symbols) + 2
    return np.eye(symbols, dtype="float32")[examples.targets]


class TestSequences:
    def test_of_one_length_have_neither_padding_nor_end(self):
        problem = of("first-n", length=4, n=2, cardinality=5)
        examples = problem.arrays(problem.draw(20, seed=1))
        assert examples.inputs.shape == examples.targets.shape == (20, 4)
        assert (examples.inputs >= 2).all()
        assert (examples.mask == 1).all()

    def test_of_many_lengths_end_and_are_marked_to_their_end(self):
        problem = of("copy", length=(2, 5), cardinality=5)
        pairs = problem.draw(50, seed=1)
        examples = problem.arrays(pairs)
        assert examples.targets.shape == (50, 6)
        lengths = np.array([len(target) for target in pairs.targets])
        np.testing.assert_array_equal(examples.mask.sum(axis=1), lengths + 1)
        np.testing.assert_array_equal((examples.targets > 0).sum(axis=1), lengths)

    @pytest.mark.parametrize("settings", [{"length": 3}, {"length": (2, 5)}])
    def test_right_answers_are_right_and_one_wrong_symbol_is_wrong(self, settings):
        problem = of("reverse", cardinality=5, **settings)
        pairs = problem.draw(10, seed=1)
        outputs = perfect(problem, problem.arrays(pairs))
        assert problem.accuracy(outputs, pairs) == 1.0
        outputs[3, 0] = np.roll(outputs[3, 0], 1)
        assert problem.accuracy(outputs, pairs) == pytest.approx(0.9)

    def test_an_answer_that_goes_on_is_wrong(self):
        problem = of("copy", length=(2, 5), cardinality=5)
        pairs = problem.draw(10, seed=1)
        short = min(range(10), key=lambda n: len(pairs.targets[n]))
        outputs = perfect(problem, problem.arrays(pairs))
        outputs[short, len(pairs.targets[short])] = np.eye(outputs.shape[-1])[2]
        assert problem.accuracy(outputs, pairs) == pytest.approx(0.9)

    def test_the_loss_is_the_mean_cross_entropy_of_what_counts(self):
        problem = of("copy", length=(2, 5), cardinality=5)
        examples = problem.arrays(problem.draw(10, seed=1))
        outputs = np.full((10, 6, 7), 1 / 7, "float32")
        # What stands in the padding does not count.
        outputs[examples.mask == 0] = 0.0
        assert float(problem.loss(examples, outputs)) == pytest.approx(np.log(7), 1e-6)

    def test_a_symbol_never_seen_has_a_number_too(self):
        problem = of("copy", length=3, cardinality=5)
        other = regard.tasks.get("copy", length=3, cardinality=50).sample(50, seed=1)
        examples = problem.arrays(other)
        assert set(np.unique(examples.inputs)) == {1, 2, 3, 4, 5, 6}

    def test_attention_on_gold(self):
        problem = of("reverse", length=3, cardinality=5)
        pairs = problem.draw(10, seed=1)
        weights = np.broadcast_to(np.eye(3)[::-1], (10, 1, 3, 3))
        assert problem.on_gold(weights, pairs) == 1.0

    def test_dates_have_no_gold_positions(self):
        problem = of("dates")
        assert problem.on_gold(np.ones((5, 1, 10, 40)), problem.draw(5, seed=1)) is None

    @pytest.mark.parametrize("name", SequenceProblem.models)
    def test_each_model_gives_probabilities_and_weights(self, name):
        problem = of("copy", length=(2, 5), cardinality=5)
        examples = problem.arrays(problem.draw(10, seed=1))
        outputs, *attention = problem.model(name, SMALL)(
            examples.inputs, examples.targets
        )
        assert outputs.shape == (10, 6, 7)
        np.testing.assert_allclose(np.sum(outputs, axis=-1), 1.0, rtol=1e-5)
        if name == "none":
            assert not attention
            return
        weights = np.asarray(attention[0])
        assert weights.shape == (10, 1, 6, 5)
        np.testing.assert_allclose(weights.sum(axis=-1), 1.0, rtol=1e-5)
        padding = np.broadcast_to((examples.inputs == 0)[:, None, None], weights.shape)
        assert (weights[padding] == 0).all()

    def test_uniform_attention_is(self):
        problem = of("copy", length=(2, 5), cardinality=5)
        examples = problem.arrays(problem.draw(10, seed=1))
        _, weights = problem.model("uniform", SMALL)(examples.inputs, examples.targets)
        valid = examples.inputs > 0
        expected = (valid / valid.sum(axis=1, keepdims=True))[:, None, None]
        np.testing.assert_allclose(
            weights, np.broadcast_to(expected, weights.shape), rtol=1e-6
        )

    def test_only_models_that_are_told_see_the_targets(self):
        problem = of("copy", length=4, cardinality=5)
        examples = problem.arrays(problem.draw(10, seed=1))
        others = examples.targets[::-1].copy()
        for name in problem.models:
            model = problem.model(name, SMALL)
            outputs, *_ = model(examples.inputs, examples.targets)
            otherwise, *_ = model(examples.inputs, others)
            same = np.allclose(outputs, otherwise)
            assert same == (name in {"none", "published"}), name


class TestArrays:
    @pytest.mark.parametrize("task", ["add-two-numbers", "find-max", "column"])
    def test_each_model_gives_an_answer_and_weights(self, task):
        problem = ArrayProblem(regard.tasks.get(task))
        pairs = problem.draw(6, seed=1)
        examples = problem.arrays(pairs)
        for name in problem.models:
            outputs, *attention = problem.model(name, SMALL)(examples.inputs)
            assert outputs.shape == (6, 1), name
            assert bool(attention) == (name != "none")
            if attention:
                assert 0 <= problem.on_gold(np.asarray(attention[0]), pairs) <= 1

    def test_losses(self):
        column = ArrayProblem(regard.tasks.get("column"))
        losses = column.losses(np.array([[1.0], [0.0]]), np.array([[0.25], [0.25]]))
        np.testing.assert_allclose(losses, -np.log([[0.25], [0.75]]), rtol=1e-6)
        number = ArrayProblem(regard.tasks.get("find-max"))
        losses = number.losses(np.array([[1.0], [2.0]]), np.array([[0.5], [4.0]]))
        np.testing.assert_allclose(losses, [[0.25], [4.0]])

    def test_right_answers_are_right(self):
        problem = ArrayProblem(regard.tasks.get("find-max"))
        pairs = problem.draw(6, seed=1)
        assert problem.accuracy(pairs.targets[:, None], pairs) == 1.0
