"""The results: frozen, NumPy, named axes.

Every picture, page, reply and report is made of these. They know nothing of models
and nothing of plotting.
"""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from regard.errors import ArgumentError, MissingExtraError, listed, shown

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "AttentionMap",
    "Explanation",
    "ModelLine",
    "Observation",
    "Translation",
    "TrustLine",
]

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.integer[Any]]
# So much of a map is drawn where a notebook shows it.
_SIDES = ("queries", "keys")
_MOST_MAPS, _MOST_TOKENS, _MOST_CELLS = 16, 48, 9_216
# So many characters of a text name it.
_START = 60


@dataclass(frozen=True, eq=False)
class AttentionMap:
    """The attention weights of one use of one layer, with named axes.

    Args:
        weights: Softmax weights before dropout. Over the axis ``"keys"`` the valid
            entries sum to 1; masked keys and rows without a valid key are 0.
        axes: A name for each axis, for example ``("batch", "heads", "keys")`` or
            ``("batch", "heads", "queries", "keys")``.
        layer: The path of the layer inside the observed model.
        kind: The class name of the layer.

    Raises:
        ArgumentError: The number of names is not the number of axes.
    """

    weights: FloatArray
    axes: tuple[str, ...]
    layer: str
    kind: str = ""

    def __post_init__(self) -> None:
        if len(self.axes) != self.weights.ndim:
            raise ArgumentError(
                f"The weights of layer '{self.layer}' do not fit their axes.",
                expected=f"{len(self.axes)} axes {self.axes}",
                received=f"an array of shape {self.weights.shape}",
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the weights."""
        return self.weights.shape

    def select(self, **indices: int | slice) -> "AttentionMap":
        """Fix axes by name, or keep a part: ``map.select(batch=0, keys=slice(7))``.

        Args:
            **indices: For an axis an entry, which removes the axis, or a slice.

        Raises:
            ArgumentError: There is no axis or no entry like this.
        """
        selection: list[int | slice] = [slice(None)] * len(self.axes)
        for name, index in indices.items():
            axis = self._axis(name)
            size = self.shape[axis]
            if not isinstance(index, slice) and not _is_entry(index, size):
                raise ArgumentError(
                    f"The attention of layer '{self.layer}' has no such entry.",
                    expected=f"{name}: a slice or a whole number below {size}",
                    received=shown(index),
                )
            selection[axis] = index
        axes = tuple(
            axis for axis in self.axes if isinstance(indices.get(axis, slice(0)), slice)
        )
        return AttentionMap(
            np.asarray(self.weights[tuple(selection)]), axes, self.layer, self.kind
        )

    def mean(self, axis: str = "heads") -> "AttentionMap":
        """Average over a named axis, the heads unless told otherwise."""
        axes = tuple(name for name in self.axes if name != axis)
        weights = np.asarray(self.weights.mean(axis=self._axis(axis)))
        return AttentionMap(weights, axes, self.layer, self.kind)

    def to_pandas(self) -> "pd.DataFrame":
        """A row for each weight: the index on each axis, and the weight.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        indices = zip(self.axes, np.indices(self.shape), strict=True)
        columns = {axis: index.ravel() for axis, index in indices}
        return pandas_frame({**columns, "weight": self.weights.ravel()})

    def _axis(self, name: str) -> int:
        if name not in self.axes:
            raise ArgumentError(
                f"The attention of layer '{self.layer}' has no axis '{name}'.",
                expected=f"one of {self.axes}",
            )
        return self.axes.index(name)

    def __repr__(self) -> str:
        sizes = ", ".join(
            f"{axis}={size}" for axis, size in zip(self.axes, self.shape, strict=True)
        )
        return f"AttentionMap({self.layer!r}, {sizes})"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        # A look at it: whole it can be gigabytes.
        sides = zip(self.axes, self.shape, strict=True)
        cells = prod(min(n, _MOST_TOKENS) for axis, n in sides if axis in _SIDES)
        most = max(1, min(_MOST_MAPS, _MOST_CELLS // max(cells, 1)))
        return _drawn(
            self, "alignment", repr(self), most=most, most_tokens=_MOST_TOKENS
        )


@dataclass(frozen=True, eq=False)
class Observation:
    """The outputs of a model and its attention, of one forward pass.

    Args:
        outputs: The outputs, as NumPy arrays in the model's own structure.
        attention: The attention of each observed layer, by the layer's path. A layer
            used several times has an entry for each use: ``"path"``, ``"path#2"``, …
    """

    outputs: Any
    attention: Mapping[str, AttentionMap]

    def stacked(self, layer: str) -> AttentionMap:
        """The attention of all uses of a layer as one, with an axis ``"call"``.

        For a layer that is called in a loop. The axis comes after the batch, in the
        order of the calls. Where the calls saw different numbers of queries or keys,
        the smaller ones are filled up with zeros at the end: a key that was not there
        had no weight.

        Args:
            layer: The path of the layer, without the number of a use.

        Raises:
            ArgumentError: There is no such layer, or its uses have different axes.
        """
        uses = [each for each in self.attention.values() if each.layer == layer]
        if not uses:
            paths = dict.fromkeys(each.layer for each in self.attention.values())
            raise ArgumentError(
                f"There is no attention of a layer '{layer}'.",
                expected=f"one of {', '.join(map(repr, paths)) or 'none'}",
            )
        first = uses[0]
        if any(use.axes != first.axes for use in uses):
            raise ArgumentError(
                f"The uses of the layer '{layer}' have different axes.",
                expected=f"{first.axes} in each",
                received=", ".join(sorted({str(use.axes) for use in uses})),
            )
        longest = np.max([use.shape for use in uses], axis=0)
        weights = np.zeros((len(uses), *longest), first.weights.dtype)
        for call, use in zip(weights, uses, strict=True):
            call[tuple(map(slice, use.shape))] = use.weights
        batch, *inner = first.axes
        axes = (batch, "call", *inner)
        return AttentionMap(np.moveaxis(weights, 0, 1), axes, layer, first.kind)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        bundle: dict[str, str] = importlib.import_module("regard.plot.figures").bundle(
            "Attention that was observed"
            if self.attention
            else "No layer was observed",
            {
                path: dict(zip(layer.axes, layer.shape, strict=True))
                for path, layer in self.attention.items()
            },
        )
        return bundle

    def __repr__(self) -> str:
        return f"Observation({', '.join(map(repr, self.attention.values()))})"


@dataclass(frozen=True)
class TrustLine:
    """What an examination found of the weights of a model, in one line.

    A model has it where its bundle carries the report; see ``regard.trust.attach``.

    Args:
        verdict: The verdict, for example ``"explains"``.
        sentence: The verdict with its numbers and what it was measured on.
        is_misleading: Whether looking at the weights is worse than not to: shading is
            grey then.
    """

    verdict: str
    sentence: str
    is_misleading: bool = field(default=False)

    def to_dict(self) -> dict[str, Any]:
        """The line as plain values, ready for JSON."""
        return {
            "verdict": self.verdict,
            "sentence": self.sentence,
            "is_misleading": self.is_misleading,
        }


@dataclass(frozen=True)
class ModelLine:
    """Which model gave an answer, and what it was trained on, in one line.

    Args:
        name: The name of the bundle it was loaded from; empty: it was not.
        trained: The day its training ended, as ``2026-11-26``; empty: not known.
        data: The name of the file it was trained on; empty: not known, or none.
        examples: How many examples it was trained on; None: not known.
    """

    name: str = ""
    trained: str = ""
    data: str = ""
    examples: int | None = None

    @property
    def sentence(self) -> str:
        """All that is known; empty where nothing is."""
        examples = "" if self.examples is None else f"on {self.examples:,} texts"
        data = f"{'of' if examples else 'on'} {self.data}" if self.data else ""
        day = f"on {self.trained}" if self.trained else ""
        parts = [part for part in (day, examples, data) if part]
        told = f"trained {' '.join(parts)}" if parts else ""
        return ", ".join(part for part in (self.name, told) if part)

    def to_dict(self) -> dict[str, Any]:
        """The line as plain values, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Explanation:
    """The label given to a text and the tokens it rests on.

    Args:
        text: The text as it came.
        label: The most probable label.
        labels: All labels, in the order of ``probabilities``.
        probabilities: ``(len(labels),)``, sums to 1.
        tokens: The tokens of the text as they stand in it.
        offsets: ``(tokens, 2)``: start and end of each token in ``text``, counted in
            characters, the end exclusive.
        weights: ``(tokens,)``, the attention of the prediction on each token, the
            average over heads; sums to 1 unless there is no token.
        truncated: Whether the text was longer than the model reads, so that tokens
            after the last one here were not seen.
        trust: Whether the weights of the model may be read as reasons, where that was
            examined; otherwise None.
        contributions: ``(tokens, labels)``, what each token adds to the logit of each
            label, in nats: its weight times its value, read by the output layer, less
            the mean over the labels, which changes no probability. None: not known.
        bias: ``(labels,)``, the logits of a text without a token. The sum of the
            contributions over the tokens and this are the logits whose softmax is
            ``probabilities``, within 1e-5. None: not known.
        head_weights: ``(heads, tokens)``, the attention of each head, whose mean is
            ``weights``. None: there is one head, or they are not known.
        model: Which model gave the label, where that is known.
        given: The labels that the text is given, of a classifier that gives several or
            none: then ``label`` is the likeliest, given or not, ``probabilities`` are
            those of each label by itself, and no mean over the labels is taken off the
            contributions. None: a text has one label.
        label_weights: ``(labels, tokens)``, the attention of each label, where each has
            one of its own; ``weights`` is that of ``label``. None: it has not.

    Raises:
        ArgumentError: The lengths do not fit each other, or the label is not one of the
            labels.
    """

    text: str
    label: str
    labels: tuple[str, ...]
    probabilities: FloatArray
    tokens: tuple[str, ...]
    offsets: IntArray
    weights: FloatArray
    truncated: bool = field(default=False)
    trust: TrustLine | None = field(default=None)
    contributions: FloatArray | None = field(default=None)
    bias: FloatArray | None = field(default=None)
    head_weights: FloatArray | None = field(default=None)
    model: ModelLine | None = field(default=None)
    given: tuple[str, ...] | None = field(default=None)
    label_weights: FloatArray | None = field(default=None)

    def __post_init__(self) -> None:
        count = len(self.tokens)
        if self.weights.shape != (count,) or self.offsets.shape != (count, 2):
            raise ArgumentError(
                "The parts of an explanation do not fit each other.",
                expected=f"{count} tokens with a weight and two offsets each",
                received=f"weights {self.weights.shape}, offsets {self.offsets.shape}",
            )
        if self.probabilities.shape != (len(self.labels),):
            raise ArgumentError(
                "An explanation needs one probability for each label.",
                expected=f"({len(self.labels)},)",
                received=f"{self.probabilities.shape}",
            )
        self._check_contributions()
        heads = self.head_weights
        if heads is not None and (heads.ndim != 2 or heads.shape[1] != count):
            raise ArgumentError(
                "The heads of an explanation do not fit its tokens.",
                expected=f"(heads, {count})",
                received=f"{heads.shape}",
            )
        of_labels = self.label_weights
        if of_labels is not None and of_labels.shape != (len(self.labels), count):
            raise ArgumentError(
                "The attention of the labels does not fit labels and tokens.",
                expected=f"({len(self.labels)}, {count})",
                received=f"{of_labels.shape}",
            )
        if not {self.label, *(self.given or ())} <= set(self.labels):
            raise ArgumentError(
                "The label of an explanation is one of its labels.",
                expected=f"one of {listed(self.labels)}",
                received=shown(self.label),
            )

    @property
    def said(self) -> str:
        """The label, or those that are given, as a line for people."""
        if self.given is None:
            return self.label
        return ", ".join(self.given) or "no label"

    def _check_contributions(self) -> None:
        bias, parts = self.bias, self.contributions
        shapes = [None if each is None else each.shape for each in (parts, bias)]
        fitting = [(len(self.tokens), len(self.labels)), (len(self.labels),)]
        if shapes not in ([None, None], fitting):
            raise ArgumentError(
                "An explanation has a contribution of each token to each label and a "
                "bias for each label, or neither.",
                expected=f"{fitting[0]} and {fitting[1]}",
                received=f"{shapes[0]} and {shapes[1]}",
            )

    @property
    def probability(self) -> float:
        """The probability of ``label``."""
        return float(self.probabilities[self.labels.index(self.label)])

    @property
    def attention(self) -> AttentionMap:
        """The attention of each head, with the axes ``("heads", "keys")``."""
        heads = self.head_weights
        weights = self.weights[None] if heads is None else heads
        return AttentionMap(weights, ("heads", "keys"), "attention")

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return _drawn(self, "text")

    def __repr__(self) -> str:
        start = self.text if len(self.text) <= _START else f"{self.text[:_START]}…"
        return (
            f"Explanation({start!r}, {self.label!r}, "
            f"probability={self.probability:.4f}, tokens={len(self.tokens)})"
        )

    def to_pandas(self) -> "pd.DataFrame":
        """A row for each token, with where it stands and its weight.

        The columns are ``token``, ``start`` and ``end`` in characters, ``weight`` and,
        where they are known, the weight of each ``head``, ``contribution to`` each
        label, in nats, and ``weight of`` each label with an attention of its own.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        columns = {
            "token": list(self.tokens),
            "start": self.offsets[:, 0],
            "end": self.offsets[:, 1],
            "weight": self.weights,
        }
        if self.head_weights is not None:
            for head, weights in enumerate(self.head_weights):
                columns[f"head {head}"] = weights
        if self.contributions is not None:
            for label, added in zip(self.labels, self.contributions.T, strict=True):
                columns[f"contribution to {label}"] = added
        if self.label_weights is not None:
            for label, weights in zip(self.labels, self.label_weights, strict=True):
                columns[f"weight of {label}"] = weights
        return pandas_frame(columns)

    def to_dict(self) -> dict[str, Any]:
        """The explanation as plain values, ready for JSON; without its model."""
        probabilities = zip(self.labels, self.probabilities.tolist(), strict=True)
        return {
            "text": self.text,
            "label": self.label,
            "probabilities": dict(probabilities),
            "tokens": list(self.tokens),
            "offsets": self.offsets.tolist(),
            "weights": self.weights.tolist(),
            "truncated": self.truncated,
            "trust": _line(self.trust),
            "contributions": _listed(self.contributions),
            "bias": _listed(self.bias),
            "head_weights": _listed(self.head_weights),
            **({} if self.given is None else self._of_several()),
        }

    def _of_several(self) -> dict[str, Any]:
        """What there is to say where a text may have several labels."""
        assert self.given is not None  # noqa: S101 - for the types
        weights = _listed(self.label_weights)
        return {"labels": list(self.given), "label_weights": weights}


@dataclass(frozen=True, eq=False)
class Translation:
    """A sequence written from another, and where it looked for each of its tokens.

    Args:
        source: The source as it came.
        text: The written sequence.
        source_tokens: The tokens of the source.
        target_tokens: The tokens that were written, without the one that ends it.
        alignment: ``(target, source)``, the attention of each written token on each
            token of the source, the average over heads; rows sum to 1.
        log_probability: The logarithm of the probability of the written sequence, its
            end included, in nats.
        score: The number it was ranked by among the hypotheses of its search.
        finished: Whether it ended by itself; otherwise it was cut off.
        truncated: Whether the source was longer than the model reads.
        trust: Whether the weights of the model may be read as reasons, where that was
            examined; otherwise None.

    Raises:
        ArgumentError: The alignment does not fit the tokens.
    """

    source: str
    text: str
    source_tokens: tuple[str, ...]
    target_tokens: tuple[str, ...]
    alignment: FloatArray
    log_probability: float
    score: float
    finished: bool = field(default=True)
    truncated: bool = field(default=False)
    trust: TrustLine | None = field(default=None)

    def __post_init__(self) -> None:
        shape = len(self.target_tokens), len(self.source_tokens)
        if self.alignment.shape != shape:
            raise ArgumentError(
                "The alignment of a translation does not fit its tokens.",
                expected=f"{shape}, target tokens by source tokens",
                received=str(self.alignment.shape),
            )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return _drawn(self, "alignment")

    def __repr__(self) -> str:
        return (
            f"Translation({self.text!r}, log_probability={self.log_probability:z.4f}, "
            f"tokens={len(self.target_tokens)} of {len(self.source_tokens)})"
        )

    def to_pandas(self) -> "pd.DataFrame":
        """A row for each written token and each token of the source.

        The columns are ``target`` and ``source``, the tokens by their numbers from 0,
        ``target_token``, ``source_token`` and ``weight``. With a row for each written
        token: ``frame.pivot(index="target", columns="source", values="weight")``.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        target, source = (each.ravel() for each in np.indices(self.alignment.shape))
        return pandas_frame(
            {
                "target": target,
                "source": source,
                "target_token": [self.target_tokens[at] for at in target.tolist()],
                "source_token": [self.source_tokens[at] for at in source.tolist()],
                "weight": self.alignment.ravel(),
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """The translation as plain values, ready for JSON."""
        return {
            "source": self.source,
            "text": self.text,
            "source_tokens": list(self.source_tokens),
            "target_tokens": list(self.target_tokens),
            "alignment": self.alignment.tolist(),
            # Of a certain one they may be -0.
            "log_probability": self.log_probability + 0.0,
            "score": self.score + 0.0,
            "finished": self.finished,
            "truncated": self.truncated,
            "trust": _line(self.trust),
        }


def pandas_frame(
    columns: Mapping[str, Any], index: Sequence[str] | None = None, name: str = ""
) -> "pd.DataFrame":
    """A frame of pandas.

    Args:
        columns: The values of each column.
        index: The name of each row; None: their numbers.
        name: What the index is called.

    Raises:
        MissingExtraError: pandas is not installed.
    """
    try:
        import pandas as pd  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("A frame of results", "pandas", "pandas") from error
    named = None if index is None else pd.Index(list(index), name=name)
    return pd.DataFrame(dict(columns), index=named)


def _line(trust: TrustLine | None) -> dict[str, Any] | None:
    return None if trust is None else trust.to_dict()


def _listed(values: FloatArray | None) -> Any:
    # Of no evidence it may be -0.
    return None if values is None else (values + 0.0).tolist()


def _is_entry(index: Any, size: int) -> bool:
    is_whole = isinstance(index, int | np.integer) and not isinstance(index, bool)
    return is_whole and -size <= index < size


def _drawn(
    result: Any, function: str, plain: str | None = None, **limits: int
) -> dict[str, str]:
    """What a notebook shows where the last line of a cell is a result.

    A notebook asks the object itself how it looks. The drawing is not done here: it is
    looked up by name, only then, so that nothing here depends on it.
    """
    try:
        picture = getattr(importlib.import_module("regard.plot"), function)
        bundle: dict[str, str] = picture(result, **limits)._repr_mimebundle_()
    except ArgumentError as error:
        # Weights that are none, NaN for example: to look at them is to learn of it.
        said = f"{result!r}\n{error}"
        return {"text/html": f"<pre>{escape(said)}</pre>", "text/plain": said}
    return bundle if plain is None else bundle | {"text/plain": plain}
