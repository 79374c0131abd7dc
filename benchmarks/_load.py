"""Clients that ask one question after the other, for ``serve.py``, which runs this.

They share the processor with the server: all are in one thread, on bare sockets, and
of a reply they read no more than its status and its size.
"""

import json
import selectors
import socket
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from contextlib import suppress
from urllib.parse import urlsplit

import numpy as np


def wait_until_ready(address: str) -> None:
    """Wait until a service answers every question at once."""
    while True:
        try:
            urllib.request.urlopen(f"{address}/readyz")  # noqa: S310 - our own address
        except urllib.error.HTTPError:
            time.sleep(0.5)
        else:
            return


def request(address: str, body: str) -> bytes:
    """The bytes of a question."""
    path, content = urlsplit(address).path, body.encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


class Client:
    """One client: asks, and keeps its connection for as long as the server does.

    Args:
        where: The address of the server.
        index: The question it begins with.
    """

    def __init__(self, where: tuple[str, int], index: int) -> None:
        self._where, self._index = where, index
        self.socket: socket.socket | None = None
        self.begin, self._received, self._size = 0.0, b"", 0

    def ask(self, questions: list[bytes], selector: selectors.BaseSelector) -> None:
        """Send the next question."""
        if self.socket is None:
            self.socket = socket.create_connection(self._where)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(self.socket, selectors.EVENT_READ, self)
        self._index += 1
        self._received, self._size = b"", 0
        self.begin = time.perf_counter()
        self.socket.sendall(questions[self._index % len(questions)])

    def read(self, selector: selectors.BaseSelector) -> bytes | None:
        """The status of the reply, as far as it is whole; None: there is more of it.

        Raises:
            ConnectionError: The server closed; the message says when.
        """
        try:
            data = self.socket.recv(1 << 18)  # type: ignore[union-attr]  # it asked
        except ConnectionError:
            data = b""
        self._received += data
        if not data:
            self.leave(selector)
            raise ConnectionError("cut" if self._received else "closed")
        if not self._size:
            head, found, _ = self._received.partition(b"\r\n\r\n")
            if not found:
                return None
            told = head.lower().split(b"content-length:")[1]
            self._size = len(head) + 4 + int(told.split(b"\r\n")[0])
        if len(self._received) < self._size:
            return None
        head = self._received[:1024].lower()
        if head.startswith(b"http/1.0") or b"connection: close" in head:
            self.leave(selector)
        return head.split(b" ", 2)[1]

    def leave(self, selector: selectors.BaseSelector) -> None:
        """Close the connection."""
        if self.socket is not None:
            selector.unregister(self.socket)
            self.socket.close()
            self.socket = None


def ask_all(asked: dict) -> dict:
    """All clients at once."""
    where = urlsplit(asked["address"])
    questions = [request(asked["address"], body) for body in asked["bodies"]]
    selector, other = selectors.DefaultSelector(), Counter()
    clients = [
        Client((where.hostname or "", where.port or 80), index)
        for index in range(asked["clients"])
    ]
    # Those that ask next, and from when on.
    asking: list[tuple[float, Client]] = [(0.0, client) for client in clients]
    seen: list[float] = []
    warm = min(1.0, asked["seconds"] / 4)
    warmed = since = time.perf_counter() + warm
    count, ends = None, warmed + asked["seconds"]
    while (now := time.perf_counter()) < ends:
        if count is None and now >= warmed:
            count, since = len(seen), now
        due, asking = asking, []
        for when, client in due:
            if when > now:
                asking.append((when, client))
                continue
            try:
                client.ask(questions, selector)
            except OSError:
                other["refused"] += 1
                client.leave(selector)
                asking.append((now + 0.05, client))
        for key, _ in selector.select(0.01 if asking else 0.5):
            client = key.data
            try:
                status = client.read(selector)
            except ConnectionError as error:
                # One that ends between two replies was idle for the server.
                other[str(error)] += 1
                asking.append((now + 0.01, client))
                continue
            if status is not None:
                seen.append(time.perf_counter() - client.begin)
                other["errors"] += status != b"200"
                asking.append((0.0, client))
    for client in clients:
        with suppress(OSError):
            client.leave(selector)
    times = 1000 * np.asarray(seen[count or 0 :] or [np.nan])
    p50, p95, p99 = np.percentile(times, [50, 95, 99]).tolist()
    return {
        "rate": len(times) / (time.perf_counter() - since),
        "p50": p50,
        "p95": p95,
        "p99": p99,
        **{name: other[name] for name in ("errors", "cut", "closed", "refused")},
    }


if __name__ == "__main__":
    print(json.dumps(ask_all(json.loads(sys.stdin.read()))))
