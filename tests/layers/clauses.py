"""The weights contract, clause by clause, for anything that has attention weights.

Knows NumPy only. What is held to the contract is a ``Subject``; our layers are one
(``subjects.py``), the layers of others another (``benchmarks/peers_contract.py``).
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray


@dataclass(frozen=True)
class Batch:
    """Inputs and masks of one call.

    Args:
        source: ``(batch, keys, features)``, or ``(batch, keys)`` where the features
            are the keys.
        source_mask: ``(batch, keys)`` or None.
        query: ``(batch, queries, features)``; None for pooling and self attention.
        query_mask: ``(batch, queries)`` or None.
        local: ``(queries, keys)``, what causality or a window leave.
    """

    source: Array
    source_mask: Array | None = None
    query: Array | None = None
    query_mask: Array | None = None
    local: Array | None = None

    def valid(self, shape: tuple[int, ...]) -> Array:
        """Where weights of this shape may be above 0."""
        valid = np.ones(shape, bool)
        if self.source_mask is not None:
            spread = (len(shape) - 2) * (1,)
            valid &= self.source_mask.reshape(shape[0], *spread, shape[-1])
        if self.query_mask is not None:
            valid &= self.query_mask[:, None, :, None]
        return valid if self.local is None else valid & self.local


@dataclass(frozen=True)
class Limits:
    """How far from exact is still right.

    Args:
        row: Of the sum of a row, for each of its entries.
        oracle: Of weights and contexts from the float64 oracle.
        same: Of two runs that should give the same.
        observing: Of the context with and without asking for weights.
        huge: Times what an input may be, and is finite all the same.
    """

    row: float = 1e-6
    oracle: float = 1e-5
    same: float = 0.0
    observing: float = 0.0
    huge: float = 1e30


class Subject(Protocol):
    """A layer under test."""

    def __call__(
        self, batch: Batch, *, observed: bool = True, training: bool = False
    ) -> tuple[Array, Array | None]:
        """Context and weights; the weights are None where not observed."""

    def gradients(self, batch: Batch) -> list[Array]:
        """Of a sum over context and weights, to each weight and each input."""

    def oracle(self, batch: Batch) -> tuple[Array, Array]:
        """Context and weights in float64 from an independent formulation."""


def rows_sum_to_one(subject: Subject, batch: Batch, limits: Limits) -> None:
    """Over the valid keys each row sums to 1."""
    _, weights = subject(batch)
    rows = batch.valid(weights.shape).any(-1)
    sums = weights.astype(np.float64).sum(-1)[rows]
    np.testing.assert_allclose(sums, 1, rtol=0, atol=limits.row * weights.shape[-1])
    assert (weights >= 0).all()


def masked_keys_are_zero(subject: Subject, batch: Batch, _: Limits) -> None:
    """A masked key has weight exactly 0."""
    _, weights = subject(batch)
    assert not np.any(weights[~batch.valid(weights.shape)])


def empty_rows_are_zero(subject: Subject, batch: Batch, _: Limits) -> None:
    """A row without a valid key has weights 0 and context 0."""
    context, weights = subject(batch)
    assert np.isfinite(weights).all()
    assert np.isfinite(context).all()
    empty = ~batch.valid(weights.shape).any(-1)
    assert not np.any(weights[empty])
    # The heads share one context: it is 0 where none of them has a key.
    everywhere = empty.all(1)
    if context.ndim == 2 and everywhere.ndim == 2:
        everywhere = everywhere[:, 0]
    assert not np.any(context[everywhere])


def padding_content_is_ignored(subject: Subject, batch: Batch, limits: Limits) -> None:
    """The content of padded positions changes nothing: ordinary numbers."""
    _same_with_padding(subject, batch, 3.0, limits)


def padding_may_be_huge(subject: Subject, batch: Batch, limits: Limits) -> None:
    """The content of padded positions changes nothing: the largest numbers."""
    _same_with_padding(subject, batch, 3e38, limits)


def padding_may_be_nan(subject: Subject, batch: Batch, limits: Limits) -> None:
    """The content of padded positions changes nothing: NaN and infinity."""
    for filling in (np.nan, np.inf):
        _same_with_padding(subject, batch, filling, limits)


def huge_inputs_are_weighed(subject: Subject, batch: Batch, limits: Limits) -> None:
    """Rows sum to 1 and contexts are finite where products of inputs leave float32."""
    huge = _scaled(batch, limits.huge)
    context, _ = subject(huge)
    assert np.isfinite(context).all()
    rows_sum_to_one(subject, huge, limits)
    masked_keys_are_zero(subject, huge, limits)


def observing_changes_nothing(subject: Subject, batch: Batch, limits: Limits) -> None:
    """The context is the same whether the weights are asked for or not."""
    beside_weights, _ = subject(batch, observed=True)
    alone, _ = subject(batch, observed=False)
    np.testing.assert_allclose(beside_weights, alone, rtol=0, atol=limits.observing)


def weights_are_before_dropout(subject: Subject, batch: Batch, limits: Limits) -> None:
    """Weights of a training step with dropout are those without; contexts are not."""
    context, weights = subject(batch)
    dropped, before_dropout = subject(batch, training=True)
    np.testing.assert_allclose(before_dropout, weights, rtol=0, atol=limits.same)
    assert np.abs(dropped - context).max() > 1e-3


def oracle_agrees(subject: Subject, batch: Batch, limits: Limits) -> None:
    """Weights and contexts are those of the equations in float64."""
    context, weights = subject(batch)
    expected_context, expected_weights = subject.oracle(batch)
    np.testing.assert_allclose(weights, expected_weights, rtol=0, atol=limits.oracle)
    np.testing.assert_allclose(context, expected_context, rtol=0, atol=limits.oracle)


def gradient_is_finite(subject: Subject, batch: Batch, _: Limits) -> None:
    """The gradient to weights and inputs is finite, and not all 0."""
    gradients = subject.gradients(batch)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert any(gradient.any() for gradient in gradients)


def gradient_survives_nan(subject: Subject, batch: Batch, limits: Limits) -> None:
    """The gradient is finite also where padding holds NaN."""
    gradient_is_finite(subject, _refilled(batch, np.nan), limits)


def permuting_keys_permutes_weights(
    subject: Subject, batch: Batch, limits: Limits
) -> None:
    """The order of the keys is of no importance but to the order of the weights."""
    order = np.random.default_rng(5).permutation(batch.source.shape[1])
    context, weights = subject(batch)
    moved_context, moved_weights = subject(_permuted(batch, order))
    expected = weights[..., order]
    if weights.ndim == 4 and batch.query is None:
        # A sequence that looks at itself: the queries move too.
        expected, context = expected[..., order, :], context[:, order]
    np.testing.assert_allclose(moved_weights, expected, rtol=0, atol=limits.oracle)
    np.testing.assert_allclose(moved_context, context, rtol=0, atol=limits.oracle)


def _scaled(batch: Batch, factor: float) -> Batch:
    scaled = np.float32(factor)
    query = None if batch.query is None else batch.query * scaled
    return replace(batch, source=batch.source * scaled, query=query)


def _permuted(batch: Batch, order: Array) -> Batch:
    mask = None if batch.source_mask is None else batch.source_mask[:, order]
    moves = batch.query is None and batch.query_mask is not None
    queries = mask if moves else batch.query_mask
    source = batch.source[:, order]
    return replace(batch, source=source, source_mask=mask, query_mask=queries)


def _same_with_padding(
    subject: Subject, batch: Batch, filling: float, limits: Limits
) -> None:
    if batch.source_mask is None and batch.query_mask is None:
        return
    context, weights = subject(batch)
    other_context, other_weights = subject(_refilled(batch, filling))
    np.testing.assert_allclose(other_weights, weights, rtol=0, atol=limits.same)
    np.testing.assert_allclose(other_context, context, rtol=0, atol=limits.same)


def _refilled(batch: Batch, filling: float) -> Batch:
    """The batch with something else in its padding."""
    return replace(
        batch,
        source=_filled(batch.source, batch.source_mask, filling),
        query=_filled(batch.query, batch.query_mask, filling),
    )


def _filled(states: Array | None, mask: Array | None, filling: float) -> Array | None:
    if states is None or mask is None:
        return states
    filled = states.copy()
    filled[~mask] = filling
    return filled
