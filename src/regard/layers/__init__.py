"""Keras layers with attention you can ask for."""
