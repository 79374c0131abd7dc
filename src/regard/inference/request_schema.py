"""What a request asks, checked."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from regard.inference.limits import Limits
from regard.serve.problems import Problem, over


@dataclass(frozen=True)
class Question:
    """What is asked of a model.

    Args:
        inputs: The texts.
        weights: Whether the reply has tokens and weights.
        layers: The layers whose weights it has; None: all of them.
        top_k: The most probable labels and the strongest weights it has; None: all.
        html: Whether it has the picture of each result, too.
        beam: The width of the search; translators only.
        n_best: The results of a search; translators only.
    """

    inputs: tuple[str, ...]
    weights: bool = True
    layers: tuple[str, ...] | None = None
    top_k: int | None = None
    html: bool = False
    beam: int = 1
    n_best: int = 1

    @property
    def with_weights(self) -> bool:
        """Whether the reply has the weights of any layer."""
        return self.weights and self.layers != ()


def read_question(
    body: bytes, limits: Limits, layers: tuple[str, ...], searches: bool
) -> Question:
    """Make sense of the body of a request.

    Args:
        body: JSON.
        limits: What may be asked for.
        layers: The layers that the model has.
        searches: Whether the model searches, so that it can be told how.

    Raises:
        Problem: It is not JSON (400), or not as described, or over a limit (422).
    """
    readers: dict[str, Callable[[Any], Any]] = {
        "inputs": lambda value: _inputs(value, limits),
        "weights": lambda value: _flag("weights", value),
        "html": lambda value: _flag("html", value),
        "top_k": lambda value: _count("top_k", value, None),
        "layers": lambda value: _layers(value, layers),
    }
    if searches:
        readers["beam"] = lambda value: _beam(value, limits)
        readers["n_best"] = lambda value: _count("n_best", value, limits.n_best)
    asked = _object(body)
    unknown = sorted(set(asked) - set(readers))
    if unknown:
        # Their names are the client's own words; they might be anything.
        _refuse(f"{len(unknown)} of the members are unknown. Known: {list(readers)}.")
    if "inputs" not in asked:
        _refuse("'inputs' is missing: one text or a list of them.")
    given = {name: readers[name](value) for name, value in asked.items()}
    return Question(**({"beam": limits.beams[0]} | given))


def _object(body: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(body.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Problem(400, "The body is not JSON in UTF-8.") from error
    if not isinstance(asked, dict):
        _refuse("The body is no JSON object.")
    return asked


def _no_number(_: str) -> NoReturn:
    raise ValueError("NaN and infinities are no JSON")


def _inputs(value: Any, limits: Limits) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts:
        _refuse("'inputs' is neither a text nor a list of one text or more.")
    if len(texts) > limits.inputs:
        raise over(422, "inputs", limits.inputs, f"There are {len(texts)} inputs.")
    for index, text in enumerate(texts):
        _check_text(index, text, limits.characters)
    return tuple(texts)


def _check_text(index: int, text: Any, most: int) -> None:
    if not isinstance(text, str):
        _refuse(f"Input {index} is no text.")
    if len(text) > most:
        what = f"Input {index} has {len(text)} characters."
        raise over(422, "characters", most, what)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        _refuse(f"Input {index} holds half a surrogate pair.")


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        _refuse(f"'{name}' is neither true nor false.")
    return value


def _count(name: str, value: Any, most: int | None) -> int:
    # JSON has one kind of number: 3.0 is a whole one.
    whole = isinstance(value, int | float) and value == value // 1
    if isinstance(value, bool) or not whole or value < 1:
        _refuse(f"'{name}' is no whole number, 1 or more.")
    if most is not None and value > most:
        raise over(422, name, most, f"'{name}' is too large.")
    return int(value)


def _beam(value: Any, limits: Limits) -> int:
    beam = _count("beam", value, max(limits.beams))
    if beam not in limits.beams:
        allowed = sorted(limits.beams)
        raise Problem(
            422,
            f"This service searches with these beams only: {allowed}.",
            limit="beam",
            allowed=allowed,
        )
    return beam


def _layers(value: Any, known: tuple[str, ...]) -> tuple[str, ...]:
    if not isinstance(value, list) or any(one not in known for one in value):
        _refuse(f"'layers' is no list of layers of this model: {list(known)}.")
    return tuple(value)


def _refuse(detail: str) -> NoReturn:
    raise Problem(422, detail)
