"""The settings of a text classifier: what it reads, what it is, how it is trained."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from regard._validate import check_count, check_number, wrong_value
from regard.text.features import MOST_PIECES
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
        subwords: The most pieces (3 to 5 characters) read of a word, up to 512; 0:
            none.
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
        naive_bayes_share: The share of naive Bayes in such a start beside that of the
            regression.
        sharpness: How strongly attention prefers tokens that speak for what the text
            says on the whole (``EvidencePooling``), in units of the spread of what
            tokens say at the start. 0: the attention is learned instead, and what is
            said here of the GRU, of its units, heads and salience holds for that.
        evidence_bound: The most that a token says for a class, in the same units.
        salience: How strongly a learned attention starts on words that tell classes
            apart, where the start is naive Bayes.
        learning_rate: The first step size of Adam; it falls linearly to a fiftieth.
        epochs: The most passes over the training data.
        patience: How many epochs without a better validation end the training.
        batch_size: Examples in a step.
        calibration_folds: Where few examples are held out, in how many parts the
            training examples are cut to find out how sure the classifier may be; 0:
            the few that are held out have to do.
        class_weight: How much an example counts in the training, by its label:
            ``{label: weight}``, where labels that are not named have the weight 1;
            ``"balanced"``: each label as much in all as every other, however often it
            is there; None: every example the same.
        choose_by: The measure on the validation examples that chooses the best epoch:
            ``"accuracy"``, ``"balanced_accuracy"`` (the mean of the recall of the
            labels), ``"macro_f1"`` (the mean of their F1) or ``"loss"``. Of epochs that
            are equal in it that of the lowest loss is the best.
        freeze_vectors: Whether what words have of word vectors, see
            ``TextClassifier.fit``, is no more trained after the start.
        train_encoder: Whether an encoder is trained with what stands on it; else its
            weights stay as they came, which is faster and takes less memory.
    """

    of_what: ClassVar[str] = "a text classifier"
    shares: ClassVar[frozenset[str]] = frozenset(
        {"dropout", "feature_dropout", "attention_dropout", "naive_bayes_share"}
    )
    # 0 leaves the thing out.
    may_be_zero: ClassVar[frozenset[str]] = frozenset(
        {
            "subwords",
            "recurrent_units",
            "naive_bayes",
            "regression",
            "sharpness",
            "salience",
            "learning_rate",
            "calibration_folds",
        }
    )

    choices: ClassVar[Mapping[str, Sequence[str]]] = {
        "choose_by": ("accuracy", "balanced_accuracy", "macro_f1", "loss")
    }
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
            "naive_bayes_share",
            "sharpness",
            "evidence_bound",
            "salience",
            "learning_rate",
            "epochs",
            "choose_by",
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
    naive_bayes_share: float = 0.0
    sharpness: float = 0.0
    evidence_bound: float = 4.0
    salience: float = 2.0
    learning_rate: float = 3e-3
    epochs: int = 8
    patience: int = 3
    batch_size: int = 64
    calibration_folds: int = 5
    class_weight: str | Mapping[Any, float] | None = None
    choose_by: str = "accuracy"
    freeze_vectors: bool = False
    train_encoder: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        # Padding, unknown and a word.
        check_count("max_vocabulary", self.max_vocabulary, least=3, of=self.of_what)
        if self.calibration_folds == 1:
            expected = "2 or more, or 0"
            raise wrong_value("calibration_folds", 1, expected, of=self.of_what)
        if self.subwords > MOST_PIECES:
            expected = f"{MOST_PIECES} or fewer"
            raise wrong_value("subwords", self.subwords, expected, of=self.of_what)
        _check_class_weight(self.class_weight, self.of_what)
        # The key of an n-gram has 63 bits.
        if self.ngram_order * math.log2(self.max_vocabulary) >= 63:
            expected = "shorter n-grams"
            raise wrong_value(
                "ngram_order", self.ngram_order, expected, of=self.of_what
            )

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain values, ready for JSON, whose keys are texts."""
        settings = super().to_dict()
        if isinstance(self.class_weight, Mapping):
            weights = self.class_weight.items()
            settings["class_weight"] = {str(key): value for key, value in weights}
        return settings


def _check_class_weight(value: Any, of: str) -> None:
    if value is None or value == "balanced":
        return
    if not isinstance(value, Mapping) or not value:
        expected = "'balanced', or weights by their labels"
        raise wrong_value("class_weight", value, expected, of=of)
    for weight in value.values():
        check_number("class_weight", weight, least=0, of=of)


#: From so many texts on, a set is large.
LARGE = 10_000
_MOST_UNITS = 128
_OF_LEARNED = frozenset({"attention_units", "salience"})


def asks_for_learned(settings: Mapping[str, Any]) -> bool:
    """Whether settings make sense for a network only whose attention is learned."""
    units, heads = settings.get("recurrent_units", 0), settings.get("num_heads", 1)
    even = settings.get("sharpness", None) == 0
    return even or bool(units) or heads != 1 or not _OF_LEARNED.isdisjoint(settings)


def config_for(
    chosen: Mapping[str, Any], texts: int, classes: int, *, several: bool = False
) -> TextClassifierConfig:
    """Chosen settings, and for all others what ``recipe`` says of a training set.

    Args:
        chosen: Settings by name.
        texts: The number of texts.
        classes: The number of classes.
        several: Whether a text may be in several classes.

    Raises:
        ArgumentError: A setting is unknown or has a wrong value.
    """
    defaults = recipe(
        texts,
        classes,
        learned=asks_for_learned(chosen),
        several=several,
        weighed=chosen.get("class_weight") is not None,
    )
    return TextClassifierConfig.of({**defaults, **chosen})


def recipe(
    texts: int,
    classes: int,
    *,
    learned: bool = False,
    several: bool = False,
    weighed: bool = False,
) -> dict[str, Any]:
    """The settings to change from the defaults for a training set.

    A small set needs what carries over from word to word: their spelling. A large one
    has seen its n-grams often enough to do without, and would pay with minutes. All
    start as a logistic regression on the evidence of naive Bayes, and where two classes
    are told apart by few texts, opinions mostly, naive Bayes itself is most of it. From
    there training has little to do, and more of it does harm.

    Args:
        texts: The number of texts.
        classes: The number of classes. Of more than 64 the attention is learned.
        learned: Whether the attention is learned, whatever the classes.
        several: Whether a text may be in several classes.
        weighed: Whether classes count more or less. Then one of them has few texts:
            naive Bayes would take what these do not say for evidence, and the few words
            that tell them may be loud.

    References:
        Wang, Manning: Baselines and bigrams: simple, good sentiment and topic
        classification (2012), https://aclanthology.org/P12-2018 (the start).
        Bojanowski et al.: Enriching word vectors with subword information (2017),
        https://aclanthology.org/Q17-1010 (the spelling).
    """
    if learned or classes > _MOST_UNITS // 2:
        of_learned = _recipe_of_learned(texts, classes)
        return of_learned | ({"choose_by": "macro_f1"} if several else {})
    settings: dict[str, Any] = {
        # Room for the evidence for each class, and for its weights.
        "embedding_units": max(16, 2 * classes),
        "recurrent_units": 0,
        "naive_bayes": 0.5,
        "regression": 1.0,
        "naive_bayes_share": 0.25,
        "sharpness": 0.5,
        "ngram_order": 3,
        "dropout": 0.3,
        "learning_rate": 5e-4,
        "epochs": 4,
    }
    if several:
        settings |= {"choose_by": "macro_f1", "regression": 0.5}
    elif classes == 2:
        settings |= {
            "embedding_units": 32,
            "naive_bayes_share": 0.75,
            "sharpness": 4.0,
            "evidence_bound": 3.0,
            "ngram_order": 2,
            "dropout": 0.5,
            "learning_rate": 3e-4,
        }
    if texts >= LARGE:
        settings |= {
            "ngram_order": 3,
            "min_texts": 3,
            "subwords": 0,
            "embedding_units": max(16, 2 * classes),
            "naive_bayes_share": 0.0,
            "evidence_bound": 5.0,
            "dropout": 0.3,
            "learning_rate": 3e-4,
            "epochs": 3,
        }
        if classes == 2 and not several:
            settings |= {"regression": 0.3, "sharpness": 2.0}
    if weighed:
        settings |= {
            "naive_bayes_share": 0.0,
            "sharpness": 0.5,
            "evidence_bound": 20.0,
        }
    return settings


def _recipe_of_learned(texts: int, classes: int) -> dict[str, Any]:
    """The settings of a network whose attention is learned.

    All start from naive Bayes: without it the attention of a small model hardly leaves
    the mean. Two classes do not outgrow that start soon, and where texts are few a
    recurrent layer adds to it. Several classes, topics mostly, show in words and
    n-grams wherever these stand: attention that begins to choose among them too soon
    does harm.
    """
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
