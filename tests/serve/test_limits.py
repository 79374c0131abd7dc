"""Refusals by the service: a problem document that names the limit."""

import asyncio
import json
import time

import pytest
from asgi_client import HERE, PREDICT, question, talk
from malformed import malformed
from starlette.testclient import TestClient

from regard.errors import ArgumentError
from regard.serve import Limits, create_app
from regard.serve.problem_details import MEDIA_TYPE

JSON = {"Content-Type": "application/json"}


def problem(reply, status, limit=None):
    """The document of a refusal."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == MEDIA_TYPE
    document = reply.json()
    assert document["status"] == status
    assert document.get("limit") == limit
    return document


@pytest.mark.parametrize(
    ("asked", "limit", "allowed"),
    [
        ({"inputs": ["a"] * 9}, "inputs", 8),
        ({"inputs": "a" * 401}, "characters", 400),
        ({"inputs": "a " * 17}, "tokens", 16),
        ({"inputs": "a", "beam": 3}, "beam", 2),
        ({"inputs": "a", "n_best": 6}, "n_best", 5),
    ],
)
def test_every_limit_has_its_name(client, asked, limit, allowed):
    for model in ["de-en"] if {"beam", "n_best"} & set(asked) else ["topics", "de-en"]:
        reply = client.post(f"/v1/models/{model}/predict", json=asked)
        assert problem(reply, 422, limit)["allowed"] == allowed


def test_what_is_just_within_the_limits_is_answered(client):
    texts = [("a " * 16).strip(), "b" * 400, *"cdefgh"]
    for model in ("topics", "de-en"):
        reply = client.post(f"/v1/models/{model}/predict", json={"inputs": texts})
        assert reply.status_code == 200


def test_a_large_body_is_not_read(client):
    announced = client.post(PREDICT, content=b" " * 8_193, headers=JSON)
    assert problem(announced, 413, "body_bytes")["allowed"] == 8_192

    def pieces():
        yield from [b" " * 1_000] * 9

    problem(client.post(PREDICT, content=pieces(), headers=JSON), 413, "body_bytes")


def test_a_body_of_another_type_is_refused(client):
    # That is all a form on someone else's page can send.
    for media_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        reply = client.post(
            PREDICT, content=b'{"inputs": "a"}', headers={"Content-Type": media_type}
        )
        problem(reply, 415)
    typed = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert client.post(PREDICT, content=b'{"inputs": "a"}', headers=typed).is_success


def test_unknown_addresses_and_methods_are_problems(client):
    problem(client.get("/no/such"), 404)
    detail = problem(client.post("/v1/models/no/predict", json={}), 404)["detail"]
    assert "topics" in detail
    reply = client.get(PREDICT)
    problem(reply, 405)
    assert reply.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("member", "said"),
    [
        ("input", "'input' is no member of a request. Did you mean 'inputs'? Known: "),
        ("colour", "'colour' is no member of a request. Known: "),
        # Somebody else's words are not repeated.
        ("<script>", "One is no member of a request. Known: "),
        ("x" * 99, "One is no member of a request. Known: "),
    ],
)
def test_an_unknown_member_is_named(client, member, said):
    asked = {"inputs": "a", member: 1}
    assert problem(client.post(PREDICT, json=asked), 422)["detail"].startswith(said)


def check_malformed(client, count, seed):
    for body in malformed(count, seed):
        reply = client.post(PREDICT, content=body, headers=JSON)
        assert 400 <= reply.status_code < 500, (body[:200], reply.text)
        assert reply.headers["content-type"] == MEDIA_TYPE
    assert client.post(PREDICT, json={"inputs": "a"}).status_code == 200


def test_malformed_bodies_are_the_fault_of_the_client(client):
    check_malformed(client, 400, seed=0)


@pytest.mark.slow
def test_ten_thousand_malformed_bodies(client):
    check_malformed(client, 10_000, seed=1)


def test_a_refusal_quotes_nothing_of_the_request(client):
    reply = client.post(PREDICT, json={"inputs": ["mine"], "<secret>": "mine"})
    assert "secret" not in reply.text
    assert "mine" not in reply.text


class Slow:
    """An engine that takes its time."""

    def __init__(self, engine, seconds):
        self.engine, self.seconds = engine, seconds

    def __getattr__(self, name):
        return getattr(self.engine, name)

    def compute(self, jobs):
        time.sleep(self.seconds)
        return self.engine.compute(jobs)


@pytest.fixture
def slow(toy_classifier, monkeypatch):
    """Makes a client of a service whose classifier takes its time."""
    from regard.classification.kind import TextClassifierKind

    fast = TextClassifierKind.engine

    def make(takes, /, **limits):
        monkeypatch.setattr(
            TextClassifierKind, "engine", lambda *options: Slow(fast(*options), takes)
        )
        chosen = Limits(**{"tokens": 16, **limits})
        app = create_app({"topics": toy_classifier}, limits=chosen, max_batch=1)
        return TestClient(app, base_url=HERE)

    return make


def test_an_answer_that_takes_too_long(slow):
    with slow(0.5, seconds=0.2) as client:
        assert client.app.state.models["topics"].ready.wait(60)
        reply = client.post(PREDICT, json={"inputs": "a"})
        assert problem(reply, 504, "seconds")["allowed"] == 0.2


def test_a_full_queue_says_when_to_come_again(slow):
    with slow(0.3, queue=2, inputs=2) as client:
        assert client.app.state.models["topics"].ready.wait(60)

        async def together():
            asked = question(["a", "b"])
            return await asyncio.gather(*(talk(client.app, asked) for _ in "abc"))

        replies = client.portal.call(together)
        assert sorted(reply.status for reply in replies) == [200, 503, 503]
        refused = max(replies, key=lambda reply: reply.status)
        assert refused.headers[b"retry-after"] == b"1"
        assert json.loads(refused.body)["limit"] == "queue"
        counted = 'regard_rejections_total{model="topics",reason="queue"} 2.0'
        assert counted in client.get("/metrics").text


def test_a_body_that_comes_too_slowly(slow):
    with slow(0.0, read_seconds=0.1) as client:
        drop = {"type": "http.request", "body": b" ", "more_body": True}

        async def trickle():
            return await talk(client.app, *[drop] * 100, pause=0.03)

        reply = client.portal.call(trickle)
        assert reply.status == 408
        assert json.loads(reply.body)["limit"] == "read_seconds"


@pytest.mark.parametrize(
    "wrong", [{"inputs": 0}, {"beams": ()}, {"beams": (0,)}, {"seconds": -1.0}]
)
def test_a_limit_that_allows_nothing_is_refused(wrong):
    with pytest.raises(ArgumentError, match=next(iter(wrong))):
        Limits(**wrong)


def test_the_most_inputs_fit_the_queue():
    with pytest.raises(ArgumentError, match="queue"):
        Limits(inputs=10, queue=5)
