"""Text to token ids that remember where in the text they stand."""

from regard._label_values import Label
from regard.text.codec import EncodedSequence
from regard.text.feature_reader import FeatureReader
from regard.text.features import Features
from regard.text.labels import Labels
from regard.text.padding import LENGTH_BUCKETS
from regard.text.tokenizer import EncodedText, Tokenizer
from regard.text.vocabulary import SequenceVocabulary
from regard.text.word_vectors import WordVectors

__all__ = [
    "LENGTH_BUCKETS",
    "EncodedSequence",
    "EncodedText",
    "FeatureReader",
    "Features",
    "Label",
    "Labels",
    "SequenceVocabulary",
    "Tokenizer",
    "WordVectors",
]


def __dir__() -> list[str]:
    # What is for users, without the modules that it is made of.
    return __all__
