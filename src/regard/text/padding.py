"""A fixed set of lengths, so that few shapes are ever compiled.

Every new shape of a batch costs a compilation. Texts are therefore padded to one of a
few lengths, each twice the one before: at most half of a row is padding.
"""

from collections.abc import Sequence

import numpy as np

from regard._validate import check_count
from regard.types import IntArray

#: The lengths that sequences are padded to, so that few programs are compiled.
LENGTH_BUCKETS = (16, 32, 64, 128, 256, 512, 1024)


def length_buckets(max_length: int) -> tuple[int, ...]:
    """The lengths in use for texts of at most ``max_length`` tokens, ascending.

    Above the longest of ``LENGTH_BUCKETS`` they go on doubling; the last one is
    ``max_length`` itself.
    """
    check_count("max_length", max_length)
    buckets = list(LENGTH_BUCKETS)
    while buckets[-1] < max_length:
        buckets.append(2 * buckets[-1])
    return (*(bucket for bucket in buckets if bucket < max_length), max_length)


def bucket_of(lengths: IntArray, buckets: Sequence[int]) -> IntArray:
    """For each length the index of the shortest bucket that holds it."""
    return np.searchsorted(np.asarray(buckets), lengths)


def pad(sequences: Sequence[IntArray], rows: int, length: int) -> IntArray:
    """Stack sequences under each other, zeros after each and below the last.

    Args:
        sequences: At most ``rows`` arrays ``(tokens, …)`` of at most ``length`` tokens;
            what a token is made of is the same in all of them.
        rows: The height of the result.
        length: The width of the result.

    Returns:
        ``(rows, length, …)``, int32.
    """
    batch = np.zeros((rows, length, *sequences[0].shape[1:]), dtype=np.int32)
    for row, sequence in enumerate(sequences):
        batch[row, : len(sequence)] = sequence
    return batch
