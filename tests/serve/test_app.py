"""The application around the models: description, metrics, headers, logs, mounting."""

import json
import logging
import shutil

import pytest
from asgi_client import PREDICT
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from regard import TextClassifier, TrustLine
from regard.bundle.trust_part import CarriedReport
from regard.errors import ArgumentError, BundleError
from regard.serve import Limits, create_app
from regard.serve.middleware import JsonLines


def test_the_models(client):
    listed = client.get("/v1/models").json()["models"]
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
            "layers": ["attention"],
            "beams": [2, 1],
            "trust": None,
            "ready": True,
        },
    ]


def test_what_was_found_of_a_model_is_told_with_its_answers(toy_classifier):
    line = TrustLine("misleads", "misleads: words -3 % of it, 60 texts", True)
    classifier = TextClassifier.of(toy_classifier.trained)
    classifier.carry(CarriedReport(line, {"model": ""}))
    app = create_app({"topics": classifier})
    with TestClient(app) as client:
        [listed] = client.get("/v1/models").json()["models"]
        reply = client.post(PREDICT, json={"inputs": "my refund", "html": True}).json()
        paths = client.get("/openapi.json").json()["paths"]
    assert listed["trust"] == reply["trust"] == line.to_dict()
    drawn = reply["predictions"][0]["html"]
    assert 'class="grey"' in drawn
    assert line.sentence in drawn
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
        assert "unsafe" not in policy
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
def app(toy_classifier):
    """Makes an application of the classifier that compiles one shape."""

    def app(**options):
        limits = Limits(tokens=16)
        return create_app(
            {"topics": toy_classifier}, limits=limits, max_batch=1, **options
        )

    return app


def test_other_origins_ask_where_they_may(app):
    origin = "https://example.org"
    with TestClient(app(cors=[origin])) as client:
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
    with TestClient(outer) as client:
        assert client.post(f"/attention{PREDICT}", json={"inputs": "a"}).is_success
        assert "page.js" in client.get("/attention/").text


def test_it_begins_by_itself_where_its_lifespan_is_not_run(app):
    inner = app()
    with TestClient(Starlette(routes=[Mount("/attention", inner)])) as client:
        assert client.get("/attention/readyz").status_code == 503
        assert inner.state.models["topics"].ready.wait(60)
        assert client.get("/attention/readyz").status_code == 200


def test_a_question_before_everything_is_compiled_waits(app):
    with TestClient(app()) as client:
        assert client.post(PREDICT, json={"inputs": "a"}).status_code == 200


def test_a_failure_of_ours_is_a_problem_without_details(app, monkeypatch):
    inner = app()
    engine = inner.state.models["topics"].engine
    monkeypatch.setattr(engine, "reply", lambda *_: 1 / 0)
    with TestClient(inner, raise_server_exceptions=False) as client:
        reply = client.post(PREDICT, json={"inputs": "a"})
        assert reply.status_code == 500
        assert reply.headers["content-type"] == "application/problem+json"
        assert "Zero" not in reply.text


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
