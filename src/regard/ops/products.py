"""The choice of how products with weights are computed: made here, and nowhere else.

A processor with units for bfloat16 multiplies it about twice as fast as float32, and
adds up in float32. Operands are rounded to bfloat16 for the product alone (8 bits of
the mantissa, a relative error of at most 1/256 each); all that lies between products
stays in float32.
"""

import functools
import importlib
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

import keras
from keras import ops

from regard._backend import backend_name
from regard._typing import Float, Tensor
from regard._validate import check_choice
from regard.errors import ArgumentError, shown

#: What may be asked for.
PRODUCTS = ("auto", "float32", "bfloat16")
#: The variable of the environment that says what ``"auto"`` is.
VARIABLE = "REGARD_PRODUCTS"
#: With a smaller matrix of weights the rounding takes as long as it saves. It is the
#: weights that decide: a result does not depend on how many there are in its batch.
SMALL = 1 << 16

_asked: ContextVar[str] = ContextVar("regard_products", default="float32")


@dataclass(frozen=True)
class ProductPath:
    """How products with weights are computed.

    Args:
        name: ``"float32"``, the type of the operands; or ``"bfloat16"``, in which they
            are multiplied while sums are in float32.
        reason: Why so, a sentence.
    """

    name: str
    reason: str


@contextmanager
def products_in(asked: str) -> Iterator[None]:
    """Ask for a way to compute the products of ``project`` within a block.

    The gradient of a product is computed as the product itself was, wherever that is.

    Args:
        asked: ``"float32"``, as everywhere else; ``"bfloat16"``; or ``"auto"``, the
            faster of them.

    Raises:
        ArgumentError: It is none of them, or the variable ``REGARD_PRODUCTS`` is.
    """
    check_choice("products", asked, PRODUCTS)
    if asked == "auto":
        # Here, and not within a layer first, where Keras would put words around it.
        _told()
    token = _asked.set(asked)
    try:
        yield
    finally:
        _asked.reset(token)


def products_asked() -> str:
    """What was asked for here."""
    return _asked.get()


def product_path(asked: str = "auto") -> ProductPath:
    """How products are computed where this is asked for, and why so.

    ``"auto"`` is bfloat16 on JAX, on a processor with units for it that XLA uses,
    unless the variable ``REGARD_PRODUCTS`` says ``float32`` or ``bfloat16``. The answer
    for a machine is always the same: nothing is timed.

    Args:
        asked: As for ``products_in``.

    Raises:
        ArgumentError: The variable says something else.
    """
    told = _told() if asked == "auto" else None
    if told is not None:
        asked = told
        reason = f"{VARIABLE} asks for it"
    else:
        reason = "it is asked for"
    if asked == "float32":
        return ProductPath("float32", reason)
    if backend_name() != "jax":
        return ProductPath("float32", "no other products are made on this backend")
    refusal = _refusal() if asked == "auto" else None
    if refusal is not None:
        return ProductPath("float32", refusal)
    if asked == "auto":
        reason = "the processor multiplies bfloat16 faster"
    return ProductPath("bfloat16", reason)


def multiply(
    rows: Float[Tensor, "rows features"],
    kernel: Float[Tensor, "features units"],
    bias: Float[Tensor, " units"] | None = None,
) -> Float[Tensor, "rows units"]:
    """``rows @ kernel + bias``, the product computed as is asked for.

    Args:
        rows: ``(rows, features)``.
        kernel: Weights, ``(features, units)``.
        bias: ``(units,)``, or None.

    Returns:
        ``(rows, units)``.
    """
    if _is_narrowed(rows, kernel):
        on_jax = importlib.import_module("regard.ops.jax_products")
        if bias is not None and _type(bias) == "float32":
            return on_jax.multiply_add(rows, kernel, bias)
        product = on_jax.multiply(rows, kernel)
    else:
        product = ops.matmul(rows, kernel)
    return product if bias is None else product + bias


def _is_narrowed(rows: Tensor, kernel: Tensor) -> bool:
    """Whether the product is made in bfloat16: what is no float32 stays what it is."""
    asked = _asked.get()
    return (
        asked != "float32"
        and not isinstance(rows, keras.KerasTensor)
        and _type(rows) == _type(kernel) == "float32"
        and math.prod(kernel.shape) >= SMALL
        and product_path(asked).name == "bfloat16"
    )


def _type(tensor: Tensor) -> str:
    return str(keras.backend.standardize_dtype(tensor.dtype))


def _told() -> str | None:
    """What the variable of the environment says."""
    told = os.environ.get(VARIABLE)
    if told and told not in PRODUCTS:
        raise ArgumentError(
            f"The environment variable {VARIABLE} has a wrong value.",
            expected=f"one of {', '.join(PRODUCTS)}, or none",
            received=shown(told),
        )
    return told or None


@functools.cache
def _refusal() -> str | None:
    """Why JAX does better with float32 here, or None."""
    on_jax = importlib.import_module("regard.ops.jax_products")
    if not on_jax.on_processor():
        return "bfloat16 was measured on processors, and JAX computes on something else"
    if "avx512_bf16" not in _units():
        return "the processor has no units for it that are known here (avx512_bf16)"
    if not on_jax.multiplies_as_it_is():
        return "this version of XLA widens bfloat16 before it multiplies"
    return None


def _units() -> frozenset[str]:
    """What the processor can do, in the words of Linux; nothing where nothing says."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.partition(":")[2].split())
