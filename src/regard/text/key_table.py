"""Where keys stand in a list: found for many at once, by hashing in arrays."""

import numpy as np
import numpy.typing as npt

from regard.types import IntArray

Keys = npt.NDArray[np.uint64]

# What a key is multiplied with (Dietzfelbinger's rule): odd, and drawn anew by each
# process, so that nobody can write a file of keys that all go for one slot. What is
# found does not depend on it.
_FACTORS = np.random.SeedSequence().generate_state(3, np.uint64) | np.uint64(1)
_NOBODY = -1


class KeyTable:
    """Finds the places of keys, each of up to three words of 64 bits.

    A table of four times as many slots or more, of which each holds the place of a key:
    the first free one from where the key's hash points to. What is found is compared
    with the key itself, so that the answer does not rest on any hash.

    Args:
        keys: ``(count, words)``, all different.
    """

    def __init__(self, keys: Keys) -> None:
        # Each word in a row of its own; the last key is nobody's.
        self._keys = np.zeros((keys.shape[1], len(keys) + 1), np.uint64)
        self._keys[:, :-1] = keys.T
        bits = max(4, (4 * len(keys) - 1).bit_length())
        self._shift, self._last = np.uint64(64 - bits), (1 << bits) - 1
        self._slots = np.full(1 << bits, _NOBODY, np.int32)
        self._fill(keys)

    def find(self, wanted: Keys) -> IntArray:
        """The place of each wanted key, -1 where there is none.

        Args:
            wanted: ``(words, count)``.
        """
        slots = self._first_slots(wanted)
        places = self._slots[slots]
        same = self._keys[0][places] == wanted[0]
        for own, key in zip(self._keys[1:], wanted[1:], strict=True):
            same &= own[places] == key
        # A free slot holds -1, where the last key is: what equals that is nobody's too.
        open_ = np.flatnonzero(~same & (places != _NOBODY))
        if len(open_):
            self._go_on(places, slots, wanted, open_)
        return places

    def _go_on(
        self, places: IntArray, slots: IntArray, wanted: Keys, open_: IntArray
    ) -> None:
        """Look from slot to slot for those whose first one has another key."""
        while len(open_):
            slots[open_] = (slots[open_] + 1) & self._last
            now = self._slots[slots[open_]]
            places[open_] = now
            same = (self._keys[:, now] == wanted[:, open_]).all(axis=0)
            open_ = open_[~same & (now != _NOBODY)]

    def _fill(self, keys: Keys) -> None:
        slots = self._first_slots(keys.T)
        waiting = np.arange(len(keys), dtype=np.int32)
        while len(waiting):
            free = self._slots[slots[waiting]] == _NOBODY
            # Of several for one slot the last has it, the others go on.
            self._slots[slots[waiting[free]]] = waiting[free]
            waiting = waiting[self._slots[slots[waiting]] != waiting]
            slots[waiting] = (slots[waiting] + 1) & self._last

    def _first_slots(self, keys: Keys) -> IntArray:
        slots: IntArray = (mixed(keys) >> self._shift).view(np.int64)
        return slots


def mixed(keys: Keys) -> Keys:
    """A hash of each key ``(words, count)``, another one in each process."""
    of_keys: Keys = keys[0] * _FACTORS[0]
    for key, factor in zip(keys[1:], _FACTORS[1:], strict=False):
        of_keys ^= key * factor
        of_keys *= _FACTORS[0]
    return of_keys
