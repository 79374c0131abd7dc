"""A real server and clients that misbehave."""

import json
import socket
import time
from urllib.parse import urlsplit

import pytest

BODY = b'{"inputs": "a refund"}'
HEAD = (
    b"POST /v1/models/topics/predict HTTP/1.1\r\nHost: here\r\n"
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
    assert 400 <= status(talk(sent)) < 500
    assert status(talk(HEAD, length(len(BODY)), BODY)) == 200


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
