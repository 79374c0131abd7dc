"""A small translation problem with a known answer, and settings that learn it fast.

The target has the words of the source in another language, last first. Names, each of
which is seen once, stay as they are: to write one is to look at it.
"""

import numpy as np

GERMAN = ("eins", "zwei", "drei", "vier", "acht", "zehn")
ENGLISH = ("one", "two", "three", "four", "eight", "ten")
WORDS = dict(zip(GERMAN, ENGLISH, strict=True))
LENGTH = 5
# One shape, and few steps: what takes time here is compiling.
SETTINGS = {
    "units": 24,
    "embedding_units": 24,
    "dropout": 0.0,
    "label_smoothing": 0.0,
    "learning_rate": 0.02,
    "warmup_steps": 10,
    "batch_size": 32,
    "epochs": 6,
}


def sentences(count: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Sources of five words, and their targets."""
    generator = np.random.default_rng(seed)
    sources = []
    for index in range(count):
        words = generator.choice(GERMAN, LENGTH).tolist()
        if index % 3 == 0:
            words[int(generator.integers(LENGTH))] = f"name{seed}x{index}"
        sources.append(" ".join(words))
    return sources, [translated(source) for source in sources]


def translated(source: str) -> str:
    """The right answer."""
    return " ".join(WORDS.get(word, word) for word in reversed(source.split()))
