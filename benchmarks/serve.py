"""The service against what tutorials do, under load from another process.

- ``regard``: ``regard serve``, in one process unless ``--workers`` says otherwise
- ``flask``: the same classifier in a plain Flask application with threads that calls
  ``classifier.explain`` behind a lock, for each request
- ``tutorial``: the same, but that it calls ``model.predict`` for the score, then an
  intermediate model for the attention

The models are a classifier of 200 words with a bidirectional GRU, the default
classifier with ``sentences`` of 20, and a translator.

Run: ``python benchmarks/serve.py [--backend jax] [--smoke]``; ``--soak 600`` asks for
ten minutes, then ends the service under load; ``--idle 400 --seconds 50`` measures
nothing but an honest client among so many that open connections and say nothing, or
half a head, where the service has 256 file descriptors.
"""

import argparse
import itertools
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import _backend

os.environ["KERAS_BACKEND"] = BACKEND = _backend.choose_backend("jax")

import numpy as np

import _load

SMOKE = "--smoke" in sys.argv
LENGTH, VOCABULARY = (16 if SMOKE else 200), 5_000
CLIENTS = (1, 16, 64, 256)
SENTENCE, PAIR = 20, 10
PEERS = ("flask", "tutorial")
DESCRIPTORS, ADDRESS = 256, r"http://[\d.]+:\d+"
BARS = {"requests": 10.0, "one client": 1.5, "memory": 1.02}


def texts(count: int, length: int, seed: int = 0) -> list[str]:
    """Random words, some of which decide the class."""
    random = np.random.default_rng(seed)
    rows = random.integers(0, VOCABULARY, (count, length))
    return [" ".join(f"w{word}" for word in row) for row in rows.tolist()]


def make_bundles(folder: Path) -> None:
    """Two classifiers and a translator; what they say is no matter."""
    import regard

    given = texts(40 if SMOKE else 400, LENGTH - 10)
    labels = [str(index % 2) for index in range(len(given))]
    classifier = regard.TextClassifier(
        seed=0, max_length=LENGTH, recurrent_units=64, epochs=1, calibration_folds=0
    )
    classifier.fit(given, labels).save(folder / "classifier.regard")
    if SMOKE:
        return
    given = texts(400, SENTENCE)
    sentences = regard.TextClassifier(seed=0, epochs=1)
    sentences.fit(given, labels).save(folder / "sentences.regard")
    pairs = texts(256, PAIR, seed=1)
    translator = regard.Translator(
        seed=0, units=128, embedding_units=64, max_length=16, epochs=1, batch_size=64
    )
    translator.fit(pairs, pairs).save(folder / "translator.regard")


@contextmanager
def running(
    *command: str, says: str = ""
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own that has said something, and its address."""
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        address = ""
        for line in process.stderr or ():
            if found := re.search(ADDRESS, line):
                address = found.group()
            if address and says in line:
                break
        else:
            raise SystemExit(f"{command} did not start")
        threading.Thread(target=process.stderr.read, daemon=True).start()  # type: ignore[union-attr]  # a pipe
        yield process, address
    finally:
        process.terminate()
        process.wait(30)


def flask(bundle: str) -> None:
    """A classifier that explains, and Flask."""
    import flask

    import regard

    classifier = regard.load(bundle)
    app = flask.Flask(__name__)
    lock = threading.Lock()

    @app.post("/predict")
    def predict() -> object:
        text = flask.request.get_json()["inputs"]
        with lock:
            why = classifier.explain([text])[0]
        return {
            "label": why.label,
            "probabilities": dict(
                zip(why.labels, why.probabilities.tolist(), strict=True)
            ),
            "tokens": list(why.tokens),
            "weights": why.weights.tolist(),
        }

    for count in range(1, LENGTH):
        classifier.explain(" ".join(["w1"] * count))
    app.run(port=0, threaded=True)


def tutorial(bundle: str) -> None:
    """The service of tutorials."""
    import flask
    import keras

    import regard
    from regard.classification.network import ATTENTION
    from regard.text.padding import pad

    trained = regard.load(bundle).trained
    model, reader = trained.model, trained.reader
    pooling = model.get_layer(ATTENTION)
    # What the attention is given: the states, and which of them are real.
    given = keras.Model(model.inputs, pooling.input)
    app = flask.Flask(__name__)
    # `model.predict` of several threads at once gives wrong answers on JAX.
    lock = threading.Lock()

    @app.post("/predict")
    def predict() -> object:
        text = flask.request.get_json()["inputs"]
        encoded = reader.read([text])[0]
        ids = pad([encoded.ids], 1, LENGTH)
        with lock:
            score = model.predict(ids, verbose=0)[0]
            states, mask = given.predict(ids, verbose=0)
            weights = pooling(states, mask=mask, return_attention_scores=True)[1]
        kept = np.asarray(weights)[0].mean(0)[: len(encoded)]
        return {
            "probabilities": score.tolist(),
            "tokens": encoded.pieces(text),
            "weights": kept.tolist(),
        }

    app.run(port=0, threaded=True)


def in_process(bundle: Path, given: list[str]) -> float:
    """Milliseconds of a bare call of ``explain``, the median over texts."""
    import regard

    classifier, texts = regard.load(bundle), itertools.cycle(given)

    def call() -> None:
        classifier.explain(next(texts))

    return 1000 * statistics.median(_times(call, 400))


def _times(call: Callable[[], None], count: int) -> list[float]:
    for _ in range(70):
        call()
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return times


def load(address: str, bodies: list[str], clients: int, seconds: float) -> dict:
    """The measurements of clients in another process."""
    asked = {"address": address, "bodies": bodies, "clients": clients}
    finished = subprocess.run(
        [sys.executable, _load.__file__],
        input=json.dumps(asked | {"seconds": seconds}),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(finished.stdout)


def show(name: str, clients: int, seen: dict) -> None:
    """One line of the report."""
    print(
        f"{name:12} {clients:4} clients: {seen['rate']:8.1f} requests/s, "
        f"p50 {seen['p50']:8.2f}, p95 {seen['p95']:8.2f}, p99 {seen['p99']:8.2f} ms, "
        f"{seen['errors']} errors",
        flush=True,
    )


def memory(process: subprocess.Popen[str]) -> int:
    """Resident kilobytes of a process."""
    status = Path(f"/proc/{process.pid}/status").read_text("ascii")
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])  # type: ignore[index]  # Linux


def soak(process: subprocess.Popen[str], address: str, body: str, seconds: int) -> None:
    """Ask for long, then end the service under load."""
    half = max(seconds // 5, 1)
    errors = load(address, [body], 64, half)["errors"]
    before = memory(process)
    errors += load(address, [body], 64, seconds - half)["errors"]
    growth = memory(process) / before
    ending = threading.Timer(2, process.send_signal, [signal.SIGTERM])
    ending.start()
    last = load(address, [body], 64, 6)
    print(
        f"soak: {errors} errors, memory {growth:.3f} times that after {half} s; "
        f"ended under load: {last['cut']} accepted requests without an answer, "
        f"exit code {process.wait(30)}"
    )


def idle(bundle: Path, count: int, seconds: float) -> None:
    """One honest client among idle ones; half of those come back when closed."""
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch) / "log"
        limited = f'ulimit -n {DESCRIPTORS}; exec "$@" 2> "$0"'
        serving = (sys.executable, "-m", "regard_cli", "serve", bundle, "--port", "0")
        process = subprocess.Popen(["/bin/sh", "-c", limited, log, *serving])
        while not (log.exists() and (found := re.search(ADDRESS, log.read_text()))):
            time.sleep(0.1)
        address = found.group()
        _load.wait_until_ready(address)
        before, where = log.stat().st_size, urlsplit(address)
        end = time.monotonic() + seconds
        for number in range(count):
            waiting = (where.hostname, where.port), number, end
            threading.Thread(target=_wait_idly, args=waiting, daemon=True).start()
        body = json.dumps({"inputs": texts(1, LENGTH - 10, seed=2)[0]})
        asked = _load.request(f"{address}/v1/models/classifier/predict", body)
        times, failed = [], 0
        while time.monotonic() < end:
            begin = time.perf_counter()
            failed += not _answered((where.hostname, where.port), asked)
            times.append(time.perf_counter() - begin)
            time.sleep(0.05)
        grown = log.stat().st_size - before
        process.terminate()
        process.wait(30)
    print(
        f"{count} idle, {DESCRIPTORS} descriptors, {seconds:.0f} s: {len(times)} asked,"
        f" {failed} failed, p50 {1000 * statistics.median(times):.0f} ms, "
        f"most {1000 * max(times):.0f} ms, log {grown / 1000:.0f} KB"
    )


def _wait_idly(where: tuple[str, int], number: int, end: float) -> None:
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(where, timeout=10) as one:
            if number % 3 == 0:
                one.sendall(b"GET / HTTP/1.1\r\n")
            one.settimeout(max(0.1, end - time.monotonic()))
            one.recv(1)
        time.sleep(0.5 if number % 2 else max(0.0, end - time.monotonic()))


def _answered(where: tuple[str, int], question: bytes) -> bool:
    with suppress(OSError), socket.create_connection(where, timeout=10) as one:
        one.sendall(question)
        return one.recv(65_536).startswith(b"HTTP/1.1 200")
    return False


def main() -> None:
    """Measure, print, and say which bars are missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    _backend.add_argument(parser, "jax")
    parser.add_argument("--smoke", action="store_true", help="a small model, shortly")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--clients", type=int, nargs="*", default=CLIENTS)
    parser.add_argument("--only", choices=["classifier", "sentences", "translator"])
    parser.add_argument("--workers", default="1", help="processes of ours")
    parser.add_argument("--peers", nargs="*", default=PEERS, choices=PEERS)
    parser.add_argument("--soak", type=int, default=0, metavar="SECONDS")
    parser.add_argument("--idle", type=int, default=0, metavar="CLIENTS")
    parser.add_argument("--bundles", type=Path, help="keep them here")
    parser.add_argument("--peer", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        name, bundle = options.peer
        {"flask": flask, "tutorial": tutorial}[name](bundle)
        return
    if options.smoke:
        options.only, options.seconds, options.clients = "classifier", 0.5, [1]
    print(_backend.environment())
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.bundles or Path(scratch)
        if not (folder / "classifier.regard").exists():
            make_bundles(folder)
        if options.idle:
            idle(folder / "classifier.regard", options.idle, options.seconds)
        else:
            measure(folder, options)


def measure(folder: Path, options: argparse.Namespace) -> None:
    """Everything that was asked for."""
    models = {"classifier": LENGTH - 10, "sentences": SENTENCE, "translator": PAIR}
    for kind, words in models.items():
        if options.only in {None, kind}:
            measure_model(folder / f"{kind}.regard", kind, words, options)


def measure_model(
    bundle: Path, kind: str, words: int, options: argparse.Namespace
) -> None:
    """The service on one bundle; a classifier against its peers as well."""
    given = texts(64, words, seed=2)
    bodies = [json.dumps({"inputs": text}) for text in given]
    ours, theirs = {}, {}
    serving = (sys.executable, "-m", "regard_cli", "serve", str(bundle), "--port", "0")
    serving += ("--workers", options.workers)
    # Before that it shares the processor with the compiler.
    with running(*serving, says="compiled all") as (process, address):
        path = f"{address}/v1/models/{kind}/predict"
        for clients in options.clients:
            ours[clients] = load(path, bodies, clients, options.seconds)
            show(f"regard {kind[:5]}", clients, ours[clients])
        if options.soak:
            soak(process, path, bodies[0], options.soak)
    if kind == "translator":
        return
    asking = (sys.executable, __file__, "--backend", BACKEND, "--peer")
    for name in options.peers:
        with running(*asking, name, str(bundle)) as (_, address):
            for clients in options.clients:
                theirs[clients] = load(
                    f"{address}/predict", bodies, clients, options.seconds
                )
                show(name, clients, theirs[clients])
        judge(ours, name, theirs)
    if 1 in ours:
        bare = in_process(bundle, given)
        ratio = ours[1]["p50"] / bare
        print(
            f"one client: p50 {ours[1]['p50']:.2f} ms, explain {bare:.2f} ms: "
            f"{ratio:.2f} times (bar {BARS['one client']})"
        )


def judge(ours: dict, name: str, theirs: dict) -> None:
    """Say which bars are reached."""
    if 64 in ours:
        ratio = ours[64]["rate"] / theirs[64]["rate"]
        print(f"requests/s at 64: {ratio:.1f} times {name} (bar {BARS['requests']})")
        print(f"our p99 {ours[64]['p99']:.1f}, its p50 {theirs[64]['p50']:.1f} ms")


if __name__ == "__main__":
    main()
