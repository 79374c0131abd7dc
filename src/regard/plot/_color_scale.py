"""The colour scale: shades that differ by equal steps to the eye.

Each scale is a straight line through OKLab, a space in which equal distances look
equally different, from the colour of the page to one deep or bright blue. Lightness
rises or falls evenly along it and carries the whole message, so the scale reads the
same with any colour vision and in grey. Blue is the colour of weights, orange of what
speaks against something: the two are told apart in all common kinds of colour
blindness. Grey, the same blue without its colour, is for weights that mislead. On every
shade black or white text, whichever
is chosen by ``ink``, has a contrast of at least 4.58 : 1, the square root of 21.

References:
    - B. Ottosson (2020), "A perceptual color space for image processing" (OKLab).
    - Web Content Accessibility Guidelines 2.2, relative luminance and contrast ratio.
"""

from collections.abc import Sequence
from functools import cache
from math import cos, radians, sin
from typing import Literal

LEVELS = 25
# Fainter steps are no mark: a terminal leaves them out, and they get no underline.
FAINT = 3
Theme = Literal["light", "dark"]
Hue = Literal["blue", "orange", "grey"]
Triple = tuple[float, float, float]

# Lightness, chroma, hue in degrees: of weight zero, and of the largest weight.
_ENDS: dict[Theme, tuple[Triple, Triple]] = {
    "light": ((1.0, 0.0, 255.0), (0.44, 0.16, 258.0)),
    "dark": ((0.21, 0.03, 262.0), (0.82, 0.11, 230.0)),
}
_ORANGE: dict[Theme, Triple] = {
    "light": (0.50, 0.13, 45.0),
    "dark": (0.80, 0.13, 62.0),
}


@cache
def shades(theme: Theme, hue: Hue = "blue") -> tuple[str, ...]:
    """The ``LEVELS`` colours of a scale as ``#rrggbb``, weight zero first."""
    zero, full = _ENDS[theme]
    if hue == "orange":
        full = _ORANGE[theme]
    start, end = _oklab(*zero), _oklab(*full)
    if hue == "grey":
        end = end[0], start[1], start[2]
    steps = (level / (LEVELS - 1) for level in range(LEVELS))
    return tuple(_hexadecimal(_between(start, end, step)) for step in steps)


def ink(shade: str) -> str:
    """Black or white, whichever is easier to read on a shade."""
    return max(("#000000", "#ffffff"), key=lambda text: contrast(text, shade))


def level(weight: float, top: float) -> int:
    """The step of the scale for a weight, where ``top`` is the end of the scale.

    That of a negative number is that of its size: its scale has another hue.
    """
    share = min(abs(weight) / top, 1.0) if top > 0 else 0.0
    return round(share * (LEVELS - 1))


def end_of_scale(weights: Sequence[float], total: float = 1.0) -> float:
    """The weight at the end of the scale.

    That is the largest weight, but not less than four times an even share: where
    attention is spread evenly, everything stays pale.

    Args:
        weights: The weights, none negative.
        total: What they add up to.
    """
    if not weights:
        return 1.0
    return max(*weights, total * min(1.0, 4 / len(weights)), 0.0)


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two colours, from 1 to 21."""
    darker, lighter = sorted((_luminance(first), _luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _oklab(lightness: float, chroma: float, hue: float) -> Triple:
    angle = radians(hue)
    return lightness, chroma * cos(angle), chroma * sin(angle)


def _between(start: Triple, end: Triple, step: float) -> Triple:
    lightness, a, b = (s + step * (e - s) for s, e in zip(start, end, strict=True))
    return lightness, a, b


def _hexadecimal(oklab: Triple) -> str:
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in _srgb(oklab))


def _srgb(oklab: Triple) -> Triple:
    lightness, a, b = oklab
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        _companded(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
        _companded(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
        _companded(-0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short),
    )


def _companded(channel: float) -> float:
    channel = min(max(channel, 0.0), 1.0)
    if channel <= 0.0031308:
        return 12.92 * channel
    return 1.055 * channel ** (1 / 2.4) - 0.055
