"""Reports: the same by seed, ended early, saved, loaded, compared."""

import json
import signal
from pathlib import Path

import numpy as np
import planted
import pytest

from regard.bundle.trust_part import sealed
from regard.errors import ArgumentError, DataError
from regard.trust import Passage, TrustReport, Verdict, changes, examine_subject
from regard.trust.measurement import join, measure
from regard_cli.examined_data import is_report

TEXT = {"text": 0, "keys": 1, "attention": 0.1, "best": 0.1, "chance": 0.1}
CURVE = {name: [0.5] for name in ("fractions", "without", "alone", "flipped")}
SHOWN = {"text": "a", "offsets": [[0, 1]], "weights": [1.0], "contributions": None,
         "label": "x", "probability": 0.5}  # fmt: skip


@pytest.fixture(scope="module")
def report():
    subject = planted.plant("good", count=90, seed=1)
    return examine_subject(subject, n=80, seed=4, data="reviews.csv", model="ab12")


def test_a_seed_gives_one_report(report):
    subject = planted.plant("good", count=90, seed=1)
    again = examine_subject(subject, n=80, seed=4, data="reviews.csv", model="ab12")
    assert again == report
    other = examine_subject(subject, n=80, seed=5)
    assert {each.text for each in other.texts} != {each.text for each in report.texts}


def test_measurements_do_not_depend_on_what_is_measured_beside():
    subject = planted.plant("sink", count=12, seed=0)
    together = measure(subject, np.arange(12), seed=2)
    apart = join([measure(subject, np.array([text]), seed=2) for text in range(12)])
    for name in ("evenness", "replay", "moved", "spread", "even_gap"):
        np.testing.assert_allclose(getattr(together, name), getattr(apart, name))
    for eraser, measured in together.erasures.items():
        for order, gain in measured.gain.items():
            alone = apart.erasures[eraser].gain[order]
            np.testing.assert_allclose(gain, alone, err_msg=f"{eraser} {order}")


def test_the_sentence_says_what_was_measured_on_what(report):
    assert report.verdict is Verdict.EXPLAINS
    assert report.sentence.endswith(
        "Measured on 80 texts of reviews.csv, for this model only."
    )


def test_curves_rise_where_erasing_goes_by_the_evidence(report):
    curves = report.curves["hole"]
    assert np.all(np.diff(curves["attention"].without) > 0)
    assert curves["attention"].without[0] > 3 * curves["random"].without[0]
    assert curves["attention"].alone[-1] < curves["random"].alone[-1]
    assert report.best == "contribution"
    assert report.correlations["leave_one_out"] > 0.9


def test_even_weights_are_shown_beside_the_verdict(report):
    assert report.even_gap > 0.1
    assert f"Even weights move the answer by {report.even_gap:.3f}." in report.to_text()
    smeared = examine_subject(planted.plant("smearing, on evidence", count=60, seed=0))
    assert smeared.even_gap == pytest.approx(0, abs=1e-9)


def test_examples_are_the_best_and_the_worst(report):
    best, *worst = report.examples(best=1, worst=2)
    assert best.attention - best.chance == max(
        each.attention - each.chance for each in report.texts
    )
    assert worst[0].attention - worst[0].best <= worst[1].attention - worst[1].best


def test_a_report_comes_back_from_its_file(report, tmp_path):
    report.save(tmp_path / "trust.json")
    assert TrustReport.load(tmp_path / "trust.json") == report
    assert [path.name for path in tmp_path.iterdir()] == ["trust.json"]
    # An editor may put a mark before it.
    content = (tmp_path / "trust.json").read_text("utf-8")
    (tmp_path / "trust.json").write_text(content, "utf-8-sig")
    assert TrustReport.load(tmp_path / "trust.json") == report
    assert is_report(tmp_path / "trust.json")


def test_what_is_no_number_becomes_null_and_comes_back(tmp_path):
    subject = planted.plant("uniform", count=60, seed=0)
    report = examine_subject(subject, n=60)
    content = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert content["verdict"] == "says nothing"
    assert content["correlations"]["leave_one_out"] is None
    assert TrustReport.from_dict(content).to_dict() == report.to_dict()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "holds no JSON"),
        (b"\xff\xfe", "holds no JSON"),
        (b"1" * 5_000, "holds no JSON"),
        (b"[]", "no report"),
        (b'{"schema": 1}', "no report"),
        (b'{"schema": 99}', "newer version"),
        (b'{"schema": "x"}', "no report"),
    ],
)
def test_a_file_that_holds_no_report_is_refused(tmp_path, content, said):
    (tmp_path / "trust.json").write_bytes(content)
    with pytest.raises(DataError, match=said):
        TrustReport.load(tmp_path / "trust.json")


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "splendid"},
        {"gates": {"words": {}}},
        {"curves": {"hole": {"attention": {"up": [1]}}}},
        {"texts": [{"text": 1}]},
        {"wanted": "many"},
        {"wanted": float("inf")},
        {"reliability": {"weight": [1], "effect": [1]}},
        {"placement": {"own": 1}},
        {"placement": {"own": 1, "shuffled": [], "moved": []}},
        {"reliability": {"weight": [1], "effect": []}},
        {"curves": {"hole": {"attention": CURVE | {"alone": [0.1, 0.2]}}}},
        {"figures": [1]},
        {"groups": {"content": 3}},
        {"texts": [TEXT | {"shown": SHOWN | {"offsets": [[0, 9]]}}]},
        {"texts": [TEXT | {"shown": SHOWN | {"weights": []}}]},
    ],
)
def test_a_report_with_a_wrong_part_is_refused(report, change):
    with pytest.raises(DataError, match="no report"):
        TrustReport.from_dict(sealed(report.to_dict() | change))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ArgumentError, match=r"There is no file .*trust\.json"):
        TrustReport.load(tmp_path / "trust.json")


def test_what_changed_between_two_reports(report):
    other = planted.plant("smearing, on evidence", count=90, seed=1)
    said = changes(report, examine_subject(other, n=80, seed=4, data="reviews.csv"))
    assert said[0] == "verdict: explains before, points only now"
    assert any(line.startswith("moved: fell from 0.3") for line in said)
    assert not any(line.startswith(("words:", "replay", "data")) for line in said)
    assert changes(report, report) == []
    off = planted.plant("smearing, off evidence", count=90, seed=1)
    worse = changes(report, examine_subject(off, n=80, seed=4, data="reviews.csv"))
    assert any(line.startswith("words swap: fell") for line in worse)
    assert any(line.startswith("effect of the heaviest words: fell") for line in worse)
    assert "best order: contribution before, leave_one_out now" in worse


class Interrupted:
    """A subject whose user has enough after some texts."""

    def __init__(self, after):
        self.subject = planted.plant("good", count=200, seed=0)
        self.erasers, self.left = self.subject.erasers, after

    def __len__(self):
        return len(self.subject)

    def __getattr__(self, name):
        return getattr(self.subject, name)

    def baseline(self, rows):
        self.left -= len(rows)
        if self.left < 0:
            raise KeyboardInterrupt
        return self.subject.baseline(rows)


def test_an_interrupt_leaves_the_report_on_what_was_seen():
    report = examine_subject(Interrupted(after=100), n=200)
    assert len(report.texts) == 96
    assert report.wanted == 200
    assert not report.complete
    assert "96 texts (of 200 asked for; it was ended before)" in report.sentence


def test_an_interrupt_comes_between_two_parts_and_not_within_one():
    seen = []

    def interrupt(done, wanted):
        seen.append(done)
        if done == 64:
            signal.raise_signal(signal.SIGINT)

    subject = planted.plant("good", count=200, seed=0)
    report = examine_subject(subject, n=200, progress=interrupt)
    assert seen == [32, 64]
    assert len(report.texts) == 64
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_before_anything_was_seen_is_one():
    with pytest.raises(KeyboardInterrupt):
        examine_subject(Interrupted(after=0), n=200)


def test_a_spent_budget_ends_at_whole_texts():
    seen = []
    subject = planted.plant("good", count=200, seed=0)
    report = examine_subject(
        subject,
        n=200,
        budget=1e-9,
        progress=lambda done, wanted: seen.append((done, wanted)),
    )
    assert seen == [(32, 200)]
    assert len(report.texts) == 32
    assert report.verdict is Verdict.CANNOT_TELL
    assert "32 texts" in report.reasons[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"n": 0},
        {"n": 2.5},
        {"seed": -1},
        {"budget": 0},
        {"budget": "long"},
        {"examples": -1},
    ],
)
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ArgumentError, match=next(iter(wrong))):
        examine_subject(planted.plant("good", count=60, seed=0), **wrong)


def test_no_texts_are_refused():
    subject = planted.plant("good", count=60, seed=0)
    subject.count = 0
    with pytest.raises(DataError, match="no text"):
        examine_subject(subject)


def test_a_report_of_an_earlier_version_is_read():
    path = Path(__file__).parent / "reports" / "schema_1.json"
    report = TrustReport.load(path)
    assert report.verdict is Verdict.EXPLAINS
    assert report.reliability is report.placement is None
    assert report.figures == report.groups == {}
    assert report.curves["hole"]["random"].without_low == ()
    assert not any(each.shown for each in report.texts)
    now = TrustReport.from_dict(report.to_dict())
    assert now == report
    assert json.loads(path.read_text())["sentence"] == report.sentence


def test_random_orders_keep_their_spread(report):
    for eraser in ("hole", "swap"):
        for name, curve in report.curves[eraser].items():
            if name != "random":
                assert curve.without_low == curve.alone_high == ()
                continue
            for side in ("without", "alone"):
                low = np.array(getattr(curve, f"{side}_low"))
                mean = np.array(getattr(curve, side))
                high = np.array(getattr(curve, f"{side}_high"))
                assert np.all((low < mean) & (mean < high))


def test_keys_of_more_weight_have_more_effect_where_weights_explain(report):
    reliability = report.reliability
    assert np.all(np.diff(reliability.weight) > 0)
    low, *_, high = reliability.effect
    assert high.low > 10 * low.high
    off = examine_subject(planted.plant("local, at random", count=60, seed=0))
    means = [each.value for each in off.reliability.effect]
    assert max(means) < 0.5 * high.value


def test_a_tenth_is_the_mean_over_its_keys_by_hand():
    subject = planted.plant("good", count=9, seed=0)
    seen = measure(subject, np.arange(9), seed=0).erasures["hole"].tenths
    baseline = subject.baseline(np.arange(9))
    for row, length in enumerate(baseline.lengths):
        order = np.argsort(baseline.weights[row, 0, :length], kind="stable")
        keep = np.repeat(baseline.valid[row : row + 1], length, 0)
        np.fill_diagonal(keep, val=False)
        answers = subject.erased(np.full(length, row), keep, "hole", None)
        effect = np.abs(answers - baseline.probabilities[row]).sum(axis=1) / 2
        parts = (np.arange(length)[::-1] * 10 // length - 9) * -1
        for part in range(10):
            keys = order[parts == part]
            if not len(keys):
                assert np.isnan(seen["effect"][row, part])
                continue
            np.testing.assert_allclose(seen["effect"][row, part], effect[keys].mean())
            weight = baseline.weights[row, 0, keys].mean()
            np.testing.assert_allclose(seen["weight"][row, part], weight)


def test_shuffled_answers_stand_beside_the_models_own(report):
    placement = report.placement
    assert sum(placement.moved) == len(report.texts)
    spread = np.mean(placement.shuffled) - placement.own
    assert spread == pytest.approx(report.gates["spread"].interval.value, rel=1e-4)
    assert len(placement.shuffled) == 20
    assert min(placement.shuffled) > placement.own


class Shown(planted.Planted):
    """A planted model whose words have names."""

    labels = ("<against>", "for")

    def passages(self, rows):
        return [
            Passage.of([f"w{word}" for word in self.ids[row, : self.lengths[row]]])
            for row in rows.tolist()
        ]


def test_the_best_and_the_worst_texts_are_kept_with_their_words(tmp_path):
    subject = Shown(60, 1, **planted.MODELS["good"])
    report = examine_subject(subject, n=60, examples=2)
    kept = {each.text for each in report.texts if each.shown}
    assert kept == {each.text for each in report.examples(best=2, worst=2)}
    # Of three texts, the third best is a worst one, too.
    few = examine_subject(subject, n=3, examples=2)
    assert all(each.shown for each in few.texts)
    assert few.quoted("best") == few.examples(best=2)
    assert few.quoted("worst") == few.examples(worst=2)
    assert TrustReport.from_dict(few.to_dict()).quotes == 2
    first = report.examples(best=1)[0]
    row = np.array([first.text])
    baseline, shown = subject.baseline(row), first.shown
    assert shown.tokens == tuple(shown.text.split())
    assert len(shown.tokens) == first.keys
    weights = baseline.weights[0, 0, : first.keys]
    np.testing.assert_allclose(shown.weights, weights, rtol=1e-5)
    added = baseline.orders["contribution"][0, : first.keys]
    np.testing.assert_allclose(shown.contributions, added, rtol=1e-5)
    answer = baseline.probabilities[0]
    assert shown.label == subject.labels[answer.argmax()]
    assert shown.probability == pytest.approx(answer.max(), rel=1e-5)
    report.save(tmp_path / "trust.json")
    assert TrustReport.load(tmp_path / "trust.json") == report


def test_no_word_is_kept_where_none_is_asked_for():
    subject = Shown(60, 1, **planted.MODELS["good"])
    report = examine_subject(subject, n=60, examples=0)
    assert "shown" not in json.dumps(report.to_dict())
    told = examine_subject(subject, n=60)
    assert "w1" in json.dumps(told.to_dict())
    assert told.showing({}, 0) == report
