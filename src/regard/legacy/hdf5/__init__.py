"""Old HDF5 files, read in a process of their own: without Keras and with limits."""
