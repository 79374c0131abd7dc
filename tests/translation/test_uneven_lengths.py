"""All that a translator does, on pairs of which no two need be of one length."""

from itertools import chain

import numpy as np
import pytest
from keras import ops

import regard
from light_compilation import kept_programs
from regard.text.special_ids import BEGIN_ID, END_ID
from regard.training import callbacks
from regard.translation import pair_batches

pytestmark = pytest.mark.backends

SETTINGS = {
    "units": 8,
    "embedding_units": 6,
    "label_smoothing": 0.0,
    "batch_size": 8,
    "epochs": 2,
}
WORDS = ("eins", "zwei", "drei", "vier")


def text(length: int, seed: int) -> str:
    return " ".join(np.random.default_rng([seed, length]).choice(WORDS, length))


# Short and long on each side, in each way.
LENGTHS = [(1, 2), (2, 9), (7, 1), (8, 10), (3, 3), (6, 8)]
SOURCES = [text(LENGTHS[index % 6][0], index) for index in range(66)]
TARGETS = [text(LENGTHS[index % 6][1], index + 100) for index in range(66)]
HELD_OUT = ([text(2, 7), text(7, 8)], [text(5, 9), text(1, 10)])


class StopError(Exception):
    """Ends a training as the process would."""


def stop(progress) -> None:
    if (progress.epoch, progress.step) == (2, 3):
        raise StopError


def fit(**options) -> regard.Translator:
    translator = regard.Translator(seed=0, **SETTINGS)
    return translator.fit(SOURCES, TARGETS, validation=HELD_OUT, **options)


def log_probability(translator, source: str, target: str) -> float:
    """That of a target and its end, told to the model without any padding."""
    trained = translator.trained
    [read] = trained.source.encode([source])
    [written] = trained.target.encode([target])
    told = np.array([[BEGIN_ID, *written.ids]], dtype="int32")
    logits = trained.model((np.array([read.ids], dtype="int32"), told))
    logits = ops.convert_to_numpy(logits)[0].astype(float)
    steps = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    ended = [*written.ids, END_ID]
    return float(steps[np.arange(len(ended)), ended].sum())


def test_it_is_trained_and_gone_on_with_and_asked_and_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(callbacks, "_SECONDS_BETWEEN_CHECKPOINTS", 0)
    monkeypatch.setattr(callbacks, "_SECONDS_BETWEEN_REPORTS", 0)
    # As many shapes as a longer training has.
    monkeypatch.setattr(pair_batches, "_SECONDS_A_PROGRAM", 0)
    with kept_programs(tmp_path / "programs"):
        undisturbed = fit()
        with pytest.raises(StopError):
            fit(checkpoint=tmp_path / "checkpoint", progress=stop)
        translator = fit(checkpoint=tmp_path / "checkpoint")
    pairs = zip(
        translator.trained.model.get_weights(),
        undisturbed.trained.model.get_weights(),
        strict=True,
    )
    for gone_on, wanted in pairs:
        np.testing.assert_array_equal(gone_on, wanted)
    # The loss is that of the pairs as they are.
    told = [log_probability(translator, *pair) for pair in zip(*HELD_OUT, strict=True)]
    symbols = sum(len(target.split()) + 1 for target in HELD_OUT[1])
    loss = min(translator.validation_loss)
    assert loss == pytest.approx(-sum(told) / symbols, abs=1e-4)

    asked = [SOURCES[index] for index in (0, 2, 3)]
    greedy = translator.translate(asked, beam=1, max_length=9)
    beams = translator.translate(asked, beam=3, n_best=2, max_length=9)
    for hypotheses in (*greedy, *beams):
        for one in hypotheses:
            shape = len(one.target_tokens), len(one.source_tokens)
            assert one.alignment.shape == shape
            np.testing.assert_allclose(one.alignment.sum(1), 1, atol=1e-5)

    aligned = translator.align(SOURCES[:2], TARGETS[:2])
    for one, source, target in zip(aligned, SOURCES, TARGETS, strict=False):
        assert one.alignment.shape == (len(target.split()), len(source.split()))
        expected = log_probability(translator, source, target)
        assert one.log_probability == pytest.approx(expected, abs=1e-4)

    translator.save(tmp_path / "saved.regard")
    loaded = regard.load(tmp_path / "saved.regard")
    again = loaded.translate(asked, beam=3, n_best=2, max_length=9)
    for one, other in zip(chain(*again), chain(*beams), strict=True):
        assert one.text == other.text
        np.testing.assert_array_equal(one.alignment, other.alignment)
