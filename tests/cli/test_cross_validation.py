"""``regard train classify --cross-validate``."""

import json

import numpy as np
import pytest

import regard
from regard.bundle import RECORD
from regard.text.labels import stratified_folds
from regard_cli.cross_validation import CrossValidation, FoldMeasures

ROWS = [(f"text {number}", "good" if number % 3 else "bad") for number in range(12)]


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.csv"
    lines = [f"{text},{label}\n" for text, label in ROWS]
    path.write_text("text,label\n" + "".join(lines))
    return path


class Recording:
    """Remembers what is trained on and measured, and is interrupted where asked."""

    def __init__(self, fake, interrupted=None, how="later"):
        self.trained, self.measured = [], []
        fit, evaluate = fake.fit, fake.evaluate

        def fitting(model, texts, labels, **options):
            self.trained.append((tuple(texts), tuple(labels), options))
            if interrupted == len(self.trained):
                model.interrupts = how
            fit(model, texts, labels, **options)

        def evaluating(model, texts, labels):
            self.measured.append((tuple(texts), tuple(labels)))
            return evaluate(model, texts, labels)

        fake.fit, fake.evaluate = fitting, evaluating


def test_each_fold_is_measured_by_a_model_that_has_not_seen_it(run, fake, data):
    seen = Recording(fake)
    result = run("train", "classify", data, "--cross-validate", 4, "--epochs", 3)
    assert result.code == 0, result.err
    assert len(seen.trained) == len(seen.measured) == 4
    for (texts, _, options), (left, labels) in zip(
        seen.trained, seen.measured, strict=True
    ):
        assert sorted([*texts, *left]) == sorted(text for text, _ in ROWS)
        assert sorted(labels) == ["bad", "good", "good"]
        assert options["epochs"] == 3
        assert "checkpoint" not in options
    assert result.out.splitlines() == [
        "           examples  accuracy  macro F1      loss  expected calibration error",
        *(
            f"fold {fold}            3    0.7500    0.7000    0.5000"
            "                      0.0250"
            for fold in (1, 2, 3, 4)
        ),
        "mean                   0.7500    0.7000    0.5000                      0.0250",
        "deviation              0.0000    0.0000    0.0000                      0.0000",
    ]
    assert "Fold 4 of 4" in result.err
    # Nothing is saved, and nothing of it is left.
    assert [each.name for each in data.parent.iterdir()] == ["data.csv"]


def test_the_same_seed_makes_the_same_folds(run, fake, data):
    folds = []
    for seed in (0, 0, 1):
        seen = Recording(fake)
        run("train", "classify", data, "--cross-validate", 3, "--seed", seed)
        folds.append([texts for texts, _ in seen.measured][-3:])
    assert folds[0] == folds[1] != folds[2]


def test_then_it_trains_on_all_and_keeps_the_measures(run, fake, data, tmp_path):
    seen = Recording(fake)
    out = tmp_path / "x.regard"
    result = run("train", "classify", data, "--cross-validate", 2, "--out", out)
    assert result.code == 0, result.err
    assert len(seen.trained) == 3
    assert len(seen.trained[-1][0]) == 12
    assert out.is_dir()
    assert "On the validation examples:" in result.err


@pytest.mark.parametrize("how", ["later", "at once"])
def test_an_interrupt_gives_the_folds_that_are_finished(run, fake, data, tmp_path, how):
    seen = Recording(fake, interrupted=3, how=how)
    out = tmp_path / "x.regard"
    result = run("train", "classify", data, "--cross-validate", 4, "--out", out)
    assert result.code == 130
    assert len(seen.measured) == 2
    assert "fold 2" in result.out
    assert "fold 3" not in result.out
    assert "Interrupted: 2 of 4 folds done." in result.err
    assert not out.exists()


def test_an_interrupt_before_the_first_gives_none(run, fake, data):
    Recording(fake, interrupted=1)
    result = run("train", "classify", data, "--cross-validate", 4)
    assert (result.code, result.out) == (130, "")
    assert "Interrupted: 0 of 4 folds done." in result.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--cross-validate", 1], "--cross-validate"),
        (["--cross-validate", 5], "of 'bad' there are 4. Ask for fewer folds"),
        (["--cross-validate", 2, "--stream"], "It holds DATA in memory"),
        ([], "--out: The folder to save the model in is missing."),
    ],
)
def test_what_cannot_be_done(run, fake, data, options, said):
    result = run("train", "classify", data, *options)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert fake.trained_on == ()


def test_the_deviation_is_that_of_a_sample():
    folds = [FoldMeasures(n, 5, {"loss": value}) for n, value in enumerate((1.0, 3.0))]
    means, deviations = CrossValidation(2, folds).statistics()
    assert means == {"loss": 2.0}
    assert deviations == {"loss": pytest.approx(2**0.5)}
    assert CrossValidation(2, folds[:1]).statistics() == ({"loss": 1.0}, {"loss": 0.0})


def test_a_bundle_keeps_it(toy_classifier, run, tmp_path):
    folds = [FoldMeasures(n, 5, {"accuracy": n / 4}) for n in (1, 2, 3)]
    toy_classifier.cross_validation = CrossValidation(3, folds).to_dict()
    try:
        toy_classifier.save(tmp_path / "x.regard")
    finally:
        toy_classifier.cross_validation = {}
    stored = json.loads((tmp_path / "x.regard" / RECORD).read_bytes())
    assert stored["cross_validation"]["mean"] == {"accuracy": 0.5}
    told = run("info", tmp_path / "x.regard").out
    assert "  3 folds         accuracy 0.5000 ± 0.2500\n" in told


def test_folds_have_the_same_share_of_each_class():
    targets = np.repeat([0, 1, 2], [50, 20, 7])
    for seed in (None, 0, 1):
        fold_of = stratified_folds(targets, 4, seed)
        for target in range(3):
            counts = np.bincount(fold_of[targets == target], minlength=4)
            assert counts.max() - counts.min() <= 1
        sizes = np.bincount(fold_of)
        assert sizes.max() - sizes.min() <= 1
    plain = stratified_folds(targets, 4)
    assert not (plain == stratified_folds(targets, 4, 0)).all()
    assert (plain[:4] == [0, 1, 2, 3]).all()


@pytest.mark.slow
def test_it_is_done_for_real(run, tmp_path):
    import toy

    path = tmp_path / "data.csv"
    lines = [f"{text},{label}\n" for text, label in zip(*toy.messages(90), strict=True)]
    path.write_text("text,label\n" + "".join(lines))
    settings = [f"{name}={value}" for name, value in toy.SETTINGS.items()]
    options = [part for each in settings for part in ("--set", each)]
    out = tmp_path / "x.regard"
    command = ("train", "classify", path, "--cross-validate", 3, *options)
    result = run(*command, "--out", out)
    assert result.code == 0, result.err
    means = json.loads((out / RECORD).read_bytes())["cross_validation"]["mean"]
    assert means["accuracy"] > 0.9
    assert regard.load(out).predict([toy.messages(1)[0][0]]) == [toy.messages(1)[1][0]]
