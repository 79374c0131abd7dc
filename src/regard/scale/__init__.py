"""Batch jobs: answers to the texts of files of any size, on one machine or several."""

try:
    import pyarrow as _  # noqa: F401 - an extra, told of at once
except ImportError as error:
    from regard.errors import MissingExtraError

    raise MissingExtraError("A batch job", "pyarrow", "data") from error

from regard.scale.batch_progress import BatchProgress, BatchReport
from regard.scale.explainer import Explainer
from regard.scale.job import run

__all__ = ["BatchProgress", "BatchReport", "Explainer", "run"]
