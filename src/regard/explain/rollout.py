"""Attention rolled out through a stack of layers."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from regard._validate import check_count
from regard.errors import ArgumentError, ObservationError
from regard.explain.attribution import Attribution, BoolArray
from regard.explain.explained_inputs import Array
from regard.explain.explained_pass import call_model
from regard.explain.question import PartOfQuestion, ask, axes_of
from regard.observation.discovery import matches, select_hook_points
from regard.observation.forward_pass import LayerCall, observed_call
from regard.runtime import backend
from regard.types import AttentionMap, FloatArray, Observation

_ALL = "all"
_STACKED = ("batch", "heads", "queries", "keys")
_POOLED = ("batch", "heads", "keys")


def rollout(
    model: Any,
    x: Any = None,
    *,
    layers: str | Sequence[str] = "*",
    query: int | str | None = None,
    input: str | None = None,  # noqa: A002 - what Keras calls it
    mask: npt.ArrayLike | None = None,
    batch_size: int | None = None,
) -> Attribution:
    r"""Attention rolled out through a stack of self-attention.

    .. math::
        R = \hat A_L \cdots \hat A_1, \qquad \hat A_l = \tfrac12 A_l + \tfrac12 I

    with :math:`A_l` the weights of layer :math:`l`, the mean over its heads, and the
    identity for the way around it. A row says where the information of a query may have
    come from, if weights were all that moves it. Where a pooling layer ends the stack,
    its weights are the query.

    Args:
        model: As for ``gradient_x_input``; or the ``Observation`` of a model, whose
            positions are then those of its maps: the patches of an image, for example.
        x: As there; left out beside an observation.
        layers: Patterns for the paths of the attention layers, as for
            ``regard.observe``; they are multiplied in the order in which they run.
        query: The position whose row is given, such as 0 for a token that stands for
            the whole; ``"all"``: the rows of all. None: the weights of the pooling
            layer that ends the stack, or the mean over all positions.
        input: As for ``gradient_x_input``.
        mask: As there.
        batch_size: As there.

    Returns:
        Scores ``(batch, positions)``, or ``(batch, queries, positions)`` for
        ``query="all"``; each row sums to 1, less what the model itself put where
        there is no position.

    Raises:
        ArgumentError: The arguments do not fit the model.
        ObservationError: A layer is not self-attention over the positions.

    References:
        Abnar, Zuidema: Quantifying attention flow in transformers (2020),
        https://aclanthology.org/2020.acl-main.385.

    Example:
        >>> regard.explain.rollout(model, ids, layers="encoder/*", query=0).scores
        >>> seen = regard.observe(vit).predict(images)
        >>> regard.plot.image(regard.explain.rollout(seen, query=0), images[0], batch=0)
    """
    if query is not None and query != _ALL:
        check_count("query", query, least=0)
    patterns = (layers,) if isinstance(layers, str) else tuple(layers)
    axes = ("batch", "queries", "positions") if query == _ALL else axes_of(2)
    if isinstance(model, Observation):
        if x is not None or input is not None or batch_size is not None:
            raise ArgumentError(
                "An observation was made of its inputs already.",
                expected="x, input and batch_size left out",
            )
        parts = _rolled(*_observed(model, patterns, mask), query)
        return Attribution(
            parts["scores"],
            axes,
            "rollout",
            parts["mask"],
            target=None,
            of="weights",
            signed=False,
        )
    question = ask(
        model,
        x,
        None,
        name=input,
        mask=mask,
        of="logit",
        batch_size=batch_size,
        has_gradients=False,
    )
    runs = [
        _rolled(
            _weights(asked, patterns),
            asked.explained.masks(asked.plan, asked.part),
            query,
        )
        for asked in question
    ]
    return question.attribution(
        "rollout", runs, axes=axes, target=None, of="weights", signed=False
    )


def _observed(
    observation: Observation, patterns: tuple[str, ...], mask: npt.ArrayLike | None
) -> tuple[list[AttentionMap], BoolArray]:
    """The maps of the layers in question, and where there is a position."""
    maps = [
        each
        for path, each in observation.attention.items()
        if any(matches(path, pattern) for pattern in patterns)
    ]
    if not maps or "keys" not in maps[0].axes or "batch" not in maps[0].axes:
        raise ArgumentError(
            "There is no attention to roll out.",
            expected="layers of this observation with batch and keys",
            received=repr(observation),
        )
    shape = maps[0].shape[0], maps[0].shape[-1]
    if mask is None:
        return maps, np.ones(shape, bool)
    given = np.asarray(mask, dtype=bool)
    if given.shape != shape:
        raise ArgumentError(
            "The mask does not fit the observation.",
            expected=f"one of shape {shape}, batch and positions",
            received=str(given.shape),
        )
    return maps, given


def _rolled(
    maps: Sequence[AttentionMap], mask: BoolArray, query: int | str | None
) -> dict[str, Array]:
    *stack, last = maps
    pooled = None
    if last.axes == _POOLED and last.shape[-1] == mask.shape[1]:
        pooled = last.weights.mean(axis=1, dtype=float)
    else:
        stack.append(last)
    matrix = np.broadcast_to(np.eye(mask.shape[1]), (*mask.shape, mask.shape[1]))
    for each in stack:
        fits = each.axes == _STACKED and each.shape[2:] == matrix.shape[1:]
        if not fits:
            raise ObservationError(
                f"The layer '{each.layer}' is not self-attention over the "
                f"{mask.shape[1]} positions of the input.",
                expected=f"weights with the axes {_STACKED}",
                received=f"{each.axes} of shape {each.shape}",
                fix="Choose the layers of the stack with layers=.",
            )
        matrix = _residual(each.weights.mean(axis=1, dtype=float), mask) @ matrix
    if query == _ALL:
        both = mask[:, :, None] & mask[:, None]
        scores = np.where(both, matrix, 0)
        return {"scores": scores.astype(np.float32), "mask": both}
    scores = np.einsum("bq,bqk->bk", _row(query, pooled, mask), matrix)
    scores = np.where(mask, scores, 0)
    return {"scores": scores.astype(np.float32), "mask": mask}


def _residual(weights: FloatArray, mask: BoolArray) -> FloatArray:
    """Half the weights and half the identity; the identity where there is no query."""
    weights = np.where(mask[:, :, None], weights, 0)
    half = 0.5 * weights + 0.5 * np.eye(mask.shape[1])
    return np.asarray(half / half.sum(axis=-1, keepdims=True))


def _row(query: int | str | None, pooled: Any, mask: BoolArray) -> FloatArray:
    """The share of each position in the query, ``(batch, positions)``."""
    if query is None:
        return pooled if pooled is not None else _even(mask)
    if int(query) >= mask.shape[1]:
        raise ArgumentError(
            "There is no such query.",
            expected=f"a position below {mask.shape[1]}",
            received=str(query),
        )
    return np.eye(mask.shape[1])[np.full(len(mask), int(query))]


def _even(mask: BoolArray) -> FloatArray:
    return np.asarray(mask / np.maximum(mask.sum(axis=1, keepdims=True), 1))


def _weights(asked: PartOfQuestion, patterns: tuple[str, ...]) -> list[AttentionMap]:
    """The weights of each call of the layers."""
    explained = asked.explained
    model = explained.model
    selection = select_hook_points(model, patterns)
    chosen = backend()
    compiles = chosen.jit_by_default or chosen.has_graphs
    trapped = partial(chosen.is_trapped, in_program=compiles)
    calls: list[tuple[LayerCall, ...]] = []

    def observed(x: Any, mask: Any) -> Mapping[str, Any]:
        tensors, layout = observed_call(
            lambda: call_model(model, x, mask), selection, trapped
        )
        calls.append(layout.calls)
        return {str(number): each for number, each in enumerate(tensors.weights)}

    name = ("rollout", patterns)
    found = explained.look(name, asked.part, observed, asked.batch_size)
    layout = explained.keep(("calls", patterns), lambda: calls[-1])
    return [
        AttentionMap(np.asarray(found[str(number)]), call.axes, call.path)
        for number, call in enumerate(layout)
    ]
