"""Reports on trust to draw, made by hand, so that every number in them is known."""

from dataclasses import replace

from regard.trust import (
    ErasureCurve,
    ExaminedText,
    Gate,
    Interval,
    Placement,
    Reliability,
    ShownText,
    TrustReport,
    Verdict,
)

SHARES = (0.05, 0.1, 0.2, 0.5)
EVIL = "<script>alert('x')</script> & \"\x1b[2J"


def gate(name, value, low, high, bound):
    return Gate(name, Interval(value, low, high), bound, 60)


def curve(start, **ends):
    rising = tuple(start + step for step in (0.0, 0.1, 0.2, 0.3))
    return ErasureCurve(SHARES, rising, rising[::-1], (0.0, 0.1, 0.2, 0.25), **ends)


def shown(text, weights, parts):
    words, offsets, place = text.split(" "), [], 0
    for word in words:
        offsets.append((place, place + len(word)))
        place += len(word) + 1
    return ShownText(text, tuple(offsets), weights, parts, "negative", 0.97)


ERASURE = {
    "room": gate("room", 0.4, 0.35, 0.45, 0.02),
    "words": gate("words", 0.81, 0.74, 0.88, 0.5),
}
RANDOM = curve(
    0.01,
    without_low=(0.005, 0.1, 0.2, 0.3),
    without_high=(0.015, 0.12, 0.22, 0.32),
    alone_low=(0.3, 0.2, 0.1, 0.0),
    alone_high=(0.32, 0.22, 0.12, 0.02),
)
CURVES = {
    "attention": curve(0.1),
    "contribution": curve(0.2),
    "leave_one_out": curve(0.15),
    "gradient_x_input": curve(0.05),
    "random": RANDOM,
}
DULL = shown("It is dull", (0.1, 0.2, 0.7), (0.0, -0.1, 0.9))
TEXTS = (
    ExaminedText(4, 3, 0.5, 0.6, 0.0, DULL),
    ExaminedText(9, 2, 0.3, 0.4, 0.0),
    ExaminedText(2, 2, -0.4, 0.4, 0.1, shown("Not bad", (0.9, 0.1), None)),
)


def report(**changes):
    made = TrustReport(
        verdict=Verdict.EXPLAINS,
        reasons=("Masking by attention changes the answer by 81 % [74, 88].",),
        gates={
            "replay": gate("replay", 0.0, 0.0, 0.0, 0.001),
            "evenness": Gate("evenness", None, 0.99, 0),
            "moved": gate("moved", 0.3, 0.25, 0.35, 0.05),
            **ERASURE,
        },
        erasures={"hole": ERASURE, "swap": ERASURE},
        curves={"hole": CURVES, "swap": CURVES},
        correlations={"leave_one_out": 0.351, "contribution": float("nan")},
        undefined={"leave_one_out": 0.25, "contribution": 1.0},
        even_gap=0.123,
        texts=TEXTS,
        best="contribution",
        wanted=3,
        seed=4,
        data="reviews.csv",
        model="ab12" * 16,
        reliability=Reliability(
            tuple(0.01 * part for part in range(1, 11)),
            tuple(Interval(p / 100, p / 100 - 0.005, p / 90) for p in range(1, 11)),
        ),
        placement=Placement(
            0.35, tuple(0.5 + each / 100 for each in range(20)), (0, 5, 40, 15)
        ),
        figures={"conicity": 0.68, "violation_rate": float("nan")},
        groups={
            "content": {"changed even": Interval(0.21, 0.2, 0.22)},
            "function": {"changed even": Interval(0.68, 0.6, 0.7)},
        },
    )
    return replace(made, **changes)
