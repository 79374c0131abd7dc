import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.errors import ArgumentError
from regard.tasks import Message, SupportMessages
from regard.tasks.support_messages import _PHRASES
from regard.types import Explanation


@given(seed=st.integers(0, 2**31))
def test_the_span_holds_a_phrase_of_the_label_and_of_no_other(seed):
    for message in SupportMessages().sample(5, seed=seed):
        start, end = message.span
        assert message.text[start:end] in _PHRASES[message.label]
        others = [
            phrase
            for label, phrases in _PHRASES.items()
            if label != message.label
            for phrase in phrases
        ]
        assert not any(phrase in message.text for phrase in others)


def test_the_same_seed_makes_the_same_messages():
    task = SupportMessages()
    assert task.sample(20, seed=3) == task.sample(20, seed=3)
    assert task.sample(20, seed=3) != task.sample(20, seed=4)


def test_every_class_occurs():
    labels = {message.label for message in SupportMessages().sample(100)}
    assert labels == set(SupportMessages.labels)


def test_a_message_without_filler_is_the_carrier_alone():
    message = SupportMessages(sentences=(0, 0)).sample(1)[0]
    assert message.text == message.text.strip()


def test_wrong_number_of_sentences():
    with pytest.raises(ArgumentError, match="least"):
        SupportMessages(sentences=(3, 2))


def test_share_counts_the_tokens_that_touch_the_span():
    message = Message("ab cd ef", "x", (3, 5))
    explanation = Explanation(
        text=message.text,
        label="x",
        labels=("x",),
        probabilities=np.array([1.0]),
        tokens=("ab", "cd", "ef"),
        offsets=np.array([[0, 2], [3, 5], [6, 8]]),
        weights=np.array([0.25, 0.5, 0.25]),
    )
    assert SupportMessages.share_on_phrase(explanation, message) == 0.5
    assert SupportMessages.share_of_tokens(explanation, message) == pytest.approx(1 / 3)
