"""Dates in many locales, each text with one reading."""

import re
import sys
import unicodedata
from collections import defaultdict
from datetime import date, timedelta

import numpy as np
import pytest
from babel import Locale
from babel.dates import format_date
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.errors import ArgumentError, MissingExtraError
from regard.tasks import Dates, date_writer
from regard.tasks.date_writer import (
    all_forms,
    date_form,
    date_writers,
    digits_of,
    folded,
    in_case,
    moment,
    unambiguous_forms,
)
from regard.tasks.dates import LOCALES

# One year of each kind: it begins on each day of the week, with and without a leap day.
KINDS_OF_YEARS = {
    (date(year, 1, 1).weekday(), year % 4 == 0): year for year in range(2001, 2029)
}
SAMPLE = Dates().sample(20_000, seed=0)


def days_of(year):
    first = date(year, 1, 1)
    last = date(year, 12, 31)
    return [first + timedelta(n) for n in range((last - first).days + 1)]


def in_latin_digits(text):
    return "".join(
        str(unicodedata.digit(sign)) if sign.isdigit() else sign for sign in text
    )


def assert_every_text_means_one_day(year):
    meant = {}
    for writer in date_writers(LOCALES):
        for day in days_of(year):
            for text in writer.all_ways(day):
                assert meant.setdefault(text, day) == day, text
    # Texts of different years cannot be the same, since each has its year in it.
    assert all(str(year) in in_latin_digits(text) for text in meant)
    assert len(meant) > 100_000


@pytest.mark.parametrize("year", [2023, 2024])
def test_every_text_means_one_day(year):
    assert_every_text_means_one_day(year)


@pytest.mark.slow
@pytest.mark.parametrize("year", KINDS_OF_YEARS.values())
def test_every_text_means_one_day_in_every_kind_of_year(year):
    assert len(KINDS_OF_YEARS) == 14
    assert_every_text_means_one_day(year)


def loosely(text):
    """Numbers and words of a text, without what a careless reader passes over."""
    latin = in_latin_digits(unicodedata.normalize("NFKC", text)).casefold()
    # Vowel signs are marks, not letters, but make another word.
    signs = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in latin)
    return tuple(part.strip().lstrip("0") for part in re.findall(r"\d+|[^\d ]+", signs))


def test_no_locale_reads_a_text_as_another_day_in_any_of_its_own_forms():
    """Babel's own output of all forms, the ambiguous ones too, against the sample."""
    readings = defaultdict(set)
    for name in LOCALES:
        locale = Locale.parse(name)
        patterns = {form.pattern for form in all_forms(locale)}
        for day in days_of(2024):
            for pattern in patterns:
                readings[loosely(format_date(day, pattern, name))].add(day)
    assert len(readings["4", "3", "2024"]) == 2
    writers = date_writers(LOCALES)
    for writer in writers:
        for form in writer.forms:
            for day in days_of(2024)[::5]:
                assert readings[loosely(form.write(moment(day)))] == {day}


def test_texts_are_what_babel_writes():
    generator = np.random.default_rng(0)
    span = (date(2100, 12, 31) - date(1900, 1, 1)).days
    some = [
        date(1900, 1, 1) + timedelta(int(n)) for n in generator.integers(span, size=20)
    ]
    for name, forms in unambiguous_forms(LOCALES).items():
        for form in forms:
            for day in [date(1900, 1, 1), date(2100, 12, 31), date(2024, 2, 29), *some]:
                expected = format_date(day, form.pattern, name)
                assert form.write(moment(day)) == expected


def test_the_styles_of_babel_are_among_the_forms():
    patterns = {form.pattern for form in unambiguous_forms(LOCALES)["de"]}
    assert {"EEEE, d. MMMM y", "d. MMMM y"} <= patterns
    patterns = {form.pattern for form in unambiguous_forms(LOCALES)["sv"]}
    assert "y-MM-dd" in patterns


def test_targets_are_days_of_the_range_and_stand_in_their_sources():
    for source, target in zip(SAMPLE.source_texts, SAMPLE.target_texts, strict=True):
        day = date.fromisoformat(target)
        assert date(1900, 1, 1) <= day <= date(2100, 12, 31)
        numbers = [int(number) for number in re.findall(r"\d+", source)]
        assert day.year in numbers
        assert day.day in numbers


def test_there_are_many_locales_scripts_and_digits():
    assert len(LOCALES) >= 25
    counts = [SAMPLE.groups.count(name) for name in LOCALES]
    # 645 of each are expected; 5 standard deviations are 125.
    assert max(abs(count - 645) for count in counts) < 125
    signs = {sign for source in SAMPLE.sources for sign in source}
    scripts = {unicodedata.name(s).split()[0] for s in signs if s.isalpha()}
    assert scripts >= {
        *("LATIN", "CYRILLIC", "GREEK", "GEORGIAN", "ARABIC", "HEBREW"),
        *("DEVANAGARI", "BENGALI", "THAI", "CJK", "HANGUL"),
    }
    zeros = {sign for sign in signs if sign.isdigit() and unicodedata.digit(sign) == 0}
    assert zeros == set("0٠۰०০๐")  # noqa: RUF001 - zeros of other scripts


def test_days_are_drawn_evenly():
    years = [int(target[:4]) for target in SAMPLE.target_texts]
    assert np.mean(years) == pytest.approx(2000, abs=5 * 58 / 20_000**0.5)
    assert min(years) == 1900
    assert max(years) == 2100


def test_letter_case_varies():
    english = [
        text
        for text, group in zip(SAMPLE.source_texts, SAMPLE.groups, strict=True)
        if group == "en"
    ]
    upper = np.mean([text.isupper() for text in english])
    lower = np.mean([text.islower() for text in english])
    assert upper == pytest.approx(0.25, abs=0.09)
    assert lower == pytest.approx(0.25, abs=0.09)


@pytest.mark.parametrize("name", LOCALES)
def test_no_year_has_two_digits_and_no_number_may_be_the_month_or_the_day(name):
    for form in unambiguous_forms(LOCALES)[name]:
        text = form.write(moment(date(2027, 3, 4)))
        assert "2027" in text
        numeric = re.fullmatch(r"[^\w]*(\d+)\W+(\d+)\W+(\d+)\W*", text)
        assert numeric is None or numeric[1] == "2027"


def test_listopad_is_october_here_and_november_there():
    assert format_date(date(2027, 10, 4), "MMMM", "hr") == "listopada"
    assert format_date(date(2027, 11, 4), "MMMM", "pl") == "listopada"
    forms = unambiguous_forms(("pl", "hr"))
    # The day of the week has another name in the other language.
    assert [form.pattern for form in forms["pl"]] == ["EEEE, d MMMM y"]
    assert [form.pattern for form in forms["hr"]] == ["EEEE, d. MMMM y."]
    assert len(unambiguous_forms(("hr", "en"))["hr"]) == 4


def test_a_locale_without_any_form_left_is_refused(monkeypatch):
    monkeypatch.setattr(date_writer, "contested", lambda forms: set(range(len(forms))))
    with pytest.raises(ArgumentError, match=r"'da'.*free of doubt.*'nb'"):
        Dates(locales=("da", "nb"))


@pytest.mark.parametrize("pattern", ["d/M/yy", "MMMM y", "d MMMM", "h:mm d MMMM y"])
def test_a_pattern_that_does_not_tell_the_date_is_no_form(pattern):
    assert date_form(Locale("en"), pattern) is None


@pytest.mark.parametrize(
    ("locale", "pattern", "safe"),
    [
        ("en", "M/d/y", False),
        ("de", "d.M.y", False),
        ("sv", "y-MM-dd", True),
        ("en", "y-dd-MM", False),
        ("en", "d MMM y", True),
        ("fi", "E d.M.y", False),
        ("fa", "E y/M/d", True),
    ],
)
def test_a_numeric_month_is_safe_only_after_the_year(locale, pattern, safe):
    assert date_form(Locale(locale), pattern).is_safe is safe


def test_folding_leaves_what_a_reader_goes_by():
    assert folded("Do., 04. März 2027") == folded("DO 4 MÄRZ, 2027")
    assert folded("٤ مارس") == folded("4 مارس")
    assert folded("12 3") != folded("1 23")
    assert folded("KASIM") == folded("kasım")  # noqa: RUF001 - the Turkish letter
    assert folded("mars") != folded("mart")
    # January and June in Bengali, which differ in a vowel sign.
    assert folded("জানু") != folded("জুন")


@settings(deadline=None, max_examples=30)
@given(
    name=st.sampled_from(LOCALES),
    ordinal=st.integers(date(1900, 1, 1).toordinal(), date(2100, 12, 31).toordinal()),
)
def test_all_ways_to_write_a_day_fold_to_what_its_forms_fold_to(name, ordinal):
    (writer,) = date_writers((name,))
    day = date.fromordinal(ordinal)
    by_pieces = {form.mapped(folded).write(moment(day)) for form in writer.forms}
    assert {folded(text) for text in writer.all_ways(day)} == by_pieces


def test_turkish_capitals():
    assert in_case("1 Kasım", "upper", "tr") == "1 KASIM"  # noqa: RUF001 - as above
    assert in_case("1 KASIM", "lower", "tr") == "1 kasım"  # noqa: RUF001 - as above
    assert in_case("haziran", "upper", "tr") == "HAZİRAN"
    assert in_case("HAZİRAN", "lower", "tr") == "haziran"
    assert in_case("haziran", "upper", "en") == "HAZIRAN"
    assert (
        in_case("quinta-feira, 4 DE março", "title", "pt") == "Quinta-feira, 4 De Março"
    )
    assert in_case("4 März", "as written", "de") == "4 März"


def test_digits():
    latin, persian = digits_of(Locale("fa"))
    assert "2027".translate(latin) == "2027"
    assert in_latin_digits("2027".translate(persian)) == "2027"
    assert "2027".translate(persian) == "۲۰۲۷"
    assert len(digits_of(Locale("zh"))) == 1


@pytest.mark.parametrize("name", ["xx", "de-DE", "", "DE"])
def test_an_unknown_locale_is_refused(name):
    with pytest.raises(ArgumentError, match="no such locale"):
        Dates(locales=("en", name))


def test_no_locale_is_refused():
    with pytest.raises(ArgumentError, match="at least one"):
        Dates(locales=())


def test_without_babel_the_command_is_told(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("regard.tasks.date_")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "babel", None)
    with pytest.raises(MissingExtraError, match=r'pip install "regard\[tasks\]"'):
        Dates()
