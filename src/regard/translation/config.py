"""The settings of a translator: what it reads and writes, what it is, its training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from regard.ops.products import PRODUCTS
from regard.text.serialization import KINDS, SPLITS
from regard.training.base_config import BaseConfig


@dataclass(frozen=True)
class TranslatorConfig(BaseConfig):
    """The settings of a translator.

    Args:
        source_vocabulary: ``"word"``, ``"character"``, ``"bpe"`` or ``"unigram"``.
        target_vocabulary: The same for the target.
        max_vocabulary: The most symbols of each vocabulary.
        min_frequency: A word or character seen less often in training stays unknown.
        split: Where words are cut: at ``"whitespace"`` alone, for texts that are
            tokenised already, or into ``"words"`` and punctuation.
        lowercase: Whether the source and target are lower-cased.
        max_length: Pairs with more symbols on a side are left out of training, and
            longer sources are cut off.
        units: The width of the encoder in each direction, and of the decoder.
        embedding_units: The width of the embeddings.
        cell: ``"gru"`` or ``"lstm"``.
        encoder_layers: The number of encoder layers.
        bidirectional: Whether the encoder reads in both directions.
        score: The score of the attention.
        order: ``"bahdanau"`` or ``"luong"``.
        num_heads: The number of attention heads.
        input_feeding: Whether the output of a step is an input of the next.
        tie_embeddings: Whether the target's embedding also predicts its symbols.
        dropout: The share of features dropped in training.
        attention_dropout: The share of attention weights dropped in training.
        label_smoothing: The share of the target spread over all symbols.
        learning_rate: The highest step size of Adam: it rises linearly to it over
            ``warmup_steps`` and falls to 0 along half a cosine.
        warmup_steps: In how many steps the step size rises.
        clip_norm: The largest norm of the gradient.
        epochs: The most passes over the training data.
        patience: How many epochs without a better validation loss end the training.
        batch_size: Pairs in a step.
        products: How training and searches multiply with the weights: ``"float32"``;
            ``"bfloat16"`` with sums in float32; or ``"auto"``, the faster of them for
            this processor, see ``regard.ops.product_path``.
        average: The weights are the mean of those after the last so many epochs;
            0: those of the epoch with the lowest validation loss.
    """

    of_what: ClassVar[str] = "a translator"
    shares: ClassVar[frozenset[str]] = frozenset(
        {"dropout", "attention_dropout", "label_smoothing"}
    )
    may_be_zero: ClassVar[frozenset[str]] = frozenset({"average", "warmup_steps"})
    choices: ClassVar[Mapping[str, Sequence[str]]] = {
        "source_vocabulary": KINDS,
        "target_vocabulary": KINDS,
        "split": SPLITS,
        "products": PRODUCTS,
    }

    source_vocabulary: str = "word"
    target_vocabulary: str = "word"
    max_vocabulary: int = 30_000
    min_frequency: int = 2
    split: str = "whitespace"
    lowercase: bool = False
    max_length: int = 100
    units: int = 256
    embedding_units: int = 256
    cell: str = "gru"
    encoder_layers: int = 1
    bidirectional: bool = True
    score: str = "additive"
    order: str = "luong"
    num_heads: int = 1
    input_feeding: bool = True
    tie_embeddings: bool = True
    dropout: float = 0.3
    attention_dropout: float = 0.0
    label_smoothing: float = 0.1
    learning_rate: float = 2e-3
    warmup_steps: int = 400
    clip_norm: float = 1.0
    epochs: int = 12
    patience: int = 4
    batch_size: int = 64
    products: str = "auto"
    average: int = 0
