"""A training that takes a second: one shape, few steps."""

import numpy as np

from regard.translation.config import TranslatorConfig
from regard.translation.pair_batches import EncodedPairs
from regard.translation.seq2seq import Seq2Seq

SYMBOLS = 9
SETTINGS = {
    "units": 8,
    "embedding_units": 6,
    "dropout": 0.2,
    "attention_dropout": 0.1,
    "batch_size": 4,
    "epochs": 3,
    "learning_rate": 0.02,
    "warmup_steps": 3,
}


def config(**settings) -> TranslatorConfig:
    return TranslatorConfig.of(SETTINGS | settings)


def model(units: int = 8, seed: int = 0) -> Seq2Seq:
    return Seq2Seq(
        SYMBOLS,
        SYMBOLS,
        units,
        SETTINGS["embedding_units"],
        dropout=SETTINGS["dropout"],
        attention_dropout=SETTINGS["attention_dropout"],
        seed=seed,
    )


def pairs(count: int, seed: int = 0, length: int = 4) -> EncodedPairs:
    """Targets that repeat their sources."""
    generator = np.random.default_rng(seed)
    sources = [generator.integers(4, SYMBOLS, length) for _ in range(count)]
    return EncodedPairs(sources, sources)
