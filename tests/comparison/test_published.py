"""The published decoder gives the numbers of the layer it was published as."""

import numpy as np
import pytest

from old_files import OLD_FILES
from regard.comparison.sequence_problem import PublishedDecoder


def fill(decoder, weights):
    for variable in decoder.weights:
        variable.assign(weights[variable.name])


@pytest.mark.parametrize("case", ["plain", "seq2seq_trained", "simple_nmt"])
def test_of_golden_files(case):
    golden = np.load(OLD_FILES / "attention_decoder" / f"{case}.npz")
    prefix = "weight."
    weights = {
        name.removeprefix(prefix): golden[name]
        for name in golden.files
        if name.startswith(prefix)
    }
    memory, expected = golden["in.x"], golden["out.probabilities_y"]
    decoder = PublishedDecoder(
        weights["W_a"].shape[0], expected.shape[-1], memory.shape[1]
    )
    valid = np.ones(memory.shape[:2], bool)
    decoder(memory, valid)
    fill(decoder, weights)
    answers, attention = decoder(memory, valid)
    np.testing.assert_allclose(answers, expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(attention, golden["out.attention"], rtol=0, atol=1e-5)


def test_it_does_not_look_at_padding():
    decoder = PublishedDecoder(4, 3, 2)
    memory = np.random.default_rng(0).normal(size=(1, 3, 5)).astype("float32")
    valid = np.array([[True, True, False]])
    answers, attention = decoder(memory, valid)
    memory[0, 2] = 1e3
    again, _ = decoder(memory, valid)
    np.testing.assert_allclose(answers, again, rtol=1e-6)
    assert (np.asarray(attention)[..., 2] == 0).all()
