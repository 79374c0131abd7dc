"""From pairs of texts to a trained translator."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from regard.errors import DataError
from regard.text import SequenceVocabulary
from regard.translation.artifact import TrainedTranslator
from regard.translation.config import TranslatorConfig
from regard.translation.judging import ValidationBleu
from regard.translation.pair_batches import EncodedPairs
from regard.translation.progress_state import TranslationCallback
from regard.translation.seq2seq import Seq2Seq
from regard.translation.seq2seq_training import train_seq2seq
from regard.translation.text_pairs import TextPairs


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained translator, and how its training went.

    Args:
        translator: The translator.
        validation_loss: That of each epoch, in nats a symbol.
        interrupted: Whether an interrupt ended the training.
    """

    translator: TrainedTranslator
    validation_loss: tuple[float, ...]
    interrupted: bool


def fit(
    train: TextPairs,
    held_out: TextPairs | None,
    *,
    config: TranslatorConfig,
    seed: int,
    choose_by: str,
    checkpoint: Path | None,
    progress: TranslationCallback | None,
) -> Fitted:
    """Learn the vocabularies of ``train``, then train a model.

    Args:
        train: What is trained on.
        held_out: What the best epoch is chosen on.
        config: The settings.
        seed: What all random choices depend on.
        choose_by: ``"loss"`` or ``"bleu"``, what tells the best epoch.
        checkpoint: The file that holds how far the training is, or None.
        progress: Called while the training runs.

    Raises:
        DataError: No pair is short enough, or there is nothing to learn.
    """
    source = _vocabulary(train.sources, config.source_vocabulary, config)
    target = _vocabulary(train.targets, config.target_vocabulary, config)
    make = maker(source, target, config, seed)
    judge = None
    if choose_by == "bleu" and held_out is not None:
        judge = ValidationBleu(held_out, source, target, config)
    done = train_seq2seq(
        make,
        _pairs(train, source, target, config),
        None if held_out is None else _pairs(held_out, source, target, config),
        config=config,
        seed=seed,
        judge=judge,
        checkpoint=checkpoint,
        progress=progress,
    )
    trained = TrainedTranslator(source, target, config, seed, done.model)
    return Fitted(trained, done.validation_loss, done.interrupted)


def maker(
    source: SequenceVocabulary,
    target: SequenceVocabulary,
    config: TranslatorConfig,
    seed: int,
) -> Callable[[], Seq2Seq]:
    """What makes the model of these settings, the same each time."""
    return lambda: Seq2Seq(
        len(source),
        len(target),
        config.units,
        config.embedding_units,
        cell=config.cell,
        encoder_layers=config.encoder_layers,
        bidirectional=config.bidirectional,
        score=config.score,
        order=config.order,
        num_heads=config.num_heads,
        input_feeding=config.input_feeding,
        tie_embeddings=config.tie_embeddings,
        dropout=config.dropout,
        attention_dropout=config.attention_dropout,
        seed=seed,
    )


def _vocabulary(
    texts: Sequence[str], kind: str, config: TranslatorConfig
) -> SequenceVocabulary:
    return SequenceVocabulary.train(
        texts,
        kind,  # type: ignore[arg-type]  # checked by the configuration
        size=config.max_vocabulary,
        min_frequency=config.min_frequency if kind in {"word", "character"} else 1,
        split=config.split,  # type: ignore[arg-type]  # likewise
        lowercase=config.lowercase,
    )


def _pairs(
    paired: TextPairs,
    source: SequenceVocabulary,
    target: SequenceVocabulary,
    config: TranslatorConfig,
) -> EncodedPairs:
    """As ids, without pairs that are too long or empty on a side."""
    read = [one.ids for one in source.encode(paired.sources)]
    written = [one.ids for one in target.encode(paired.targets)]
    limit = config.max_length
    kept = [
        (one, another)
        for one, another in zip(read, written, strict=True)
        if 0 < len(one) <= limit and 0 < len(another) <= limit
    ]
    if not kept:
        raise DataError(
            "No pair can be trained on.",
            expected=f"texts of 1 to {limit} symbols on both sides",
            received=f"{len(read)} pairs, all of them empty or longer",
            fix="Raise max_length, or choose larger symbols.",
        )
    return EncodedPairs([one for one, _ in kept], [another for _, another in kept])
