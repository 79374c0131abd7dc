"""Each benchmark runs, on the backend it is about, whatever is installed beside it."""

import gzip
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import toy
from light_compilation import light_compilation

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
if not BENCHMARKS.is_dir():
    pytest.skip("the benchmarks are part of the repository", allow_module_level=True)
SCRIPTS = sorted(
    file.name for file in BENCHMARKS.glob("*.py") if not file.name.startswith("_")
)
DEFAULTS = dict.fromkeys(SCRIPTS, "jax") | {"peers_contract.py": "tensorflow"}


def source(name: str) -> str:
    return (BENCHMARKS / name).read_text("utf-8")


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs a benchmark in this process, and returns what it prints."""

    def run(name: str, *arguments: object) -> str:
        monkeypatch.syspath_prepend(str(BENCHMARKS))
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(BENCHMARKS / name), run_name="__main__")
        return capsys.readouterr().out

    return run


def assert_it_says_where(report: str) -> None:
    backend = keras.backend.backend()
    assert re.search(
        rf"Keras {re.escape(keras.__version__)} on {backend} \d.*regard \d.*Python 3.*"
        r"; .+, \d+ cores",
        report,
    )


# The backend


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_backend_is_set_before_keras_is_imported(name):
    lines = source(name).splitlines()
    [chosen] = [
        number for number, line in enumerate(lines) if "choose_backend(" in line
    ]
    assert lines[chosen].startswith('os.environ["KERAS_BACKEND"] = ')
    assert f'choose_backend("{DEFAULTS[name]}"' in lines[chosen]
    first = min(
        number
        for number, line in enumerate(lines)
        if re.match(r"(import|from) (keras|regard|tensorflow|numpy)\b", line)
    )
    assert chosen < first
    assert "_backend.add_argument(" in source(name)
    assert "_backend.environment()" in source(name)


def test_neither_what_is_set_nor_what_is_installed_has_a_say():
    for arguments, expected in [([], "jax"), (["--backend", "torch"], "torch")]:
        program = (
            "import os, _backend\n"
            "os.environ['KERAS_BACKEND'] = _backend.choose_backend('jax')\n"
            "print(os.environ['KERAS_BACKEND'])"
        )
        finished = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            env=os.environ | {"KERAS_BACKEND": "tensorflow"},
            cwd=BENCHMARKS,
            capture_output=True,
            text=True,
            check=True,
        )
        assert finished.stdout.split() == [expected]


def test_a_backend_that_came_before_is_no_other(run):
    other = "torch" if keras.backend.backend() != "torch" else "jax"
    with pytest.raises(SystemExit, match=f"not on {other}"):
        run("observing.py", "--smoke", "--backend", other)


# Smoke


@pytest.mark.backends
def test_additive(run):
    report = run(
        "additive.py", "--backend", keras.backend.backend(), "--smoke", "--no-memory"
    )
    assert_it_says_where(report)
    assert "times faster than Keras" in report


def test_observing(run):
    report = run("observing.py", "--smoke")
    assert_it_says_where(report)
    assert "observed / two passes" in report


def test_classification(run, monkeypatch, tmp_path):
    pytest.importorskip("sklearn", reason="the baselines are those of scikit-learn")
    folder = tmp_path / "trec"
    folder.mkdir()
    for part, count in (("train", 60), ("test", 50)):
        pairs = zip(*toy.messages(count, seed=count), strict=True)
        lines = ["question\tcoarse", *("\t".join(pair) for pair in pairs)]
        file = folder / f"trec_{part}.tsv"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.setattr(
        "regard.TextClassifier", lambda seed: _toy_classifier(seed=seed)
    )
    with light_compilation():
        report = run("classification.py", tmp_path, "--sets", "trec", "--seeds", 1)
    assert_it_says_where(report)
    assert report.count("| TREC coarse |") == 2
    assert re.search(
        r"seed 0: 1\d\d\.\d\d%, loss 0\.\d+, ECE 0\.\d+ in \d+ s; [a-z ]+ "
        r"\(words: hole [-\d]+ % \[[-\d]+, [-\d]+\], swap [-\d]+ % ",
        report,
    )
    assert re.search(r"\| TREC coarse \| 1\S+ \| \S+ to \S+ \| [a-z ]+ 1 \|", report)


def _toy_classifier(seed):
    from regard.classification import TextClassifier

    return TextClassifier(seed=seed, **toy.SETTINGS)


def test_trust(run):
    with light_compilation():
        report = run("trust.py", "bed", "--smoke", "--seeds", 1, "--alarms", 2)
    assert_it_says_where(report)
    assert "| uniform | says nothing 5 " in report
    assert "false 'explains': " in report


def test_multi30k(run, tmp_path):
    words = {"eins": "one", "zwei": "two", "drei": "three", "vier": "four"}
    generator = np.random.default_rng(0)
    for part, count in (("train", 64), ("val", 8), ("test_2016_flickr", 4)):
        chosen = [generator.choice(list(words), 4) for _ in range(count)]
        for side, write in (("de", str), ("en", words.get)):
            lines = [" ".join(write(word) for word in row.tolist()) for row in chosen]
            file = tmp_path / f"{part}.lc.norm.tok.{side}"
            file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    tiny = {"units": 4, "embedding_units": 4, "batch_size": 16}
    settings = [word for pair in tiny.items() for word in ("--set", *pair)]
    with light_compilation():
        settings += ["--shortlist", "--repeats", 1]
        report = run("multi30k.py", tmp_path, "de-en", "--epochs", 1, *settings)
    assert_it_says_where(report)
    # Of so few symbols all are taken.
    assert report.count("0 of 4 changed") == 2
    assert "beam 5: BLEU" in report


def test_seq2seq():
    pytest.importorskip("torch", reason="the peer is PyTorch")
    report = _in_a_process("seq2seq.py", "--smoke", "--autocast")
    assert_it_says_where(report)
    assert report.count("ratio to PyTorch") == 2
    assert report.count("ratio to autocast") == 2


def test_reading(run, tmp_path):
    texts, labels = toy.messages(60)
    rows = [f"{text}\t{label}" for text, label in zip(texts, labels, strict=True)]
    content = "\n".join(["text\tlabel", *rows]).encode("utf-8")
    for name in (
        "imdb/imdb_train.tsv.gz",
        "imdb/imdb_test.tsv.gz",
        "sst/sst2_train.tsv",
    ):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        packed = file.suffix == ".gz"
        file.write_bytes(gzip.compress(content) if packed else content)
    report = run("reading.py", tmp_path, "--smoke")
    assert_it_says_where(report)
    assert report.count("one thread, processor") == 2


@pytest.mark.slow
def test_vectors(run, tmp_path):
    pytest.importorskip("sklearn", reason="the baselines are those of scikit-learn")
    pairs = zip(*toy.messages(120), strict=True)
    rows = ["text\tlabel", *("\t".join(pair) for pair in pairs)]
    content = ("\n".join(rows) + "\n").encode("utf-8")
    names = [f"sst/sst2_{part}.tsv" for part in ("train", "test", "dev")]
    for name in [*names, "imdb/imdb_train.tsv.gz", "imdb/imdb_test.tsv.gz"]:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(gzip.compress(content) if file.suffix == ".gz" else content)
    options = ["--sizes", 60, "--seeds", 1, "--width", 4, "--rows", 0]
    report = run("vectors.py", tmp_path, *options)
    assert_it_says_where(report)
    assert "| 60 | with vectors | 100.00% |" in report
    assert "| 60 | LR on mean vectors | " in report


@pytest.mark.slow
def test_batch(toy_bundle):
    report = _in_a_process("batch.py", str(toy_bundle), "--smoke", "--kills", "1")
    assert_it_says_where(report)
    assert "rows a second: job" in report
    assert "killed 1 times: the same rows" in report


@pytest.mark.slow
def test_training_from_disk(tmp_path):
    report = _in_a_process(
        "training_from_disk.py",
        str(tmp_path),
        "--smoke",
        "--tenth",
        "2",
        "--kills",
        "2",
    )
    assert_it_says_where(report)
    assert report.count("highest memory") == 3
    assert "killed 2 times: the same weights" in report


@pytest.mark.slow
def test_devices(monkeypatch):
    flag = "--xla_force_host_platform_device_count=2"
    monkeypatch.setenv("XLA_FLAGS", flag)
    report = _in_a_process("devices.py", "1", "2", "--smoke")
    assert_it_says_where(report)
    assert report.count("2 devices") == 2


@pytest.mark.slow
def test_cold_start():
    report = _in_a_process("cold_start.py", "--smoke")
    assert_it_says_where(report)
    # What was compiled is there the second time.
    compiled = re.findall(r"(cold|warm) .* (\d+)$", report, re.MULTILINE)
    assert [kind for kind, _ in compiled] == ["cold", "warm"]
    assert int(compiled[0][1]) > 5 > int(compiled[1][1])


@pytest.mark.slow
def test_serve():
    pytest.importorskip("flask", reason="the peer is Flask")
    report = _in_a_process("serve.py", "--smoke")
    assert_it_says_where(report)
    assert "one client: p50" in report


@pytest.mark.slow
def test_peers_contract():
    for package in ("attention", "keras_self_attention", "tf_keras"):
        pytest.importorskip(package, reason="a peer is not installed")
    report = _in_a_process("peers_contract.py", "--smoke")
    assert re.search(r"Keras [\d.]+ on tensorflow \d", report)
    assert "regard `pooling-context`" in report


def _in_a_process(name: str, *arguments: str) -> str:
    finished = subprocess.run(
        [sys.executable, BENCHMARKS / name, *arguments],
        # What makes programs fast takes most of the time here.
        env=os.environ | {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    return finished.stdout
