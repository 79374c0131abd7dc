"""Other orders of what a model reads: contributions, gradients, weights rolled out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np

from regard.errors import RegardError
from regard.explain import contribution, rollout, value_norm
from regard.explain.explained_model import BATCH_ROWS
from regard.explain.gradients import integrate
from regard.explain.question import ask
from regard.observation import observe
from regard.trust.measurement import CONTRIBUTION
from regard.trust.sample_batches import SampleBatches
from regard.trust.sample_keys import SampleKeys
from regard.types import FloatArray, IntArray

VALUE_NORM, ROLLOUT = "value_norm", "rollout"
GRADIENT, INTEGRATED = "gradient_x_input", "integrated_gradients"
#: The figure of how far integrated gradients are from adding up, in logits.
COMPLETENESS = "completeness error"
#: The orders whose scores speak for or against an answer.
SIGNED = frozenset({GRADIENT, INTEGRATED, CONTRIBUTION})


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of some samples by the names of their orders.

    Args:
        of_positions: ``(samples, positions)`` each.
        of_keys: ``(samples, keys)`` each, of the keys of the attention.
        error: ``(samples,)``, how far integrated gradients are from adding up.
    """

    of_positions: dict[str, FloatArray]
    of_keys: dict[str, FloatArray]
    error: FloatArray | None = None


_Ask: TypeAlias = Callable[[Any, IntArray | None], Scores]


class ExplainedOrders:
    """The orders that a model can be asked for, beside that of its weights.

    Contributions are one where they are exactly what a position adds to the logit;
    elsewhere it is the norm of what the attention takes from a position. Gradients are
    taken times the way from what stands for nothing to the input. In a stack of
    self-attention the rolled out weights are one: neither they nor the weights of the
    last layer are the truth.

    Args:
        model: The model.
        layer: The key of the attention.
        x: The inputs of some samples, to find out what can be had.
        name: The name of the examined input; None where there is one.
        queries: The query of each of these samples that is meant; None: all.
        baseline: What stands for nothing; None: vectors of zeros.
    """

    def __init__(
        self,
        model: keras.Model,
        layer: str,
        x: Any,
        *,
        name: str | None = None,
        queries: IntArray | None = None,
        baseline: Any = None,
    ) -> None:
        self._model, self._name = model, name
        self._layer, self._baseline = layer, baseline
        possible: list[_Ask] = [self._gradients]
        # Of a second use of a layer they are not known.
        if "#" not in layer:
            possible.append(self._contributions)
        possible.append(self._rollout)
        self._is_exact: bool | None = None
        self._asked = [each for each in possible if _answers(each, x, queries)]

    def __call__(self, x: Any, queries: IntArray | None = None) -> Scores:
        """The scores of samples.

        Args:
            x: The inputs, in the structure of the model's.
            queries: The query of each that is meant; None: all.
        """
        parts = [each(x, queries) for each in self._asked]
        return Scores(
            {name: of for part in parts for name, of in part.of_positions.items()},
            {name: of for part in parts for name, of in part.of_keys.items()},
            next((part.error for part in parts if part.error is not None), None),
        )

    def _gradients(self, x: Any, _: IntArray | None) -> Scores:
        question = ask(
            self._model,
            x,
            None,
            name=self._name,
            mask=None,
            of="logit",
            batch_size=None,
        )
        (asked,) = question
        explained = asked.part.explained
        start = self._baseline
        if start is not None:
            start = np.broadcast_to(start, explained.shape).astype(explained.dtype)
        run = integrate(asked, baseline=start)
        return Scores(
            {GRADIENT: run["at_input"], INTEGRATED: run["scores"]}, {}, run["error"]
        )

    def _contributions(self, x: Any, queries: IntArray | None) -> Scores:
        # Of one size, whatever the number of samples: it is compiled once.
        options: Any = {
            "layer": self._layer,
            "query": queries,
            "input": self._name,
            "batch_size": BATCH_ROWS,
        }
        if self._is_exact is not False:
            told = contribution(self._model, x, **options)
            # One order has one meaning: what the first samples say goes for all.
            self._is_exact = told.exact if self._is_exact is None else self._is_exact
            if self._is_exact:
                return Scores({}, {CONTRIBUTION: told.scores})
        norms = value_norm(self._model, x, **options)
        return Scores({}, {VALUE_NORM: norms.scores})

    def _rollout(self, x: Any, queries: IntArray | None) -> Scores:
        if len(observe(self._model).paths) < 2:
            return Scores({}, {})
        if queries is None:
            told = rollout(self._model, x, input=self._name)
            return Scores({ROLLOUT: told.scores}, {})
        told = rollout(self._model, x, input=self._name, query="all")
        rows = np.take_along_axis(told.scores, queries[:, None, None], axis=1)
        return Scores({ROLLOUT: rows[:, 0]}, {})


def scores_of_keys(
    orders: Callable[[Any, IntArray | None], Scores],
    batches: SampleBatches,
    keys: SampleKeys,
    samples: IntArray,
    signs: IntArray,
) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """Scores of the keys by the names of their orders, and figures of samples.

    Args:
        orders: What the model can be asked for.
        batches: Its samples.
        keys: Their keys.
        samples: ``(samples,)``, the indices of those that are asked for.
        signs: ``(samples,)``, -1 where what speaks for the output of the model speaks
            against the answer.

    Returns:
        ``(samples, keys)`` and ``(samples,)`` each.
    """
    found: dict[str, FloatArray] = {}
    figures: dict[str, FloatArray] = {}
    sizes = keys.sizes[samples]
    inside = np.arange(sizes.max()) < sizes[:, None]
    for rows, width in batches.of(samples):
        x = batches.packed(samples[rows], width)
        told = orders(x, keys.queries_meant(samples[rows]))
        scores = {name: keys.read(each) for name, each in told.of_positions.items()}
        for name, each in {**scores, **told.of_keys}.items():
            whole = found.setdefault(name, np.zeros(inside.shape))
            signed = each * signs[rows, None] if name in SIGNED else each
            own = keys.in_order(samples[rows], signed, inside.shape[1])
            whole[rows, : own.shape[1]] = np.where(inside[rows, : own.shape[1]], own, 0)
        if told.error is not None:
            of_all = figures.setdefault(COMPLETENESS, np.zeros(len(samples)))
            of_all[rows] = told.error
    return found, figures


def _answers(order: _Ask, x: Any, queries: IntArray | None) -> bool:
    """Whether an order can be had of a model."""
    try:
        order(x, queries)
    except RegardError:
        return False
    return True
