"""Loading whatever was saved."""

from pathlib import Path

from regard.bundle import read_bundle
from regard.classification import TextClassifier, TrainedTextClassifier
from regard.classification import artifact as trained
from regard.translation import TrainedTranslator, Translator
from regard.translation import artifact as translating

_KINDS = {trained.KIND: trained.PARTS, translating.KIND: translating.PARTS}


def load(path: str | Path) -> TextClassifier | Translator:
    """Load a bundle that ``save`` or ``regard train`` made.

    Sizes and hashes of all parts are checked first; nothing in a bundle is executed,
    and only classes of Keras and of this library are loaded from it.

    Args:
        path: The folder, for example ``reviews.regard``.

    Raises:
        BundleError: There is no bundle, or it is damaged, incomplete or of an unknown
            version; the message names the part and what is wrong with it.

    Example:
        >>> classifier = regard.load("reviews.regard")
        >>> classifier.predict(["A film that never finds its feet."])
    """
    bundle = read_bundle(path, _KINDS)
    if bundle.kind == translating.KIND:
        return Translator.of(TrainedTranslator.from_bundle(bundle))
    return TextClassifier.of(TrainedTextClassifier.from_bundle(bundle))
