"""The colour scale: even to the eye, and readable on every step."""

from itertools import pairwise
from math import dist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.plot._color_scale import LEVELS, contrast, ink, level, shades

# Written out anew, from the definition, so that the scale is not its own witness.
LMS = [
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
]
LAB = [
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
]


# Machado, Oliveira, Fernandes (2009), "A physiologically-based model for simulation of
# color vision deficiency", on linear RGB, the deficiency complete.
DEFICIENCIES = {
    "protanopia": [
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ],
    "deuteranopia": [
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ],
    "tritanopia": [
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ],
}


def times(matrix, vector):
    return [sum(m * v for m, v in zip(row, vector, strict=True)) for row in matrix]


def oklab(colour, seen=None):
    """A colour as it looks, to eyes with a deficiency where one is given."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    ]
    if seen is not None:
        linear = [min(max(value, 0.0), 1.0) for value in times(seen, linear)]
    return times(LAB, [value ** (1 / 3) for value in times(LMS, linear)])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_lightness_changes_in_one_direction_and_evenly(theme):
    lightness = [oklab(shade)[0] for shade in shades(theme)]
    steps = [b - a for a, b in pairwise(lightness)]
    assert len(steps) == LEVELS - 1
    even = (lightness[-1] - lightness[0]) / (LEVELS - 1)
    assert abs(even) > 0.02
    # 8-bit channels round each step a little.
    assert steps == pytest.approx([even] * len(steps), abs=0.006)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_steps_look_equally_large(theme):
    points = [oklab(shade) for shade in shades(theme)]
    steps = [dist(a, b) for a, b in pairwise(points)]
    assert max(steps) < 1.35 * min(steps)


@pytest.mark.parametrize("name", DEFICIENCIES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_shades_are_told_apart_with_any_colour_vision(theme, name):
    seen = DEFICIENCIES[name]
    for hue in ("blue", "orange"):
        lightness = [oklab(shade, seen)[0] for shade in shades(theme, hue)]
        assert lightness == sorted(lightness, reverse=theme == "light")
        assert abs(lightness[-1] - lightness[0]) > 0.4
    # What speaks for an answer and what speaks against it.
    blue, orange = (oklab(shades(theme, hue)[-1], seen) for hue in ("blue", "orange"))
    assert dist(blue, orange) > 0.12


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_readable_on_every_shade(theme):
    assert min(contrast(ink(shade), shade) for shade in shades(theme)) >= 4.5


def test_the_largest_weight_stands_out_from_the_page():
    for theme in ("light", "dark"):
        assert contrast(shades(theme)[0], shades(theme)[-1]) > 7


def test_known_contrasts():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#777777") == pytest.approx(1)
    # The grey that WCAG quotes as the limit of readable text on white.
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@given(st.integers(0, 0xFFFFFF))
def test_black_or_white_is_readable_on_any_colour(number):
    colour = f"#{number:06x}"
    assert contrast(ink(colour), colour) >= 21**0.5 - 1e-9


def test_levels_span_the_scale():
    assert [level(w, 0.4) for w in (0.0, 0.2, 0.4)] == [0, LEVELS // 2, LEVELS - 1]
    assert level(1.0, 0.4) == LEVELS - 1
    assert level(0.0, 0.0) == 0
