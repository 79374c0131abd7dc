"""Text classifiers whose states are those of a pretrained encoder."""
