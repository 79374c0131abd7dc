"""Wrong arguments and inputs: the error says what would be right."""

import numpy as np
import pytest
from cases import FEATURES, KEYS, PATTERNS

from regard.errors import ArgumentError
from regard.layers import (
    AttentionPooling,
    CrossAttention,
    FeatureAttention,
    SelfAttention,
)
from shapes import unchecked

pytestmark = pytest.mark.backends

RNG = np.random.default_rng(2)


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


STATES, MASK = normal(3, KEYS, FEATURES), PATTERNS["holes"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AttentionPooling("softmax"), "'linear', 'feed_forward'"),
        (lambda: AttentionPooling("last", alignment="dot"), "'general', 'additive'"),
        (lambda: CrossAttention("linear"), "'additive', 'concat'"),
        (lambda: AttentionPooling(num_heads=0), "'num_heads'"),
        (lambda: AttentionPooling("context", units=1.5), "'units'"),
        (lambda: SelfAttention("dot", units=4), "no hidden layer"),
        (lambda: SelfAttention(window=0), "'window'"),
        (lambda: FeatureAttention(dropout=1.0), "up to but not including 1"),
        (lambda: SelfAttention(num_heads=3)(STATES), "a multiple of num_heads=3"),
        (lambda: CrossAttention("dot")(STATES, normal(3, 5, 2)), "4 and 2"),
        (lambda: CrossAttention()(STATES, normal(3, 5)), "'key' does not have"),
        (
            lambda: CrossAttention()(STATES, normal(3, 5, 4), normal(3, 6, 4)),
            "as many keys as values: 5",
        ),
        (lambda: AttentionPooling()(STATES, mask=MASK[:, :3]), "(3, 6)"),
        (lambda: AttentionPooling()(STATES, mask=MASK[..., None]), "(3, 6, 1)"),
        (
            lambda: SelfAttention()(STATES, attention_mask=MASK[0]),
            "'attention_mask' says",
        ),
        (lambda: AttentionPooling().build((None, 3, None)), "features known"),
        (lambda: FeatureAttention().build((None, None)), "features known"),
    ],
)
def test_wrong_arguments_say_what_is_right(make, message):
    with unchecked(), pytest.raises(ArgumentError) as caught:
        make()
    assert message in str(caught.value)


def test_an_input_of_the_wrong_rank_is_refused():
    with pytest.raises(ValueError, match="expected ndim=3"):
        AttentionPooling()(normal(3, 4))
    with pytest.raises(ValueError, match="expected ndim=2"):
        FeatureAttention()(STATES)
