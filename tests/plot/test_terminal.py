"""The terminal: shaded, readable without colour, and out of reach of the text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import regard.plot
from regard.plot.characters import for_terminal

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def test_without_colour_the_strongest_are_marked(film):
    drawn = regard.plot.text(film).to_terminal(color=False, width=80)
    assert drawn == "negative  75.0 %\nIt [never 0.200] finds its [feet 0.700].\n"


def test_with_colour_the_strongest_are_shaded(film):
    drawn = regard.plot.text(film).to_terminal(color=True, width=80)
    lines = ANSI.sub("", drawn).splitlines()
    assert lines[1] == "It never finds its feet."
    assert lines[2].startswith("feet 0.700 · never 0.200 · ")
    assert re.search(r"\x1b\[[0-9;]*48;[0-9;]*mfeet\x1b\[0m", drawn)
    assert re.search(r" its \x1b", drawn)  # a faint weight has no shade


def test_true_colour_is_the_scale_itself(film, monkeypatch):
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("COLORFGBG", raising=False)
    from regard.plot._color_scale import shades

    def strongest_shade(theme):
        channels = (int(shades(theme)[-1][i : i + 2], 16) for i in (1, 3, 5))
        return "48;2;" + ";".join(map(str, channels)) + "mfeet"

    plot = regard.plot.text(film)
    assert strongest_shade("dark") in plot.to_terminal(color=True, width=80)
    monkeypatch.setenv("COLORFGBG", "0;15")
    assert strongest_shade("light") in plot.to_terminal(color=True, width=80)
    monkeypatch.setenv("COLORTERM", "")
    assert "48;5;" in plot.to_terminal(color=True, width=80)


@pytest.mark.parametrize("color", [True, False])
def test_the_text_cannot_command_the_terminal(explain, color):
    evil = "a\x1b[2J\x1b]52;c;ZXZpbA==\x07b\x9b31m\r\x08\u202ec\x7f"
    why = explain(evil, label="x\x1b[31m\nforged 99 %")
    drawn = ANSI.sub("", regard.plot.text(why).to_terminal(color=color, width=200))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", drawn)
    assert "\\x1b[2J" in drawn.replace("[", "[")
    assert drawn.splitlines()[0].endswith("forged 99 %  75.0 %")


@given(st.text())
def test_nothing_of_any_text_acts_on_the_terminal(text):
    shown = for_terminal(text)
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown
    )
    shown.encode("utf-8")


def test_emoji_and_their_joiners_stay_whole():
    assert for_terminal("👩‍👩‍👧 naïve שלום\n\tb") == "👩‍👩‍👧 naïve שלום\n\tb"


def test_markup_of_the_text_is_not_obeyed(explain):
    text = "[bold]x[/bold] :smile: https://a.b 'quoted' 12"
    drawn = regard.plot.text(explain(text)).to_terminal(color=True, width=200)
    assert ANSI.sub("", drawn).splitlines()[1] == text


def test_no_color_and_pipes_are_respected(film, monkeypatch):
    class Terminal:
        encoding = "utf-8"

        def isatty(self):
            return True

    plot = regard.plot.text(film)
    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" in plot.to_terminal()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in plot.to_terminal()
    assert "\x1b[" in plot.to_terminal(color=True)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b[" not in plot.to_terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(Terminal, "isatty", lambda _: False)
    assert "\x1b[" not in plot.to_terminal()


def test_long_texts_wrap_and_keep_their_paragraphs(explain):
    drawn = regard.plot.text(explain("word " * 40 + "\n\n  end")).to_terminal(
        color=False, width=40
    )
    assert max(map(len, drawn.splitlines())) <= 40
    assert drawn.endswith("\n\n  end\n")


def test_several_texts_are_apart(film):
    drawn = regard.plot.text([film, film]).to_terminal(color=False, width=80)
    assert drawn.count("\n\nnegative") == 1


def test_a_truncated_text_says_so(explain):
    why = explain("a b c", [0.5, 0.5], truncated=True)
    drawn = regard.plot.text(why).to_terminal(color=False, width=80)
    assert "longer than the model reads" in drawn
