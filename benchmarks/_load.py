"""Clients that ask one question after the other, for ``serve.py``, which runs this."""

import asyncio
import contextlib
import json
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from urllib.parse import urlsplit

import numpy as np


def wait_until_ready(address: str) -> None:
    """Wait until a service has compiled everything."""
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
    """Asks on one connection for as long as the server keeps it."""

    def __init__(self, address: str) -> None:
        self._where = urlsplit(address)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, question: bytes) -> int:
        """The status of the reply."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(
                self._where.hostname, self._where.port
            )
        reader, writer = self._streams
        writer.write(question)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        size = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(size)
        if head.startswith(b"http/1.0") or b"connection: close" in head:
            self.leave()
        return int(head.split(b" ", 2)[1])

    def leave(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def one(asked: dict, index: int, ends: float, seen: list, other: Counter) -> None:
    """One client."""
    client = Client(asked["address"])
    questions = [request(asked["address"], body) for body in asked["bodies"]]
    while time.perf_counter() < ends:
        begin = time.perf_counter()
        index += 1
        try:
            status = await client.ask(questions[index % len(questions)])
        except asyncio.IncompleteReadError as error:
            # A connection that ends between two replies was idle for the server.
            other["cut" if error.partial else "closed"] += 1
            client.leave()
            await asyncio.sleep(0.01)
            continue
        except OSError:
            other["refused"] += 1
            client.leave()
            await asyncio.sleep(0.05)
            continue
        seen.append(time.perf_counter() - begin)
        other["errors"] += status != 200
    with contextlib.suppress(OSError):
        client.leave()


async def ask_all(asked: dict) -> dict:
    """All clients at once."""
    seen: list[float] = []
    other: Counter = Counter()
    warm = min(1.0, asked["seconds"] / 4)
    begin = time.perf_counter()
    ends = begin + warm + asked["seconds"]
    clients = [
        one(asked, index, ends, seen, other) for index in range(asked["clients"])
    ]
    tasks = asyncio.gather(*clients)
    await asyncio.sleep(warm)
    warmed, since = len(seen), time.perf_counter()
    await tasks
    times = 1000 * np.asarray(seen[warmed:] or [np.nan])
    p50, p95, p99 = np.percentile(times, [50, 95, 99]).tolist()
    return {
        "rate": (len(seen) - warmed) / (time.perf_counter() - since),
        "p50": p50,
        "p95": p95,
        "p99": p99,
        **{name: other[name] for name in ("errors", "cut", "closed", "refused")},
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(ask_all(json.loads(sys.stdin.read())))))
