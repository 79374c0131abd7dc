"""Characters that would act on a reader's screen, turned into ones that only show."""

import unicodedata

# C0, DEL and C1; tabs and line ends stay.
_CONTROLS = {*range(0x20), *range(0x7F, 0xA0)} - {0x09, 0x0A, 0x0D}
# Characters that reorder what follows them, beyond the text they stand in.
_DIRECTIONS = {0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
_SURROGATES = range(0xD800, 0xE000)

_PICTURES = {
    code: chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"
    for code in _CONTROLS
} | dict.fromkeys(_SURROGATES, "\ufffd")
_ESCAPES = {
    code: f"\\u{code:04x}" if code > 0xFF else f"\\x{code:02x}"
    for code in {*_CONTROLS, *_DIRECTIONS, *_SURROGATES, 0x0D}
}


def for_page(text: str) -> str:
    """Control characters as pictures (␛), one for one: HTML does not allow them."""
    return text.translate(_PICTURES)


def for_terminal(text: str) -> str:
    r"""Control and direction characters spelt out (``\x1b``).

    A terminal obeys them: a text could move the cursor, colour or hide what follows,
    or write to the clipboard.
    """
    return text.replace("\r\n", "\n").translate(_ESCAPES)


def for_terminal_line(text: str) -> str:
    r"""The same on one line: line ends and tabs spelt out (``\n``) as well."""
    return for_terminal(text).replace("\n", "\\n").replace("\t", "\\t")


def visible(token: str, most: int | None = None) -> str:
    r"""A token as a label: nothing in it is invisible and nothing acts.

    A space becomes ``␣``, a tab ``⇥``, a line end ``↵``, no character at all ``∅``;
    controls and directions are spelt out. A label longer than ``most`` characters
    ends in ``…``.
    """
    label = "".join(_mark(character) for character in for_terminal(token)) or "∅"
    if all(unicodedata.category(character) == "Cf" for character in label):
        label = "".join(f"\\u{ord(character):04x}" for character in label)
    return label if most is None or len(label) <= most else label[: most - 1] + "…"


def _mark(character: str) -> str:
    if not character.isspace():
        return character
    return {"\t": "⇥", "\n": "↵"}.get(character, "␣")
