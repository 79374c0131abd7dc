"""The default classifier on topics, of which the best accuracy is known."""

import numpy as np
import pytest

import regard

CLASSES, WORDS, OWN, OFTENER = 6, 3000, 120, 3.0


def topics(count: int, seed: int):
    """Texts, their topics, and how often the best classifier there can be is right.

    Words come as often as words do; each topic has some of its own, which come a few
    times as often there.
    """
    own = np.random.default_rng(0).permutation(WORDS)
    chances = np.tile(1 / np.arange(5, WORDS + 5), (CLASSES, 1))
    for index in range(CLASSES):
        chances[index, own[index * OWN : (index + 1) * OWN]] *= OFTENER
    chances /= chances.sum(axis=1, keepdims=True)
    random = np.random.default_rng(seed)
    labels = random.integers(0, CLASSES, count)
    texts, best = [], 0
    for label in labels:
        words = random.choice(WORDS, random.integers(15, 45), p=chances[label])
        best += np.log(chances[:, words]).sum(axis=1).argmax() == label
        texts.append(" ".join(f"w{word}" for word in words))
    return texts, labels.tolist(), best / count


@pytest.mark.slow
def test_several_topics_are_told_apart_as_far_as_their_words_tell():
    texts, labels, _ = topics(3000, 1)
    asked, answers, best = topics(1000, 2)
    classifier = regard.TextClassifier(seed=0).fit(texts, labels)
    # 0.76 of what can be known; a recipe that pays attention too soon gets 0.61 of it.
    assert classifier.evaluate(asked, answers).accuracy > 0.7 * best
