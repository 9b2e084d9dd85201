"""What was asked of a browser and is not answered yet: single use, short-lived, and for that browser alone."""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from bowstreet.accountability import credentials
from bowstreet.runtime.ports import Clock

T = TypeVar("T")

# More sign-ins under way than any control room has: past it the oldest are forgotten, and are begun again.
MAX_PENDING = 10_000


class Pending(Generic[T]):
    """By the secret that the browser holds, of which only a digest is kept. In memory: a restart voids them all."""

    def __init__(self, real_clock: Clock, life: timedelta) -> None:
        self._clock, self._life = real_clock, life
        self._waiting: OrderedDict[str, tuple[datetime, T]] = OrderedDict()

    def put(self, secret: str, value: T) -> None:
        """One at a time for each browser: what it was asked before is void."""
        key = credentials.digest(secret)
        self._waiting.pop(key, None)
        self._waiting[key] = (self._clock.now(), value)
        if len(self._waiting) > MAX_PENDING:
            self._waiting.popitem(last=False)

    def take(self, secret: str) -> T | None:
        """Whatever comes of it, it is gone. None when there is none, or it is too old."""
        since, value = self._waiting.pop(credentials.digest(secret), (None, None))
        now = self._clock.now()
        return value if since is not None and since <= now < since + self._life else None
