"""From labelled texts to a trained classifier."""

from collections.abc import Sequence
from dataclasses import dataclass

from regard.classification.artifact import TrainedTextClassifier
from regard.classification.config import TextClassifierConfig
from regard.classification.labelled_texts import LabelledTexts
from regard.classification.training import train_text_classifier
from regard.errors import DataError
from regard.text import FeatureReader, Labels, Tokenizer
from regard.text.feature_reader import spelling
from regard.text.features import learn_features
from regard.training.batches import EncodedExamples
from regard.training.progress import ProgressCallback


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained classifier, and whether an interrupt ended its training."""

    classifier: TrainedTextClassifier
    interrupted: bool


def fit(
    train: LabelledTexts,
    held_out: LabelledTexts | None,
    labels: Labels,
    *,
    config: TextClassifierConfig,
    seed: int,
    progress: ProgressCallback | None,
) -> Fitted:
    """Learn the words of ``train``, then train a model on them.

    Args:
        train: What is trained on.
        held_out: What the best epoch is chosen on.
        labels: The labels of both.
        config: The settings.
        seed: What all random choices depend on.
        progress: Called while the training runs.

    Raises:
        DataError: There is no word in the texts, or ``held_out`` has another label.
    """
    reader = _reader(train.texts, config)

    def examples(given: LabelledTexts) -> EncodedExamples:
        read = reader.read(given.texts)
        return EncodedExamples([one.ids for one in read], labels.encode(given.labels))

    done = train_text_classifier(
        examples(train),
        None if held_out is None else examples(held_out),
        features=reader.features,
        classes=len(labels),
        config=config,
        seed=seed,
        progress=progress,
    )
    trained = TrainedTextClassifier(reader, labels, config, seed, done.model)
    return Fitted(trained, done.interrupted)


def _reader(texts: Sequence[str], config: TextClassifierConfig) -> FeatureReader:
    """Learn the words of the texts, then what else is read of each."""
    tokenizer = _tokenizer(texts, config)
    encoded = tokenizer.encode(texts, config.max_length)
    spelled: list[list[str]] = []
    if config.subwords:
        pairs = zip(encoded, texts, strict=True)
        spelled = [spelling(tokenizer, one, text) for one, text in pairs]
    features = learn_features(
        [one.ids for one in encoded],
        spelled,
        tokenizer.vocabulary_size,
        order=config.ngram_order,
        min_texts=config.min_texts,
        max_ngrams=config.max_ngrams,
        columns=config.subwords,
    )
    return FeatureReader(tokenizer, features, config.max_length)


def _tokenizer(texts: Sequence[str], config: TextClassifierConfig) -> Tokenizer:
    tokenizer = Tokenizer.train(texts, config.max_vocabulary, config.min_frequency)
    if tokenizer.vocabulary_size == Tokenizer.UNKNOWN_ID + 1:
        raise DataError(
            "There is nothing to learn from in the texts.",
            expected=f"words seen {config.min_frequency} times or more",
            received="none",
        )
    return tokenizer
