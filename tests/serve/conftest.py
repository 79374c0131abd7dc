"""A service of a small classifier and a small translator, shared by all tests."""

import socket
import threading
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest
import uvicorn
from asgi_client import HERE
from described import DESCRIPTION, EXAMPLES
from starlette.testclient import TestClient

from light_compilation import light_compilation
from regard import TextClassifier
from regard.serve import Limits, create_app
from regard.serve.connections import Connection, Listener, Room

#: Few lengths, few beams: what takes time here is compiling.
LIMITS = Limits(tokens=16, characters=400, inputs=8, body_bytes=8_192, beams=(2, 1))


@pytest.fixture(scope="session")
def bundles(toy_classifier, toy_translator):
    # Another one than that of all tests, of the same training.
    described = TextClassifier.of(toy_classifier.trained)
    vars(described).update(vars(toy_classifier))
    described.describe(DESCRIPTION, EXAMPLES)
    return {"topics": described, "de-en": toy_translator}


@pytest.fixture(scope="session")
def client(bundles):
    """A service of both, everything compiled."""
    app = create_app(bundles, limits=LIMITS, max_batch=4)
    with light_compilation(), TestClient(app, base_url=HERE) as client:
        models = app.state.models.values()
        assert all(model.warm_up.complete.wait(120) for model in models)
        yield client


@contextmanager
def _listening(app):
    """A real server, and its address."""
    protocol = partial(Connection, Room())
    config = uvicorn.Config(app, http=protocol, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    with Listener.of(socket.create_server(("127.0.0.1", 0))) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        assert all(model.ready.wait(120) for model in app.state.models.values())
        host, port = listening.getsockname()
        yield f"http://{host}:{port}/"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def address(bundles, client):
    """A real server of both, and its address; what it runs ``client`` has compiled."""
    with _listening(create_app(bundles, limits=LIMITS, max_batch=4)) as address:
        yield address


@pytest.fixture(scope="session")
def described_address(bundles, client):
    """The same, with limits that a schema can tell: no text has too many tokens.

    A token has one character at least. And no body of allowed members is too large.
    """
    limits = replace(LIMITS, characters=48, tokens=48, body_bytes=1 << 20)
    app = create_app(bundles, limits=limits, max_batch=4)
    with light_compilation(), _listening(app) as address:
        yield address
