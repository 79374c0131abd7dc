"""A trained model as a program that runs without Keras, with its attention.

``regard.exports.text_reader`` makes the inputs of such a program out of texts, and is
a file that runs by itself.
"""

from regard.exports.exporter import FORMATS, Exported, export

__all__ = ["FORMATS", "Exported", "export"]


def __dir__() -> list[str]:
    # What is for users, without the modules that it is made of.
    return __all__
