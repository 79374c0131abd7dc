"""The weights contract, held against the attention layers of others.

The clauses are those of our own suite, ``tests/layers/clauses.py``. Prints one
Markdown table: a row for each layer and type, a column for each clause. A cell says
"fails" where it does under every mask, and names the masks where it does under some.

Run from the root of the checkout, in an environment with the peers::

    pip install -e . "tensorflow==2.19.*" "tf_keras==2.19.*" \
        keras-self-attention==0.51.0 attention==5.0.0
    python benchmarks/peers_contract.py
"""

import argparse
import functools
import os
import sys
import warnings
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import _backend

# The others run on nothing else.
os.environ["KERAS_BACKEND"] = _backend.choose_backend("tensorflow", ["tensorflow"])
# The packages were written for Keras 2, which TensorFlow has in the package tf_keras.
os.environ["TF_USE_LEGACY_KERAS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "layers"))

import attention as package
import cases
import clauses
import keras
import numpy as np
import tensorflow as tf
from clauses import Array, Batch, Limits
from keras_self_attention import SeqSelfAttention
from subjects import Eager

CLAUSES = {
    "rows sum to 1": clauses.rows_sum_to_one,
    "masked is 0": clauses.masked_keys_are_zero,
    "empty rows are 0": clauses.empty_rows_are_zero,
    "padding ignored": clauses.padding_content_is_ignored,
    "huge padding": clauses.padding_may_be_huge,
    "NaN in padding": clauses.padding_may_be_nan,
    "observing": clauses.observing_changes_nothing,
    "before dropout": clauses.weights_are_before_dropout,
    "gradient finite": clauses.gradient_is_finite,
    "gradient, NaN in padding": clauses.gradient_survives_nan,
    "permuting keys": clauses.permuting_keys_permutes_weights,
}
LIMITS = {
    "float32": Limits(same=1e-6),
    "float16": Limits(row=2e-4, oracle=1e-2, same=2e-3, observing=2e-3),
}
# Some failures depend on the weights: 3e38 overflows in a projection or does not.
SEEDS = range(5)
BATCH, KEYS, QUERIES, FEATURES = 3, 6, 4, 4
# Called with a layer, a batch, whether observed and whether training.
Call = Callable[[Any, Batch, bool, bool], tuple[Any, Any]]


class Peer:
    """A layer of someone else as a subject of the contract."""

    def __init__(self, layer: Any, call: Call) -> None:
        self.layer = layer
        self.call = call

    def oracle(self, batch: Batch) -> tuple[Array, Array]:
        """None of ours is made for the equations of others."""
        raise NotImplementedError

    def __call__(
        self, batch: Batch, *, observed: bool = True, training: bool = False
    ) -> tuple[Array, Array | None]:
        """Context and weights; the weights are None where not observed."""
        context, weights = self.call(self.layer, batch, observed, training)
        return np.asarray(context), None if weights is None else headed(weights)

    def gradients(self, batch: Batch) -> list[Array]:
        """Of a sum over context and weights, to each weight and to the source."""
        source = tf.constant(batch.source)
        with tf.GradientTape() as tape:
            tape.watch(source)
            moved = Batch(source, batch.source_mask, batch.query, batch.query_mask)
            found = self.call(self.layer, moved, True, False)
            total = sum(tf.reduce_sum(tf.square(tf.cast(o, "float32"))) for o in found)
            variables = [
                getattr(v, "value", v) if isinstance(v, keras.Variable) else v
                for v in self.layer.trainable_variables
            ]
        gradients = tape.gradient(total, [*variables, source])
        return [np.asarray(g) for g in gradients if g is not None]


def headed(weights: Any) -> Array:
    """Weights with an axis for the heads, as the contract has them."""
    array = np.asarray(weights)
    pooled = array.ndim == 2
    paired = array.ndim == 3 and array.shape[1] != 1
    return array[:, None] if pooled or paired else array


def keras_list(layer: Any, batch: Batch, observed: bool, training: bool) -> Any:
    """``keras.layers.Attention`` and ``AdditiveAttention``."""
    masks = None if batch.source_mask is None else [None, batch.source_mask]
    masks = masks and [tf.ones(batch.query.shape[:2], "bool"), tf.constant(masks[1])]
    found = layer(
        [batch.query, batch.source],
        mask=masks,
        return_attention_scores=observed,
        training=training,
    )
    return found if observed else (found, None)


def keras_heads(layer: Any, batch: Batch, observed: bool, training: bool) -> Any:
    """``keras.layers.MultiHeadAttention``."""
    found = layer(
        batch.query,
        batch.source,
        value_mask=batch.source_mask,
        return_attention_scores=observed,
        training=training,
    )
    return found if observed else (found, None)


def keras_self_attention(
    layer: Any, batch: Batch, observed: bool, training: bool
) -> Any:
    """``SeqSelfAttention``, whose constructor asks for the weights."""
    mask = None if batch.source_mask is None else tf.constant(batch.source_mask)
    layer.return_attention = observed
    found = layer(tf.convert_to_tensor(batch.source), mask=mask, training=training)
    return found if observed else (found, None)


def last_state(layer: Any, batch: Batch, observed: bool, _: bool) -> Any:
    """``attention.Attention``, which never returns its weights: read on the way."""
    states = tf.convert_to_tensor(batch.source)
    if not layer.built:
        layer(states)
    softmax, seen = layer.softmax_normalizer, []

    def recorded(scores: Any) -> Any:
        seen.append(softmax(scores))
        return seen[-1]

    layer.softmax_normalizer = recorded
    try:
        mask = None if batch.source_mask is None else tf.constant(batch.source_mask)
        context = layer(states, mask=mask)
    finally:
        layer.softmax_normalizer = softmax
    return context, seen[-1] if observed else None


def peers(dtype: str) -> dict[str, tuple[Callable[..., Any], Call, bool, set[str]]]:
    """Maker, call, whether pairs of sequences, clauses that do not apply."""
    layers = keras.layers
    no_dropout, own_weights = {"before dropout"}, {"observing", "before dropout"}
    last = own_weights | {"permuting keys"}
    policy = {"dtype": dtype}
    return {
        "keras `Attention`": (
            lambda **k: layers.Attention(**policy, **k),
            keras_list,
            True,
            set(),
        ),
        "keras `AdditiveAttention`": (
            lambda **k: layers.AdditiveAttention(**policy, **k),
            keras_list,
            True,
            set(),
        ),
        "keras `MultiHeadAttention`": (
            lambda **k: layers.MultiHeadAttention(2, FEATURES, **policy, **k),
            keras_heads,
            True,
            set(),
        ),
        "keras-self-attention, additive": (
            lambda: SeqSelfAttention(**policy),
            keras_self_attention,
            False,
            no_dropout,
        ),
        "keras-self-attention, multiplicative": (
            lambda: SeqSelfAttention(attention_type="multiplicative", **policy),
            keras_self_attention,
            False,
            no_dropout,
        ),
        "attention, luong": (
            lambda: package.Attention(FEATURES, "luong", **policy),
            last_state,
            False,
            last,
        ),
        "attention, bahdanau": (
            lambda: package.Attention(FEATURES, "bahdanau", **policy),
            last_state,
            False,
            last,
        ),
    }


def batch_for(pair: bool, pattern: str) -> Batch:
    """Inputs under a pattern of masks; only keys are masked."""
    rng = np.random.default_rng(11)
    source = rng.normal(size=(BATCH, KEYS, FEATURES)).astype("float32")
    query = rng.normal(size=(BATCH, QUERIES, FEATURES)).astype("float32")
    return Batch(source, cases.PATTERNS[pattern], query if pair else None)


def verdict(
    clause: Any,
    make: Callable[[], Any],
    batches: dict[str, Batch],
    limits: Limits,
    seeds: range,
) -> str:
    """Whether a clause holds for every seed, and under which masks it does not."""
    failed = set()
    for seed in seeds:
        keras.utils.set_random_seed(seed)
        subject = make()
        for pattern, batch in batches.items():
            try:
                clause(subject, batch, limits)
            except AssertionError:
                failed.add(pattern)
            except Exception as error:  # noqa: BLE001 - what cannot run is a finding
                return f"does not run ({type(error).__name__})"
    if failed >= set(batches) - {"none"}:
        return "fails"
    return "fails: " + ", ".join(sorted(failed)) if failed else "holds"


def row_of_peer(name: str, dtype: str, seeds: range) -> list[str]:
    """The cells of one of the others."""
    make, call, pair, not_theirs = peers(dtype)[name]
    batches = {pattern: batch_for(pair, pattern) for pattern in cases.PATTERNS}
    cells = []
    for title, clause in CLAUSES.items():
        if title in not_theirs:
            cells.append("-")
            continue
        more = {"dropout": 0.5, "seed": 3} if title == "before dropout" else {}
        subject = functools.partial(fresh_peer, make, call, more)
        cells.append(verdict(clause, subject, batches, LIMITS[dtype], seeds))
    return cells


def fresh_peer(make: Callable[..., Any], call: Call, more: dict[str, Any]) -> Peer:
    """A peer with newly drawn weights."""
    return Peer(make(**more), call)


def row_of_ours(name: str, dtype: str, seeds: range) -> list[str]:
    """The cells of one of our layers."""
    case = cases.CASES[name]
    batches = {p: cases.batch_for(case, p) for p in cases.PATTERNS}
    cells = []
    for title, clause in CLAUSES.items():
        if title == "permuting keys" and case.ordered:
            cells.append("-")
            continue
        dropout = 0.5 if title == "before dropout" else 0.0
        subject = functools.partial(Eager, case, dtype, dropout)
        cells.append(verdict(clause, subject, batches, LIMITS[dtype], seeds))
    return cells


def main() -> None:
    """Print versions and the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    _backend.add_argument(parser, "tensorflow", ["tensorflow"])
    parser.add_argument("--smoke", action="store_true", help="one seed, in float32")
    smoke = parser.parse_args().smoke
    types = ["float32"] if smoke else list(LIMITS)
    seeds = SEEDS[:1] if smoke else SEEDS
    warnings.simplefilter("ignore")
    print(_backend.environment())
    packages = "keras", "tensorflow", "tf_keras", "keras-self-attention", "attention"
    print(", ".join(f"{name} {metadata.version(name)}" for name in packages), "\n")
    print("| layer | type | " + " | ".join(CLAUSES) + " |")
    print("|---" * (len(CLAUSES) + 2) + "|")
    for dtype in types:
        rows = {name: row_of_peer(name, dtype, seeds) for name in peers(dtype)}
        for name in ("pooling-context", "cross-additive", "self-scaled_dot"):
            rows[f"regard `{name}`"] = row_of_ours(name, dtype, seeds)
        for name, cells in rows.items():
            print(f"| {name} | {dtype} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
