"""The shapes of questions and replies, as JSON schemas."""

from typing import Any

from regard.inference.limits import Limits

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_OFFSETS: Schema = {
    "type": "array",
    "items": {"type": "array", "items": _COUNT, "minItems": 2, "maxItems": 2},
    "description": "Start and end of each token in the input, counted in Unicode "
    "characters, the end exclusive.",
}
_HTML: Schema = {"type": "string", "description": "The result drawn, escaped."}


def array(items: Schema, description: str = "") -> Schema:
    """A list."""
    schema = {"type": "array", "items": items}
    return schema | ({"description": description} if description else {})


def record(properties: Schema, optional: tuple[str, ...] = ()) -> Schema:
    """An object with these members and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def question(limits: Limits, layers: tuple[str, ...], searches: bool) -> Schema:
    """What can be asked of a model."""
    text: Schema = {"type": "string", "maxLength": limits.characters}
    texts = array(text) | {"minItems": 1, "maxItems": limits.inputs}
    members: Schema = {
        "inputs": {
            "anyOf": [text, texts],
            "description": f"One text or several, each of {limits.tokens} tokens "
            "at most.",
        },
        "weights": FLAG
        | {"default": True, "description": "Whether tokens and weights are told."},
        "layers": array({"type": "string", "enum": list(layers)})
        | {"description": "Of which layers; all by default."},
        "top_k": {
            "type": "integer",
            "minimum": 1,
            "description": "Only so many of the most probable labels and of the "
            "strongest weights.",
        },
        "html": FLAG | {"default": False, "description": "Whether it is drawn, too."},
    }
    if searches:
        members |= _search(limits)
    return record(members, optional=tuple(set(members) - {"inputs"}))


def _search(limits: Limits) -> Schema:
    return {
        "beam": {
            "type": "integer",
            "enum": list(limits.beams),
            "default": limits.beams[0],
            "description": "The number of hypotheses that are followed.",
        },
        "n_best": {
            "type": "integer",
            "minimum": 1,
            "maximum": limits.n_best,
            "default": 1,
            "description": "How many of them are told, best first; at most the beam.",
        },
    }


def labelled() -> Schema:
    """What is told about a text by a classifier."""
    members = {
        "label": TEXT,
        "probabilities": {
            "type": "object",
            "additionalProperties": NUMBER,
            "description": "Of each label, the most probable first; they sum to 1.",
        },
        "truncated": FLAG
        | {"description": "Whether the text is longer than the model reads."},
        "tokens": array(TEXT),
        "offsets": _OFFSETS,
        "weights": array(NUMBER, "The attention on each token; they sum to 1."),
        "html": _HTML,
    }
    return record(members, optional=("tokens", "offsets", "weights", "html"))


def translated() -> Schema:
    """What is told about a text by a translator."""
    looked: Schema = record({"source": _COUNT, "weight": NUMBER})
    one = record(
        {
            "text": TEXT,
            "log_probability": NUMBER | {"description": "In nats."},
            "score": NUMBER | {"description": "What it was ranked by."},
            "finished": FLAG,
            "tokens": array(TEXT, "What was written."),
            "alignment": array(
                array(NUMBER),
                "For each written token its attention on each token of the input; "
                "each row sums to 1.",
            ),
            "strongest": array(array(looked), "The alignment where 'top_k' is asked."),
            "html": _HTML,
        },
        optional=("tokens", "alignment", "strongest", "html"),
    )
    members = {
        "translations": array(one, "Best first; none of an empty text."),
        "truncated": FLAG,
        "tokens": array(TEXT, "The tokens of the input."),
        "offsets": _OFFSETS,
    }
    return record(members, optional=("tokens", "offsets"))


def reply(name: str, kind: str, prediction: Schema) -> Schema:
    """What a model replies."""
    return record(
        {
            "model": {"type": "string", "enum": [name]},
            "kind": {"type": "string", "enum": [kind]},
            "predictions": array(prediction, "One for each input, in their order."),
        }
    )


def models() -> Schema:
    """What is told about the models."""
    one = record(
        {
            "name": TEXT,
            "kind": TEXT,
            "layers": array(TEXT),
            "beams": array(_COUNT, "The beams it can search with, the default first."),
            "ready": FLAG,
        }
    )
    return record({"models": array(one)})


def problem() -> Schema:
    """A problem document, RFC 9457."""
    members = {
        "type": TEXT,
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "limit": TEXT | {"description": "The limit that was hit."},
        "allowed": {"description": "What it allows."},
    }
    needed = ["type", "title", "status", "detail"]
    return {"type": "object", "properties": members, "required": needed}
