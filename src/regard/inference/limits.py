"""What one request may ask for."""

from dataclasses import dataclass, fields

from regard.errors import ArgumentError


@dataclass(frozen=True)
class Limits:
    """What one request may ask for; the reply to a larger one names the limit.

    Args:
        body_bytes: Bytes of a request's body; more are answered 413.
        inputs: Texts of one request; more are answered 422.
        characters: Characters of one text; more are answered 422.
        tokens: Tokens of one text; more are answered 422. A text within this limit
            that is longer than its model reads is cut, and the reply says so.
        beams: The widths of beam search that can be asked for, the first by default.
            Programs for each of them are compiled before the service is ready.
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
        for one in fields(self):
            value = getattr(self, one.name)
            if not value or min(value if isinstance(value, tuple) else (value,)) <= 0:
                raise ArgumentError(
                    f"The limit '{one.name}' of the service allows nothing.",
                    expected="more than 0",
                    received=repr(value),
                )
        if self.inputs > self.queue:
            raise ArgumentError(
                "A request of the most inputs would never find room in the queue.",
                expected=f"'inputs' of at most {self.queue}, the 'queue'",
                received=str(self.inputs),
            )
