"""The table of scores and what the layers that choose from it share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from regard.errors import ArgumentError
from regard.layers.base import AttentionLayer, check_positive
from regard.ops import scores
from regard.ops.precision import Tensor


@dataclass(frozen=True)
class Sizes:
    """What the shapes of the weights of a score depend on."""

    query: int
    key: int
    units: int
    heads: int


@dataclass(frozen=True)
class Score:
    """A score function and the weights it takes, by the names of its arguments.

    Args:
        function: Called with the inputs and the weights as keywords.
        shapes: The shape of each weight. A weight called ``bias`` is a bias.
        has_units: Whether there is a hidden layer whose width can be chosen.
    """

    function: Callable[..., Tensor]
    shapes: Callable[[Sizes], dict[str, tuple[int, ...]]]
    has_units: bool = False


#: Scores of a query and a key.
PAIR_SCORES: Mapping[str, Score] = {
    "additive": Score(
        scores.additive,
        lambda size: {
            "query_kernel": (size.query, size.heads * size.units),
            "key_kernel": (size.key, size.heads * size.units),
            "bias": (size.heads * size.units,),
            "scale": (size.heads, size.units),
        },
        has_units=True,
    ),
    "concat": Score(
        scores.concat,
        lambda size: {
            "kernel": (size.query + size.key, size.heads * size.units),
            "bias": (size.heads * size.units,),
            "scale": (size.heads, size.units),
        },
        has_units=True,
    ),
    "general": Score(
        scores.general, lambda size: {"kernel": (size.query, size.heads * size.key)}
    ),
    "dot": Score(scores.dot, lambda _: {}),
    "scaled_dot": Score(scores.scaled_dot, lambda _: {}),
}

#: Scores of a state on its own.
STATE_SCORES: Mapping[str, Score] = {
    "linear": Score(scores.linear, lambda size: {"kernel": (size.key, size.heads)}),
    "feed_forward": Score(
        scores.feed_forward,
        lambda size: {"kernel": (size.key, size.heads), "bias": (size.heads,)},
    ),
    "context": Score(
        scores.context,
        lambda size: {
            "kernel": (size.key, size.units),
            "bias": (size.units,),
            "vector": (size.units, size.heads),
        },
        has_units=True,
    ),
    "gated": Score(
        scores.gated,
        lambda size: {
            "tanh_kernel": (size.key, size.units),
            "sigmoid_kernel": (size.key, size.units),
            "vector": (size.units, size.heads),
        },
        has_units=True,
    ),
}


class ScoredAttention(AttentionLayer):
    """An attention layer whose score is chosen from a table.

    Args:
        score: The name of the score.
        row: The score itself, from one of the tables.
        units: The width of the score's hidden layer.
        num_heads: The number of heads.
        **kwargs: What ``AttentionLayer`` takes.
    """

    def __init__(
        self,
        score: str,
        row: Score,
        units: int | None,
        num_heads: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.score = score
        self._row = row
        self.units = check_positive("units", units)
        self.num_heads = check_positive("num_heads", num_heads) or 1
        if units is not None and not row.has_units:
            raise ArgumentError(
                f"The score '{score}' has no hidden layer.",
                expected="units=None",
                received=f"units={units}",
            )

    def _build_score(self, query: int, key: int) -> None:
        """Make the weights of the score for so many query and key features."""
        size = Sizes(query, key, self.units or key, self.num_heads)
        shapes = self._row.shapes(size)
        if not self.use_bias:
            shapes.pop("bias", None)
        self._score_weights = {
            name: (self._add_bias if name == "bias" else self._add_kernel)(name, shape)
            for name, shape in shapes.items()
        }

    def _scores(self, *inputs: Tensor) -> Tensor:
        return self._row.function(*inputs, **self._score_weights)

    def get_config(self) -> dict[str, Any]:
        """The arguments the layer can be made anew from."""
        return {
            **super().get_config(),
            "score": self.score,
            "units": self.units,
            "num_heads": self.num_heads,
        }


def find_score(argument: str, name: str, table: Mapping[str, Score]) -> Score:
    """The row of a table, or an error that says which rows there are."""
    if name not in table:
        raise ArgumentError(
            f"'{argument}' names no score.",
            expected="one of " + ", ".join(repr(known) for known in table),
            received=repr(name),
        )
    return table[name]
