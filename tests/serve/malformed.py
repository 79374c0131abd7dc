"""Bodies that are no questions, made at random; each has to be answered 4xx."""

import json
import random

_CORE = {"inputs": "a refund"}
_WRONG = [None, True, 0, -1, 1.5, 1e308, "", "x", [], {}, [[]], [None], {"a": 1}, "0"]


def malformed(count: int, seed: int) -> list[bytes]:
    """So many bodies, none of them a question to a classifier."""
    dice = random.Random(seed)  # noqa: S311 - no secrets
    makers = [_bytes, _cut, _deep, _wrong_type, _huge, _unknown, _encoding, _numbers]
    return [makers[index % len(makers)](dice) for index in range(count)]


def _bytes(dice: random.Random) -> bytes:
    # The first byte begins no JSON value.
    return b"\xff" + dice.randbytes(dice.randrange(200))


def _cut(dice: random.Random) -> bytes:
    whole = json.dumps(_CORE).encode()
    return whole[: dice.randrange(len(whole))]


def _deep(dice: random.Random) -> bytes:
    depth = dice.choice([100, 1_000, 4_000])
    opening, closing = dice.choice([(b"[", b"]"), (b'{"inputs":', b"}")])
    return opening * min(depth, 700) + dice.choice([b"", closing * depth])


def _wrong_type(dice: random.Random) -> bytes:
    wrong = dice.choice([one for one in _WRONG if not isinstance(one, str)])
    name = dice.choice(["inputs", "layers"])
    if wrong == [] and name == "layers":
        wrong = [0]
    return json.dumps({**_CORE, name: wrong}).encode()


def _huge(dice: random.Random) -> bytes:
    text = dice.choice(["a", "\u00e9", "🙂"]) * dice.randrange(401, 20_000)
    return json.dumps({"inputs": text}, ensure_ascii=dice.random() < 0.5).encode()


def _unknown(dice: random.Random) -> bytes:
    name = dice.choice(["beam", "n_best", "path", "", "__class__", "\u0000"])
    return json.dumps({**_CORE, name: dice.choice(_WRONG)}).encode()


def _encoding(dice: random.Random) -> bytes:
    text = dice.choice(["\\ud800", "a\\udfff", "\\ud83d\\ud83d"])
    right = json.dumps(_CORE)
    wrong = [
        f'{{"inputs": "{text}"}}'.encode(),
        b'{"inputs": "\xc3\x28"}',
        right.encode("utf-16"),
        right.encode("utf-32"),
        b"\xef\xbb\xbf" + right.encode(),
    ]
    return dice.choice(wrong)


def _numbers(dice: random.Random) -> bytes:
    number = dice.choice(["NaN", "Infinity", "1e999", "-1", "0", "1.5", "9" * 5_000])
    return f'{{"inputs": "a", "top_k": {number}}}'.encode()
