"""The settings that suit a training set, found on held-out parts of training data."""

from typing import Any

#: From so many texts on, a set is large.
LARGE = 10_000
_MOST_UNITS = 128


def recipe(texts: int, classes: int) -> dict[str, Any]:
    """The settings to change from the defaults for a training set.

    A small set needs what carries over from word to word and from place to place: the
    spelling of words and a recurrent layer. A large one has seen its n-grams often
    enough to do without, and would pay for both with minutes. All start from naive
    Bayes: without it the attention of a small model hardly leaves the mean. Two classes
    do not outgrow that start soon; of several classes, word order says more.

    Args:
        texts: The number of texts.
        classes: The number of classes.

    References:
        Wang, Manning: Baselines and bigrams: simple, good sentiment and topic
        classification (2012), https://aclanthology.org/P12-2018 (the naive Bayes
        start). Bojanowski et al.: Enriching word vectors with subword information
        (2017), https://aclanthology.org/Q17-1010 (the spelling).
    """
    # Room for the evidence for each class, and for an eye on it.
    units = min(2 * classes, _MOST_UNITS)
    settings: dict[str, Any] = {
        "embedding_units": max(32, units),
        "attention_units": max(32, units),
        "naive_bayes": 0.5,
        "salience": 1.0,
    }
    if classes == 2:
        settings |= {"naive_bayes": 1.5, "salience": 2.0, "epochs": 4}
    if texts >= LARGE:
        settings |= {
            "ngram_order": 3,
            "min_texts": 3,
            "subwords": 0,
            "embedding_units": max(16, units),
            "recurrent_units": 0,
            "dropout": 0.3,
            "learning_rate": 2e-3,
            "naive_bayes": 3.0 if classes == 2 else 0.5,
            "salience": 1.0,
        }
    return settings
