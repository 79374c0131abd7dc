"""From a request to its prediction."""

import asyncio
from typing import Any

from regard.inference.engine import Job
from regard.inference.limits import Limits
from regard.inference.request_schema import Question, read_question
from regard.serve.batching import ClosedError, QueueFullError
from regard.serve.models import ServedModel
from regard.serve.problems import busy, over

# Texts of so many characters are read in the time of a few context switches; longer
# ones are read in a thread, so that others need not wait for them.
_SHORT = 4_000


async def predict(model: ServedModel, body: bytes, limits: Limits) -> dict[str, Any]:
    """The reply to a question.

    Args:
        model: Who answers.
        body: The question, as JSON.
        limits: What may be asked for.

    Raises:
        Problem: It cannot be answered; the problem says why.
    """
    engine = model.engine
    question = read_question(body, limits, engine.layers, engine.searches)
    try:
        async with asyncio.timeout(limits.seconds):
            jobs = await _read(model, question)
            found = await model.answer(jobs)
    except QueueFullError as error:
        raise busy(
            "Too many texts wait for this model.", limit="queue", allowed=limits.queue
        ) from error
    except ClosedError as error:
        raise busy("The service is about to end.") from error
    except TimeoutError as error:
        raise over(
            504, "seconds", limits.seconds, "The answer took too long."
        ) from error
    predictions = [
        engine.reply(job, one, question) for job, one in zip(jobs, found, strict=True)
    ]
    return {"model": model.name, "kind": engine.kind, "predictions": predictions}


async def _read(model: ServedModel, question: Question) -> list[Job]:
    def read() -> list[Job]:
        return [model.engine.read(text, question) for text in question.inputs]

    if sum(map(len, question.inputs)) < _SHORT:
        return read()
    return await asyncio.to_thread(read)
