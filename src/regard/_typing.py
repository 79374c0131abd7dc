"""Tensors and their shapes, for signatures: read by people, mypy and the tests.

::

    from regard._typing import Bool, Float, Tensor

    def attend(
        weights: Float[Tensor, "batch queries keys"],
        value: Float[Tensor, "batch keys depth"],
        mask: Bool[Tensor, "batch #queries keys"] | None = None,
    ) -> Float[Tensor, "batch queries depth"]: ...

A shape is written as jaxtyping has it (https://docs.kidger.site/jaxtyping): an axis of
the same name has the same size in all of a signature; ``#queries`` may also be 1,
``*outer`` stands for any number of axes and ``...`` for any that nothing is said of; a
number is that size; a single axis takes a space before it, ``" heads"``. A name with
``_`` before it, ``_steps``, may differ from place to place.

Here the names say nothing at run time, to users and to mypy: a tensor of each type is
``Any``, since every backend has its own. The tests put others in their place that do
(``tests/shapes.py``) and so check the shapes and types of ``regard.ops`` and
``regard.layers`` at every call: eager, symbolic and traced. A list or a number counts
as the array that NumPy makes of it, and a size that is not known yet fits every other.
"""

from typing import Annotated as Bool
from typing import Annotated as Float
from typing import Annotated as Int
from typing import Annotated as Shaped
from typing import Any, TypeAlias

#: A tensor of the current backend, a Keras variable or an array.
Tensor: TypeAlias = Any

# Bool, Float and Int are what they are called, Shaped is any of them.
__all__ = ["Bool", "Float", "Int", "Shaped", "Tensor"]
