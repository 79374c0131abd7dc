"""Recurrent sequence to sequence with attention."""

from regard.models.seq2seq.batches import PairBatches, Pairs
from regard.models.seq2seq.config import TranslatorConfig
from regard.models.seq2seq.judging import Judge
from regard.models.seq2seq.loss import SequenceLoss
from regard.models.seq2seq.model import Encoded, Seq2Seq
from regard.models.seq2seq.progress import TranslationCallback, TranslationProgress
from regard.models.seq2seq.trained import TrainedSeq2Seq
from regard.models.seq2seq.training import train_seq2seq

__all__ = [
    "Encoded",
    "Judge",
    "PairBatches",
    "Pairs",
    "Seq2Seq",
    "SequenceLoss",
    "TrainedSeq2Seq",
    "TranslationCallback",
    "TranslationProgress",
    "TranslatorConfig",
    "train_seq2seq",
]
