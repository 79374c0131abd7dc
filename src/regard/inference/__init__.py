"""Requests to trained models and their limits, engines and replies, for any service."""

from regard.inference.engine import Engine, Job, Question, Shape, Shapes
from regard.inference.limits import Limits, RequestError
from regard.inference.request_schema import Member, PredictionRequest, RequestSchema

__all__ = [
    "Engine",
    "Job",
    "Limits",
    "Member",
    "PredictionRequest",
    "Question",
    "RequestError",
    "RequestSchema",
    "Shape",
    "Shapes",
]
