"""What attention adds: weight times value."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from regard import _compat
from regard._validate import wrong_value
from regard.errors import ArgumentError, ObservationError
from regard.explain.attribution import Attribution, BoolArray
from regard.explain.explained_inputs import Array
from regard.explain.explained_model import Jobs
from regard.explain.explained_pass import Inner, inner_tensor
from regard.explain.question import PartOfQuestion, ask
from regard.observation.discovery import HookPoint, select_hook_points
from regard.types import FloatArray, IntArray

#: The largest difference that rounding explains, of numbers about 1.
_ROUNDING = 1e-5


def contribution(
    model: Any,
    x: Any,
    target: Any = None,
    *,
    layer: str = "*",
    query: int | npt.ArrayLike | None = None,
    input: str | None = None,  # noqa: A002 - what Keras calls it
    mask: npt.ArrayLike | None = None,
    of: str = "logit",
    batch_size: int | None = None,
) -> Attribution:
    r"""What each position adds through an attention layer: weight times value.

    .. math:: s_t = \sum_h w_{ht} \, \frac{\partial f(w)}{\partial w_{ht}}

    with :math:`w` the weights and :math:`f` the logit of the target. After a pooling
    layer and a dense one :math:`f` is a sum over positions, and
    :math:`s_t = \sum_h w_{ht} \, v_{ht} \cdot W_h[\text{target}]` is exactly what a
    position adds: the scores and ``rest``, the bias, add up to the logit, and
    ``exact`` is True. It is so wherever what comes after the layer is linear, which is
    checked on the inputs. Elsewhere what a position adds is not defined; then the
    scores are those of ``value_norm``, ``exact`` and ``signed`` are False.

    Args:
        model: As for ``gradient_x_input``.
        x: As there.
        target: As there.
        layer: The path of the attention layer, where there are several.
        query: The query whose weights alone are meant, or that of each input; what the
            others add is part of ``rest``. None: all of them.
        input: As for ``gradient_x_input``.
        mask: As there.
        of: As there.
        batch_size: As there.

    Returns:
        Scores ``(batch, positions)``: positions are the keys of the layer.

    Raises:
        ArgumentError: The arguments do not fit the model.
        ObservationError: There is no attention layer, or several and none was named,
            or its weights cannot be replaced.

    Example:
        >>> told = regard.explain.contribution(model, ids)
        >>> told.scores.sum(axis=1) + told.rest, told.values
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
    inner = _attention(question.inputs.model, layer)
    of_query = _checked_query(query, inner, question.inputs.count)
    runs = [_added(asked, inner, of_query) for asked in question]
    if all(bool(run.pop("exact").all()) for run in runs):
        return question.attribution("contribution", runs, exact=True)
    for run, asked in zip(runs, question, strict=True):
        run["scores"] = _norms(asked, inner, run["mask"], of_query)
        del run["rest"], run["error"]
    return question.attribution("contribution", runs, signed=False)


def value_norm(
    model: Any,
    x: Any,
    *,
    layer: str = "*",
    query: int | npt.ArrayLike | None = None,
    input: str | None = None,  # noqa: A002 - what Keras calls it
    mask: npt.ArrayLike | None = None,
    batch_size: int | None = None,
) -> Attribution:
    r"""The norm of what an attention layer takes from each position.

    .. math:: s_t = \frac1{|Q|} \sum_{q \in Q} \left\| \sum_h w_{hqt} \, v_{ht} \right\|

    with :math:`v_{ht}` the value of position :math:`t`, projected where the layer
    projects what its heads give. A large weight on a short value takes little. Of a
    pooling layer there is one query, and its heads are put side by side.

    Args:
        model: As for ``gradient_x_input``.
        x: As there.
        layer: The path of the attention layer, where there are several.
        query: The query whose weights alone are meant, or that of each input; None:
            the mean over all of them.
        input: As for ``gradient_x_input``.
        mask: As there.
        batch_size: As there.

    Returns:
        Scores ``(batch, positions)``, 0 or more: positions are the keys of the layer.

    Raises:
        ArgumentError: The arguments do not fit the model.
        ObservationError: As for ``contribution``.

    References:
        Kobayashi, Kuribayashi, Yokoi, Inui: Attention is not only a weight: analyzing
        transformers with vector norms (2020),
        https://aclanthology.org/2020.emnlp-main.574, equation 4.

    Example:
        >>> regard.explain.value_norm(model, ids, layer="encoder/self").scores
    """
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
    inner = _attention(question.inputs.model, layer)
    of_query = _checked_query(query, inner, question.inputs.count)
    runs = []
    for asked in question:
        mask_ = asked.explained.masks(asked.plan, asked.part)
        scores = _norms(asked, inner, mask_, of_query)
        runs.append({"scores": scores, "mask": _fitted(mask_, scores)})
    return question.attribution(
        "value_norm", runs, target=None, of="weights", signed=False
    )


def _attention(model: keras.Model, layer: str) -> Inner:
    points = select_hook_points(model, (layer,)).hook_points
    pooling = [point for point in points if _pools(point)]
    chosen = pooling if len(pooling) == 1 else points
    if len(chosen) != 1:
        paths = ", ".join(repr(point.path) for point in points)
        raise ObservationError(
            f"The model '{model.name}' has several attention layers.",
            expected=f"layer= one of {paths}",
        )
    (point,) = chosen
    return Inner(point.path, point.layer, adapter=point.adapter)


def _pools(point: HookPoint | Inner) -> bool:
    return "queries" not in getattr(point.layer, "weights_axes", ("queries",))


def _checked_query(query: Any, inner: Inner, count: int) -> IntArray | None:
    """The query of each input, ``(inputs,)``; None for all.

    Raises:
        ArgumentError: The layer has none, or they are no numbers from 0 up.
    """
    if query is None:
        return None
    asked = np.asarray(query)
    is_right = asked.dtype.kind in "iu" and asked.shape in {(), (count,)}
    if not is_right or asked.min(initial=0) < 0:
        expected = f"a whole number from 0 up, or one for each of the {count} inputs"
        raise wrong_value("query", query, expected)
    if _pools(inner):
        raise ArgumentError(
            f"The layer '{inner.path}' has no queries: it pools.",
            expected="query=None",
        )
    return np.broadcast_to(asked, count)


def _check_inside(queries: IntArray | None, there: int, inner: Inner) -> None:
    if queries is not None and queries.max(initial=0) >= there:
        raise ArgumentError(
            f"The layer '{inner.path}' has no such query.",
            expected=f"a number below {there}",
            received=str(queries.max()),
        )


def _added(
    asked: PartOfQuestion, inner: Inner, of_query: IntArray | None
) -> dict[str, Array]:
    count = len(asked.part)
    rows = np.arange(count)
    asked = asked.rows(2 * count)
    plan = replace(asked.plan, inner=inner)
    queries = None if of_query is None else of_query[asked.part.rows]

    def run(share: float, target: npt.NDArray[Any]) -> dict[str, Array]:
        return asked.explained.differentiate(
            plan,
            asked.part,
            Jobs(rows, np.full(count, share), target, queries),
            of=asked.of,
            baseline=None,
            size=asked.batch_size or 1,
        )

    whole = run(1.0, asked.targets)
    if queries is not None:
        _check_inside(queries, int(whole["queries"][0]), inner)
    none = run(0.0, whole["target"])
    scores, rest, values = whole["scores"], none["values"], whole["values"]
    error = np.abs(scores.sum(axis=1, dtype=float) + rest - values)
    bend = np.abs(scores - none["scores"]).max(axis=1)
    size = 1 + np.abs(values) + np.abs(scores).max(axis=1)
    mask = _fitted(asked.explained.masks(asked.plan, asked.part), scores)
    return {
        "scores": np.where(mask, scores, np.float32(0)),
        "mask": mask,
        "target": whole["target"],
        "values": values,
        "rest": rest,
        "error": error,
        "exact": np.maximum(error, bend) < _ROUNDING * size,
    }


def _fitted(mask: BoolArray, scores: FloatArray) -> BoolArray:
    """The mask of the positions, where these are the keys of a layer."""
    return mask if mask.shape == scores.shape else np.ones(scores.shape, bool)


def _norms(
    asked: PartOfQuestion, inner: Inner, mask: BoolArray, of_query: IntArray | None
) -> FloatArray:
    """The norms of what is taken from each key, the mean over the queries there are."""

    def norms(x: Any, call_mask: Any) -> Mapping[str, Any]:
        model = asked.explained.model
        return {"norms": inner_tensor(model, x, call_mask, inner, _norms_of_keys)}

    name = ("norms", inner.path)
    found = asked.explained.look(name, asked.part, norms, asked.batch_size)["norms"]
    if found.ndim == 2:
        return np.asarray(found)
    if of_query is not None:
        queries = of_query[asked.part.rows]
        _check_inside(queries, found.shape[1], inner)
        chosen = queries[:, None, None]
        return np.asarray(np.take_along_axis(found, chosen, axis=1)[:, 0])
    valid = np.ones(found.shape[:2], bool)
    if mask.shape == valid.shape:
        valid = mask
    total = (found * valid[..., None]).sum(axis=1)
    return np.asarray(total / np.maximum(valid.sum(axis=1), 1)[:, None], np.float32)


def _norms_of_keys(inner: Inner, method: Any, args: Any, kwargs: Any) -> Any:
    """``(batch, keys)`` or ``(batch, queries, keys)``, in a use of the layer."""
    weights = inner.found(method, args, kwargs)
    keys = weights.shape[-1]

    def given(part: Any) -> Any:
        result = inner.replaced(args, kwargs, part)
        return _compat.projected(inner.layer, result)

    nothing = given(ops.zeros_like(weights))

    def of_key(key: Any) -> Any:
        only = ops.cast(ops.equal(ops.arange(keys), key), weights.dtype)
        taken = ops.cast(given(weights * only) - nothing, "float32")
        return ops.sqrt(ops.sum(ops.square(taken), axis=-1))

    return ops.moveaxis(ops.map(of_key, ops.arange(keys)), 0, -1)
