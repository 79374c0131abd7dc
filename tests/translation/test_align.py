"""Given targets are scored by what was compiled before."""

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

import regard
from light_compilation import light_compilation
from regard.translation.seq2seq import Seq2Seq

pytestmark = pytest.mark.backends

BUNDLE = Path(__file__).parents[1] / "data" / "bundles" / "0.1.0" / "translator.regard"
# PyTorch searches eagerly: each call runs the model's own methods.
TRACED = keras.backend.backend() != "torch"


@pytest.fixture(autouse=True, scope="module")
def _light() -> Iterator[None]:
    """In place of the one that trains a translator first."""
    with light_compilation():
        yield


@pytest.fixture
def encodings(monkeypatch) -> list[int]:
    """One more for each run of the Python code that encodes a batch of sources."""
    runs: list[int] = []
    encode = Seq2Seq.encode

    def counted(model, source):
        runs.append(1)
        return encode(model, source)

    monkeypatch.setattr(Seq2Seq, "encode", counted)
    return runs


def test_a_second_alignment_of_the_same_shape_traces_nothing(encodings):
    translator = regard.load(BUNDLE)
    first = translator.align(["eins zwei drei"], ["three two one"])
    assert len(encodings) == 1
    again = translator.align(["eins zwei drei"], ["three two one"])
    # Another length, of the source and of the target, that is padded to the same.
    other = translator.align(["vier acht"], ["eight four two one"])
    assert len(encodings) == (1 if TRACED else 3)
    assert again[0].log_probability == pytest.approx(first[0].log_probability, abs=1e-6)
    np.testing.assert_allclose(again[0].alignment, first[0].alignment, atol=1e-6)
    assert other[0].alignment.shape == (4, 2)


def test_a_longer_target_traces_once_more(encodings):
    translator = regard.load(BUNDLE)
    translator.align(["eins zwei drei"], ["three two one"])
    [long] = translator.align(["eins zwei drei"], ["three two one " * 4])
    assert len(encodings) == 2
    assert long.alignment.shape == (12, 3)
    # The numbers are those of the same target without what was padded for another.
    [beside, _] = translator.align(
        ["eins zwei drei"] * 2, ["three two one", "one " * 12]
    )
    [alone] = translator.align(["eins zwei drei"], ["three two one"])
    assert beside.log_probability == pytest.approx(alone.log_probability, abs=1e-5)
    np.testing.assert_allclose(beside.alignment, alone.alignment, atol=1e-5)
