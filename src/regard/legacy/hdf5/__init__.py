"""Old HDF5 files, read in a process of their own: without Keras and with limits.

That process imports this package, so nothing here may import Keras.
"""

from regard.legacy.hdf5.isolated_reader import (
    LayerWeights,
    OldFile,
    StoredWeight,
    read_old_file,
)
from regard.legacy.hdf5.untrusted_file import Array

__all__ = ["Array", "LayerWeights", "OldFile", "StoredWeight", "read_old_file"]
