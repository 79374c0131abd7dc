"""Text to token ids that remember where in the text they stand."""

from regard.text.batching import LENGTH_BUCKETS
from regard.text.encoded import Encoded
from regard.text.features import Features
from regard.text.labels import Label, Labels
from regard.text.reader import Reader
from regard.text.sequences import EncodedSequence, SequenceVocabulary
from regard.text.tokenizer import Tokenizer

__all__ = [
    "LENGTH_BUCKETS",
    "Encoded",
    "EncodedSequence",
    "Features",
    "Label",
    "Labels",
    "Reader",
    "SequenceVocabulary",
    "Tokenizer",
]
