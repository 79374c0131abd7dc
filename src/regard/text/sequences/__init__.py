"""Vocabularies of sequences: texts as ids, and ids as texts again."""

from regard.text.sequences.encoded import EncodedSequence
from regard.text.sequences.vocabulary import SequenceVocabulary

__all__ = ["EncodedSequence", "SequenceVocabulary"]
