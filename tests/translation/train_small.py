"""A training in a process of its own, which a test may kill.

``python train_small.py CHECKPOINT WEIGHTS`` trains the problem of ``small``, saves the
state after every step, and in the end writes the weights.
"""

import sys
from pathlib import Path

import numpy as np
import small

from regard.training import callbacks
from regard.translation.trainer import train_seq2seq

EPOCHS = 40


def main(checkpoint: Path, weights: Path) -> None:
    callbacks._SECONDS_BETWEEN_CHECKPOINTS = 0
    outcome = train_seq2seq(
        small.model,
        small.pairs(19),
        small.pairs(6, seed=1),
        config=small.config(epochs=EPOCHS, patience=EPOCHS),
        seed=0,
        checkpoint=checkpoint,
    )
    with weights.open("wb") as stream:
        np.savez(stream, *outcome.model.get_weights())


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
