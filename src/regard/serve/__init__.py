"""A service and a page that show the prediction and what it rests on."""

from regard.errors import MissingExtraError

try:
    import orjson  # noqa: F401 - only whether it is there
    import prometheus_client  # noqa: F401 - the same
    import starlette  # noqa: F401 - the same
except ModuleNotFoundError as error:
    raise MissingExtraError("The service", error.name or "", "serve") from error

from regard.inference import Limits
from regard.serve.app import create_app

__all__ = ["Limits", "create_app"]
