"""Whether the attention of a model deserves to be read as an explanation.

An examination erases the keys of texts in the order of the weights and in other
orders, forces other weights in, and holds what the answers do against bounds, each
with an interval over texts. One verdict in plain words comes out, which may be that
the weights must not be read, or that it cannot be told.
"""

from regard.trust.attachment import attach
from regard.trust.evidence import (
    ErasureCurve,
    ExaminedText,
    Placement,
    Reliability,
    ShownText,
)
from regard.trust.examination import examine, examine_subject
from regard.trust.gates import Gate, Outcome
from regard.trust.model_subject import ModelSubject
from regard.trust.plausibility import Plausibility, read_marks
from regard.trust.repetition import Repetition, retrained
from regard.trust.replacement import Erase
from regard.trust.report import TrustReport
from regard.trust.report_text import changes
from regard.trust.statistics import Interval
from regard.trust.subject import Baseline, Passage, Subject
from regard.trust.verdict import Verdict

__all__ = [
    "Baseline",
    "Erase",
    "ErasureCurve",
    "ExaminedText",
    "Gate",
    "Interval",
    "ModelSubject",
    "Outcome",
    "Passage",
    "Placement",
    "Plausibility",
    "Reliability",
    "Repetition",
    "ShownText",
    "Subject",
    "TrustReport",
    "Verdict",
    "attach",
    "changes",
    "examine",
    "examine_subject",
    "read_marks",
    "retrained",
]


def __dir__() -> list[str]:
    # What is for users, without the modules that it is made of.
    return __all__
