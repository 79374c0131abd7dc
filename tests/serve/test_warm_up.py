"""What is compiled when, and what texts run in meanwhile."""

import threading
from types import SimpleNamespace

import pytest

from regard.inference import Shape, Shapes
from regard.serve.warm_up import WarmUp

# Only what hangs takes that long, on a busy machine too.
GIVE_UP_SECONDS = 120


@pytest.fixture
def shapes():
    return Shapes([16, 32, 64], [1, 8, 32])


def test_every_text_fits_what_is_needed(shapes):
    assert shapes.needed == [Shape(0, 64, 1)]
    assert len(shapes) == 9
    assert shapes.bucket(0) == shapes.bucket(16) == (0, 16)
    assert shapes.bucket(17) == (0, 32)
    assert shapes.bucket(64) == (0, 64)
    searches = Shapes([8, 16], [1, 4], groups=[5, 1], name="beam")
    assert searches.needed == [Shape(5, 16, 1), Shape(1, 16, 1)]
    assert searches.described(Shape(5, 16, 1)) == {"beam": 5, "tokens": 16, "texts": 1}


def test_texts_run_in_the_best_shape_that_is_compiled(shapes):
    shapes.add(Shape(0, 64, 1))
    assert shapes.batches((0, 16), 3) == [Shape(0, 64, 1)] * 3
    shapes.add(Shape(0, 32, 8))
    assert shapes.batches((0, 16), 3) == [Shape(0, 32, 8)]
    shapes.add(Shape(0, 16, 1))
    assert shapes.batches((0, 16), 3) == [Shape(0, 16, 1)] * 3
    while (shape := shapes.next()) is not None:
        shapes.add(shape)
    assert [shape.rows for shape in shapes.batches((0, 16), 45)] == [32, 8, 8]
    assert shapes.batches((0, 64), 2) == [Shape(0, 64, 1)] * 2


def test_another_group_has_programs_of_its_own():
    searches = Shapes([8, 16], [1, 4], groups=[5, 1])
    searches.add(Shape(5, 8, 4))
    # Nothing is compiled for it: it will be when it runs.
    assert searches.batches((1, 8), 3) == [Shape(1, 8, 4)]


def test_what_is_missed_comes_next(shapes):
    order = []
    shapes.add(shapes.needed[0])
    shapes.batches((0, 32), 20)
    while (shape := shapes.next()) is not None:
        order.append(shape[1:])
        shapes.add(shape)
    assert order[0] == (32, 32)
    assert order[1:4] == [(16, 1), (16, 32), (16, 8)]
    assert len(order) == len(set(order)) == 8


class Model:
    """Compiles nothing, and writes down what it would."""

    def __init__(self, name, wrong=()):
        self.name, self.compiled, self.wrong = name, [], wrong
        self.engine = SimpleNamespace(shapes=Shapes([8], [1, 2]), compile=self.compile)
        self.may = threading.Event()

    def compile(self, shape):
        assert self.may.wait(GIVE_UP_SECONDS)
        self.compiled.append(shape)
        if shape.rows in self.wrong:
            raise MemoryError
        self.engine.shapes.add(shape)

    def prepare(self, warm_up):
        self.may.set()
        self.compile(self.engine.shapes.needed[0])
        warm_up.go_on(self)


def test_the_rest_waits_until_all_are_ready():
    first, second = Model("first"), Model("second")
    warm_up = WarmUp(2)
    for model in (first, second):
        warm_up.expect(model)
    first.prepare(warm_up)
    assert not warm_up.complete.wait(0.05)
    assert first.compiled == [Shape(0, 8, 1)]
    second.prepare(warm_up)
    assert warm_up.complete.wait(GIVE_UP_SECONDS)
    assert first.compiled == second.compiled == [Shape(0, 8, 1), Shape(0, 8, 2)]


def test_a_program_that_cannot_be_compiled_is_left_out_and_said(caplog):
    model, warm_up = Model("poor", wrong={2}), WarmUp(1)
    warm_up.expect(model)
    model.prepare(warm_up)
    assert warm_up.complete.wait(GIVE_UP_SECONDS)
    assert model.engine.shapes.batches((0, 8), 2) == [Shape(0, 8, 1)] * 2
    assert "model poor goes without a program" in caplog.text


def test_nothing_is_compiled_for_what_has_left():
    model, other, warm_up = Model("left"), Model("other"), WarmUp(2)
    for each in (model, other):
        warm_up.expect(each)
    model.prepare(warm_up)
    warm_up.leave(model)
    other.prepare(warm_up)
    warm_up.wait_for(model)
    assert warm_up.complete.wait(GIVE_UP_SECONDS)
    assert model.compiled == [Shape(0, 8, 1)]
    assert len(other.compiled) == 2
