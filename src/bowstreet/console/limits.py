"""How much of anything one asker may have: requests by token bucket, bytes and seconds of a body."""

from collections import OrderedDict
from dataclasses import dataclass

from bowstreet.runtime.ports import Clock


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A token bucket: `burst` at once, then `per_s` a second."""

    burst: float
    per_s: float


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the edge allows. The defaults are for a control room of some tens of consoles and a CAD."""

    # A console makes about one request a second of its own; a script that lists everything stays under it too.
    requests: Rate = Rate(burst=600, per_s=100)
    # London's 999 calls peak near 0.15 a second (5,966 a day, MQ 2018/2956): a hundred times that is a flood.
    incidents: Rate = Rate(burst=200, per_s=15)
    # A denial is written durably; past this a flood of them is counted, not written, so that nobody can fill the disk with them.
    recorded_denials: Rate = Rate(burst=30, per_s=1 / 2)
    # What anybody may send without signing in: letters of one address, and look-ups. A library's readers share an address.
    public_requests: Rate = Rate(burst=10, per_s=1 / 360)
    public_lookups: Rate = Rate(burst=30, per_s=1 / 10)
    live_messages: Rate = Rate(burst=20, per_s=5)
    body_bytes: int = 256 * 1024  # the longest body is a call: 10,000 characters of text, each up to 12 bytes as JSON escapes
    file_bytes: int = 16 * 1024 * 1024  # the UK's zones as KML are 5 MB; files for more than a city go into the configuration
    head_s: float = 10.0
    body_s: float = 10.0
    live_message_bytes: int = 4 * 1024
    live_connections_by_account: int = 32
    live_stall_s: float = 15.0  # a console that takes nothing for so long is gone


MAX_KEYS = 10_000  # more askers than any control room has: past it the longest silent are forgotten


class Buckets:
    """Token buckets by key, in bounded memory. Time is the injected clock's."""

    def __init__(self, rate: Rate, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> bool:
        """Take one token of `key`; False when none is left."""
        now = self._clock.monotonic_s()
        left, at = self._left.get(key, (self._rate.burst, now))
        left = min(self._rate.burst, left + (now - at) * self._rate.per_s)
        allowed = left >= 1.0
        self._left[key] = (left - 1.0 if allowed else left, now)
        self._left.move_to_end(key)
        if len(self._left) > MAX_KEYS:
            self._left.popitem(last=False)
        return allowed

    def __len__(self) -> int:
        return len(self._left)
