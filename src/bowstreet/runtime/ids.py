"""New identifiers: `prefix-` and a ULID, so that they sort by the moment they were made."""

import random
import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from bowstreet.runtime.ports import Clock

# Crockford's base 32: no I, L, O or U, so that an id survives being read out over the radio.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_SHIFTS = range(120, -1, -10)
_RANDOM_BITS = 80
# Ids of one millisecond keep their order by counting up, in steps too long to guess the next.
_STEP_BITS = 48
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Ulids:
    """ULIDs from a clock and a source of random bits, strictly increasing."""

    def __init__(self, clock: Clock, bits: Callable[[int], int]) -> None:
        self._clock = clock
        self._bits = bits
        self._last_ms = -1
        self._last = -1

    def new(self, prefix: str) -> str:
        moment = self._clock.now() - _EPOCH
        milliseconds = (moment.days * 86_400 + moment.seconds) * 1_000 + moment.microseconds // 1_000
        if milliseconds > self._last_ms:
            self._last_ms = milliseconds
            value = (milliseconds << _RANDOM_BITS) | self._bits(_RANDOM_BITS)
        else:
            value = self._last + 1 + self._bits(_STEP_BITS)
        self._last = value
        return prefix + "-" + "".join([_PAIRS[(value >> shift) & 1023] for shift in _SHIFTS])


class RandomIds(_Ulids):
    """Unguessable ids, for real operation."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, secrets.randbits)


class SeededIds(_Ulids):
    """Repeatable ids, for simulation: the same seed and times give the same ids."""

    def __init__(self, seed: int, clock: Clock) -> None:
        super().__init__(clock, random.Random(seed).getrandbits)  # noqa: S311 - repeatable by purpose, guards nothing
