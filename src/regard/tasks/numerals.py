"""The digits of the numbering systems."""

import unicodedata

from babel import Locale

# The zero of each decimal numbering system of CLDR; its other digits follow it in
# Unicode.
_ZEROS = {
    system: unicodedata.lookup(f"{script}DIGIT ZERO")
    for system, script in (
        ("latn", ""),
        ("arab", "ARABIC-INDIC "),
        ("arabext", "EXTENDED ARABIC-INDIC "),
        ("beng", "BENGALI "),
        ("deva", "DEVANAGARI "),
        ("gujr", "GUJARATI "),
        ("guru", "GURMUKHI "),
        ("khmr", "KHMER "),
        ("knda", "KANNADA "),
        ("laoo", "LAO "),
        ("mlym", "MALAYALAM "),
        ("mymr", "MYANMAR "),
        ("orya", "ORIYA "),
        ("tamldec", "TAMIL "),
        ("telu", "TELUGU "),
        ("thai", "THAI "),
        ("tibt", "TIBETAN "),
    )
}

Digits = dict[int, str]


def digits_of(locale: Locale) -> tuple[Digits, ...]:
    """The tables, for ``str.translate``, to the digits in which a locale writes.

    Latin digits, those the locale takes by default and those native to it. Numbering
    systems that are not decimal are left out.
    """
    systems = [
        "latn",
        locale.default_numbering_system,
        locale.other_numbering_systems.get("native", "latn"),
    ]
    zeros = dict.fromkeys(_ZEROS[name] for name in systems if name in _ZEROS)
    return tuple(_table(zero) for zero in zeros)


def _table(zero: str) -> Digits:
    if zero == _ZEROS["latn"]:
        return {}
    return {ord("0") + digit: chr(ord(zero) + digit) for digit in range(10)}
