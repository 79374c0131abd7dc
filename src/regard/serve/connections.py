"""Connections of the service under uvicorn: how many there are, and how long they wait.

A client that says nothing, says it slowly or does not read its reply costs a file
descriptor. Each of these has a time, and there are fewer connections than descriptors.
"""

import asyncio
import errno
import logging
import os
import socket
import time
from functools import cached_property
from http import HTTPStatus
from typing import Any, cast

import httptools
import orjson
from uvicorn.protocols.http.httptools_impl import (
    HttpToolsProtocol,
    RequestResponseCycle,
)

from regard.inference import RequestError
from regard.serve.middleware import HEADERS
from regard.serve.problem_details import MEDIA_TYPE, problem_document

_LOG = logging.getLogger("regard.serve.connections")
# Time until a request's head is whole, and for a client to take what is sent to it.
HEAD_SECONDS, SEND_SECONDS = 10.0, 30.0
# Descriptors for the files of compiled programs and others, and for connections that
# were accepted before those closed for them are gone: a few rounds of the event loop.
_AT_ONCE, _RESERVE = 8, 64
# As much as one process answers in some seconds, where descriptors are plenty.
_MOST = 4_096
# Bytes of a head, as others allow them; requests that come before they are answered.
_MOST_ASIDE, _MOST_AHEAD = 1 << 16, 128
# More than that is not copied once more to be sent with something else.
_MUCH = 1 << 14
_UPGRADE, _OF_BODY = b"upgrade", (b"content-length", b"transfer-encoding")
_NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_PAUSE = 0.05


class Room:
    """The connections of one process, as many as its file descriptors allow.

    Args:
        most: How many there may be; by default as many as there are descriptors left
            when the first one comes, without a reserve.
        head_seconds: Time until the head of a request is whole.
        send_seconds: Time for a client to take what is sent to it.
    """

    def __init__(
        self,
        most: int | None = None,
        head_seconds: float = HEAD_SECONDS,
        send_seconds: float = SEND_SECONDS,
    ) -> None:
        self._given = most
        self.head_seconds, self.send_seconds = head_seconds, send_seconds
        #: Those that nobody answers just now, first who waits longest.
        self.waiting: dict[Connection, None] = {}

    @cached_property
    def most(self) -> int:
        """How many connections there may be."""
        if self._given is not None:
            return self._given
        return max(1, min(_descriptors_left() - _RESERVE, _MOST))

    def make_place(self) -> bool:
        """Close the connection that waits longest; whether there is one."""
        oldest = next(iter(self.waiting), None)
        if oldest is None:
            return False
        _LOG.warning("all connections are taken: those that only wait are closed")
        oldest.abort()
        return True


class Joined:
    """A transport that sends at once what is written in one round of the event loop.

    The head of a reply and its body are written one after the other; sent alone, each
    would cost a call of the system, and the client a wake.

    Args:
        transport: What sends.
        loop: The event loop.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._transport, self._loop = transport, loop
        self._held: list[bytes] = []
        #: What else a transport can do is done by that one.
        self.get_extra_info = transport.get_extra_info
        self.is_closing = transport.is_closing
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading

    def write(self, data: bytes) -> None:
        """Send data, in this round of the event loop or where there is much of it."""
        if not self._held:
            self._loop.call_soon(self.send)
        self._held.append(data)
        if len(data) > _MUCH:
            self.send()

    def get_write_buffer_size(self) -> int:
        """The number of bytes that were not sent yet."""
        return self._transport.get_write_buffer_size() + sum(map(len, self._held))

    def close(self) -> None:
        """Close when all is sent."""
        self.send()
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._held.clear()
        self._transport.abort()

    def send(self) -> None:
        """Send what was written."""
        if self._held:
            held, self._held = self._held, []
            self._transport.write(b"".join(held))


class Connection(HttpToolsProtocol):
    """A connection of a client; what it waits for has a time, what it sends a size.

    Args:
        room: Where all the connections of the process are known.
        **options: What uvicorn hands to a protocol.
    """

    def __init__(self, room: Room, **options: Any) -> None:
        super().__init__(**options)
        self._room = room
        # A timer is made once, and asks then whether it is time: each request has
        # other times, which are only written down.
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: float | None = None
        # Whether the head of a request is on its way, and how many bytes came without
        # any of a body: of a head, of what follows a body, of the sizes of its pieces.
        self._in_head, self._aside = False, 0
        self._answered: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Take the connection, where another one may have to go for it."""
        self._joined = Joined(transport, self.loop)
        super().connection_made(cast(asyncio.Transport, self._joined))
        if len(self.connections) > self._room.most and not self._room.make_place():
            _LOG.warning("all connections are taken and busy: new ones are refused")
            self._refuse(503, "All connections are taken.", ("Retry-After", "1"))
            return
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._leave()
        self._set_timer(None)
        # uvicorn tells the last request that came, not the one that is answered.
        answered = self._answered
        if answered is not None and not answered.response_complete:
            answered.disconnected = True
            answered.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what came."""
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        self._aside += len(data)
        try:
            self._read(data)
        except httptools.HttpParserError:
            _LOG.warning("what came was no request of HTTP")
            self._refuse(400, "This is no request of HTTP.")
            return
        if self._aside > _MOST_ASIDE:
            self._refuse(431, "The head of the request is too large.")
        elif len(self.pipeline) > _MOST_AHEAD:
            self._refuse(429, "Too many requests came before their replies.")

    def _read(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as told:
            # There is nothing to upgrade to.
            if self._is_put_off():
                version = self.parser.get_http_version().encode()
                asked = self.parser.get_method(), self.url, version
                lines = [b"%s %s HTTP/%s" % asked]
                lines += [b"%s: %s" % one for one in self.headers if one[0] != _UPGRADE]
                self.parser = httptools.HttpRequestParser(self)
                self._read(b"\r\n".join([*lines, b"", data[told.args[0] :]]))
            elif self.cycle is not None:
                # What follows is no HTTP any more.
                self.cycle.keep_alive = False

    def _is_put_off(self) -> bool:
        """Whether a request is read once more, without its wish for another protocol.

        The parser takes what follows such a head for the other protocol, though it is
        the body of this request: clients send the wish along with any first one.
        """
        return (
            self.parser.should_upgrade()
            and self.parser.get_method() != b"CONNECT"
            and any(name in _OF_BODY for name, _ in self.headers)
        )

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole: from here on the application has time."""
        if self._is_put_off():
            return
        self._in_head, self._aside = False, 0
        super().on_headers_complete()
        self._leave()

    def on_body(self, body: bytes) -> None:
        """Something of a body came."""
        self._aside = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._is_put_off():
            return
        self._aside = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the client to take the reply and go."""
        self._joined.send()
        super().on_response_complete()
        # Otherwise the next request is there already, and is being answered.
        if self.transport.is_closing() or self.cycle.response_complete:
            self._wait()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def pause_writing(self) -> None:
        """Give the client its time to take what was sent."""
        super().pause_writing()
        self._expire_in(self._room.send_seconds)

    def resume_writing(self) -> None:
        """The client took it."""
        super().resume_writing()
        if self.cycle is not None and not self.cycle.response_complete:
            self._deadline = None
        else:
            self._wait()

    def abort(self) -> None:
        """Close at once, whatever the client did not take yet."""
        self._leave()
        self.transport.abort()

    def _wait(self) -> None:
        if self.transport.is_closing() or self.transport.get_write_buffer_size():
            self._expire_in(self._room.send_seconds)
        else:
            self._room.waiting[self] = None
            self._expire_in(self._room.head_seconds)

    def _leave(self) -> None:
        self._deadline = None
        self._room.waiting.pop(self, None)

    def _expire_in(self, seconds: float) -> None:
        self._deadline = self.loop.time() + seconds
        if self._timer is None or self._timer.when() > self._deadline:
            self._set_timer(self._deadline)

    def _set_timer(self, when: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if when is None else self.loop.call_at(when, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._deadline is not None:
            if self.loop.time() < self._deadline:
                self._set_timer(self._deadline)
            else:
                self._expire()

    def _expire(self) -> None:
        if self.transport.is_closing() or self.transport.get_write_buffer_size():
            self.abort()
        elif self._in_head:
            self._refuse(408, "The head of the request came too slowly.")
        else:
            self._leave()
            self.transport.close()

    def _refuse(self, status: int, detail: str, *more: tuple[str, str]) -> None:
        """Reply where no application is asked, and close."""
        self._leave()
        cycle = self._answered
        if cycle is not None and cycle.response_started and not cycle.response_complete:
            # Nothing can be said in the middle of a reply.
            self.transport.abort()
            return
        body = orjson.dumps(problem_document(RequestError(status, detail)))
        headers = {
            **HEADERS,
            **dict(more),
            "Content-Type": MEDIA_TYPE,
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.transport.write("\r\n".join([*lines, "", ""]).encode() + body)
        self.transport.close()
        self._expire_in(self._room.send_seconds)


class Listener(socket.socket):
    """A listening socket that stays calm where file descriptors run out.

    The event loop of Python 3.11 accepts as many connections at once as may wait, and
    without a descriptor it logs an error for each of them, again and again. This one
    accepts a few at a time. Without a descriptor it closes one that waits, by means of
    a spare descriptor, so that clients learn of it.
    """

    _accepted = 0
    _spare: int | None = None

    @classmethod
    def of(cls, listening: socket.socket) -> "Listener":
        """The same socket; the one given is closed."""
        family, kind, protocol = listening.family, listening.type, listening.proto
        return cls(family, kind, protocol, listening.detach())

    def accept(self) -> tuple[socket.socket, Any]:
        """A connection.

        Raises:
            BlockingIOError: There is none, or it is time for something else.
        """
        self._accepted = (self._accepted + 1) % (_AT_ONCE + 1)
        if self._accepted == 0:
            raise BlockingIOError
        try:
            if self._spare is None:
                self._spare = os.open(os.devnull, os.O_RDONLY)
            return super().accept()
        except OSError as error:
            if error.errno not in _NO_DESCRIPTORS:
                raise
            _LOG.warning("no file descriptors are left: new connections are closed")
            self._close_one()
            raise BlockingIOError from error

    def close(self) -> None:
        """Close the socket, and the spare descriptor."""
        self._give_spare()
        super().close()

    def _close_one(self) -> None:
        if self._spare is None:
            # Nothing can be done about it now; and the event loop comes at once again.
            time.sleep(_PAUSE)
            return
        self._give_spare()
        try:
            super().accept()[0].close()
        except OSError:
            time.sleep(_PAUSE)

    def _give_spare(self) -> None:
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None

    def __reduce_ex__(self, _: Any) -> tuple[Any, ...]:
        """To another process, as ``multiprocessing`` sends plain sockets."""
        from multiprocessing.reduction import DupFd  # noqa: PLC0415 - workers alone

        return _received, (DupFd(self.fileno()), self.family, self.type, self.proto)


def _received(descriptor: Any, family: int, kind: int, protocol: int) -> Listener:
    return Listener(family, kind, protocol, descriptor.detach())


def _descriptors_left() -> int:
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ModuleNotFoundError:
        return _MOST
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if most == resource.RLIM_INFINITY:
        return _MOST + _RESERVE
    # The lowest free number; what is open lies below it, but for a few.
    probe = os.open(os.devnull, os.O_RDONLY)
    os.close(probe)
    return most - probe
