"""A small classification problem with a known answer, and settings that learn it fast.

One word of each text decides its class; everything else is filler.
"""

import numpy as np

WORDS = {"account": "password", "billing": "refund", "delivery": "parcel"}
FILLER = ["the", "a", "of", "in", "my", "it", "was", "with", "order", "page", "week"]
# One length, and few steps: what takes time here is compiling.
SETTINGS = {
    "max_length": 16,
    "subwords": 3,
    "naive_bayes": 1.0,
    "salience": 2.0,
    "embedding_units": 8,
    "recurrent_units": 0,
    "feature_dropout": 0.0,
    "attention_dropout": 0.0,
    "attention_units": 8,
    "dropout": 0.0,
    "learning_rate": 0.05,
    "batch_size": 16,
    "epochs": 6,
    "calibration_folds": 0,
}


def messages(count: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Texts of at most 16 words, and their labels."""
    generator = np.random.default_rng(seed)
    texts, labels = [], []
    for index in range(count):
        label = sorted(WORDS)[index % len(WORDS)]
        words = generator.choice(FILLER, generator.integers(2, 15)).tolist()
        words.insert(int(generator.integers(len(words) + 1)), WORDS[label])
        texts.append(" ".join(words))
        labels.append(label)
    return texts, labels
