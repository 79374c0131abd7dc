"""Products in bfloat16 with sums in float32 on JAX, and their gradient.

Of the three products that a product and its gradient are, XLA hands ``x w`` and
``g wᵀ`` to a library that multiplies bfloat16 as it is. ``xᵀ g`` over the first axes of
both it widens to float32 before, unless ``xᵀ`` lies in memory as it is read.
"""

from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from regard._typing import Float

Array: TypeAlias = jax.Array


@jax.custom_vjp
def multiply(
    rows: Float[Array, "rows features"], kernel: Float[Array, "features units"]
) -> Float[Array, "rows units"]:
    """``rows @ kernel`` of operands rounded to bfloat16, in float32.

    Args:
        rows: ``(rows, features)``, of float32.
        kernel: ``(features, units)``, of float32.
    """
    return _dot(_rounded(rows), _rounded(kernel), 1, 0)


def _forward(rows: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    rows, kernel = _rounded(rows), _rounded(kernel)
    return _dot(rows, kernel, 1, 0), (rows, kernel)


def _backward(residuals: tuple[Array, Array], upstream: Array) -> tuple[Array, Array]:
    rows, kernel = residuals
    upstream = _rounded(upstream)
    return _dot(upstream, kernel, 1, 1), _dot(_transposed(rows), upstream, 1, 0)


multiply.defvjp(_forward, _backward)


@jax.custom_vjp
def multiply_add(
    rows: Float[Array, "rows features"],
    kernel: Float[Array, "features units"],
    bias: Float[Array, " units"],
) -> Float[Array, "rows units"]:
    """``multiply(rows, kernel) + bias``, where the result is not read again to add it.

    The bias is a part of the product: rows of the kernel that are multiplied by 1. In
    two of them, the second being what the first lacks, it keeps 16 bits.

    Args:
        rows: ``(rows, features)``, of float32.
        kernel: ``(features, units)``, of float32.
        bias: ``(units,)``, of float32.
    """
    return _with_bias(_rounded(rows), _rounded(kernel), bias)


def _with_bias(rows: Array, kernel: Array, bias: Array) -> Array:
    # Behind a barrier: XLA would pad number by number with what it knows.
    ones = lax.optimization_barrier(jnp.ones((len(rows), 2), rows.dtype))
    rows = lax.optimization_barrier(rows)
    # Not by a cast there and back, which XLA leaves out on a GPU: nothing would be low.
    high = lax.reduce_precision(bias, exponent_bits=8, mantissa_bits=7)
    halves = _rounded(jnp.stack([high, bias - high]))
    kernel = jnp.concatenate([kernel, halves])
    return _dot(jnp.concatenate([rows, ones], axis=1), kernel, 1, 0)


def _forward_add(
    rows: Array, kernel: Array, bias: Array
) -> tuple[Array, tuple[Array, Array]]:
    rows, kernel = _rounded(rows), _rounded(kernel)
    return _with_bias(rows, kernel, bias), (rows, kernel)


def _backward_add(
    residuals: tuple[Array, Array], upstream: Array
) -> tuple[Array, Array, Array]:
    return *_backward(residuals, upstream), jnp.sum(upstream, axis=0)


multiply_add.defvjp(_forward_add, _backward_add)


def _rounded(operand: Array) -> Array:
    return operand.astype(jnp.bfloat16)


def _dot(first: Array, second: Array, axis: int, other: int) -> Array:
    """The sum over an axis of each, in float32."""
    product = lax.dot_general(
        first,
        second,
        (((axis,), (other,)), ((), ())),
        preferred_element_type=jnp.float32,
    )
    # A transpose of the result would become one of the operands after XLA has made sure
    # that it can multiply them, and the program would fail when it runs (JAX 0.10.2).
    return lax.optimization_barrier(product)


def _transposed(rows: Array) -> Array:
    """``rowsᵀ``, as it lies in memory.

    XLA takes a plain transpose into the product. It does not see through a transpose of
    features that are an axis of groups and one of places.
    """
    count, features = rows.shape
    group = next(size for size in (16, 8, 4, 2, 1) if features % size == 0)
    turned = jnp.transpose(rows.reshape(count, features // group, group), (1, 2, 0))
    return turned.reshape(features, count)


def on_processor() -> bool:
    """Whether JAX computes on the processor."""
    return jax.default_backend() == "cpu"


def multiplies_as_it_is() -> bool:
    """Whether XLA multiplies bfloat16 here without making float32 of it before."""
    like = jax.ShapeDtypeStruct((256, 256), jnp.bfloat16)
    program = jax.jit(lambda a, b: _dot(a, b, 1, 0)).lower(like, like).compile()
    return "convert(" not in program.as_text()
