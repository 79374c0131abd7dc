"""Talking to an application from inside its event loop, message by message."""

import asyncio
import json
from typing import NamedTuple

#: A service answers for this machine alone, unless it is told otherwise.
HERE = "http://localhost"
PREDICT = "/v1/models/topics/predict"


class Reply(NamedTuple):
    """The reply to a request."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


def question(inputs) -> dict:
    """A whole question, as a server hands it on."""
    return {"type": "http.request", "body": json.dumps({"inputs": inputs}).encode()}


async def talk(app, *messages, pause=0.0) -> Reply:
    """Send the messages of a client who then waits for ever; the reply."""
    waiting, replies = list(messages), []

    async def receive():
        await asyncio.sleep(pause)
        return waiting.pop(0) if waiting else await asyncio.Event().wait()

    async def send(message):
        replies.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": PREDICT,
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
        "query_string": b"",
        "root_path": "",
    }
    await app(scope, receive, send)
    start, content = replies
    return Reply(start["status"], dict(start["headers"]), content["body"])
