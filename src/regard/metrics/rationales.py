"""Attention weights held against the words that people marked as reasons."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from regard._validate import check_same_length, check_share
from regard.errors import ArgumentError
from regard.types import FloatArray


@dataclass(frozen=True)
class RationaleAgreement:
    """How far the weights of one text are where people marked it.

    Args:
        mass: The share of the weight on marked tokens, 0 to 1.
        precision: The average precision of the tokens ranked by weight, the area under
            the curve of precision and recall (AUPRC), 0 to 1.
        token_f1: The F1 of the heaviest tokens against the marked ones, 0 to 1.
        marked: The share of tokens that are marked; what ``mass`` would be under even
            weights, and about what ``precision`` would be of a random order.
    """

    mass: float
    precision: float
    token_f1: float
    marked: float


def rationale_agreement(
    weights: FloatArray, gold: npt.ArrayLike, share: float | None = None
) -> RationaleAgreement:
    r"""The agreement of weights with the tokens that were marked in a text.

    .. math::
        mass = \frac{\sum_{t \in G} \alpha_t}{\sum_t \alpha_t}, \qquad
        AP = \sum_n (R_n - R_{n-1}) P_n

    over the distinct weights from the highest down: tokens of one weight enter
    together, so that their order does not count. For F1 the :math:`\lceil s T \rceil`
    heaviest of :math:`T` tokens are taken, of equal ones the first.

    Args:
        weights: ``(tokens,)``, from 0 up.
        gold: ``(tokens,)``, true where a token is marked; at least one is.
        share: The share of tokens that are taken for F1; by default as many tokens as
            are marked.

    Raises:
        ArgumentError: The lengths differ, a weight is no number from 0 up, or no token
            is marked.

    References:
        DeYoung et al.: ERASER (2020), https://aclanthology.org/2020.acl-main.408
        (AUPRC, token F1 at the mean share of marked tokens of the data).
    """
    row, marks = _checked(weights, gold)
    count = int(marks.sum())
    taken = count
    if share is not None:
        check_share("share", share, of="an agreement with a rationale")
        # Less than one token in a billion: products like 0.1 * 30 are not exact.
        taken = max(1, int(np.ceil(share * len(row) - 1e-9)))
    heaviest = np.argsort(-row, kind="stable")[:taken]
    hits = int(marks[heaviest].sum())
    total = float(row.sum())
    return RationaleAgreement(
        mass=float(row[marks].sum()) / total if total else 0.0,
        precision=_average_precision(row, marks),
        token_f1=2 * hits / (taken + count),
        marked=count / len(row),
    )


def _average_precision(row: FloatArray, marks: npt.NDArray[np.bool_]) -> float:
    order = np.argsort(-row, kind="stable")
    # The last of each run of equal weights.
    ends = np.flatnonzero(np.diff(row[order], append=-np.inf))
    hits = np.cumsum(marks[order])[ends]
    recall = hits / marks.sum()
    return float((np.diff(recall, prepend=0) * hits / (ends + 1)).sum())


def _checked(
    weights: Any, gold: Any
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    row, marks = np.asarray(weights, np.float64), np.asarray(gold, bool)
    check_same_length({"weights": row, "marks": marks}, of="a text")
    if row.ndim != 1 or not np.isfinite(row).all() or (row < 0).any():
        raise ArgumentError(
            "The weights of a text are wrong.", expected="a row of numbers from 0 up"
        )
    if not marks.any():
        raise ArgumentError(
            "No token of the text is marked, so there is nothing to agree with."
        )
    return row, marks
