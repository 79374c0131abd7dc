"""The version; the changelog's newest heading says the same (a test holds it)."""

__version__ = "0.1.0"
