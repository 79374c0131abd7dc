"""Limits of a request, and the error of a request that gets no answer."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from regard.errors import ArgumentError, shown


@dataclass(frozen=True)
class Limits:
    """The limits of one request; the reply to a larger one names the limit.

    Args:
        body_bytes: Bytes of a request's body; more are answered 413.
        inputs: Texts of one request; more are answered 422.
        characters: Characters of one text; more are answered 422.
        tokens: Tokens of one text; more are answered 422. A text within this limit
            that is longer than its model reads is cut, and the reply says so.
        beams: The widths of beam search that can be asked for, the first by default.
            A program of each is compiled before the service is ready.
        n_best: Results of one search.
        queue: Texts that may wait for one model; more are answered 503.
        read_seconds: Time to send a whole request; a slower one is answered 408.
        seconds: Time from the whole request to its reply; a slower one is answered 504.

    Raises:
        ArgumentError: A limit allows nothing.
    """

    body_bytes: int = 1 << 20
    inputs: int = 64
    characters: int = 20_000
    tokens: int = 4_000
    beams: tuple[int, ...] = (5, 1)
    n_best: int = 5
    queue: int = 1_024
    read_seconds: float = 10.0
    seconds: float = 30.0

    def __post_init__(self) -> None:
        for field in fields(self):
            limit = getattr(self, field.name)
            if not limit or min(limit if isinstance(limit, tuple) else (limit,)) <= 0:
                raise ArgumentError(
                    f"The limit '{field.name}' of the service allows nothing.",
                    expected="more than 0",
                    received=shown(limit),
                )
        if self.inputs > self.queue:
            raise ArgumentError(
                "A request of the most inputs would never find room in the queue.",
                expected=f"'inputs' of at most {self.queue}, the 'queue'",
                received=str(self.inputs),
            )


class RequestError(Exception):
    """A request that gets no answer, and why.

    Args:
        status: The status of the reply, as in HTTP.
        detail: What is wrong with this request, and what would be right. It quotes
            nothing of the request but names and numbers.
        headers: Headers of the reply.
        **members: What else the reply tells, such as the ``limit`` that was hit.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.headers, self.members = dict(headers or {}), members

    @classmethod
    def over_limit(
        cls, status: int, limit: str, most: Any, problem: str
    ) -> "RequestError":
        """The error of a request that asks for more than a limit allows."""
        detail = f"{problem} Allowed: at most {most}."
        return cls(status, detail, limit=limit, allowed=most)

    @property
    def reason(self) -> str:
        """The word the rejection is counted under."""
        return str(self.members.get("limit", self.status))
