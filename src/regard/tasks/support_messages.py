"""Support messages in which one planted phrase decides the class.

Since the phrase is the only thing that tells the classes apart, its place is the
gold answer to "what should the model have looked at".
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regard.errors import ArgumentError
from regard.types import Explanation

BoolArray = npt.NDArray[np.bool_]

# The words of the phrases occur in the filler too, so that no single common word
# gives the class away without its neighbours.
_PHRASES = {
    "billing": (
        "charged twice",
        "wrong amount on the invoice",
        "billed after I cancelled",
        "unknown payment on my card",
    ),
    "delivery": (
        "parcel never arrived",
        "box came damaged",
        "sent to the old address",
        "courier left without ringing",
    ),
    "account": (
        "cannot log in",
        "password reset fails",
        "locked out of my account",
        "verification code never comes",
    ),
    "product": (
        "screen stays black",
        "battery dies within an hour",
        "makes a grinding noise",
        "app crashes on start",
    ),
}
_CARRIERS = (
    "Since Tuesday the problem is this: {}.",
    "In short, {}, and I do not know why.",
    "What happened: {}.",
    "I noticed it yesterday — {} — and it has not changed.",
    "My sister saw it as well: {}!",
)
_FILLERS = (
    "Hello, I hope you are well.",
    "I have been a customer for six years.",
    "My old address and my card are still the same.",
    "I charged my phone before I wrote this.",
    "Your colleague on the telephone was very kind.",
    "I looked at the box it came in and at the invoice.",
    "The weather is bad here, so I have time to write.",
    "It was a present for my father, who likes black coffee.",
    "I tried to start again this morning.",
    "Nothing on your page told me what to do.",
    "I arrived home at eight and it was the same.",
    "The account of what I did is in my last letter.",
    "Please answer by mail, not by telephone.",
    "I sent you a picture an hour ago.",
    "My neighbour never had any trouble.",
    "I do not want to make a noise about it.",
    "Thank you for your help!",
    "I left the other papers with your office.",
)


@dataclass(frozen=True)
class Message:
    """A message, its class and where the phrase stands that decides it.

    Args:
        text: The whole message.
        label: The class.
        span: Start and end of the planted phrase in ``text``, in characters.
    """

    text: str
    label: str
    span: tuple[int, int]


class SupportMessages:
    """Generate messages of four classes, each decided by one planted phrase.

    Args:
        sentences: The least and the greatest number of neutral sentences around it.

    Example:
        >>> message = SupportMessages().sample(1, seed=0)[0]
        >>> start, end = message.span
        >>> message.text[start:end] in message.text
        True
    """

    labels = tuple(_PHRASES)

    def __init__(self, sentences: tuple[int, int] = (2, 6)) -> None:
        least, most = sentences
        if not 0 <= least <= most <= len(_FILLERS):
            raise ArgumentError(
                "The number of neutral sentences is out of range.",
                expected=f"0 <= least <= most <= {len(_FILLERS)}",
                received=str(sentences),
            )
        self.sentences = sentences

    def sample(self, count: int, seed: int = 0) -> list[Message]:
        """Make ``count`` messages; the same seed makes the same messages."""
        generator = np.random.default_rng(seed)
        return [self._message(generator) for _ in range(count)]

    def _message(self, generator: np.random.Generator) -> Message:
        label = str(generator.choice(self.labels))
        phrase = str(generator.choice(_PHRASES[label]))
        carrier = str(generator.choice(_CARRIERS))
        filler_count = int(generator.integers(self.sentences[0], self.sentences[1] + 1))
        fillers = [str(filler) for filler in generator.permutation(_FILLERS)]
        before = int(generator.integers(0, filler_count + 1))
        head = " ".join([*fillers[:before], ""])
        tail = " ".join(["", *fillers[before:filler_count]]).rstrip()
        start = len(head) + carrier.index("{}")
        text = head + carrier.format(phrase) + tail
        return Message(text, label, (start, start + len(phrase)))

    @staticmethod
    def share_on_phrase(explanation: Explanation, message: Message) -> float:
        """The share of attention on the tokens of the planted phrase, 0 to 1."""
        return float(explanation.weights[_inside(explanation, message)].sum())

    @staticmethod
    def share_of_tokens(explanation: Explanation, message: Message) -> float:
        """The share of the tokens that belong to the planted phrase, 0 to 1."""
        return float(_inside(explanation, message).mean())


def _inside(explanation: Explanation, message: Message) -> BoolArray:
    """Whether each token touches the planted phrase."""
    start, end = message.span
    tokens = explanation.offsets
    inside: BoolArray = (tokens[:, 0] < end) & (tokens[:, 1] > start)
    return inside
