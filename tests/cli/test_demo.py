"""``regard demo``: the part with dates, as small as it goes."""

import sys

import pytest

from light_compilation import light_compilation
from regard_cli import demo


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(demo, "_TRAIN_DATES", 300)
    monkeypatch.setattr(demo, "_TEST_DATES", 40)
    few = {"units": 8, "embedding_units": 8, "epochs": 1}
    monkeypatch.setattr(demo, "DATE_SETTINGS", demo.DATE_SETTINGS | few)


def test_dates_of_a_dozen_locales_are_shown(small, tmp_path, capsys):
    pytest.importorskip("babel", reason="dates need Babel")
    with light_compilation():
        demo.demo_dates(tmp_path, seed=0)
    out = capsys.readouterr().out
    assert "right on 40 dates of other days" in out
    assert (tmp_path / "dates.html").read_text("utf-8").count("<article") == 12
    assert (tmp_path / "dates.regard").is_dir()


def test_without_babel_the_dates_are_left_out(tmp_path, capsys, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("regard.tasks.date_")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "babel", None)
    demo.demo_dates(tmp_path, seed=0)
    captured = capsys.readouterr()
    assert 'pip install "regard[tasks]"' in captured.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["messages.html", "dates.html", "dates.regard"])
def test_what_cannot_be_written_is_found_before_the_training(
    run, tmp_path, monkeypatch, name
):
    """It was found after a training, or two."""
    monkeypatch.setattr(demo, "demo_messages", None)
    (tmp_path / name).mkdir()
    (tmp_path / name / "of.mine").touch()
    result = run("demo", "--out", tmp_path)
    assert result.code == 2
    assert name in result.err
    (tmp_path / "file").touch()
    result = run("demo", "--out", tmp_path / "file")
    assert result.code == 2
    assert "can be no folder" in result.err
