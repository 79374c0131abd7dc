"""Requests to trained models and their limits, engines and replies, for any service."""

from regard.inference.engine import Engine, Job, Shape, Shapes
from regard.inference.limits import Limits, RequestError
from regard.inference.request_schema import Member, PredictionRequest, RequestSchema

__all__ = [
    "Engine",
    "Job",
    "Limits",
    "Member",
    "PredictionRequest",
    "RequestError",
    "RequestSchema",
    "Shape",
    "Shapes",
]
