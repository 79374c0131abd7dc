"""The table of the contract suite: every layer with every score."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from clauses import Array, Batch
from decoder_oracle import Oracle

import oracle
from regard.classification.evidence_pooling import EvidencePooling
from regard.layers import (
    AttentionDecoder,
    AttentionPooling,
    CrossAttention,
    FeatureAttention,
    SelfAttention,
)

BATCH, KEYS, QUERIES, FEATURES, QUERY_FEATURES = 3, 6, 4, 4, 6


@dataclass(frozen=True)
class Case:
    """A layer, what it is called with and what it should give.

    Args:
        make: Makes the layer; takes ``dtype`` and ``dropout``.
        expected: ``(layer weights by name, batch)`` to context and weights.
        kind: ``"pool"``, ``"feature"``, ``"self"``, ``"cross"`` or ``"decoder"``: the
            way to call it.
        call: More arguments of the call.
        local: What causality or a window leave.
        ordered: Whether the order of the keys matters.
        context_alone: Whether the output is nothing but the context.
        dropout_stays: Whether dropout leaves the weights of later steps alone.
    """

    make: Callable[..., keras.Layer]
    expected: Callable[[dict[str, Array], Batch], tuple[Array, Array]]
    kind: str
    call: tuple[tuple[str, Any], ...] = ()
    local: Array | None = None
    ordered: bool = False
    context_alone: bool = True
    dropout_stays: bool = True


def pooling_case(score: str, **arguments: Any) -> Case:
    def expected(weights: dict[str, Array], batch: Batch) -> tuple[Array, Array]:
        if score == "last":
            pair = getattr(oracle, arguments.get("alignment", "general"))
            scores = pair(_last(batch), batch.source, **weights)[:, :, 0]
        else:
            scores = getattr(oracle, score)(batch.source, **weights)
        attention = oracle.masked_softmax(scores, batch.valid(scores.shape))
        return oracle.pool(attention, batch.source), attention

    def make(**more: Any) -> keras.Layer:
        return AttentionPooling(score, **arguments, **more)

    return Case(make, expected, "pool", ordered=score == "last")


def _last(batch: Batch) -> Array:
    """The last valid state of each row, found by walking back."""
    last = batch.source[:, -1:].copy()
    if batch.source_mask is None:
        return last
    for row, mask in enumerate(batch.source_mask):
        step = len(mask) - 1
        while step > 0 and not mask[step]:
            step -= 1
        last[row, 0] = batch.source[row, step]
    return last


def paired_case(kind: str, score: str, **arguments: Any) -> Case:
    heads = arguments.get("num_heads", 1)
    plain = {"heads": heads} if score in {"dot", "scaled_dot"} else {}
    layer = {"cross": CrossAttention, "self": SelfAttention}[kind]

    def expected(weights: dict[str, Array], batch: Batch) -> tuple[Array, Array]:
        query = batch.source if batch.query is None else batch.query
        scores = getattr(oracle, score)(query, batch.source, **plain, **weights)
        attention = oracle.masked_softmax(scores, batch.valid(scores.shape))
        return oracle.attend(attention, batch.source), attention

    def make(**more: Any) -> keras.Layer:
        return layer(score, **arguments, **more)

    return Case(make, expected, kind)


def decoder_case(cell: str, score: str, order: str, heads: int, fed: bool) -> Case:
    def expected(weights: dict[str, Array], batch: Batch) -> tuple[Array, Array]:
        decoder = Oracle(weights, cell, score, order, heads, fed)
        return decoder(
            batch.source,
            batch.query,
            memory_mask=batch.source_mask,
            inputs_mask=batch.query_mask,
        )

    def make(**more: Any) -> keras.Layer:
        return AttentionDecoder(5, cell, score, order, heads, input_feeding=fed, **more)

    stays = order == "luong" and not fed
    return Case(make, expected, "decoder", context_alone=False, dropout_stays=stays)


def _gate(weights: dict[str, Array], batch: Batch) -> tuple[Array, Array]:
    """A masked feature counts as 0, also where others are scored from it."""
    source = batch.source
    if batch.source_mask is not None:
        source = np.where(batch.source_mask, source, 0.0)
    scores = (source @ weights["kernel"] + weights["bias"])[:, None]
    attention = oracle.masked_softmax(scores, batch.valid(scores.shape))
    return attention[:, 0] * source, attention


def _evidence(weights: dict[str, Array], batch: Batch) -> tuple[Array, Array]:
    """What a row says on the whole first, then how far each key says the same."""
    bias, source = weights["bias"], batch.source
    valid = batch.valid((len(source), 1, source.shape[1]))[:, 0]
    scores = np.zeros((len(source), 1, source.shape[1]))
    for row, (keys, kept) in enumerate(zip(source, valid, strict=True)):
        whole = keys[kept].mean(axis=0) if kept.any() else np.zeros_like(bias)
        guess = np.exp(whole + bias) / np.exp(whole + bias).sum()
        scores[row, 0, kept] = keys[kept] @ (guess - 1 / len(bias))
    attention = oracle.masked_softmax(scores, valid[:, None])
    return oracle.pool(attention, source) + bias, attention


def _placed(case: Case, queries: int, width: int | None, causal: bool) -> Case:
    """The case with a causal mask, a window, or both."""
    local = oracle.causal_mask(queries, KEYS)
    if width is not None:
        local = oracle.window_mask(queries, KEYS, width, causal)
    call = (("use_causal_mask", True),) if causal else ()
    return replace(case, local=local, call=call, ordered=True)


CASES: dict[str, Case] = {
    "pooling-linear": pooling_case("linear"),
    "pooling-feed_forward": pooling_case("feed_forward"),
    "pooling-context": pooling_case("context", units=5, num_heads=2),
    "pooling-gated": pooling_case("gated", units=5, num_heads=2),
    "pooling-last-general": pooling_case("last", num_heads=2),
    "pooling-last-additive": pooling_case("last", alignment="additive", units=5),
    "pooling-evidence": Case(EvidencePooling, _evidence, "pool", context_alone=False),
    "feature": Case(FeatureAttention, _gate, "feature", ordered=True),
    "cross-additive": paired_case("cross", "additive", units=5, num_heads=2),
    "cross-concat": paired_case("cross", "concat", units=5),
    "cross-general": paired_case("cross", "general", num_heads=2),
    "cross-dot": paired_case("cross", "dot"),
    "cross-scaled_dot": paired_case("cross", "scaled_dot", num_heads=2),
    "cross-additive-causal": _placed(
        paired_case("cross", "additive"), QUERIES, None, True
    ),
    "cross-general-window": _placed(
        paired_case("cross", "general", window=2), QUERIES, 2, False
    ),
    "self-additive": paired_case("self", "additive", units=5),
    "self-concat": paired_case("self", "concat", num_heads=2),
    "self-general": paired_case("self", "general"),
    "self-dot": paired_case("self", "dot", num_heads=2),
    "self-scaled_dot": paired_case("self", "scaled_dot", num_heads=2),
    "self-scaled_dot-causal": _placed(
        paired_case("self", "scaled_dot"), KEYS, None, True
    ),
    "self-additive-window-causal": _placed(
        paired_case("self", "additive", window=3), KEYS, 3, True
    ),
    "decoder-additive": decoder_case("gru", "additive", "bahdanau", 2, True),
    "decoder-general": decoder_case("lstm", "general", "luong", 2, False),
    "decoder-concat": decoder_case("gru", "concat", "luong", 2, False),
}

_HOLES = np.array([[1, 0, 1, 1, 0, 1], [0, 1, 0, 1, 1, 0], [1, 1, 1, 1, 1, 1]], bool)
_RIGHT = np.array([[1, 1, 1, 1, 0, 0], [1, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1]], bool)

PATTERNS: dict[str, Array | None] = {
    "none": None,
    "right": _RIGHT,
    "left": _RIGHT[:, ::-1],
    "holes": _HOLES,
    "empty": np.array([[1, 1, 0, 1, 1, 0], [0] * 6, [1, 1, 1, 1, 1, 1]], bool),
}


#: States and a mask with holes, for calls outside of the suite.
STATES = np.random.default_rng(2).normal(size=(BATCH, KEYS, FEATURES)).astype("float32")
MASK = _HOLES


def batch_for(case: Case, pattern: str) -> Batch:
    """Inputs of a case under a pattern of masks, always the same."""
    rng = np.random.default_rng(11)
    mask = PATTERNS[pattern]
    if case.kind == "feature":
        return Batch(_normal(rng, BATCH, KEYS), mask)
    if case.kind == "pool":
        return Batch(_normal(rng, BATCH, KEYS, FEATURES), mask)
    if case.kind == "self":
        source = _normal(rng, BATCH, KEYS, FEATURES)
        return Batch(source, mask, query_mask=mask, local=case.local)
    source = _normal(rng, BATCH, KEYS, QUERY_FEATURES)
    query = _normal(rng, BATCH, QUERIES, QUERY_FEATURES)
    query_mask = None if mask is None else mask[::-1, :QUERIES]
    return Batch(source, mask, query, query_mask, case.local)


def _normal(rng: np.random.Generator, *shape: int) -> Array:
    return rng.normal(size=shape).astype(np.float32)
