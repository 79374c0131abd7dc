"""HDF5 files that nobody vouches for, read in a process of its own where it has to be.

Models of long ago and the weights in bundles. That process has no Keras, and limits; it
imports this package, so nothing here may import Keras.
"""

from regard._hdf5.isolated_reader import (
    LayerWeights,
    OldFile,
    StoredWeight,
    read_arrays,
    read_old_file,
)
from regard._hdf5.untrusted_file import Array

__all__ = [
    "Array",
    "LayerWeights",
    "OldFile",
    "StoredWeight",
    "read_arrays",
    "read_old_file",
]
