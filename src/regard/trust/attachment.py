"""Reports that travel with the model they are about."""

from pathlib import Path

from regard.bundle.trust_part import (
    CarriedReport,
    another_model,
    attach_trust,
)
from regard.training.estimator import Estimator
from regard.trust.report import TrustReport


def attach(report: TrustReport, to: str | Path | Estimator) -> None:  # type: ignore[type-arg]  # whatever is trained
    """Let a report travel with its model: its line is shown with every answer.

    From then on the answers of the model have it as ``trust``, and pages, notebooks,
    ``regard predict`` and ``regard serve`` show it; where the weights mislead, shading
    is grey. A model that is trained again loses it.

    The report is kept as it is, with the texts that it quotes: whoever gets the bundle
    can read them.

    Args:
        report: The report.
        to: The path of the bundle that was examined, which gets the part
            ``trust.json``, and whose card says what was found, everything else in it
            staying as it is to the byte; or the
            ``TextClassifier`` or ``Translator`` in memory, which takes the report along
            where it is saved.

    Raises:
        ArgumentError: The report is about another model, or other files are in the
            folder.
        BundleError: There is no bundle, or it is damaged.

    Example:
        >>> report = regard.trust.examine(classifier, texts)
        >>> regard.trust.attach(report, classifier)
        >>> classifier.save("reviews.regard")
    """
    content = report.to_dict()
    if isinstance(to, str | Path):
        attach_trust(to, content)
        return
    if report.model != to.trained.identity.hash:
        raise another_model("this one")
    to.carry(CarriedReport.of(content))
