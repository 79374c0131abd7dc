"""What is asked of a model: inputs, and the output that is explained of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from regard._validate import check_choice, check_count
from regard.errors import ArgumentError, DataError, shown
from regard.explain.attribution import Attribution
from regard.explain.explained_inputs import (
    Array,
    ExplainedInputs,
    Part,
    explained_inputs,
)
from regard.explain.explained_model import ExplainedModel, rows_for
from regard.explain.plan import Plan
from regard.types import IntArray

#: What may be explained of a model whose outputs are probabilities.
_OF = ("logit", "probability")


@dataclass(frozen=True, eq=False)
class PartOfQuestion:
    """What is asked of inputs of one shape.

    Args:
        explained: The model.
        plan: What is known of it for such inputs.
        part: The inputs.
        targets: ``(batch,)``, the output that is explained; -1 for the predicted one.
        of: What is explained of it, ``"logit"`` or ``"probability"``.
        batch_size: The rows of a batch; None: by the number of jobs.
    """

    explained: ExplainedModel
    plan: Plan
    part: Part
    targets: IntArray
    of: str = "logit"
    batch_size: int | None = None

    def rows(self, jobs: int) -> "PartOfQuestion":
        """The same, with the rows of a batch chosen for so many jobs."""
        return replace(self, batch_size=rows_for(jobs, self.batch_size))

    def answer(self) -> dict[str, Array]:
        """The undisturbed answers: ``values`` and ``target (batch,)``."""
        return self.explained.answer(
            self.plan,
            self.part,
            lambda jobs: (
                [leaf[jobs] for leaf in self.part.leaves],
                None if self.part.mask is None else self.part.mask[jobs],
            ),
            self.targets,
            of=self.of,
            size=rows_for(len(self.part), self.batch_size),
        )


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of a model.

    Args:
        inputs: The inputs.
        parts: What is asked of each part of them.
    """

    inputs: ExplainedInputs
    parts: tuple[PartOfQuestion, ...]

    def __iter__(self) -> Iterator[PartOfQuestion]:
        return iter(self.parts)

    def attribution(
        self, method: str, runs: Sequence[dict[str, Array]], **said: Any
    ) -> Attribution:
        """The result.

        Args:
            method: The name of the method.
            runs: For each part the fields of the result that are arrays.
            **said: Those that are not.

        Raises:
            DataError: A score is no number.
        """
        arrays = {
            name: joined(self.inputs, [run[name] for run in runs]) for name in runs[0]
        }
        _check_finite(arrays["scores"], method)
        first = self.parts[0]
        fields: dict[str, Any] = {
            "axes": axes_of(arrays["scores"].ndim),
            "of": first.of if first.plan.has_logits else "output",
            "tokens": self.inputs.tokens,
            **arrays,
            **said,
        }
        return Attribution(method=method, **fields)


def _check_finite(scores: Array, method: str) -> None:
    is_finite = np.isfinite(scores).all(axis=tuple(range(1, scores.ndim)))
    if not is_finite.all():
        raise DataError(
            f"The scores of {method} are not all numbers.",
            expected="finite inputs, ids that the embedding has, finite answers",
            received=f"NaN or infinity in input {int(np.argmin(is_finite))}",
            fix="Look at that input, its baseline and the answer of the model to it.",
        )


def ask(
    model: Any,
    x: Any,
    target: Any,
    *,
    layer: str | None = None,
    name: str | None,
    mask: npt.ArrayLike | None,
    of: str,
    batch_size: int | None,
    has_gradients: bool = True,
) -> Question:
    """Read the arguments that all attributions have.

    Args:
        model: A Keras model or a trained ``TextClassifier``.
        x: Its inputs.
        target: The output that is explained.
        layer: The path of the layer whose output gradients are taken at.
        name: Which of several inputs is explained.
        mask: True where the explained input has a position.
        of: What is explained of the output.
        batch_size: The rows of a batch.
        has_gradients: Whether the input has to have gradients.

    Raises:
        ArgumentError: They do not fit each other.
        ObservationError: Nothing that has gradients reads the input.
    """
    check_choice("of", of, _OF)
    if batch_size is not None:
        check_count("batch_size", batch_size)
    inputs = explained_inputs(model, x, name=name, mask=mask)
    explained = ExplainedModel.of(inputs.model)
    inputs = replace(inputs, parts=tuple(map(explained.checked, inputs.parts)))
    plans = [
        explained.plan(part, layer or inputs.layer, has_gradients=has_gradients)
        for part in inputs.parts
    ]
    targets = _targets(inputs, target, plans[0].outputs)
    return Question(
        inputs,
        tuple(
            PartOfQuestion(explained, plan, part, targets[part.rows], of, batch_size)
            for part, plan in zip(inputs.parts, plans, strict=True)
        ),
    )


def _targets(inputs: ExplainedInputs, target: Any, outputs: int) -> IntArray:
    if target is None:
        return np.full(inputs.count, -1 if outputs > 1 else 0, np.int32)
    asked = np.asarray(target)
    if asked.dtype.kind in "UO" and inputs.labels is not None:
        names = asked.reshape(-1).tolist()
        asked = inputs.labels(names).reshape(asked.shape)
    is_right = (
        asked.dtype.kind in "iu"
        and asked.shape in {(), (inputs.count,)}
        and bool(np.all((asked >= 0) & (asked < outputs)))
    )
    if not is_right:
        raise ArgumentError(
            "The target is none of the outputs.",
            expected=f"whole numbers from 0 to {outputs - 1}, one or one for each of "
            f"the {inputs.count} inputs",
            received=shown(target),
        )
    return np.broadcast_to(asked, inputs.count).astype(np.int32)


def checked_baseline(
    inputs: ExplainedInputs, asked: PartOfQuestion, baseline: Any
) -> Any:
    """A baseline for each row of a part, None for none.

    Raises:
        ArgumentError: It does not fit the input.
    """
    if baseline is None:
        return None
    part = asked.part
    explained = part.explained
    if inputs.tokens is not None:
        raise ArgumentError(
            "Texts are explained from no words.", expected="baseline=None"
        )
    array = np.asarray(baseline)
    is_right = array.dtype.kind in ("iu" if explained.dtype.kind == "i" else "iuf")
    try:
        whole = np.broadcast_to(array, explained.shape)
    except ValueError:
        is_right = False
    if not is_right:
        raise ArgumentError(
            "The baseline does not fit the input.",
            expected=f"{explained.dtype} of a shape that fits {explained.shape}",
            received=f"{array.dtype} of shape {array.shape}",
        )
    size = asked.explained.vocabulary(part, part.place)
    most = np.inf if size is None else size - 1
    odd = whole[(whole < 0) | (whole > most)]
    if explained.dtype.kind == "i" and len(odd):
        raise ArgumentError(
            "The baseline has an id that the embedding does not have.",
            expected=f"ids from 0 to {most}" if size else "ids of 0 or more",
            received=str(odd[0]),
        )
    return np.array(whole, explained.dtype)


def axes_of(rank: int) -> tuple[str, ...]:
    """The names of the axes of scores: the batch, then positions."""
    if rank == 2:
        return ("batch", "positions")
    return ("batch", *(f"positions_{axis}" for axis in range(1, rank)))


def joined(inputs: ExplainedInputs, arrays: Sequence[Array]) -> Array:
    """The arrays of all parts as one, in the order of the inputs, zeros where short."""
    longest = np.max([array.shape[1:] for array in arrays], axis=0, initial=0)
    whole = np.zeros((inputs.count, *map(int, longest)), arrays[0].dtype)
    for part, array in zip(inputs.parts, arrays, strict=True):
        place: Any = (part.rows, *(slice(size) for size in array.shape[1:]))
        whole[place] = array
    return whole
