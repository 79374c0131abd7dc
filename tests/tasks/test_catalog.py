import pytest

import regard
from regard.errors import ArgumentError
from regard.tasks import ArrayTask, FirstN, SequenceTask, get, names

NAMES = (
    "first-n",
    "copy",
    "reverse",
    "bigram-flip",
    "dates",
    "add-two-numbers",
    "find-max",
    "column",
)


def test_every_task_has_its_name():
    assert names() == NAMES
    for name in names():
        task = get(name)
        assert task.name == name
        assert isinstance(task, SequenceTask | ArrayTask)


def test_the_tasks_are_part_of_the_package():
    assert regard.tasks.get is get


def test_settings_arrive():
    task = get("first-n", length=7, n=3, cardinality=9)
    assert task == FirstN(length=7, n=3, cardinality=9)
    assert task != FirstN(length=7, n=3, cardinality=8)


def test_an_unknown_task_names_those_there_are():
    with pytest.raises(ArgumentError, match=r"one of 'first-n', .*'column'.*'last-n'"):
        get("last-n")


def test_an_unknown_setting_names_those_there_are():
    with pytest.raises(ArgumentError, match=r"no setting 'size'.*'n', 'cardinality'"):
        get("first-n", size=5)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_makes_the_same_pairs(name):
    task = get(name)
    once, again, other = (content(task.sample(50, seed=seed)) for seed in (3, 3, 4))
    assert once == again
    assert once != other


@pytest.mark.parametrize("name", NAMES)
def test_right_answers_have_the_score_1_and_the_order_counts(name):
    task = get(name)
    pairs = task.sample(60, seed=0)
    score = task.score(pairs.targets, pairs)
    assert float(score) == score.accuracy == 1.0
    assert score.count == 60
    assert task.score(pairs.targets[::-1], pairs).accuracy < 0.9


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [0, -1, 2.0, True])
def test_a_wrong_count_is_refused(name, count):
    with pytest.raises(ArgumentError, match="1 or more"):
        get(name).sample(count)


@pytest.mark.parametrize("name", NAMES)
def test_too_few_answers_are_refused(name):
    task = get(name)
    pairs = task.sample(5)
    with pytest.raises(ArgumentError, match="4 predictions and 5 pairs"):
        task.score(pairs.targets[:4], pairs)


def content(pairs):
    if hasattr(pairs, "sources"):
        return pairs.sources, pairs.targets
    return pairs.inputs.tolist(), pairs.targets.tolist(), pairs.gold.tolist()
