"""Letter case, as the language has it."""

# In these languages i with and without a dot are two letters in capitals too.
_DOTTED = {"tr", "az"}
_DOTLESS_I = "\N{LATIN SMALL LETTER DOTLESS I}"
_DOTTED_CAPITAL = "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}"

LETTER_CASES = ("as written", "lower", "upper", "title")


def in_case(text: str, case: str, language: str) -> str:
    """The text in one of ``LETTER_CASES``; scripts without case stay as they are."""
    if case == "lower":
        return _lower(text, language)
    if case == "upper":
        return _upper(text, language)
    if case == "title":
        return " ".join(
            _upper(word[:1], language) + _lower(word[1:], language)
            for word in text.split(" ")
        )
    return text


def _lower(text: str, language: str) -> str:
    if language in _DOTTED:
        text = text.replace("I", _DOTLESS_I).replace(_DOTTED_CAPITAL, "i")
    return text.lower()


def _upper(text: str, language: str) -> str:
    if language in _DOTTED:
        text = text.replace("i", _DOTTED_CAPITAL)
    return text.upper()
