"""How often a password may be guessed: per account, wherever from, and per address, whatever the account."""

from collections import OrderedDict

from bowstreet.runtime.ports import Clock

# A person mistypes a few times. After that a guess a minute, some 1,500 a day, finds no password of fifteen characters.
ACCOUNT_BURST, ACCOUNT_EVERY_S = 10.0, 60.0
# A control room may share one address, so it is given more.
ADDRESS_BURST, ADDRESS_EVERY_S = 30.0, 10.0
# More names and addresses than any honest day has: past it the ones silent longest are forgotten.
MAX_KEYS = 10_000


class _Buckets:
    """Token buckets by key, in bounded memory."""

    def __init__(self, burst: float, every_s: float, clock: Clock) -> None:
        self._burst = burst
        self._every_s = every_s
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> bool:
        now = self._clock.monotonic_s()
        left, at = self._left.pop(key, (self._burst, now))
        left = min(self._burst, left + (now - at) / self._every_s)
        allowed = left >= 1.0
        self._left[key] = (left - allowed, now)
        if len(self._left) > MAX_KEYS:
            self._left.popitem(last=False)
        return allowed

    def forget(self, key: str) -> None:
        self._left.pop(key, None)


class Attempts:
    """Counts attempts alike for accounts that exist and for names that do not.

    Somebody who guesses at an account from elsewhere empties the common bucket of that account; its owner, at an address from
    which they signed in before, has a bucket of their own and is not locked out.
    """

    def __init__(self, clock: Clock) -> None:
        self._accounts = _Buckets(ACCOUNT_BURST, ACCOUNT_EVERY_S, clock)
        self._addresses = _Buckets(ADDRESS_BURST, ADDRESS_EVERY_S, clock)
        self._known: OrderedDict[str, None] = OrderedDict()

    def allowed(self, name_key: str, address: str) -> bool:
        """Count one attempt; False when there were too many."""
        by_address = self._addresses.take(address)
        return self._accounts.take(self._key(name_key, address)) and by_address

    def allowed_from(self, address: str) -> bool:
        """The same where nobody has said yet whose account it is."""
        return self._addresses.take(address)

    def succeeded(self, name_key: str, address: str) -> None:
        """A right password: this person is known at this address, and starts afresh."""
        self._accounts.forget(self._key(name_key, address))
        known = _pair(name_key, address)
        self._known[known] = None
        self._known.move_to_end(known)
        if len(self._known) > MAX_KEYS:
            self._known.popitem(last=False)

    def _key(self, name_key: str, address: str) -> str:
        pair = _pair(name_key, address)
        return pair if pair in self._known else name_key


def _pair(name_key: str, address: str) -> str:
    return f"{name_key}\n{address}"
