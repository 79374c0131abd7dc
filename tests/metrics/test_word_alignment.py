"""Alignments as text, and how far they are from gold ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.errors import ArgumentError, DataError
from regard.metrics import (
    Alignment,
    alignment_error_rate,
    format_alignment,
    parse_alignment,
    parse_alignments,
)
from regard.metrics.word_alignment import MisplacedLinkError, check_links

LINKS = st.frozensets(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=12)


def test_sure_and_possible_links_are_told_apart():
    alignment = parse_alignment(" 1-1 2p3\t4?2 \n", first=1)
    assert alignment.sure == {(0, 0)}
    assert alignment.possible == {(0, 0), (2, 1), (1, 3)}
    assert parse_alignment("") == Alignment(frozenset())


def test_files_that_name_the_target_first():
    assert parse_alignment("0-2 3p1", target_first=True) == Alignment(
        frozenset({(0, 2)}), frozenset({(3, 1)})
    )


@given(LINKS, LINKS)
def test_what_is_written_is_read_back(sure, possible):
    read = parse_alignment(format_alignment(sure, possible))
    assert read == Alignment(sure, possible)
    assert read.possible == sure | possible


def test_links_are_written_in_order():
    assert format_alignment({(0, 10), (11, 2), (3, 2)}, [(3, 2), (1, 0)]) == (
        "0p1 2-3 2-11 10-0"
    )


@pytest.mark.parametrize(
    "written", ["1", "1-", "-1", "1--2", "1-2-3", "a-b", "1x2", "1,2", "٣-1", "1" * 30]
)
def test_what_is_no_link_is_named_with_its_line(written):
    with pytest.raises(DataError, match=r"gold\.txt, line 2: '.*' is no link"):
        parse_alignments(["0-0", f"0-0 {written}"], "gold.txt")


def test_a_position_before_the_first_is_refused():
    with pytest.raises(DataError, match=r"line 1: '0-1' has a position below 1"):
        parse_alignments(["0-1"], first=1)


def test_the_error_rate_by_hand():
    """Two of four links possible, one of two sure links found."""
    score = alignment_error_rate(
        predicted=[{(0, 0), (1, 1)}, {(2, 2), (3, 3)}],
        sure=[{(0, 0)}, {(4, 4)}],
        possible=[{(1, 1)}, set()],
    )
    assert score.precision == 2 / 4
    assert score.recall == 1 / 2
    assert score.error_rate == 1 - (1 + 2) / (4 + 2)


@given(LINKS, LINKS)
def test_only_what_differs_is_an_error(sure, possible):
    """No error where all sure links and any possible ones are predicted."""
    score = alignment_error_rate([sure | possible], [sure], [possible])
    assert (score.error_rate, score.precision, score.recall) == (0, 1, 1)


@given(st.lists(st.tuples(LINKS, LINKS), min_size=1, max_size=4), st.randoms())
def test_the_rate_does_not_depend_on_the_order_of_pairs(pairs, random):
    shuffled = random.sample(pairs, len(pairs))
    rates = [
        alignment_error_rate([a for a, _ in some], [s for _, s in some], [set()] * n)
        for some, n in [(pairs, len(pairs)), (shuffled, len(pairs))]
    ]
    assert rates[0] == rates[1]


def test_nothing_predicted_and_nothing_to_find():
    nothing = alignment_error_rate([set()], [{(0, 0)}], [set()])
    assert (nothing.error_rate, nothing.precision, nothing.recall) == (1, 1, 0)
    assert alignment_error_rate([], [], []).error_rate == 0


def test_numbers_of_pairs_that_differ():
    with pytest.raises(ArgumentError, match="2 predicted, 1 sure and 1 possible"):
        alignment_error_rate([set(), set()], [set()], [set()])


# Files of two pairs: gold links that count from 1, predicted ones from 0.
GOLD = "1-1 2-2 2p3\n2-1 1?2 3-3\n"
PREDICTED = "0-0 1-2\n1-0 2-2 2-1\n"
TURNED = "0-0 2-1\n0-1 2-2 1-2\n"  # the same links, the target first


@pytest.mark.parametrize(("content", "turned"), [(PREDICTED, False), (TURNED, True)])
def test_files_are_measured_in_whichever_order_they_name_the_sides(
    tmp_path, content, turned
):
    """Of 5 links 4 are possible and 3 sure, of 4 sure ones."""
    (tmp_path / "gold.txt").write_text(GOLD)
    (tmp_path / "predicted.txt").write_text(content)
    with (tmp_path / "gold.txt").open() as lines:
        gold = parse_alignments(lines, "gold.txt", first=1)
    with (tmp_path / "predicted.txt").open() as lines:
        predicted = parse_alignments(lines, "predicted.txt", target_first=turned)
    score = alignment_error_rate(
        [pair.sure for pair in predicted],
        [pair.sure for pair in gold],
        [pair.possible for pair in gold],
    )
    assert score.error_rate == pytest.approx(1 - (3 + 4) / (5 + 4))
    assert (score.precision, score.recall) == (4 / 5, 3 / 4)
    assert gold[0].possible == {(0, 0), (1, 1), (2, 1)}  # (target, source)


# AER (precision/recall) in per cent, as github.com/lilt/alignment-scripts and
# github.com/neulab/awesome-align publish them for these very files.
PUBLISHED = {
    "fastalign.enfr.talp": "16.4 (80.0/90.1)",
    "fastalign.enfr.reverse.talp": "15.9 (81.3/88.7)",
    "fastalign.enfr.grow-diagonal.talp": "10.5 (90.8/87.8)",
    "fastalign.enfr.grow-diagonal-final.talp": "12.1 (87.7/88.3)",
    "giza.enfr.talp": "8.0 (91.4/92.9)",
    "giza.enfr.reverse.talp": "9.8 (91.6/88.3)",
    "giza.enfr.grow-diagonal.talp": "5.9 (97.5/89.7)",
    "giza.enfr.grow-diagonal-final.talp": "6.2 (95.5/91.6)",
}


@pytest.fixture(scope="module")
def hansards(shared_data):
    """Scores a file of the Hansards against the gold links."""
    folder = shared_data / "align_gold"
    gold = parse_alignments((folder / "enfr.gold").open(), "enfr.gold", first=1)
    sure = [pair.sure for pair in gold]
    possible = [pair.possible for pair in gold]

    def score(name):
        turned = ".reverse." in name
        with (folder / name).open() as lines:
            predicted = parse_alignments(lines, name, target_first=turned)
        return alignment_error_rate([pair.sure for pair in predicted], sure, possible)

    score.counts = sum(map(len, sure)), sum(map(len, possible))
    return score


def test_the_gold_links_of_the_shared_task(hansards):
    assert hansards.counts == (4_038, 4_038 + 13_400)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_figures_to_the_digit(hansards, name):
    score = hansards(name)
    shares = (score.error_rate, score.precision, score.recall)
    error_rate, precision, recall = (f"{100 * share:.1f}" for share in shares)
    assert f"{error_rate} ({precision}/{recall})" == PUBLISHED[name]


def test_the_published_figure_of_awesome_align(hansards):
    assert f"{100 * hansards('enfr.awesome-align.out').error_rate:.2f}" == "4.07"


# Gold links that are not where they are said to be. Sizes are (target, source).
SIZES = [(2, 3), (4, 2)]


@pytest.mark.parametrize(
    ("lines", "read", "said", "remedy"),
    [
        # Counted from 1, which every link would fit.
        (
            ["1-1 3-2", "2-4"],
            {},
            r"gold\.txt, line 1: the link 3-2 points outside .*source positions 0 to 2 "
            r"and target positions 0 to 1.* read with first=1\.",
            {"first": 1},
        ),
        # The target first; and both.
        (
            ["1-2", "3-0 0p1"],
            {},
            r"line 1: the link 1-2 .*target_first=True\.",
            {"target_first": True},
        ),
        (
            ["2-3", "4-1 1p2"],
            {},
            r"line 1: the link 2-3 .*first=1, target_first=True\.",
            {"first": 1, "target_first": True},
        ),
        # Of a file that is said to count from 1, or to have the target first.
        (
            ["1-1", "3p5"],
            {"first": 1},
            r"line 2: the link 3p5 .*source positions 1 to 2 and target positions 1 to "
            r"4\..*Look whether",
            {},
        ),
        (
            ["2-1", "1-3"],
            {"target_first": True},
            r"line 1: the link 2-1 .*target positions 0 to 1 and source positions 0 to "
            r"2\..*target_first=False\.",
            {"target_first": False},
        ),
    ],
)
def test_a_link_outside_of_its_sentences_is_named(lines, read, said, remedy):
    gold = parse_alignments(lines, "gold.txt", **read)
    with pytest.raises(MisplacedLinkError, match=said) as caught:
        check_links(gold, SIZES)
    assert dict(caught.value.remedy) == remedy
    if remedy:
        check_links(parse_alignments(lines, **{**read, **remedy}), SIZES)


def test_links_made_by_hand_are_named_by_their_pair():
    gold = [Alignment(frozenset({(0, 0)})), Alignment(frozenset({(1, 2)}))]
    with pytest.raises(DataError, match=r"Pair 1: the link 2-1 points outside"):
        check_links(gold, SIZES)
    with pytest.raises(ArgumentError, match="2 pairs and 1 gold alignments"):
        check_links(gold[:1], SIZES)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), max_size=4))
def test_links_inside_pass_and_the_last_place_counted_from_one_does_not(sizes):
    lines = [f"{source - 1}-{target - 1}" for target, source in sizes]
    check_links(parse_alignments(lines), sizes)
    moved = [f"{source}-{target}" for target, source in sizes]
    check_links(parse_alignments(moved, first=1), sizes)
    if sizes:
        with pytest.raises(MisplacedLinkError):
            check_links(parse_alignments(moved), sizes)


@pytest.mark.parametrize("gold", [3, "gold.txt", [(0, 0)], None])
def test_what_is_no_alignment_is_refused(gold):
    with pytest.raises(ArgumentError, match=r"'alignments' .*parse_alignments"):
        check_links(gold, [(1, 1)])
