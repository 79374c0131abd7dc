"""The symbols that mean something to a search."""

PADDING, UNKNOWN, BEGIN, END = 0, 1, 2, 3
