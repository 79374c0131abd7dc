"""The JSON of requests and replies: schemas of their members, numbers of few digits."""

import math
from typing import Any

import numpy as np

from regard.types import FloatArray

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
OFFSETS: Schema = {
    "type": "array",
    "items": {"type": "array", "items": COUNT, "minItems": 2, "maxItems": 2},
    "description": "Start and end of each token in the input, counted in Unicode "
    "characters, the end exclusive.",
}
HEADS_HTML: Schema = {
    "type": "string",
    "description": "The attention of each head drawn, as a page of its own.",
}
HTML: Schema = {"type": "string", "description": "The result drawn, escaped."}

#: Digits after the point. More would be noise of float32.
DIGITS = 7
_UNITS = 10**DIGITS
#: What is wrong where a row is no number.
NO_NUMBER = "The model gave NaN or infinity where a number is told."


def array(items: Schema, description: str = "") -> Schema:
    """The schema of a list."""
    schema = {"type": "array", "items": items}
    return schema | ({"description": description} if description else {})


def record(properties: Schema, optional: tuple[str, ...] = ()) -> Schema:
    """The schema of an object with these members and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


#: What an examination found of the weights of a model; see ``regard.types.TrustLine``.
TRUST_LINE: Schema = {
    "anyOf": [
        {"type": "null"},
        record(
            {
                "verdict": TEXT
                | {"description": "Whether the weights may be read as reasons."},
                "sentence": TEXT
                | {"description": "The verdict, its numbers and their data."},
                "is_misleading": FLAG
                | {"description": "Whether it is better not to look at the weights."},
            }
        ),
    ],
    "description": "What 'regard trust' found of this model's weights; null where its "
    "bundle has no report.",
}


def rounded_rows(rows: FloatArray) -> FloatArray:
    """Rows that sum to 1, rounded so that their last digits still do.

    Where every number is rounded by itself, the errors of a long row add up. Here each
    gets the units of the last digit that fit in it whole, and what is left of the row
    goes to those that lost most, one unit each.

    Args:
        rows: ``(…, row)``, of sum 1 within the precision of float32, or all 0.

    Returns:
        As given, float64; a row of zeros stays one.

    Raises:
        FloatingPointError: One is no number: JSON would have it as null.
    """
    if not np.isfinite(rows).all():
        raise FloatingPointError(NO_NUMBER)
    exact = np.ascontiguousarray(rows, np.float64) * _UNITS
    sums = exact.sum(-1, keepdims=True)
    exact *= _UNITS / np.where(sums > 0, sums, _UNITS)
    units = np.floor(exact)
    left = np.rint((exact - units).sum(-1, keepdims=True))
    order = np.argsort(units - exact, axis=-1, kind="stable")
    length = exact.shape[-1]
    firsts = np.arange(left.size).reshape(left.shape) * length
    units.reshape(-1)[(order + firsts)[np.arange(length) < left]] += 1
    return units / _UNITS


def rounded(number: float) -> float:
    """A number by itself, of as many digits; 0 has no sign.

    Raises:
        FloatingPointError: It is none.
    """
    if not math.isfinite(number):
        raise FloatingPointError(NO_NUMBER)
    return round(float(number), DIGITS) + 0.0
