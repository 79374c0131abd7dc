r"""The additive score on TensorFlow, compiled by XLA, without a tanh for each element.

With :math:`a = e^{2q}` and :math:`b = e^{2k}`, computed once a row,

.. math::
    \tanh(q + k) = 1 - \frac{2}{1 + ab}, \qquad
    \tanh'(q + k) = \frac{4}{2 + ab + 1 / (ab)}.

The scores and the three gradients are sums of such terms with weights: the scores over
features, a query's gradient over keys, a key's over queries. Four terms share a
division. Nothing is stored for the gradient: memory is ``O(Tq * Tk + (Tq + Tk) * D)``.

XLA compiles once for each shape. Where factors or products would leave the range of
the dtype, or something is NaN, a second branch of the same program computes tanh.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from regard._typing import Float
from regard.errors import ArgumentError

# What XLA fuses into one loop. With fewer terms it leaves the loop on a single core.
_BLOCK = 16
# By dtype: the largest |q| and |k| whose factors are finite and normal; a denominator
# that is infinite to a score, and of which four still have a finite product.
_RANGES = {tf.float32: (40.0, 4.8e8), tf.float64: (350.0, 1e70)}
# Terms that share a division; a multiple of it is a block.
_SHARING = 4
# Weights up to here leave the numerators finite.
_LARGEST_WEIGHT = 1e9

Tensors = Sequence[tf.Tensor]
# What a sum needs of its terms number 16 * n to 16 * n + 15, for a given n.
Reader = Callable[[tf.Tensor], Sequence[Tensors]]
# The sum of some weighted terms, given those of left and right and the weights.
Terms = Callable[[Sequence[Tensors], Sequence[Tensors], Tensors], tf.Tensor]


class _TanhForm(NamedTuple):
    """A form of tanh: what it needs of each row, and sums of tanh and of tanh'."""

    left: Tensors
    right: Tensors
    value: Terms
    slope: Terms


@tf.custom_gradient
def scores(
    query: Float[tf.Tensor, "batch heads queries features"],
    key: Float[tf.Tensor, "batch heads keys features"],
    scale: Float[tf.Tensor, "heads features"],
) -> tuple[tf.Tensor, Callable[[tf.Tensor], Any]]:
    """Additive scores, with a gradient that recomputes instead of storing.

    Args:
        query: ``(batch, heads, queries, features)``.
        key: ``(batch, heads, keys, features)``.
        scale: ``(heads, features)``.

    Returns:
        ``(batch, heads, queries, keys)``.

    Raises:
        ArgumentError: A second derivative is asked for.
    """
    # A program compiled for other shapes before has forgotten what is known of these.
    known = query.shape[:3].concatenate(key.shape[2:3])
    result = tf.ensure_shape(_in_range(_forward, scale, query, key), known)
    return result, lambda gradient: _gradients(gradient, query, key, scale)


@tf.custom_gradient
def _gradients(
    gradient: tf.Tensor, query: tf.Tensor, key: tf.Tensor, scale: tf.Tensor
) -> tuple[Tensors, Callable[..., Any]]:
    def refuse(*_: tf.Tensor) -> Any:
        raise ArgumentError(
            "The additive score has no second derivative on TensorFlow.",
            expected="gradients of the score alone, not of its gradient",
            fix="For second derivatives sum `scale * tanh(query + key)` yourself.",
        )

    sums = _in_range(_backward, gradient, query, key)
    shapes = (query.shape, key.shape, query.shape)
    by_query, by_key, by_scale = map(tf.ensure_shape, sums, shapes)
    scale = scale[:, None]
    return (scale * by_query, scale * by_key, tf.reduce_sum(by_scale, (0, 2))), refuse


def _in_range(
    compute: Callable[..., Any],
    weight: tf.Tensor,
    query: Float[tf.Tensor, "batch heads queries features"],
    key: Float[tf.Tensor, "batch heads keys features"],
) -> Any:
    """The result of the factors where they have the range, else of tanh itself.

    Chosen outside the compiled programs: the one that is not needed is not compiled.
    """
    # An eager tape would record what is inside of a custom gradient, loops and all.
    weight, query, key = (tf.stop_gradient(x) for x in (weight, query, key))
    limit, _ = _RANGES[query.dtype]
    bounds = (query, limit), (key, limit), (weight, _LARGEST_WEIGHT)
    # No comparison with NaN is true.
    safe = tf.reduce_all([tf.reduce_all(tf.abs(x) <= most) for x, most in bounds])
    return tf.cond(
        safe,
        lambda: compute(_factors, weight, query, key),
        lambda: compute(_plain, weight, query, key),
    )


@tf.function(jit_compile=True, autograph=False, reduce_retracing=True)
def _forward(
    form: Callable[..., _TanhForm], scale: tf.Tensor, query: tf.Tensor, key: tf.Tensor
) -> tf.Tensor:
    rows = form(query, key)
    left = _varying([_first(x, 3)[..., None] for x in rows.left])
    right = _varying([_first(x, 3)[..., None, :] for x in rows.right])
    weight = _varying([tf.transpose(scale)[:, None, :, None, None]])
    shape = tf.concat([tf.shape(query)[:3], tf.shape(key)[2:3]], 0)
    start = tf.zeros(shape, query.dtype)
    return _sum(rows.value, (left, right, weight), start, tf.shape(query)[3])


@tf.function(jit_compile=True, autograph=False, reduce_retracing=True)
def _backward(
    form: Callable[..., _TanhForm],
    gradient: tf.Tensor,
    query: tf.Tensor,
    key: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The gradients without the factor ``scale``; its own still a sum of rows."""
    rows = form(query, key)
    queries, keys = _fixed(rows.left), _fixed(rows.right)
    each_query = _varying([_first(x, 2)[..., None, :] for x in rows.left])
    each_key = _varying([_first(x, 2)[..., None, :] for x in rows.right])
    of_query = _varying([_first(gradient, 2)[..., None]])
    of_key = _varying([_first(gradient, 3)[..., None]])
    over_queries, over_keys = tf.shape(query)[2], tf.shape(key)[2]
    zeros, key_zeros = tf.zeros_like(query), tf.zeros_like(key)
    return (
        _sum(rows.slope, (queries, each_key, of_key), zeros, over_keys),
        _sum(rows.slope, (each_query, keys, of_query), key_zeros, over_queries),
        _sum(rows.value, (queries, each_key, of_key), zeros, over_keys),
    )


def _plain(query: tf.Tensor, key: tf.Tensor) -> _TanhForm:
    return _TanhForm([query], [key], _tanh, _tanh_slope)


def _factors(query: tf.Tensor, key: tf.Tensor) -> _TanhForm:
    _, infinite = _RANGES[query.dtype]

    def value(left: Sequence[Tensors], right: Sequence[Tensors], w: Tensors) -> Any:
        p = [1 + a * b for (a, _), (b, _) in zip(left, right, strict=True)]
        return sum(w) - 2 * _quotients(w, p, infinite)

    def slope(left: Sequence[Tensors], right: Sequence[Tensors], w: Tensors) -> Any:
        rows = zip(left, right, strict=True)
        p = [2 + a * b + over_a * over_b for (a, over_a), (b, over_b) in rows]
        return 4 * _quotients(w, p, infinite)

    left, right = ([tf.exp(2 * x), tf.exp(-2 * x)] for x in (query, key))
    return _TanhForm(left, right, value, slope)


def _quotients(w: Tensors, p: Tensors, infinite: float) -> tf.Tensor:
    """The sum of four ``w / p``, with one division."""
    p = [tf.minimum(x, infinite) for x in p]
    first, last = p[0] * p[1], p[2] * p[3]
    over = (w[0] * p[1] + w[1] * p[0]) * last + (w[2] * p[3] + w[3] * p[2]) * first
    return over / (first * last)


def _tanh(left: Sequence[Tensors], right: Sequence[Tensors], w: Tensors) -> tf.Tensor:
    rows = zip(left, right, w, strict=True)
    return sum(c * tf.tanh(q + k) for (q,), (k,), c in rows)


def _tanh_slope(
    left: Sequence[Tensors], right: Sequence[Tensors], w: Tensors
) -> tf.Tensor:
    rows = zip(left, right, w, strict=True)
    return sum(c * (1 - tf.tanh(q + k) ** 2) for (q,), (k,), c in rows)


def _sum(
    terms: Terms,
    rows: tuple[Reader, Reader, Reader],
    start: tf.Tensor,
    count: tf.Tensor,
) -> tf.Tensor:
    """Add ``count`` weighted terms to ``start``, holding no more than the sum."""

    def add_block(n: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        left, right, weight = (read(n) for read in rows)
        block = left, right, [w for (w,) in weight]
        for i in range(0, _BLOCK, _SHARING):
            total += terms(*(entries[i : i + _SHARING] for entries in block))
        # Broadcasting forgets what sizes of 1 are with sizes that come later.
        total.set_shape(start.shape)
        return n + 1, total

    blocks = -(-count // _BLOCK)
    return tf.while_loop(lambda n, _: n < blocks, add_block, (0, start))[1]


def _fixed(rows: Tensors) -> Reader:
    """The same for every term."""
    return lambda _: [rows] * _BLOCK


def _varying(rows: Tensors) -> Reader:
    """An entry of the first axis for each term; zeros, of weight 0, fill the last."""
    blocks = [_in_blocks(x) for x in rows]

    def read(n: tf.Tensor) -> list[Tensors]:
        return list(zip(*(tf.unstack(x[n], _BLOCK) for x in blocks), strict=True))

    return read


def _in_blocks(x: tf.Tensor) -> tf.Tensor:
    shape = tf.shape(x)
    # XLA refuses to read from nothing, even in a loop that is not entered.
    blocks = tf.maximum(1, -(-shape[0] // _BLOCK))
    filling = blocks * _BLOCK - shape[0]
    x = tf.pad(x, [[0, filling], *[[0, 0]] * (len(x.shape) - 1)])
    return tf.reshape(x, tf.concat([[blocks, _BLOCK], shape[1:]], 0))


def _first(x: tf.Tensor, axis: int) -> tf.Tensor:
    """The axis moved to the front."""
    return tf.transpose(x, [axis, *(i for i in range(4) if i != axis)])
