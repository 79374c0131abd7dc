"""The way from a request to its prediction, as an ASGI application.

Every question takes it, so nothing is made here that can be made once or not at all.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from regard.inference import Limits, Question, RequestError
from regard.serve.batcher import Asked, ClosedError, FailedError, QueueFullError
from regard.serve.problem_details import service_unavailable
from regard.serve.registry import ServedModel

ENDING = "The service is about to end."
GONE = 499  # Nobody reads it: what nginx logs of a client that left.
# Requests are looked at so often; most are over before.
_SOON = 0.1
_JSON = (b"content-type", b"application/json")


class Prediction:
    """What answers the questions to all models.

    Args:
        models: The models by name.
        limits: What a request may ask for.
    """

    def __init__(self, models: Mapping[str, ServedModel], limits: Limits) -> None:
        self._models, self._limits, self._watches = models, limits, _Watches()
        # The reply but for the predictions, whose place is last.
        self._heads = {name: _head(model) for name, model in models.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request.

        Raises:
            RequestError: It cannot be answered; the error says why.
        """
        name, log_fields = scope["path_params"]["name"], scope["state"]["log_fields"]
        model = self._models.get(name)
        if model is None:
            raise RequestError(
                404, f"There is no such model. Known: {list(self._models)}."
            )
        log_fields["model"] = name
        watch = self._watches.begin(receive, self._limits)
        try:
            body = await read_body(scope["headers"], receive, self._limits, watch)
            told = await self._told(model, body, watch)
        except ClientDisconnect:
            await _reply(send, GONE, b"")
            return
        except RequestError as error:
            log_fields["reason"] = error.reason
            raise
        finally:
            self._watches.end(watch)
        log_fields["inputs"] = len(told)
        content = b"".join((self._heads[name], b",".join(told), b"]}"))
        await _reply(send, 200, content)

    async def _told(
        self, model: ServedModel, body: bytes, watch: "_Watch"
    ) -> list[bytes]:
        """The reply to each question of a request, in JSON."""
        request = model.request_schema.read(body)
        limits = self._limits
        try:
            asked = model.ask([Question(text, request) for text in request.inputs])
        except QueueFullError as error:
            raise service_unavailable(
                "Too many texts wait for this model.",
                limit="queue",
                allowed=limits.queue,
            ) from error
        except ClosedError as error:
            raise _refusal(error) from error
        watch.wait_for(asked)
        try:
            return await asked.answers
        except ClosedError as error:
            raise _refusal(error) from error
        except TimeoutError as error:
            raise RequestError.over_limit(
                504, "seconds", limits.seconds, "The answer took too long."
            ) from error
        finally:
            if not asked.complete:
                model.leave(asked)


class _Watch:
    """A request that is under way: its time, and whether its client is still there.

    Args:
        loop: The event loop.
        receive: What tells that the client left; the body has to be read before.
        limits: The time it has.
    """

    __slots__ = (
        "_asked",
        "_left",
        "_loop",
        "_receive",
        "_task",
        "_until",
        "late",
        "limits",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, receive: Receive, limits: Limits
    ) -> None:
        self._loop, self._receive, self.limits = loop, receive, limits
        self._until = loop.time() + limits.read_seconds
        self._task: asyncio.Task[Any] | None = asyncio.current_task(loop)
        self._asked: Asked[bytes] | None = None
        self._left: asyncio.Task[None] | None = None
        #: Whether it was cancelled because the body came too slowly.
        self.late = False

    def wait_for(self, asked: Asked[bytes]) -> None:
        """The body is read; the questions are given up where nobody waits for them."""
        self._asked, self._until = asked, self._loop.time() + self.limits.seconds

    def look(self) -> None:
        """See whether it takes too long; from now on, whether the client is there."""
        is_over = self._loop.time() >= self._until
        if self._asked is None:
            if is_over and self._task is not None and not self.late:
                self.late = True
                self._task.cancel()
        elif is_over:
            self._asked.give_up(TimeoutError())
        elif self._left is None:
            self._left = self._loop.create_task(self._until_disconnected(self._asked))

    def end(self) -> None:
        """Watch no longer."""
        if self._left is not None:
            self._left.cancel()

    async def _until_disconnected(self, asked: Asked[bytes]) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        asked.give_up(ClientDisconnect())


class _Watches:
    """All requests that are under way, looked at by one timer.

    Most are over before: timers and a task of their own would cost them a tenth of
    their time.
    """

    def __init__(self) -> None:
        self._under_way: dict[_Watch, None] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self, receive: Receive, limits: Limits) -> _Watch:
        """A request begins."""
        loop = asyncio.get_running_loop()
        watch = _Watch(loop, receive, limits)
        self._under_way[watch] = None
        if self._loop is not loop:
            # The first, or the first since nothing was under way.
            self._loop = loop
            loop.call_later(_SOON, self._look, loop)
        return watch

    def end(self, watch: _Watch) -> None:
        """A request is over."""
        self._under_way.pop(watch, None)
        watch.end()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        for watch in list(self._under_way):
            watch.look()
        if self._loop is loop:
            if self._under_way:
                loop.call_later(_SOON, self._look, loop)
            else:
                self._loop = None


async def read_body(
    headers: Sequence[tuple[bytes, bytes]],
    receive: Receive,
    limits: Limits,
    watch: _Watch,
) -> bytes:
    """The body of a request.

    Raises:
        RequestError: It is no JSON by its header (415), too large (413) or too slow
            (408).
        ClientDisconnect: The client left.
    """
    media_type, length = b"", b""
    for name, value in headers:
        if name == b"content-type":
            media_type = media_type or value
        elif name == b"content-length":
            length = length or value
    # Any other type could be sent by a form on someone else's page.
    if media_type.partition(b";")[0].strip().lower() != b"application/json":
        raise RequestError(415, "The body has to be of the type application/json.")
    if length.isdigit() and int(length) > limits.body_bytes:
        raise _too_large(limits.body_bytes)
    try:
        return await _read_messages(receive, limits.body_bytes)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        # Where it was cancelled by another one too, that one has to be obeyed.
        if not watch.late or task is None or task.uncancel():
            raise
        raise RequestError.over_limit(
            408, "read_seconds", limits.read_seconds, "The body came too slowly."
        ) from error


async def _read_messages(receive: Receive, most: int) -> bytes:
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk, more = message.get("body", b""), message.get("more_body", False)
        chunks.append(chunk)
        size += len(chunk)
        if size > most:
            raise _too_large(most)
    return b"".join(chunks)


async def _reply(send: Send, status: int, content: bytes) -> None:
    headers = [_JSON, (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def _head(model: ServedModel) -> bytes:
    reply: dict[str, Any] = {
        "model": model.name,
        "kind": model.kind.name,
        "trust": model.trust,
        "predictions": [],
    }
    return orjson.dumps(reply).removesuffix(b"]}")


def _refusal(error: ClosedError) -> RequestError:
    if isinstance(error, FailedError):
        return RequestError(
            500, "This model cannot be run; the log of the service says why."
        )
    return service_unavailable(ENDING)


def _too_large(most: int) -> RequestError:
    problem = "The body has too many bytes."
    return RequestError.over_limit(413, "body_bytes", most, problem)
