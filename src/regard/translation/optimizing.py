"""How the weights of a sequence to sequence model are changed in training."""

from typing import Any

import keras

from regard.translation.config import TranslatorConfig
from regard.translation.loss import SequenceLoss
from regard.translation.seq2seq import Seq2Seq


def compile_model(model: Seq2Seq, config: TranslatorConfig, steps: int) -> None:
    """Give a model its loss, and an optimizer for so many steps."""
    warmup = min(config.warmup_steps, steps // 4)
    rate: Any = keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else config.learning_rate,
        max(steps - warmup, 1),
        warmup_target=config.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=config.clip_norm)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer=optimizer, loss=SequenceLoss(config.label_smoothing))
