"""``regard serve``: it answers, ends well, and refuses what it must."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

from regard.serve.hosts import AllowedHosts, hosts_of
from regard_cli.serve import _listening


@pytest.fixture
def started(tmp_path):
    """Starts the command; its process, and the address it says it serves at."""
    running = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "regard_cli", "serve", *arguments, "--port", "0"],
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        running.append(process)
        for line in process.stderr:
            if found := re.search(r"http://\S+", line):
                # Someone has to read on, or the service would wait to log.
                threading.Thread(target=process.stderr.read, daemon=True).start()
                return process, found.group()
        raise AssertionError(f"it ended with {process.wait()}")

    yield start
    for process in running:
        process.kill()
        process.wait()


def ask(address, path, body=None):
    request = urllib.request.Request(  # noqa: S310 - our own address
        address + path,
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310 - the same
        return json.loads(reply.read())


def wait_until_ready(address):
    for _ in range(600):
        try:
            return ask(address, "readyz")
        except urllib.error.HTTPError:
            time.sleep(0.1)
    raise AssertionError("never ready")


def wait_for_workers(address):
    for _ in range(600):
        try:
            return wait_until_ready(address)
        except OSError:
            time.sleep(0.1)
    raise AssertionError("nobody answers")


def test_it_answers_and_finishes_what_is_under_way(started, toy_bundle):
    process, address = started(str(toy_bundle), "--max-wait-ms", "500")
    assert address.startswith("http://127.0.0.1:")
    wait_until_ready(address)
    replies = []

    def question():
        path = "v1/models/toy/predict"
        replies.append(ask(address, path, {"inputs": "my refund"}))

    clients = [threading.Thread(target=question) for _ in range(4)]
    for client in clients:
        client.start()
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    for client in clients:
        client.join()
    labels = [reply["predictions"][0]["label"] for reply in replies]
    assert labels == ["billing"] * 4
    assert process.wait(20) == 0
    with pytest.raises(OSError, match="refused"):
        ask(address, "healthz")


@pytest.mark.slow
def test_several_workers_count_together(started, toy_bundle):
    _, address = started(str(toy_bundle), "--workers", "2")
    wait_for_workers(address)
    for _ in range(20):
        ask(address, "v1/models/toy/predict", {"inputs": "my refund"})
    with urllib.request.urlopen(f"{address}metrics") as reply:  # noqa: S310 - ours
        text = reply.read().decode()
    counted = re.search(r'seconds_count\{model="toy",status="200"\} (\S+)', text)
    assert float(counted.group(1)) == 20


@pytest.mark.slow
def test_workers_end_with_the_process_that_started_them(started, toy_bundle):
    process, address = started(str(toy_bundle), "--workers", "2")
    wait_for_workers(address)
    process.kill()
    for _ in range(100):
        try:
            ask(address, "healthz")
        except OSError:
            break
        time.sleep(0.1)
    else:
        raise AssertionError("somebody still answers")


def test_a_damaged_bundle_is_refused_by_its_name(run, toy_bundle, tmp_path):
    damaged = tmp_path / "damaged.regard"
    shutil.copytree(toy_bundle, damaged)
    (damaged / "labels.json").write_bytes(b"[]")
    result = run("serve", toy_bundle, damaged, "--port", "0")
    assert result.code == 2
    assert "damaged.regard" in result.err
    assert "labels.json" in result.err
    assert "Traceback" not in result.err


def test_an_address_that_is_taken_is_one_message(run, toy_bundle):
    result = run("serve", toy_bundle, "--host", "192.0.2.1")
    assert result.code == 1
    assert result.err.startswith("Error: '192.0.2.1' is no address of this machine.")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = run("serve", toy_bundle, "--port", port)
    assert result.code == 1
    assert f"Error: Port {port} of 127.0.0.1 is taken" in result.err
    assert f"--port {port + 1}" in result.err


@pytest.mark.parametrize("host", ["a..b", "x" * 99])
def test_a_host_that_is_none_is_one_message(host):
    with pytest.raises(OSError, match=r"is no address of this machine.*--host"):
        _listening(host, 0)


@pytest.mark.parametrize("missing", ["uvicorn", "starlette"])
def test_what_is_missing_is_named(run, toy_bundle, monkeypatch, missing):
    for name in [module for module in sys.modules if module.split(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, name)
    for name in [module for module in sys.modules if module.startswith("regard.serve")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    result = run("serve", toy_bundle, "--port", "0")
    assert result.code == 1
    assert 'pip install "regard[serve]"' in result.err


def test_what_is_no_host_is_refused(run, toy_bundle):
    hosts = "example.org,http://example.org"
    result = run("serve", toy_bundle, "--allowed-hosts", hosts, "--port", "0")
    assert result.code == 2
    assert "'http://example.org' is no host" in result.err
    assert "allowed_hosts" not in result.err


ANY = "0.0.0.0"  # noqa: S104 - nothing is bound


@pytest.mark.parametrize(
    ("address", "given", "host", "expected"),
    [
        ("127.0.0.1", (), "localhost", True),
        ("127.0.0.1", (), "192.0.2.1", False),
        ("192.0.2.1", (), "192.0.2.1", True),
        ("192.0.2.1", (), "192.0.2.2", False),
        (ANY, (), "192.0.2.2:8000", True),
        ("::", (), "[2001:db8::1]", True),
        (ANY, (), "example.org", False),
        (ANY, (), socket.gethostname(), True),
        (ANY, ("example.org",), "example.org", True),
        (ANY, ("example.org",), "192.0.2.2", False),
        ("example.org", (), "example.org", True),
        ("127.0.0.1", ("*",), "example.org", True),
    ],
)
def test_hosts_follow_from_the_address(address, given, host, expected):
    allowed = AllowedHosts(hosts_of(address, given))
    assert allowed.match([(b"host", host.encode())]) is expected


#: Run with few file descriptors, and its log in a file.
LIMITED = 'ulimit -n "$1"; log="$2"; shift 2; exec "$@" 2> "$log"'


@pytest.mark.slow
def test_idle_connections_shut_nobody_out(toy_bundle, tmp_path):
    log, idle, asked = tmp_path / "log", [], 0
    command = [sys.executable, "-m", "regard_cli", "serve", toy_bundle, "--port", "0"]
    process = subprocess.Popen(["/bin/sh", "-c", LIMITED, "-", "256", log, *command])
    try:
        address = address_in(log)
        wait_until_ready(address)
        before = log.stat().st_size
        where = urllib.parse.urlsplit(address)
        for number in range(400):
            one = socket.create_connection((where.hostname, where.port), timeout=60)
            if number % 3 == 0:
                one.sendall(b"GET / HTTP/1.1\r\n")
            idle.append(one)
        while asked < 40:
            ask(address, "v1/models/toy/predict", {"inputs": "my refund"})
            asked += 1
            if asked % 4 == 0:
                # Those who were closed come again.
                idle.append(socket.create_connection((where.hostname, where.port)))
            time.sleep(0.1)
        assert log.stat().st_size - before < 20_000
        assert log.read_text().count("all connections are taken") == 1
    finally:
        for one in idle:
            one.close()
        process.terminate()
        assert process.wait(30) == 0


def address_in(log):
    for _ in range(600):
        if log.exists() and (found := re.search(r"http://\S+", log.read_text())):
            return found.group()
        time.sleep(0.1)
    raise AssertionError("it did not start")


@pytest.mark.parametrize("wrong", [["--workers", "0"], ["--max-batch", "0"], []])
def test_wrong_use_is_refused(run, wrong, toy_bundle):
    result = run("serve", *([toy_bundle] if wrong else []), *wrong)
    assert result.code == 2
