"""Leaving each position out by itself."""

from typing import Any

import numpy as np
import numpy.typing as npt

from regard.errors import ArgumentError
from regard.explain.attribution import Attribution, BoolArray
from regard.explain.explained_inputs import Array, ExplainedInputs
from regard.explain.question import PartOfQuestion, ask, checked_baseline
from regard.types import FloatArray, IntArray


def leave_one_out(
    model: Any,
    x: Any,
    target: Any = None,
    *,
    baseline: Any = None,
    input: str | None = None,  # noqa: A002 - what Keras calls it
    mask: npt.ArrayLike | None = None,
    of: str = "logit",
    batch_size: int | None = None,
) -> Attribution:
    r"""How much less there is of the target without each position.

    .. math:: s_t = f(x) - f(x \setminus t)

    A position that is left out stays where it is. Of a text, and where ``mask`` is
    given to a model that takes one, it is masked out; ids become 0 where the model
    masks that. Otherwise the baseline stands in its place. Each position costs a run
    of the model. Where evidence is there twice, neither part of it is missed.

    Args:
        model: As for ``gradient_x_input``.
        x: As there; no gradient is needed.
        target: As there.
        baseline: What stands in the place of a position: a number, or an array that
            fits the input or one row of it; for ids an id or ids. For series that is
            the mean of the training data rather than 0. None: see above; 0 where
            floating inputs have no mask.
        input: As for ``gradient_x_input``.
        mask: As there.
        of: As there.
        batch_size: As there.

    Returns:
        Scores ``(batch, positions)``, signed.

    Raises:
        ArgumentError: The arguments do not fit the model, or 0 is an id as others.

    References:
        Li, Monroe, Jurafsky: Understanding neural networks through representation
        erasure (2016), https://arxiv.org/abs/1612.08220.

    Example:
        >>> regard.explain.leave_one_out(model, ids).scores.shape
        (8, 40)
    """
    question = ask(
        model,
        x,
        target,
        name=input,
        mask=mask,
        of=of,
        batch_size=batch_size,
        has_gradients=False,
    )
    runs = [_left_out(question.inputs, asked, baseline) for asked in question]
    return question.attribution("leave_one_out", runs)


def _left_out(
    inputs: ExplainedInputs, asked: PartOfQuestion, baseline: Any
) -> dict[str, Array]:
    explained, part = asked.explained, asked.part
    mask = explained.masks(asked.plan, part)
    row, position = np.nonzero(mask)
    asked = asked.rows(len(part) + len(row))
    whole = asked.answer()
    start = checked_baseline(inputs, asked, baseline)
    masks_out = start is None and explained.gives_mask(part)
    if start is None and not masks_out and part.erase is None:
        start = _zeros(asked)
    scores = np.zeros(mask.shape, np.float32)
    scores[row, position] = _effects(asked, whole, (row, position), start)
    if masks_out and part.erase is None and not scores.any():
        # The model takes a mask and does not heed it, as functional ones may.
        start = _zeros(asked)
        scores[row, position] = _effects(asked, whole, (row, position), start)
    return {**whole, "scores": scores, "mask": mask}


def _effects(
    asked: PartOfQuestion,
    whole: dict[str, Array],
    places: tuple[IntArray, IntArray],
    start: Array | None,
) -> FloatArray:
    """How much less there is of the target without each of some positions.

    Args:
        asked: What is asked of the inputs.
        whole: The undisturbed answers.
        places: The rows and the positions.
        start: What stands in the place of a position; None: it is masked out.
    """
    part = asked.part
    row, position = places
    if not len(row):
        return np.zeros(0, np.float32)

    def without(jobs: IntArray) -> tuple[list[Array], BoolArray | None]:
        rows, places = row[jobs], position[jobs]
        leaves = [leaf[rows] for leaf in part.leaves]
        valid = None if part.mask is None else part.mask[rows]
        each = np.arange(len(rows))
        if part.erase is not None:
            leaves[part.place] = part.erase(rows, places)
        elif start is not None:
            leaves[part.place][each, places] = start[rows, places]
        elif valid is not None:
            valid[each, places] = False
        return leaves, valid

    left = asked.explained.answer(
        asked.plan,
        part,
        without,
        whole["target"][row],
        of=asked.of,
        size=asked.batch_size or 1,
    )
    effects: FloatArray = whole["values"][row] - left["values"]
    return effects


def _zeros(asked: PartOfQuestion) -> Array:
    if asked.part.explained.dtype.kind == "i" and not asked.plan.masked:
        raise ArgumentError(
            f"The model '{asked.explained.model.name}' does not mask the id 0, which "
            "stands for something as any other does.",
            expected="baseline= the id that is put where a position is left out",
        )
    return np.zeros_like(asked.part.explained)
