"""Several models, several runs: what is the same and what is not."""

import numpy as np
import pytest

import regard
from regard.comparison import Budget, compare, model_names
from regard.comparison.experiment import _step_by_step, train_each
from regard.comparison.sequence_problem import SequenceProblem
from regard.errors import ArgumentError

TASK = regard.tasks.get("first-n", length=3, n=2, cardinality=5)
BUDGET = Budget(samples=24, batch=2, test=30, units=8, learning_rate=0.01)


@pytest.fixture(scope="module")
def comparison():
    reported = []
    result = compare(
        TASK, ["none", "dot"], repeats=2, budget=BUDGET, on_run=reported.append
    )
    assert reported == list(result.runs)
    return result


def test_each_model_has_its_runs(comparison):
    assert [(run.model, run.repeat) for run in comparison.runs] == [
        ("none", 0),
        ("none", 1),
        ("dot", 0),
        ("dot", 1),
    ]
    assert comparison.losses["dot"].shape == (2, 12)
    np.testing.assert_array_equal(comparison.samples_seen, np.arange(2, 25, 2))
    assert comparison.accuracy("dot").shape == (2,)


def test_only_attention_has_a_share_on_gold(comparison):
    assert comparison.on_gold("none") is None
    assert 0 < comparison.on_gold("dot") < 1
    figures = comparison.to_dict()["models"]
    assert figures["none"]["on_gold"] is None
    assert figures["dot"]["mean"] == comparison.accuracy("dot").mean()


def test_the_same_seed_makes_the_same_runs(comparison):
    again = compare(TASK, ["dot"], repeats=1, budget=BUDGET)
    np.testing.assert_array_equal(again.runs[0].losses, comparison.of("dot")[0].losses)
    other = compare(TASK, ["dot"], repeats=1, budget=BUDGET, seed=1)
    assert not np.allclose(other.runs[0].losses, comparison.of("dot")[0].losses)


def test_runs_differ(comparison):
    first, second = comparison.losses["none"]
    assert not np.allclose(first, second)


def test_a_first_loss_is_that_of_guessing(comparison):
    """Before the first step a model knows nothing: 5 numbers and 2 symbols more."""
    assert comparison.losses["none"][:, 0] == pytest.approx(np.log(7), abs=0.1)


@pytest.mark.parametrize("name", ["none", "additive", "published"])
def test_the_compiled_loop_trains_as_step_by_step(name):
    problem = SequenceProblem(TASK, looked_at=100)
    model = problem.model(name, BUDGET)
    examples = [problem.arrays(problem.draw(9, seed=seed)) for seed in (1, 2)]
    model(examples[0].inputs, examples[0].targets)
    weights = model.get_weights()
    trained = train_each(
        problem, model, [(samples, weights) for samples in examples], 2, 0.01
    )
    for samples, (after, losses) in zip(examples, trained, strict=True):
        model.set_weights(weights)
        expected = _step_by_step(problem, model, samples, 2, 0.01)
        assert len(losses) == 4
        np.testing.assert_allclose(losses, expected, rtol=1e-4)
        for ours, theirs in zip(after, model.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)


def test_a_task_that_can_be_learnt_is_learnt():
    task = regard.tasks.get("column", columns=2, label=0)
    budget = Budget(samples=400, batch=4, test=50, units=8, learning_rate=0.02)
    (run,) = compare(task, ["feature"], repeats=1, budget=budget).runs
    assert run.accuracy > 0.95
    assert run.losses[-20:].mean() < 0.5 * run.losses[:20].mean()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"models": ["none", "nosuch"]}, "some of none, published, .*'nosuch'"),
        ({"models": ["none", "none"]}, "named twice"),
        ({"repeats": 0}, "'repeats'.*1 or more.*0"),
        ({"task": "first-n"}, "on a task.*regard.tasks.get.*'first-n'"),
    ],
)
def test_wrong_use(changed, message):
    arguments = {"task": TASK, "models": ["none"], "budget": BUDGET} | changed
    with pytest.raises(ArgumentError, match=message):
        compare(**arguments)


@pytest.mark.parametrize(
    "changed",
    [
        {"samples": 0},
        {"batch": 0},
        {"test": 0},
        {"units": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"samples": 3, "batch": 4},
    ],
)
def test_budgets_that_cannot_be(changed):
    with pytest.raises(ArgumentError, match=f"{next(iter(changed))}|fewer samples"):
        Budget(**changed)


def test_the_models_of_a_task():
    assert model_names(TASK)[:3] == ("none", "published", "uniform")
    assert model_names(regard.tasks.get("column")) == ("none", "feature")
    assert "feed_forward" in model_names(regard.tasks.get("find-max"))
