"""Recurrent sequence to sequence with attention."""

from regard.translation.seq2seq.batches import PairBatches, Pairs
from regard.translation.seq2seq.config import TranslatorConfig
from regard.translation.seq2seq.judging import Judge
from regard.translation.seq2seq.loss import SequenceLoss
from regard.translation.seq2seq.model import Encoded, Seq2Seq
from regard.translation.seq2seq.progress import TranslationCallback, TranslationProgress
from regard.translation.seq2seq.trained import TrainedSeq2Seq
from regard.translation.seq2seq.training import train_seq2seq

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
