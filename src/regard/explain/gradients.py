"""Gradients: times the input, and integrated on the way from a baseline."""

from typing import Any

import numpy as np
import numpy.typing as npt

from regard._validate import check_count
from regard.explain.attribution import Attribution
from regard.explain.explained_inputs import Array
from regard.explain.explained_model import Jobs
from regard.explain.question import PartOfQuestion, ask, checked_baseline
from regard.types import FloatArray, IntArray


def gradient_x_input(
    model: Any,
    x: Any,
    target: Any = None,
    *,
    layer: str | None = None,
    input: str | None = None,  # noqa: A002 - what Keras calls it
    mask: npt.ArrayLike | None = None,
    of: str = "logit",
    batch_size: int | None = None,
) -> Attribution:
    r"""Gradient times input.

    .. math:: s_t = \sum_d e_{td} \, \frac{\partial f(e)}{\partial e_{td}}

    with :math:`f` the logit of the target and :math:`e_t` the vector of position
    :math:`t`: of floating inputs the input itself, of ids the output of the embedding
    layer that reads them. A linear model gets exactly weight times input; where the
    model bends, it is the first term of a series.

    Args:
        model: A Keras model whose outputs are ``(batch, outputs)``, or a trained
            ``TextClassifier``.
        x: Its inputs, an array or a nest of arrays: whole numbers ``(batch, positions,
            …)``, or floating ones ``(batch, positions, features)`` or, where each
            feature is a position, ``(batch, positions)``. For a classifier: texts.
        target: The output that is explained, its index or one for each input; None:
            the predicted one. For a classifier labels will do.
        layer: The path of the layer whose output gradients are taken at, with ``#2``
            after it for its second use; None: found, see above.
        input: Which of several inputs is explained, by its name.
        mask: ``(batch, positions)``, True where there is a position; it is given to
            the model's call where that takes one. None: as the model masks itself.
        of: ``"logit"``: what goes into the softmax or sigmoid that makes the outputs.
            ``"probability"``: the output; where the model is sure, its gradients are
            next to nothing.
        batch_size: The rows of a batch; the scores do not depend on it.

    Returns:
        Scores ``(batch, positions)``, signed.

    Raises:
        ArgumentError: The arguments do not fit the model.
        ObservationError: Nothing that has gradients reads the input.

    References:
        Shrikumar, Greenside, Kundaje: Learning important features through propagating
        activation differences (2017), https://arxiv.org/abs/1704.02685.

    Example:
        >>> regard.explain.gradient_x_input(model, ids).scores.shape
        (8, 40)
    """
    question = ask(
        model,
        x,
        target,
        layer=layer,
        name=input,
        mask=mask,
        of=of,
        batch_size=batch_size,
    )
    runs = [
        _differentiated(asked, np.arange(len(asked.part)), 1.0, asked.targets, None)
        for asked in question
    ]
    return question.attribution("gradient_x_input", runs)


def integrated_gradients(
    model: Any,
    x: Any,
    target: Any = None,
    *,
    baseline: Any = None,
    steps: int = 16,
    layer: str | None = None,
    input: str | None = None,  # noqa: A002 - what Keras calls it
    mask: npt.ArrayLike | None = None,
    of: str = "logit",
    batch_size: int | None = None,
) -> Attribution:
    r"""Gradients integrated on the straight way from a baseline.

    .. math::
        s_t = \sum_d (e_{td} - b_{td}) \int_0^1
            \frac{\partial f(b + a (e - b))}{\partial e_{td}} \, da

    The integral is taken at ``steps`` Gauss-Legendre points. The scores add up to
    :math:`f(e) - f(b)`; ``error`` says how far they are from it, and grows where the
    model bends more than the points can follow.

    Args:
        model: As for ``gradient_x_input``.
        x: As there.
        target: As there.
        baseline: The input at the other end: a number, or an array that fits the input
            or one row of it; for ids an id or ids. None: vectors of zeros.
        steps: The number of points.
        layer: As for ``gradient_x_input``.
        input: As there.
        mask: As there.
        of: As there.
        batch_size: As there.

    Returns:
        Scores ``(batch, positions)``, signed, with the error of completeness.

    Raises:
        ArgumentError: The arguments do not fit the model.
        ObservationError: Nothing that has gradients reads the input.

    References:
        Sundararajan, Taly, Yan: Axiomatic attribution for deep networks (2017),
        https://arxiv.org/abs/1703.01365.

    Example:
        >>> told = regard.explain.integrated_gradients(model, ids)
        >>> told.scores.sum(axis=1), told.error
    """
    check_count("steps", steps)
    question = ask(
        model,
        x,
        target,
        layer=layer,
        name=input,
        mask=mask,
        of=of,
        batch_size=batch_size,
    )
    runs = []
    for asked in question:
        start = checked_baseline(question.inputs, asked, baseline)
        run = integrate(asked, steps=steps, baseline=start)
        runs.append({name: run[name] for name in run if name != "at_input"})
    return question.attribution("integrated_gradients", runs)


def integrate(
    asked: PartOfQuestion, *, steps: int = 16, baseline: Array | None = None
) -> dict[str, Array]:
    """Integrated gradients of inputs of one shape, and what else came of the way.

    Returns:
        ``scores (batch, positions)`` and their ``mask``, ``at_input (batch,
        positions)``, the gradients at the end times the way, ``values``, ``target``
        and ``error (batch,)``.
    """
    count = len(asked.part)
    rows = np.arange(count)
    asked = asked.rows(count * (steps + 2))
    end = _differentiated(asked, rows, 1.0, asked.targets, baseline)
    points, weights = np.polynomial.legendre.leggauss(steps)
    shares = np.array([*(points + 1) / 2, 0.0])
    between = _differentiated(
        asked,
        np.repeat(rows, steps + 1),
        np.tile(shares, count),
        np.repeat(end["target"], steps + 1),
        baseline,
    )
    by_row = between["scores"].reshape(count, steps + 1, *end["scores"].shape[1:])
    scores = np.tensordot(by_row[:, :steps], weights / 2, axes=(1, 0))
    start = between["values"].reshape(count, steps + 1)[:, -1]
    total = scores.reshape(count, -1).sum(axis=1)
    return {
        **end,
        "scores": scores.astype(np.float32),
        "at_input": end["scores"],
        "error": np.abs(total - (end["values"] - start)),
    }


def _differentiated(
    asked: PartOfQuestion,
    rows: IntArray,
    shares: FloatArray | float,
    targets: IntArray,
    baseline: Array | None,
) -> dict[str, Array]:
    """Gradients times the way, 0 where there is no position, and the mask of these."""
    part = asked.part
    jobs = Jobs(rows, np.broadcast_to(shares, len(rows)), targets)
    asked = asked.rows(len(rows))
    run = asked.explained.differentiate(
        asked.plan,
        part,
        jobs,
        of=asked.of,
        baseline=baseline,
        size=asked.batch_size or 1,
    )
    scores = run["scores"]
    mask = run.get("mask") if part.mask is None else part.mask[rows]
    if mask is None or mask.shape != scores.shape[: mask.ndim]:
        mask = np.ones(scores.shape, bool)
    mask = mask.reshape(mask.shape + (1,) * (scores.ndim - mask.ndim))
    mask = np.broadcast_to(mask, scores.shape)
    return {**run, "mask": mask, "scores": np.where(mask, scores, np.float32(0))}
