"""The application around the models: description, metrics, headers, logs, mounting."""

import json
import logging
import shutil
import threading

import numpy as np
import pytest
from asgi_client import HERE, PREDICT
from described import DESCRIPTION, EXAMPLES
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from regard import TextClassifier, TrustLine
from regard.bundle.trust_part import CarriedReport
from regard.errors import ArgumentError, BundleError
from regard.inference import PredictionRequest, Question
from regard.observation.predictor import Predictor
from regard.serve import Limits, create_app
from regard.serve.hosts import AllowedHosts
from regard.serve.log_lines import JsonLines
from regard.serve.middleware import HEADERS
from regard.serve.registry import ServedModel


def test_the_models(client):
    listed = client.get("/v1/models").json()["models"]
    assert [one.pop("about")["examples"] for one in listed] == [list(EXAMPLES), []]
    assert listed == [
        {
            "name": "topics",
            "kind": "text-classifier",
            "layers": ["attention"],
            "beams": [],
            "trust": None,
            "ready": True,
        },
        {
            "name": "de-en",
            "kind": "translator",
            "layers": ["decoder"],
            "beams": [2, 1],
            "trust": None,
            "ready": True,
        },
    ]


def test_what_is_known_of_a_model_is_told(client, toy_classifier, toy_translator):
    classifier, translator = (
        one["about"] for one in client.get("/v1/models").json()["models"]
    )
    known, validation = toy_classifier.provenance, toy_classifier.validation
    assert classifier == {
        "description": DESCRIPTION,
        "examples": list(EXAMPLES),
        "trained": known["began"],
        "trained_on": 108,
        "held_out": 12,
        "measures": known["measures"],
        "labels": list(toy_classifier.trained.labels.names),
        "source": None,
        "target": None,
        "max_tokens": toy_classifier.trained.config.max_length,
        "heads": toy_classifier.trained.config.num_heads,
    }
    assert classifier["measures"]["accuracy"] == validation.accuracy
    assert (translator["description"], translator["labels"]) == ("", [])
    losses = toy_translator.validation_loss
    assert translator["measures"] == {"validation_loss": min(losses)}


def test_what_was_found_of_a_model_is_told_with_its_answers(toy_classifier):
    line = TrustLine("misleads", "misleads: words -3 % of it, 60 texts", True)
    classifier = TextClassifier.of(toy_classifier.trained)
    about = {"model": classifier.trained.identity.hash}
    classifier.carry(CarriedReport(line, about))
    app = create_app({"topics": classifier})
    with TestClient(app, base_url=HERE) as client:
        [listed] = client.get("/v1/models").json()["models"]
        reply = client.post(PREDICT, json={"inputs": "my refund", "html": True}).json()
        paths = client.get("/openapi.json").json()["paths"]
    assert listed["trust"] == reply["trust"] == line.to_dict()
    drawn = reply["predictions"][0]["html"]
    assert 'class="grey"' in drawn
    # A number and its sign stay on one line there.
    assert line.sentence.replace(" %", "\u00a0%") in drawn
    answers = paths[PREDICT]["post"]["responses"]["200"]["content"]
    schema = answers["application/json"]["schema"]
    [_, told] = schema["properties"]["trust"]["anyOf"]
    assert set(told["properties"]) == set(reply["trust"])


def test_every_example_of_the_description_is_answered(client):
    paths = client.get("/openapi.json").json()["paths"]
    asked = 0
    for path, methods in paths.items():
        for content in (
            methods.get("post", {}).get("requestBody", {}).get("content", {}).values()
        ):
            for example in content["examples"].values():
                assert client.post(path, json=example["value"]).status_code == 200
                asked += 1
    assert asked == 5


def test_health_and_readiness(client):
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").json() == {"status": "ready"}


def test_what_prometheus_reads(client):
    client.post(PREDICT, json={"inputs": ["a", "b"]})
    text = client.get("/metrics").text
    for name in (
        'regard_request_seconds_bucket{le="0.5",model="topics",status="200"}',
        'regard_batch_size_sum{model="topics"}',
        'regard_queue_length{model="topics"} 0.0',
    ):
        assert name in text


def test_replies_are_protected(client):
    for path in ("/", "/page.js", "/healthz", "/no/such"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        # The page alone allows some attributes, each by what it is.
        assert "unsafe" not in policy.replace("'unsafe-hashes'", "", path == "/")
        [scripts] = [one for one in policy.split("; ") if one.startswith("script-src")]
        assert "unsafe" not in scripts
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers
    assert client.get("/healthz").headers["cache-control"] == "no-store"


def test_the_log_holds_no_text(client, caplog):
    caplog.set_level(logging.INFO, "regard.serve")
    client.post(PREDICT, json={"inputs": "a secret word"})
    client.get("/secret?secret=secret")
    lines = [
        json.loads(JsonLines().format(record))
        for record in caplog.records
        if record.name == "regard.serve.requests"
    ]
    assert [line["status"] for line in lines] == [200, 404]
    assert lines[0]["model"] == "topics"
    assert lines[0]["inputs"] == 1
    assert lines[0]["address"] == "/v1/models/{name}/predict"
    assert "secret" not in json.dumps(lines)


@pytest.fixture
def log(caplog):
    """The lines of the log, all or those of an event."""
    caplog.set_level(logging.INFO, "regard.serve")

    def log(event=None):
        lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
        return [line for line in lines if event in (None, line["event"])]

    return log


@pytest.fixture
def app(toy_classifier):
    """Makes an application of the classifier that compiles one shape."""

    def app(**options):
        limits = Limits(tokens=16)
        chosen = {"max_batch": 1, **options}
        return create_app({"topics": toy_classifier}, limits=limits, **chosen)

    return app


def test_other_origins_ask_where_they_may(app):
    origin = "https://example.org"
    with TestClient(app(cors=[origin]), base_url=HERE) as client:
        sent = {"Origin": origin}
        reply = client.post(PREDICT, json={"inputs": "a"}, headers=sent)
        assert reply.headers["access-control-allow-origin"] == origin
        other = client.get("/healthz", headers={"Origin": "https://example.com"})
        assert "access-control-allow-origin" not in other.headers


def test_it_can_be_mounted(app):
    inner = app()
    outer = Starlette(
        routes=[Mount("/attention", inner)], lifespan=inner.router.lifespan_context
    )
    with TestClient(outer, base_url=HERE) as client:
        assert client.post(f"/attention{PREDICT}", json={"inputs": "a"}).is_success
        assert "page.js" in client.get("/attention/").text


def test_it_begins_by_itself_where_its_lifespan_is_not_run(app):
    inner = app()
    outer = Starlette(routes=[Mount("/attention", inner)])
    with TestClient(outer, base_url=HERE) as client:
        assert client.get("/attention/readyz").status_code == 503
        assert inner.state.models["topics"].ready.wait(60)
        assert client.get("/attention/readyz").status_code == 200


def test_a_question_before_everything_is_compiled_waits(app):
    with TestClient(app(), base_url=HERE) as client:
        assert client.post(PREDICT, json={"inputs": "a"}).status_code == 200


class Panic(BaseException):
    """As a library in Rust raises it."""


def test_a_failure_of_ours_is_a_problem_without_details(app, monkeypatch, log):
    inner = app()
    engine = inner.state.models["topics"].engine
    monkeypatch.setattr(engine, "reply", lambda *_: 1 / 0)
    with TestClient(inner, base_url=HERE) as client:
        reply = client.post(PREDICT, json={"inputs": "a"})
        counts = client.get("/metrics").text
    assert reply.status_code == 500
    assert reply.headers["content-type"] == "application/problem+json"
    assert "Zero" not in reply.text
    assert set(HEADERS) <= {name.title() for name in reply.headers}
    assert 'regard_request_seconds_count{model="topics",status="500"} 1.0' in counts
    assert 'regard_rejections_total{model="topics",reason="500"} 1.0' in counts
    assert [line["status"] for line in log("request")] == [500, 200]
    [failed] = log("request failed")
    assert "ZeroDivisionError" in failed["error"]


@pytest.mark.parametrize("part", ["read", "compute", "reply"])
def test_a_panic_is_a_failure_of_ours_and_nobody_waits(app, monkeypatch, part):
    def panic(*_):
        raise Panic

    inner = app()
    models = inner.state.models
    with TestClient(inner, base_url=HERE) as client:
        assert models["topics"].ready.wait(60)
        # `read` was handed to the batcher.
        broken, name = (
            (models["topics"].start(), "_read")
            if part == "read"
            else (models["topics"].engine, part)
        )
        with monkeypatch.context() as patch:
            patch.setattr(broken, name, panic)
            assert client.post(PREDICT, json={"inputs": "a"}).status_code == 500
        assert client.post(PREDICT, json={"inputs": "a"}).status_code == 200


def test_a_failure_elsewhere_is_one_of_the_same_kind(app, monkeypatch, log):
    inner = app(cors=["https://example.org"])
    monkeypatch.setattr(ServedModel, "is_ready", property(lambda _: 1 / 0))
    with TestClient(inner, base_url=HERE) as client:
        sent = {"Origin": "https://example.org"}
        reply = client.get("/readyz", headers=sent)
        counts = client.get("/metrics").text
    assert reply.json()["status"] == reply.status_code == 500
    assert reply.headers["x-frame-options"] == "DENY"
    # Otherwise a page of that origin would see no reply at all.
    assert reply.headers["access-control-allow-origin"] == sent["Origin"]
    assert 'regard_rejections_total{model="none",reason="500"} 1.0' in counts
    assert log("request")[0]["status"] == 500


def test_a_model_that_gives_no_numbers_is_a_failure(app, toy_classifier, monkeypatch):
    inner = app(max_batch=8)
    model = inner.state.models["topics"]
    run = toy_classifier.trained.predictor.run

    def without_numbers(*batch):
        outputs, weights = run(*batch)
        for each in weights.values():
            each[-1] = np.nan
        return outputs, weights

    with TestClient(inner, base_url=HERE) as client:
        assert model.warm_up.complete.wait(60)
        monkeypatch.setattr(Predictor, "run", lambda _, *batch: without_numbers(*batch))
        for drawn in (False, True):
            asked = {"inputs": "a refund", "html": drawn}
            assert client.post(PREDICT, json=asked).status_code == 500
        questions = [Question("a", PredictionRequest(("a",)))] * 8
        told = client.portal.call(model.start().submit, questions[:7])
        assert len(told) == 7
        with pytest.raises(FloatingPointError):
            client.portal.call(model.start().submit, questions)


def test_what_takes_long_at_the_start_is_said(toy_bundle, log):
    app = create_app([toy_bundle], limits=Limits(tokens=16), max_batch=1)
    with TestClient(app, base_url=HERE):
        assert app.state.models["toy"].warm_up.complete.wait(60)
    events = ["loading", "loaded", "compiling", "compiled"]
    lines = [line for line in log() if line["logger"] == "regard.serve"]
    assert [line["event"] for line in lines] == [*events, "ready", "compiled all"]
    assert [line.get("model") for line in lines] == ["toy"] * 4 + [None] * 2
    assert lines[0]["number"] == lines[0]["of"] == lines[2]["of"] == 1
    assert lines[1]["seconds"] >= 0
    assert lines[2]["tokens"] == 16
    assert lines[3]["seconds"] > 0
    assert lines[5]["programs"] == 1


def test_a_bundle_that_is_used_in_part_is_logged_with_what_to_do(
    toy_bundle, tmp_path, log
):
    bundle = shutil.copytree(toy_bundle, tmp_path / "toy.regard")
    (bundle / "README.md").write_text("Buy this model.")
    create_app([bundle], limits=Limits(tokens=16), max_batch=1)
    [line] = [line for line in log() if line["level"] == "WARNING"]
    assert line["event"] == "loaded in part"
    assert line["model"] == "toy"
    assert "README.md" in line["problem"]


def test_a_model_that_cannot_be_compiled_is_a_failure_of_ours(app, monkeypatch, log):
    inner = app()
    model = inner.state.models["topics"]
    monkeypatch.setattr(model.engine, "compile", lambda _: 1 / 0)
    with TestClient(inner, base_url=HERE) as client:
        assert client.post(PREDICT, json={"inputs": "a"}).status_code == 500
        assert client.post(PREDICT, json={"inputs": "a"}).status_code == 500
        assert client.get("/readyz").status_code == 503
    assert log("model topics cannot be run")


def test_the_end_waits_for_no_program_that_nobody_needs(app, monkeypatch):
    inner = app()
    model = inner.state.models["topics"]
    begun, compiled = threading.Event(), []

    def compile_until_the_end(shape):
        compiled.append(shape)
        begun.set()
        while not model._ended:
            threading.Event().wait(0.01)

    monkeypatch.setattr(model.engine, "compile", compile_until_the_end)
    needed = [*model.engine.shapes.needed] * 2
    monkeypatch.setattr(model.engine.shapes, "needed", needed)
    with TestClient(inner, base_url=HERE):
        assert begun.wait(60)
    assert len(compiled) == 1


def test_nothing_begins_while_the_service_ends(app):
    inner = app()
    model = inner.state.models["topics"]
    with TestClient(inner, base_url=HERE) as client:
        assert model.ready.wait(60)
        client.portal.call(model.stop)
        asked = client.post(PREDICT, json={"inputs": "a"})
        assert asked.status_code == client.get("/readyz").status_code == 503
        assert "about to end" in asked.json()["detail"]
        assert model._batcher is None
    # It may be used once more.
    with TestClient(inner, base_url=HERE) as client:
        assert client.post(PREDICT, json={"inputs": "a"}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST.:80",
        "127.0.0.1:8000",
        "127.8.9.1",
        "[::1]:8000",
        "[::1]",
    ],
)
def test_this_machine_is_answered_for(client, host):
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "192.0.2.1",
        "[::2]",
        "::1",
        "localhost@evil.example",
        "localhost evil.example",
        "",
    ],
)
def test_another_host_is_not_answered_for(client, host):
    for path in ("/", "/metrics", "/metrics/", "/no/such"):
        reply = client.get(path, headers={"Host": host}, follow_redirects=False)
        assert reply.status_code == reply.json()["status"] == 421
        assert "location" not in reply.headers
        assert reply.headers["x-frame-options"] == "DENY"


def test_hosts_can_be_allowed(app):
    hosts = ["example.org", "*.Example.com", "10.1.0.0/16"]
    allowed = AllowedHosts(hosts)
    for host, expected in {
        "example.org:80": True,
        "www.example.org": False,
        "a.b.example.com": True,
        "example.com": False,
        "aexample.com": False,
        "10.1.2.3": True,
        "10.2.2.3": False,
        "localhost": False,
    }.items():
        assert allowed.match([(b"host", host.encode())]) is expected, host
    assert not allowed.match([])
    assert not allowed.match([(b"host", b"example.org")] * 2)
    assert AllowedHosts(["*"]).match([])
    with TestClient(app(allowed_hosts=hosts), base_url="http://example.org") as client:
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("wrong", ["example.org:80", "http://a", "a*b", "", "a/b"])
def test_what_is_no_host_is_refused(wrong):
    with pytest.raises(ArgumentError, match="is no host"):
        AllowedHosts([wrong])


def test_there_is_a_host():
    for wrong in ([], "example.org"):
        with pytest.raises(ArgumentError, match="no host"):
            AllowedHosts(wrong)


def test_there_are_no_web_sockets(client):
    for host in ("localhost", "evil.example"):
        with pytest.raises(WebSocketDisconnect):
            client.websocket_connect("/", headers={"Host": host}).__enter__()


def test_no_address_leads_elsewhere(client):
    reply = client.get("/metrics/", follow_redirects=False)
    assert reply.status_code == 404


def test_bundles_are_named_after_their_folders(toy_bundle, tmp_path):
    shutil.copytree(toy_bundle, tmp_path / "other.v2.regard")
    app = create_app([toy_bundle, str(tmp_path / "other.v2.regard")])
    assert list(app.state.models) == ["toy", "other.v2"]


def test_names_are_names(toy_bundle, toy_classifier, tmp_path):
    with pytest.raises(ArgumentError, match="same name"):
        create_app([toy_bundle, toy_bundle])
    with pytest.raises(ArgumentError, match="name of a model"):
        create_app({"a/b": toy_classifier})
    with pytest.raises(ArgumentError, match="nothing to serve"):
        create_app([])


def test_a_damaged_bundle_is_refused_by_its_name(toy_bundle, tmp_path):
    damaged = tmp_path / "damaged.regard"
    shutil.copytree(toy_bundle, damaged)
    with (damaged / "model.keras").open("r+b") as file:
        file.seek(100)
        file.write(b"\x00\x01\x02")
    with pytest.raises(BundleError, match=r"damaged\.regard.*model\.keras"):
        create_app([damaged])
