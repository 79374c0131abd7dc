"""The inputs of a Keras model, one of which is examined position by position."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from regard import _compat
from regard._validate import wrong_value
from regard.errors import ArgumentError, DataError
from regard.explain.explained_inputs import Part
from regard.explain.explained_model import ExplainedModel
from regard.types import IntArray

Array = npt.NDArray[Any]


class Inputs:
    """What a model reads, with one input named as the one that is examined.

    Args:
        model: The model.
        x: Its inputs: arrays as ``model.predict`` takes them, or for a model of one
            input a list of sequences, which are filled up with zeros.
        chosen: The name or number of the examined input; None where there is one, or
            one beside a mask.

    Raises:
        ArgumentError: They do not fit the model, or one has to be chosen.
        DataError: There is no sample.
    """

    def __init__(self, model: keras.Model, x: Any, chosen: str | int | None) -> None:
        self._model = model
        symbols = _symbols(model)
        named = _by_name(x, [each.name for each in symbols], chosen)
        self._is_mapping = isinstance(x, Mapping)
        self._is_nest = self._is_mapping or named is not None
        named = {"x": x} if named is None else named
        self._names = list(named)
        self._at = _chosen(self._names, chosen)
        given, self.counts = _array(self._names[self._at], named.pop(self.name))
        others = {name: _array(name, each)[0] for name, each in named.items()}
        width = _fixed_width(symbols, self._at)
        if self.counts is not None and width is not None:
            given = _filled(given, width)
        #: ``(samples, positions, …)``, the examined input.
        self.array: Array = _as_ids(given) if _vocabularies(model) else given
        #: The other inputs by their names.
        self.others: dict[str, Array] = others
        #: Whether every sample has to have the width that it came with.
        self.is_fixed = width is not None or bool(others)
        self._check(symbols)

    @property
    def name(self) -> str:
        """The name of the examined input."""
        return self._names[self._at]

    @property
    def width(self) -> int:
        """The number of positions of the longest sample."""
        return int(self.array.shape[1])

    def mask_named(self, name: str | None) -> str | None:
        """The input that says which positions there are, None where there is none.

        Args:
            name: Its name; None: the only one that has "mask" in its name.

        Raises:
            ArgumentError: There is no input of that name, or it has another shape.
        """
        shape = self.array.shape[:2]
        fitting = [key for key, each in self.others.items() if each.shape == shape]
        if name is None:
            masks = [key for key in fitting if "mask" in key.lower()]
            return masks[0] if len(masks) == 1 else None
        if name not in fitting:
            known = ", ".join(map(repr, fitting)) or "none here"
            raise ArgumentError(
                f"There is no mask '{name}' among the inputs.",
                expected=f"an input of shape {shape}: {known}",
            )
        return name

    def check_ids(self, erased: int | None = None) -> None:
        """Refuse ids that the embedding which reads them does not have.

        Args:
            erased: The id that is put where a position is erased.

        Raises:
            ArgumentError: The embedding does not have that one.
            DataError: There are such ids in the inputs.
        """
        sizes = _vocabularies(self._model)
        ids = [self.array, *self.others.values()]
        ends = [(each.min(), each.max()) for each in ids if each.dtype.kind == "i"]
        at_most = max([erased or 0, *(int(last) for _, last in ends)])
        is_inside = all(first >= 0 for first, _ in ends)
        if not sizes or (is_inside and at_most < min(sizes)):
            return
        # Which embedding reads which input is known by a look at its layers alone.
        x = self.packed(self.array, self.others)
        structure = keras.tree.map_structure(lambda _: 0, x) if self._is_nest else 0
        leaves = tuple(keras.tree.flatten(x))
        place = next(n for n, each in enumerate(leaves) if each is self.array)
        part = Part(np.arange(len(self.array)), leaves, structure, place)
        explained = ExplainedModel.of(self._model)
        explained.checked(part)
        size = explained.vocabulary(part, place) or max(sizes)
        if erased is not None and erased >= size:
            expected = f"a whole number below {size}"
            raise wrong_value("id", erased, expected, of="an eraser")

    def fill(self, value: Any) -> None:
        """Let what samples of a list are filled up with be what is masked out."""
        if self.counts is not None:
            beyond = np.arange(self.width) >= self.counts[:, None]
            self.array[beyond] = value

    def taken(self, samples: IntArray, width: int) -> tuple[Array, dict[str, Array]]:
        """The examined input of some samples, cut to a width, and the other inputs."""
        others = {name: each[samples] for name, each in self.others.items()}
        return self.array[samples, :width], others

    def packed(self, block: Array, others: Mapping[str, Array]) -> Any:
        """The inputs of a batch, in the structure in which they came."""
        named = {**others, self.name: block}
        if self._is_mapping:
            return named
        return [named[name] for name in self._names] if self._is_nest else block

    def _check(self, symbols: Sequence[Any]) -> None:
        if not len(self.array):
            raise DataError("There is nothing to examine: the input has no sample.")
        for name, each in self.others.items():
            if len(each) != len(self.array):
                raise ArgumentError(
                    f"The inputs '{self.name}' and '{name}' do not fit each other.",
                    expected="as many samples of each",
                    received=f"{len(self.array)} and {len(each)}",
                )
        if len(symbols) != len(self._names):
            return
        wanted = tuple(symbols[self._at].shape)
        if len(wanted) != self.array.ndim or any(
            size not in {None, got}
            for size, got in zip(wanted[1:], self.array.shape[1:], strict=True)
        ):
            raise ArgumentError(
                f"The input '{self.name}' is not of the shape that the model reads.",
                expected=str(wanted),
                received=str(self.array.shape),
            )


def _symbols(model: keras.Model) -> list[Any]:
    """The inputs of a model as it declares them, none where it does not."""
    symbols = list(getattr(model, "inputs", None) or [])
    if isinstance(model, keras.Sequential):
        # One that was built by its first batch has that batch's shape.
        return [each for each in symbols if each.shape[0] is None]
    return symbols


def _by_name(
    x: Any, symbols: Sequence[str], chosen: str | int | None
) -> dict[str, Any] | None:
    """Several inputs by their names, None where there is one."""
    if isinstance(x, Mapping):
        if not x:
            raise DataError("There is nothing to examine: there is no input.")
        # In the order of the model's own, as it may be chosen by number.
        order = [name for name in symbols if name in x]
        return {name: x[name] for name in dict.fromkeys([*order, *x])}
    is_one = len(symbols) < 2 and chosen is None
    if is_one or not isinstance(x, list | tuple):
        return None
    names = symbols if len(symbols) == len(x) else [str(at) for at in range(len(x))]
    return dict(zip(names, x, strict=True))


def _chosen(names: Sequence[str], chosen: str | int | None) -> int:
    if chosen is None:
        plain = [at for at, name in enumerate(names) if "mask" not in name.lower()]
        if len(names) == 1 or len(plain) == 1:
            return plain[0] if plain else 0
    elif isinstance(chosen, str):
        if chosen in names:
            return names.index(chosen)
    elif chosen in range(len(names)):
        return chosen
    raise ArgumentError(
        "The model reads several inputs, and one has to be meant."
        if chosen is None
        else f"The model has no input {chosen!r}.",
        expected=f"input= one of {', '.join(map(repr, names))}",
    )


def _array(name: str, given: Any) -> tuple[Array, IntArray | None]:
    """An input as an array; sequences of several lengths filled up, with these."""
    counts = None
    if keras.ops.is_tensor(given):
        given = keras.ops.convert_to_numpy(given)
    if not isinstance(given, np.ndarray) or given.dtype == object:
        try:
            rows = [np.asarray(each) for each in given]
        except (TypeError, ValueError):
            rows = [np.asarray(None)]
        if any(each.dtype.kind not in "biuf" for each in rows):
            raise _no_numbers(name, rows[0])
        if len({each.shape for each in rows}) > 1:
            given, counts = _padded(name, rows)
        else:
            given = np.asarray(rows)
    if given.dtype.kind not in "biuf":
        raise _no_numbers(name, given)
    if given.ndim < 2 and given.size:
        raise ArgumentError(
            f"The input '{name}' has no axis of positions.",
            expected="an array of shape (samples, positions) or (samples, positions, "
            "features), or a list of sequences",
            received=f"shape {given.shape}",
        )
    # As wide as the backends keep them, so that no sample changes on its way.
    kinds = {"b": np.bool_, "f": np.float32}
    return given.astype(kinds.get(given.dtype.kind, np.int32)), counts


def _no_numbers(name: str, given: Array) -> ArgumentError:
    return ArgumentError(
        f"The input '{name}' is not made of numbers.",
        expected="an array of numbers, or a list of sequences of them",
        received=f"{given.dtype.name}",
        fix="Make of texts the ids that the model was trained on.",
    )


def _padded(name: str, rows: Sequence[Array]) -> tuple[Array, IntArray]:
    # A sample without a position has lost the axes of its features.
    inner = {each.shape[1:] for each in rows if each.size}
    if len(inner) > 1 or any(not each.ndim for each in rows):
        raise ArgumentError(
            f"The samples of the input '{name}' differ in more than their length.",
            expected="sequences of numbers, or of vectors of one size",
            received=", ".join(sorted({str(each.shape) for each in rows})[:4]),
        )
    counts = np.array([len(each) if each.size else 0 for each in rows])
    shape = (len(rows), counts.max(), *next(iter(inner), ()))
    padded = np.zeros(shape, np.result_type(*(each for each in rows if each.size)))
    for row, each, count in zip(padded, rows, counts.tolist(), strict=True):
        row[:count] = each[:count]
    return padded, counts


def _filled(array: Array, width: int) -> Array:
    """An array with zeros up to a width; one that is wider stays as it is."""
    missing = max(width - array.shape[1], 0)
    return np.pad(array, [(0, 0), (0, missing), *((0, 0),) * (array.ndim - 2)])


def _as_ids(array: Array) -> Array:
    """Whole numbers as such: Keras reads ids that come as floats, too."""
    is_whole = array.dtype.kind == "f" and bool((array == np.round(array)).all())
    return array.astype(np.int32) if is_whole else array


def _vocabularies(model: keras.Model) -> list[int]:
    """The numbers of ids that the embeddings of a model have."""
    return [
        int(each.input_dim)
        for each in _compat.layers_below(model)
        if isinstance(each, keras.layers.Embedding)
    ]


def _fixed_width(symbols: Sequence[Any], at: int) -> int | None:
    """The only number of positions that the model reads."""
    shape = tuple(symbols[at].shape) if at < len(symbols) else ()
    return shape[1] if len(shape) > 1 else None
