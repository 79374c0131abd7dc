"""The settings of a text classifier: what it reads, what it is, how it is trained."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from regard._validate import check_count, wrong_value
from regard.training.base_config import BaseConfig


@dataclass(frozen=True)
class TextClassifierConfig(BaseConfig):
    """The settings of a text classifier; ``recipe`` chooses them from the data.

    Args:
        max_length: The most tokens of a text that are read.
        max_vocabulary: The most words that are known, padding and unknown among them.
        min_frequency: A word seen less often in training stays unknown.
        ngram_order: The longest n-grams of words, 1 for words alone.
        min_texts: In how many texts an n-gram or a piece of a word has to occur.
        max_ngrams: The most n-grams of each order.
        subwords: The most pieces (3 to 5 characters) read of a word; 0: none.
        embedding_units: The width of the embedding.
        recurrent_units: The width of a bidirectional GRU over the embeddings, in each
            direction; its states stand beside the embeddings. 0: none.
        attention_units: The width of the hidden layer of the attention score.
        num_heads: The number of attention heads.
        feature_dropout: The share of features dropped in training.
        attention_dropout: The share of attention weights dropped in training.
        dropout: The share of pooled features, and of the inputs of the GRU, dropped in
            training.
        naive_bayes: How strongly the start relies on naive Bayes; 0: a random start,
            which also is the start where there are more classes than embedding units.
        regression: How freely a logistic regression on the evidence of naive Bayes fits
            the texts, whose weights the model starts with, where its start is naive
            Bayes and there are two embedding units for each class; 0: none, the
            evidence itself.
        salience: How strongly the attention starts on words that tell classes apart,
            where the start is naive Bayes.
        learning_rate: The first step size of Adam; it falls linearly to a fiftieth.
        epochs: The most passes over the training data.
        patience: How many epochs without a better validation end the training.
        batch_size: Examples in a step.
        calibration_folds: Where few examples are held out, in how many parts the
            training examples are cut to find out how sure the classifier may be; 0:
            the few that are held out have to do.
    """

    of_what: ClassVar[str] = "a text classifier"
    shares: ClassVar[frozenset[str]] = frozenset(
        {"dropout", "feature_dropout", "attention_dropout"}
    )
    # 0 leaves the thing out.
    may_be_zero: ClassVar[frozenset[str]] = frozenset(
        {
            "subwords",
            "recurrent_units",
            "naive_bayes",
            "regression",
            "salience",
            "learning_rate",
            "calibration_folds",
        }
    )

    # What ``recipe`` gives.
    from_data: ClassVar[frozenset[str]] = frozenset(
        {
            "ngram_order",
            "min_texts",
            "subwords",
            "embedding_units",
            "recurrent_units",
            "attention_units",
            "dropout",
            "naive_bayes",
            "regression",
            "salience",
            "learning_rate",
            "epochs",
        }
    )

    max_length: int = 1024
    max_vocabulary: int = 50_000
    min_frequency: int = 1
    ngram_order: int = 2
    min_texts: int = 2
    max_ngrams: int = 150_000
    subwords: int = 12
    embedding_units: int = 32
    recurrent_units: int = 64
    attention_units: int = 32
    num_heads: int = 2
    feature_dropout: float = 0.4
    attention_dropout: float = 0.2
    dropout: float = 0.5
    naive_bayes: float = 0.0
    regression: float = 0.0
    salience: float = 2.0
    learning_rate: float = 3e-3
    epochs: int = 8
    patience: int = 3
    batch_size: int = 64
    calibration_folds: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        # Padding, unknown and a word.
        check_count("max_vocabulary", self.max_vocabulary, least=3, of=self.of_what)
        if self.calibration_folds == 1:
            expected = "2 or more, or 0"
            raise wrong_value("calibration_folds", 1, expected, of=self.of_what)
        # The key of an n-gram has 63 bits.
        if self.ngram_order * math.log2(self.max_vocabulary) >= 63:
            expected = "shorter n-grams"
            raise wrong_value(
                "ngram_order", self.ngram_order, expected, of=self.of_what
            )


#: From so many texts on, a set is large.
LARGE = 10_000
_MOST_UNITS = 128


def recipe(texts: int, classes: int) -> dict[str, Any]:
    """The settings to change from the defaults for a training set.

    A small set needs what carries over from word to word: their spelling. A large one
    has seen its n-grams often enough to do without, and would pay with minutes. All
    start from naive Bayes: without it the attention of a small model hardly leaves the
    mean. Two classes, opinions mostly, do not outgrow that start soon, and where texts
    are few a recurrent layer adds to it. Several classes, topics mostly, show in words
    and n-grams wherever these stand: they start as a logistic regression on the
    evidence, and attention that begins to choose among it too soon does harm.

    Args:
        texts: The number of texts.
        classes: The number of classes.

    References:
        Wang, Manning: Baselines and bigrams: simple, good sentiment and topic
        classification (2012), https://aclanthology.org/P12-2018 (the naive Bayes
        start). Bojanowski et al.: Enriching word vectors with subword information
        (2017), https://aclanthology.org/Q17-1010 (the spelling).
    """
    # Room for the evidence for each class, and for its weights or an eye on it.
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
    if 2 < classes <= _MOST_UNITS // 2:
        settings |= {
            "ngram_order": 3,
            "embedding_units": max(16, units),
            "recurrent_units": 0,
            "dropout": 0.3,
            "regression": 1.0,
            # Each class has its units of the score: together they are as loud.
            "salience": 1 / classes,
            "learning_rate": 5e-4,
            "epochs": 4,
        }
    return settings
