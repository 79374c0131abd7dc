"""The texts that a classifier gave a wrong label, the surest first."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from regard.classification.artifact import TrainedTextClassifier
from regard.classification.class_metrics import ClassificationEvaluation, evaluate
from regard.types import Explanation, FloatArray, IntArray, pandas_frame

if TYPE_CHECKING:
    import pandas as pd

    from regard.plot import TextPlot

# So many texts are explained at a time: enough to fill batches of like lengths.
_CHUNK = 1_024
_MOST_LINES = 20


@dataclass(frozen=True, eq=False)
class Mistakes:
    """The texts that were given another label than the right one.

    They are ordered by the probability of the wrong label, highest first: where the
    model was sure and is wrong, either it has learned something that is not so, or the
    right label is none.

    Args:
        texts: The texts.
        indices: ``(mistakes,)``, the place of each among all that were measured.
        right: The right label of each.
        given: The label that each was given.
        labels: All labels, in the order of ``probabilities``.
        probabilities: ``(mistakes, labels)``.
        explanations: What each rests on, of the first ones only.
        evaluation: The measures of all texts, right ones included.

    Example:
        >>> errors = classifier.errors(texts, labels)
        >>> errors.plot().save("worst.html")
        >>> errors.to_pandas().groupby(["right", "given"]).size()
    """

    texts: tuple[str, ...]
    indices: IntArray
    right: tuple[str, ...]
    given: tuple[str, ...]
    labels: tuple[str, ...]
    probabilities: FloatArray
    explanations: tuple[Explanation, ...]
    evaluation: ClassificationEvaluation

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def count(self) -> int:
        """How many texts were measured."""
        return int(self.evaluation.confusion.sum())

    @property
    def sentence(self) -> str:
        """How many there are, in words."""
        if not self.texts:
            return f"All {self.count:,} texts were given the right label."
        return (
            f"{len(self):,} of {self.count:,} texts were given a wrong label; those "
            "that the model was surest of come first."
        )

    def plot(self) -> "TextPlot":
        """Those that are explained as cards, with the evidence toward both labels."""
        from regard.plot import TextPlot  # noqa: PLC0415 - for pictures only

        shown = len(self.explanations)
        return TextPlot(
            self.explanations,
            len(self) - shown,
            right=self.right[:shown],
            note=self.sentence,
        )

    def to_dict(self) -> dict[str, Any]:
        """The measures, and all errors without their evidence, ready for JSON."""
        columns = (
            self.indices.tolist(),
            self.texts,
            self.right,
            self.given,
            self.probabilities.tolist(),
        )
        errors = [
            {
                "index": index,
                "text": text,
                "right": right,
                "given": given,
                "probabilities": dict(zip(self.labels, shares, strict=True)),
            }
            for index, text, right, given, shares in zip(*columns, strict=True)
        ]
        return {**self.evaluation.to_dict(), "errors": errors}

    def to_pandas(self) -> "pd.DataFrame":
        """A row for each mistake.

        The columns are ``index``, ``text``, ``right``, ``given`` and ``probability of``
        each label.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        columns: dict[str, Any] = {
            "index": self.indices,
            "text": list(self.texts),
            "right": list(self.right),
            "given": list(self.given),
        }
        for label, shares in zip(self.labels, self.probabilities.T, strict=True):
            columns[f"probability of {label}"] = shares
        return pandas_frame(columns)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return self.plot()._repr_mimebundle_() | {"text/plain": repr(self)}

    def __str__(self) -> str:
        from rich.cells import cell_len  # noqa: PLC0415 - for terminals only

        from regard.plot.characters import for_terminal_line  # noqa: PLC0415 - the same
        from regard.plot.document import opening  # noqa: PLC0415 - the same

        rows = [("index", "probability", "given", "right", "its probability", "text")]
        for place in range(min(len(self), _MOST_LINES)):
            named = dict(
                zip(self.labels, self.probabilities[place].tolist(), strict=True)
            )
            given, right = self.given[place], self.right[place]
            rows.append(
                (
                    str(self.indices[place]),
                    f"{named[given]:.4f}",
                    for_terminal_line(given),
                    for_terminal_line(right),
                    f"{named[right]:.4f}",
                    for_terminal_line(opening(self.texts[place])),
                )
            )
        if len(rows) == 1:
            return self.sentence
        widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                f"{cell}{' ' * (width - cell_len(cell))}"
                for cell, width in zip(row, widths, strict=True)
            ).rstrip()
            for row in rows
        ]
        left = len(self) - len(rows) + 1
        more = [f"{left:,} more are not shown here."] if left else []
        return "\n".join([self.sentence, *lines, *more])

    def __repr__(self) -> str:
        return f"Mistakes({len(self)} of {self.count} texts)"


def find_mistakes(
    trained: TrainedTextClassifier,
    texts: Sequence[str],
    targets: IntArray,
    most: int | None,
) -> Mistakes:
    """Answer texts, each once, and keep those with a wrong label.

    Args:
        trained: The classifier.
        texts: The texts.
        targets: ``(texts,)``, the index of the right label of each.
        most: How many are kept with what they rest on; None: all.
    """
    names = trained.labels.names
    probabilities = np.zeros((len(texts), len(names)), np.float32)
    # The surest so far: an explanation takes thousands of bytes.
    kept: list[tuple[float, int, Explanation]] = []
    for start in range(0, len(texts), _CHUNK):
        explained = trained.explain(texts[start : start + _CHUNK])
        for index, each in enumerate(explained, start):
            probabilities[index] = each.probabilities
            if each.label == names[targets[index]]:
                continue
            # Of equally sure ones the first stays.
            entry = (each.probability, -index, each)
            if most is None or len(kept) < most:
                heapq.heappush(kept, entry)
            else:
                heapq.heappushpop(kept, entry)
    best = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(best != targets)
    order = wrong[np.argsort(-probabilities[wrong, best[wrong]], kind="stable")]
    rows = order.tolist()
    return Mistakes(
        texts=tuple(texts[row] for row in rows),
        indices=order,
        right=tuple(names[target] for target in targets[order].tolist()),
        given=tuple(names[place] for place in best[order].tolist()),
        labels=names,
        probabilities=probabilities[order],
        explanations=tuple(each for _, _, each in sorted(kept, reverse=True)),
        evaluation=evaluate(probabilities, targets, names),
    )
