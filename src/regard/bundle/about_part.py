"""What the author of a model says of it, which its bundle carries for people.

``about.json`` has a description, and inputs to try the model on. It is there where the
author said something: texts of a training may be private, so no example is stored that
was not named. Answers do not depend on it.
"""

import copy
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from regard._untrusted import parse_json
from regard._validate import wrong_value
from regard.bundle.bundle import Bundle
from regard.bundle.trust_part import CARD, SECTION, warn_not_used
from regard.errors import ArgumentError, BundleError, DataError

#: The name of the part.
ABOUT = "about.json"
#: The most characters of a description, and of an example; the most examples.
MOST_CHARACTERS, MOST_EXAMPLES = 2_000, 12
_MOST_BYTES = 1 << 20
# Controls but tabs and line ends, and halves of characters.
_UNSEEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_HEADING = b"## About\n"

ArtifactT = TypeVar("ArtifactT")


@dataclass(frozen=True)
class About:
    """What the author of a model says of it.

    Args:
        description: What it does; "": nothing was said.
        examples: Inputs to try it on.
    """

    description: str = ""
    examples: tuple[str, ...] = ()

    def said(
        self, description: str | None = None, examples: Sequence[str] | None = None
    ) -> "About":
        """The same with what is said anew; None: as before.

        Raises:
            ArgumentError: It is no text, too long, or too much.
        """
        other = self
        if description is not None:
            other = replace(other, description=checked_description(description))
        if examples is not None:
            other = replace(other, examples=checked_examples(examples))
        return other

    def parts(self) -> dict[str, bytes]:
        """The part of a bundle by its name; none where nothing is said."""
        if self == About():
            return {}
        content = json.dumps(asdict(self), ensure_ascii=False, indent=2)
        return {ABOUT: f"{content}\n".encode()}


def described(trained: ArtifactT, about: About) -> ArtifactT:
    """The artifact with what is said of it; it shares its model and its programs."""
    other = copy.copy(trained)
    object.__setattr__(other, "about", about)
    return other


def checked_description(description: Any) -> str:
    """A description that a bundle can have.

    Raises:
        ArgumentError: It is no text, or too long.
    """
    if not isinstance(description, str):
        raise wrong_value("description", description, "a text")
    return _checked("description", description.strip())


def checked_examples(examples: Any) -> tuple[str, ...]:
    """Examples that a bundle can have.

    Raises:
        ArgumentError: They are no texts, too long, or too many.
    """
    expected = f"a list of texts, {MOST_EXAMPLES} at most"
    if isinstance(examples, str) or not isinstance(examples, Sequence):
        raise wrong_value("examples", examples, expected)
    if len(examples) > MOST_EXAMPLES:
        raise ArgumentError(
            "There are too many 'examples'.",
            expected=expected,
            received=f"{len(examples)} of them",
            arguments=["examples"],
        )
    for each in examples:
        if not isinstance(each, str) or not each.strip():
            raise wrong_value("examples", each, "texts, none of them empty")
        _checked("examples", each)
    return tuple(examples)


def _checked(name: str, text: str) -> str:
    expected = f"a text of {MOST_CHARACTERS:,} characters at most"
    if len(text) > MOST_CHARACTERS:
        raise ArgumentError(
            f"A text of '{name}' is too long.",
            expected=expected,
            received=f"one of {len(text):,}",
            arguments=[name],
        )
    found = _UNSEEN.search(text)
    if found:
        raise ArgumentError(
            f"A text of '{name}' holds a character that cannot be shown.",
            expected=expected,
            received=f"U+{ord(found[0]):04X} in it",
            fix="Take it out.",
            arguments=[name],
        )
    return text


def read_about(bundle: Bundle) -> About:
    """What the author says of a checked bundle; nothing where nothing was said.

    Warns:
        BundleWarning: Something was, and it is damaged.
    """
    try:
        if ABOUT in bundle.damaged:
            raise bundle.damaged[ABOUT]
        if ABOUT in bundle.parts:
            stored = parse_json(bundle.parts[ABOUT], most=_MOST_BYTES)
            return About().said(stored["description"], list(stored["examples"]))
    except (DataError, ArgumentError, BundleError) as problem:
        warn_not_used(bundle, ABOUT, BundleError(problem.message))
    except (KeyError, TypeError):
        warn_not_used(bundle, ABOUT, BundleError("It says nothing of a model."))
    return About()


def with_about(parts: dict[str, bytes], about: About) -> dict[str, bytes]:
    """The parts of a bundle with what is said of its model, in its card as well."""
    card = parts.get(CARD)
    told = {} if card is None else {CARD: _card_with(card, about)}
    return {**parts, **told, **about.parts()}


def _card_with(card: bytes, about: About) -> bytes:
    """A card that says it before it says what the weights are."""
    before, heading, rest = card.partition(SECTION)
    before = before.partition(_HEADING)[0]
    return before + _section(about) + heading + rest


def _section(about: About) -> bytes:
    blocks = []
    if about.description:
        blocks.append(_as_code(about.description.splitlines()))
    if about.examples:
        lines = [json.dumps(each, ensure_ascii=False) for each in about.examples]
        blocks += ["Texts to try it on, as JSON:\n", _as_code(lines)]
    said = "".join(f"\n{block}" for block in (*blocks, "") if blocks)
    return _HEADING + said.encode("utf-8") if said else b""


def _as_code(lines: Sequence[str]) -> str:
    # As code nothing in what was said is taken for Markdown.
    return "".join(f"    {line}\n" for line in lines)
