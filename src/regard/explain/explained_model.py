"""A model that is explained, and the programs that are run over its rows."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import keras
import numpy as np
from keras import ops

from regard.explain.explained_inputs import Array, Part
from regard.explain.explained_pass import (
    ExplainedPass,
    Inner,
    inner_tensor,
    run_pass,
)
from regard.explain.plan import (
    Plan,
    checked_ids,
    gives_mask,
    packed,
    plan_of,
    survey_of,
    vocabulary,
)
from regard.observation.discovery import walk
from regard.runtime import FrozenState, backend, compile_function
from regard.types import FloatArray, IntArray

#: The rows of a batch, which is filled up to them; few rows run in fewer.
BATCH_ROWS, FEW_ROWS = 32, 8
_KEPT = "_regard_explained"


@dataclass(frozen=True, eq=False)
class Jobs:
    """Rows on their way from a baseline.

    Args:
        rows: ``(jobs,)``, the row of each job.
        shares: ``(jobs,)``, how far on the way, 1 for the input itself.
        targets: ``(jobs,)``, the output, -1 for the predicted one.
        queries: ``(jobs,)``, the query whose weights alone are on their way, where
            weights are; None: all.
    """

    rows: IntArray
    shares: FloatArray
    targets: IntArray
    queries: IntArray | None = None


class ExplainedModel:
    """A model and its programs, each compiled once for a shape.

    They are kept with the model, and read the variables at each call.

    Args:
        model: The model.
    """

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self._kept: dict[Hashable, Any] = {}

    @classmethod
    def of(cls, model: keras.Model) -> "ExplainedModel":
        """That of a model, made when it is first asked for.

        It is kept in the model's own ``__dict__``, past the tracking of Keras, so that
        both go at once.
        """
        layers = tuple(id(layer) for _, layer in walk(model))
        kept = model.__dict__.get(_KEPT)
        if kept is None or kept[0] != layers:
            kept = layers, cls(model)
            model.__dict__[_KEPT] = kept
        explained: ExplainedModel = kept[1]
        return explained

    def plan(
        self, part: Part, layer: str | None = None, *, has_gradients: bool = True
    ) -> Plan:
        """What is known of the model for inputs like these.

        Args:
            part: The inputs.
            layer: The path of the layer whose output gradients are taken at.
            has_gradients: Whether the input has to have gradients.

        Raises:
            ArgumentError: No layer has that path, or the outputs are not one array
                ``(batch, outputs)``.
            ObservationError: Nothing that has gradients reads the input.
        """
        key = ("plan", layer, has_gradients, part.place, part.call_mask, _shapes(part))
        return self.keep(
            key,
            lambda: plan_of(
                self.model,
                part,
                self._survey(part),
                layer,
                has_gradients=has_gradients,
            ),
        )

    def keep(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What was made for a key, made when it is first asked for."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    def vocabulary(self, part: Part, place: int) -> int | None:
        """How many ids an input may have; None where no embedding reads it.

        Args:
            part: The inputs.
            place: Which of them.
        """
        return vocabulary(self._survey(part), place)

    def checked(self, part: Part) -> Part:
        """The inputs, with ids as whole numbers that their embedding has.

        Beyond them JAX reads NaN, TensorFlow and PyTorch fail each in its own words,
        and below 0 all three read from the end.

        Raises:
            DataError: There are others.
        """
        leaves = list(part.leaves)
        for place, leaf in enumerate(part.leaves):
            size = self.vocabulary(part, place)
            if size is not None:
                leaves[place] = checked_ids(leaf, size)
        return replace(part, leaves=tuple(leaves))

    def _survey(self, part: Part) -> ExplainedPass:
        """What the layers of the model are given and give, in symbols."""
        return self.keep(
            ("survey", part.call_mask, repr(part.structure), _shapes(part)),
            lambda: survey_of(self.model, part),
        )

    def gives_mask(self, part: Part) -> bool:
        """Whether the call of the model gets the mask of a part."""
        return gives_mask(self.model, part)

    def differentiate(
        self,
        plan: Plan,
        part: Part,
        jobs: Jobs,
        *,
        of: str,
        baseline: Array | None,
        size: int,
    ) -> dict[str, Array]:
        """Gradients on the way from a baseline to inputs.

        Args:
            plan: What is known of the model.
            part: The inputs.
            jobs: Which of them, and how far on the way.
            of: What is explained, ``"logit"`` or ``"probability"``.
            baseline: ``(batch, …)``, an input for each row, or None for zeros.
            size: The rows of a batch.

        Returns:
            ``scores (jobs, positions)``, gradients times the whole way; ``values`` and
            ``targets (jobs,)``; where one is known ``mask (jobs, positions)``; where
            one query is meant ``queries (jobs,)``, how many there are.
        """
        gives_mask = self.gives_mask(part)
        key = (
            "gradient",
            _name(plan.inner),
            part.place,
            gives_mask,
            baseline is None,
            jobs.queries is None,
            of,
        )
        more = gives_mask, baseline is not None, jobs.queries is not None
        program = self.keep(
            (*key, repr(part.structure)),
            lambda: self._gradient_program(plan, part, of, more),
        )

        def arguments(numbers: IntArray) -> tuple[Any, ...]:
            chosen = jobs.rows[numbers]
            given: list[Any] = [
                [leaf[chosen] for leaf in part.leaves],
                jobs.targets[numbers].astype(np.int32),
                jobs.shares[numbers].astype(np.float32),
            ]
            if gives_mask and part.mask is not None:
                given.append(part.mask[chosen])
            if baseline is not None:
                given.append(baseline[chosen])
            if jobs.queries is not None:
                given.append(jobs.queries[numbers].astype(np.int32))
            return tuple(given)

        return in_batches(program, arguments, len(jobs.rows), self._size(size))

    def _gradient_program(
        self, plan: Plan, part: Part, of: str, more: tuple[bool, bool, bool]
    ) -> Callable[..., Any]:
        model, inner, place = self.model, plan.inner, part.place
        gives_mask, has_baseline, has_query = more

        def differentiated(
            leaves: Any, targets: Any, shares: Any, *others: Any
        ) -> dict[str, Any]:
            rest = list(others)
            mask = rest.pop(0) if gives_mask else None
            start: Any = rest.pop(0) if has_baseline else None
            query = rest.pop(0) if has_query else None
            leaves = list(leaves)

            def tensor(explained: Any) -> Any:
                if inner is None:
                    return explained
                x = packed(part, _replaced(leaves, place, explained))
                return inner_tensor(model, x, mask, inner)

            with FrozenState():
                end = tensor(leaves[place])
                way = end if start is None else end - tensor(start)
                if query is not None:
                    way = way * _of_query(query, end)
                left = ops.cast(1 - shares, end.dtype)
                left = ops.reshape(left, (-1,) + (1,) * (len(end.shape) - 1))

                def value(at: Any) -> tuple[Any, dict[str, Any]]:
                    x = leaves if inner is not None else _replaced(leaves, place, at)
                    seen = run_pass(model, packed(part, x), mask, inner, at)
                    told = answer(seen, plan, of, targets)
                    if seen.mask is not None:
                        told["mask"] = seen.mask
                    return ops.sum(told["values"]), told

                gradient, told = backend().gradient(value, end - left * way)
                scores = ops.cast(gradient * way, "float32")
            if query is not None:
                told["queries"] = ops.full_like(query, end.shape[-2])
            return {"scores": _by_position(scores, inner), **told}

        return compile_function(model, differentiated)

    def answer(
        self,
        plan: Plan,
        part: Part,
        make: Callable[[IntArray], tuple[list[Array], Array | None]],
        targets: IntArray,
        *,
        of: str,
        size: int,
    ) -> dict[str, Array]:
        """The answers to inputs like those of a part.

        Args:
            plan: What is known of the model.
            part: Inputs like these.
            make: Given the numbers of jobs: their inputs, flat, and their mask.
            targets: ``(jobs,)``, the output, -1 for the predicted one.
            of: What is asked, ``"logit"`` or ``"probability"``.
            size: The rows of a batch.

        Returns:
            ``values`` and ``target (jobs,)``.
        """
        gives_mask = self.gives_mask(part)
        key = (
            "answer",
            gives_mask,
            of,
            repr(part.structure),
            plan.squeezed,
            plan.has_logits,
        )
        program = self.keep(key, lambda: self._answer_program(plan, part, of))

        def arguments(jobs: IntArray) -> tuple[Any, ...]:
            leaves, mask = make(jobs)
            given = (leaves, targets[jobs].astype(np.int32))
            return (*given, mask) if gives_mask else given

        return in_batches(program, arguments, len(targets), self._size(size))

    def _answer_program(self, plan: Plan, part: Part, of: str) -> Callable[..., Any]:
        def answered(leaves: Any, targets: Any, *masks: Any) -> dict[str, Any]:
            mask = masks[0] if masks else None
            with FrozenState():
                x = packed(part, list(leaves))
                return answer(
                    run_pass(self.model, x, mask, None, None), plan, of, targets
                )

        return compile_function(self.model, answered)

    def masks(self, plan: Plan, part: Part) -> Array:
        """Where the inputs have positions: as was said, or as the model masks them."""
        explained = part.explained
        if part.mask is not None or not plan.masked:
            whole = np.ones(explained.shape[:2], bool)
            return whole if part.mask is None else part.mask

        def masked(x: Any, mask: Any) -> dict[str, Any]:
            return {"mask": inner_tensor(self.model, x, mask, inner, Inner.mask)}

        inner = cast(Inner, plan.inner)
        return self.look(("mask", _name(inner)), part, masked)["mask"]

    def look(
        self,
        name: Hashable,
        part: Part,
        function: Callable[[Any, Any], Mapping[str, Any]],
        size: int | None = None,
    ) -> dict[str, Array]:
        """What a function of inputs and their mask gives, which may run the model.

        Args:
            name: Its name, for which it is compiled once.
            part: The inputs.
            function: Of the inputs as the model takes them, and of what its call gets
                as ``mask``; gives arrays by name, each with a row for each input.
            size: The rows of a batch; None: by the number of inputs.
        """
        gives_mask = self.gives_mask(part)

        def looked(leaves: Any, *masks: Any) -> Mapping[str, Any]:
            with FrozenState():
                mask = masks[0] if masks else None
                return function(packed(part, list(leaves)), mask)

        key = (name, gives_mask, repr(part.structure))
        program = self.keep(key, lambda: compile_function(self.model, looked))

        def arguments(jobs: IntArray) -> tuple[Any, ...]:
            leaves = [leaf[jobs] for leaf in part.leaves]
            if gives_mask and part.mask is not None:
                return leaves, part.mask[jobs]
            return (leaves,)

        return in_batches(
            program, arguments, len(part), self._size(rows_for(len(part), size))
        )

    def _size(self, size: int) -> int:
        """The rows of a batch, fixed by a model that says so."""
        shapes = keras.tree.flatten(getattr(self.model, "inputs", None) or [])
        fixed = shapes[0].shape[0] if shapes and shapes[0].shape else None
        return fixed or size


def answer(seen: ExplainedPass, plan: Plan, of: str, targets: Any) -> dict[str, Any]:
    """The explained output of each row of a pass: ``values`` and ``target``."""
    outputs = seen.outputs if not plan.squeezed else seen.outputs[:, None]
    asked = outputs
    if of == "logit" and plan.has_logits:
        asked = seen.logits if not plan.squeezed else seen.logits[:, None]
    targets = ops.where(
        targets < 0, ops.cast(ops.argmax(outputs, axis=-1), targets.dtype), targets
    )
    chosen = ops.take_along_axis(asked, targets[:, None], axis=-1)[:, 0]
    return {"values": ops.cast(chosen, "float32"), "target": targets}


def in_batches(
    program: Callable[..., Mapping[str, Array]],
    arguments: Callable[[IntArray], tuple[Any, ...]],
    count: int,
    size: int,
) -> dict[str, Array]:
    """Run a program over jobs in batches of one size, the last filled up.

    Args:
        program: Gives arrays by name.
        arguments: Given the numbers of jobs, the arguments for them.
        count: How many jobs there are.
        size: The jobs of a batch.
    """
    found: dict[str, list[Array]] = {}
    for start in range(0, count, size):
        jobs = np.minimum(np.arange(start, start + size), count - 1)
        for name, array in program(*arguments(jobs)).items():
            found.setdefault(name, []).append(array[: count - start])
    return {name: np.concatenate(arrays) for name, arrays in found.items()}


def rows_for(jobs: int, batch_size: int | None = None) -> int:
    """The rows of a batch for so many jobs."""
    if batch_size is not None:
        return batch_size
    return FEW_ROWS if jobs <= FEW_ROWS else BATCH_ROWS


def _replaced(leaves: list[Any], place: int, leaf: Any) -> list[Any]:
    return [*leaves[:place], leaf, *leaves[place + 1 :]]


def _by_position(scores: Any, inner: Inner | None) -> Any:
    """Sums over the features of a position, or over the heads and queries of a key."""
    rank = len(scores.shape)
    if inner is not None and inner.adapter is not None:
        return ops.sum(scores, axis=tuple(range(1, rank - 1)))
    return ops.sum(scores, axis=-1) if rank > 2 else scores


def _of_query(query: Any, weights: Any) -> Any:
    """1 at the weights of one query of each row, else 0."""
    count, rank = weights.shape[-2], len(weights.shape)
    chosen = ops.cast(ops.equal(ops.arange(count), query[:, None]), weights.dtype)
    return ops.reshape(chosen, (-1,) + (1,) * (rank - 3) + (count, 1))


def _name(inner: Inner | None) -> Hashable:
    if inner is None:
        return None
    return inner.path, inner.number, inner.adapter is not None


def _shapes(part: Part) -> Hashable:
    return tuple((leaf.shape[1:], str(leaf.dtype)) for leaf in part.leaves)
