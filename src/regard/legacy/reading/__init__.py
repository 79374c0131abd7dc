"""Reading old files, without Keras and with limits."""
