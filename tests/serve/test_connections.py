"""A real server and clients that misbehave."""

import errno
import io
import json
import logging
import socket
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
import uvicorn

from regard.serve import log_lines
from regard.serve.connections import Connection, Listener, Room

BODY = b'{"inputs": "a refund"}'
HEAD = (
    b"POST /v1/models/topics/predict HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/json\r\nConnection: close\r\n"
)


@pytest.fixture
def talk(address):
    """Sends bytes in pieces; what comes back until the server closes."""
    where = urlsplit(address)

    def talk(*pieces, half_close=False, pause=0.0):
        with socket.create_connection((where.hostname, where.port), timeout=10) as one:
            for piece in pieces:
                one.sendall(piece)
                time.sleep(pause)
            if half_close:
                one.shutdown(socket.SHUT_WR)
            received = b""
            while piece := one.recv(65_536):
                received += piece
        return received

    return talk


def length(count):
    return b"Content-Length: %d\r\n\r\n" % count


def status(reply):
    return int(reply.split(b" ", 2)[1])


def test_a_whole_question(talk):
    reply = talk(HEAD, length(len(BODY)), BODY)
    assert status(reply) == 200
    assert json.loads(reply.split(b"\r\n\r\n", 1)[1])["model"] == "topics"


def test_a_question_in_many_pieces(talk):
    pieces = [BODY[index : index + 1] for index in range(len(BODY))]
    assert status(talk(HEAD, length(len(BODY)), *pieces, pause=0.002)) == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\xff\x16\x03\r\n\r\n",
        b"GET /\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        HEAD + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"Content-Length: 99999999\r\n\r\n{",
    ],
)
def test_what_is_no_request_is_the_fault_of_the_client(talk, sent):
    reply = talk(sent)
    assert 400 <= status(reply) < 500
    assert b"x-frame-options: deny" in reply.lower()
    assert status(talk(HEAD, length(len(BODY)), BODY)) == 200


ENDLESS = {
    "head": b"",
    "trailer": b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX: ",
    "size": b"Transfer-Encoding: chunked\r\n\r\n1;",
}


@pytest.mark.parametrize("part", ENDLESS)
def test_nothing_beside_a_body_goes_on_for_ever(room, part):
    where = room()
    with socket.create_connection(where.address) as one:
        with suppress(ConnectionError):
            one.sendall(HEALTHY.replace(b"/", b"/patient", 1) + ENDLESS[part])
            for _ in range(100):
                one.sendall(b"x" * 4_096)
                time.sleep(0.001)
        until(lambda: not where.connections)


def test_requests_ahead_of_their_replies_are_few(room):
    where = room()
    patient = HEALTHY.replace(b"/", b"/patient", 1) + b"\r\n"
    with socket.create_connection(where.address) as one:
        with suppress(ConnectionError):
            one.sendall(patient * 1_000)
        assert status(received(one)) == 429
        until(lambda: not where.connections)


def test_some_requests_ahead_are_answered_in_their_order(room):
    where = room()
    with socket.create_connection(where.address) as one:
        one.sendall((HEALTHY + b"\r\n") * 9 + HEALTHY + b"Connection: close\r\n\r\n")
        assert received(one).count(b"HTTP/1.1 200 OK") == 10


def test_who_would_speak_something_else_is_answered_in_http(room):
    upgrade = b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    with socket.create_connection(room().address) as one:
        one.sendall(HEALTHY + upgrade + b"\x00" * 64)
        reply = received(one)
    assert status(reply) == 200
    assert b"connection: close" in reply


@pytest.mark.parametrize("pause", [0.0, 0.02], ids=["at once", "in pieces"])
@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
def test_who_wishes_for_another_protocol_is_asked_in_full(talk, chunked, pause):
    # As Java's client does with each first request.
    head = HEAD.replace(b"close", b"Upgrade, HTTP2-Settings, close")
    head += b"Upgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"
    pieces = length(len(BODY)), BODY[:5], BODY[5:]
    if chunked:
        size = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(BODY)
        pieces = size, BODY, b"\r\n0\r\n\r\n"
    sent = [head, *pieces] if pause else [b"".join((head, *pieces))]
    reply = talk(*sent, pause=pause)
    assert status(reply) == 200
    assert json.loads(reply.split(b"\r\n\r\n", 1)[1])["model"] == "topics"


def test_a_wish_for_another_protocol_has_its_place_among_requests(talk):
    kept = HEAD.replace(b"close", b"Upgrade") + b"Upgrade: h2c\r\n"
    whole = length(len(BODY)) + BODY
    assert talk(kept + whole + HEAD + whole).count(b"HTTP/1.1 200 OK") == 2


def test_who_stops_half_way_harms_nobody(talk):
    talk(HEAD, length(100), BODY, half_close=True)
    talk(HEAD[:20], half_close=True)
    talk(half_close=True)
    assert status(talk(HEAD, length(len(BODY)), BODY)) == 200


def test_who_closes_without_reading_harms_nobody(address, talk):
    where = urlsplit(address)
    for _ in range(20):
        with socket.create_connection((where.hostname, where.port)) as one:
            one.sendall(HEAD + length(len(BODY)) + BODY)
    assert status(talk(HEAD, length(len(BODY)), BODY)) == 200


async def _healthy(scope, receive, send):
    """An application that is always there: big replies where ``/big`` is asked.

    At ``/patient`` it waits until the client leaves.
    """
    if scope["type"] == "lifespan":
        return
    if scope["path"] == "/patient":
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    body = b"x" * (1 << 26 if scope["path"] == "/big" else 2)
    length = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": body})


class Where(NamedTuple):
    """A server: its address, and the connections it has."""

    address: tuple[str, int]
    connections: set


@pytest.fixture
def room():
    """Makes a server with few places and short times."""
    servers = []

    def room(**settings):
        protocol = partial(Connection, Room(**settings))
        config = uvicorn.Config(
            _healthy, http=protocol, lifespan="off", log_config=None, access_log=False
        )
        server = uvicorn.Server(config)
        listening = Listener.of(socket.create_server(("127.0.0.1", 0)))
        where = Where(listening.getsockname(), server.server_state.connections)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        servers.append((server, thread))
        return where

    yield room
    for server, thread in servers:
        server.should_exit = True
        thread.join()


def received(one):
    """What comes until the server closes; nothing where it does so at once."""
    one.settimeout(60)
    try:
        return b"".join(iter(lambda: one.recv(65_536), b""))
    except ConnectionResetError:
        return b""


def until(true):
    for _ in range(6_000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it never happened")


HEALTHY = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


def test_who_says_nothing_has_to_go(room):
    where = room(head_seconds=0.1)
    with socket.create_connection(where.address) as one:
        assert received(one) == b""


def test_who_says_it_slowly_is_told_so(room):
    where = room(head_seconds=1.0)
    with socket.create_connection(where.address) as one:
        one.sendall(HEALTHY + b"\r\n")
        # The second request of a connection has its time as the first.
        assert status(one.recv(65_536)) == 200
        one.sendall(HEALTHY)
        reply = received(one)
    assert status(reply) == 408
    assert json.loads(reply.split(b"\r\n\r\n", 1)[1])["status"] == 408
    assert b"X-Frame-Options: DENY" in reply


def test_who_does_not_read_has_to_go(room):
    where = room(send_seconds=0.3)
    with socket.create_connection(where.address) as one:
        one.sendall(HEALTHY.replace(b"/", b"/big", 1) + b"\r\n")
        until(lambda: where.connections)
        until(lambda: not where.connections)
        assert len(received(one)) < 1 << 26


def test_those_who_only_wait_make_place(room):
    where = room(most=4)
    idle = [socket.create_connection(where.address) for _ in range(20)]
    for _ in range(3):
        with socket.create_connection(where.address) as one:
            one.sendall(HEALTHY + b"Connection: close\r\n\r\n")
            assert status(received(one)) == 200
    for one in idle[:12]:
        assert received(one) == b""
        one.close()
    for one in idle[12:]:
        one.close()


def test_where_nobody_waits_new_ones_are_refused(room):
    where = room(most=2)
    busy = [socket.create_connection(where.address) for _ in range(2)]
    for one in busy:
        one.sendall(HEALTHY.replace(b"/", b"/big", 1) + b"\r\n")
        assert status(one.recv(16)) == 200
    with socket.create_connection(where.address) as one:
        reply = received(one)
    assert status(reply) == 503
    assert b"Retry-After" in reply
    for one in busy:
        one.close()


class Exhausted(Listener):
    """Has no descriptor for a connection but the one that was spared."""

    def _accept(self):
        if self._spare is not None:
            raise OSError(errno.EMFILE, "too many open files")
        return super()._accept()


def test_without_descriptors_those_who_come_are_let_go(caplog):
    with Exhausted.of(socket.create_server(("127.0.0.1", 0))) as listening:
        with socket.create_connection(listening.getsockname()) as one:
            with pytest.raises(BlockingIOError):
                listening.accept()
            assert received(one) == b""
        # The spare is there again.
        with socket.create_connection(listening.getsockname()) as one:
            with pytest.raises(BlockingIOError):
                listening.accept()
            assert received(one) == b""
    assert "no file descriptors are left" in caplog.text


def test_a_few_are_accepted_at_a_time():
    with Listener.of(socket.create_server(("127.0.0.1", 0))) as listening:
        clients = [socket.create_connection(listening.getsockname()) for _ in range(20)]
        accepted = []
        with suppress(BlockingIOError):
            accepted.extend(listening.accept()[0] for _ in range(20))
        assert 0 < len(accepted) < 20
        for one in (*clients, *accepted):
            one.close()


def test_there_are_fewer_connections_than_descriptors():
    import resource

    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert 1 <= Room().most < most
    assert Room(most=3).most == 3


def test_a_log_says_a_thing_once_and_then_how_often(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(log_lines.time, "monotonic", lambda: now[0])
    repetitions, lines = log_lines.Repetitions(60), []

    def say(message, level=logging.WARNING, error=None):
        record = logging.LogRecord("a", level, "", 0, message, (), error)
        if repetitions.filter(record):
            lines.append(json.loads(log_lines.JsonLines().format(record)))

    for number in range(100):
        say(f"protocol <at 0x{number:x}> failed {number} times")
        say("another")
        say("request", logging.INFO)
    assert Counter(line["event"] for line in lines)["request"] == 100
    lines = [line for line in lines if line["event"] != "request"]
    assert len(lines) == 2
    now[0] = 61.0
    say("another")
    assert lines[-1]["left_out_before"] == 99
    for kind in (ValueError, KeyError, ValueError):
        say("failed", error=(kind, kind(), None))
    assert [line["event"] for line in lines[3:]] == ["failed", "failed"]


def test_lines_are_written_some_at_a_time_and_warnings_at_once(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    writer = log_lines.LineWriter(seconds=3_600)
    writer.setFormatter(log_lines.JsonLines())

    def say(message, level):
        writer.handle(logging.LogRecord("a", level, "", 0, message, (), None))
        return [json.loads(line)["event"] for line in stream.getvalue().splitlines()]

    assert say("first", logging.INFO) == []
    # Half a pair of surrogates is no text that could be written.
    assert say("\ud800", logging.WARNING) == ["first", "\ud800"]
    assert say("last", logging.INFO) == ["first", "\ud800"]
    writer.flush()
    assert stream.getvalue().count("\n") == 3
    stream.close()
    # Nobody reads it any more.
    writer.handle(logging.LogRecord("a", logging.ERROR, "", 0, "lost", (), None))


def test_a_warning_beside_lines_that_are_written_waits_for_them_only(monkeypatch):
    begun, warned = threading.Event(), threading.Event()

    class Slow(io.StringIO):
        def write(self, text):
            begun.set()
            warned.wait(0.2)
            return super().write(text)

    class Writer(log_lines.LineWriter):
        def emit(self, record):
            if record.levelno == logging.WARNING:
                warned.set()
            super().emit(record)

    monkeypatch.setattr(sys, "stderr", stream := Slow())
    writer = Writer(seconds=0)
    writer.setFormatter(log_lines.JsonLines())
    say = partial(logging.LogRecord, "a", lineno=0, args=(), exc_info=None)
    writer.handle(say(level=logging.INFO, pathname="", msg="first"))
    begun.wait(10)
    other = threading.Thread(
        target=writer.handle,
        args=[say(level=logging.WARNING, pathname="", msg="second")],
        daemon=True,
    )
    other.start()
    other.join(10)
    assert not other.is_alive()
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == [
        "first", "second"
    ]  # fmt: skip


def test_a_line_that_cannot_be_made_takes_no_other_along(monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())
    monkeypatch.setattr(logging, "raiseExceptions", False)
    writer = log_lines.LineWriter(seconds=3_600)
    for message, arguments in (("first", ()), ("%d", ("x",)), ("last", ())):
        level = logging.WARNING if message == "last" else logging.INFO
        writer.handle(logging.LogRecord("a", level, "", 0, message, arguments, None))
    assert stream.getvalue().split() == ["first", "last"]


def test_lines_are_written_after_a_while(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    writer = log_lines.LineWriter(seconds=0.01)
    for message in ("first", "second"):
        writer.handle(logging.LogRecord("a", logging.INFO, "", 0, message, (), None))
        until(lambda message=message: message in stream.getvalue())
