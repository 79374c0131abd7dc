"""Attention you can see, for Keras 3."""

import importlib
from typing import TYPE_CHECKING, Any

from regard._backend import check_backend, choose_backend

choose_backend()
check_backend()

from regard import layers, legacy, ops  # noqa: E402 - the backend is chosen first
from regard._version import __version__  # noqa: E402 - the same
from regard.errors import RegardError  # noqa: E402 - the same
from regard.observation import Observed, observe  # noqa: E402 - the same
from regard.types import (  # noqa: E402 - the same
    AttentionMap,
    Explanation,
    Observation,
    Translation,
    TrustLine,
)

if TYPE_CHECKING:
    from regard import (
        classification,
        comparison,
        data,
        decoding,
        explain,
        exports,
        kinds,
        metrics,
        plot,
        runtime,
        tasks,
        text,
        training,
        translation,
        trust,
    )
    from regard import scale as scale
    from regard import serve as serve
    from regard.classification import TextClassifier
    from regard.exports import export
    from regard.kinds import load
    from regard.translation import Translator
    from regard.translation.seq2seq import Seq2Seq

# What needs more than Keras and NumPy is imported when it is first asked for.
_LAZY = {
    "Seq2Seq": "regard.translation.seq2seq",
    "TextClassifier": "regard.classification",
    "Translator": "regard.translation",
    "classification": "regard.classification",
    "comparison": "regard.comparison",
    "data": "regard.data",
    "decoding": "regard.decoding",
    "explain": "regard.explain",
    "export": "regard.exports",
    "exports": "regard.exports",
    "kinds": "regard.kinds",
    "load": "regard.kinds",
    "metrics": "regard.metrics",
    "plot": "regard.plot",
    "runtime": "regard.runtime",
    "scale": "regard.scale",
    "serve": "regard.serve",
    "tasks": "regard.tasks",
    "text": "regard.text",
    "training": "regard.training",
    "translation": "regard.translation",
    "trust": "regard.trust",
}

# Without ``scale`` and ``serve``, which need extras: ``from regard import *`` imports
# all of it.
__all__ = [
    "AttentionMap",
    "Explanation",
    "Observation",
    "Observed",
    "RegardError",
    "Seq2Seq",
    "TextClassifier",
    "Translation",
    "Translator",
    "TrustLine",
    "__version__",
    "classification",
    "comparison",
    "data",
    "decoding",
    "explain",
    "export",
    "exports",
    "kinds",
    "layers",
    "legacy",
    "load",
    "metrics",
    "observe",
    "ops",
    "plot",
    "runtime",
    "tasks",
    "text",
    "training",
    "translation",
    "trust",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'regard' has no attribute '{name}'")
    module = importlib.import_module(_LAZY[name])
    return module if _LAZY[name] == f"regard.{name}" else getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*__all__, *_LAZY})
