"""A phone that is called when an alert waits, and what came of a call. Frozen values."""

from datetime import datetime
from enum import StrEnum

import msgspec


class SubscriptionState(StrEnum):
    STANDS = "stands"
    ENDED = "ended"  # its address and keys are gone from the record; retention destroys what is left


class Ending(StrEnum):
    """Why a phone is called no more."""

    BY_OFFICER = "by-the-officer"
    SIGNED_OUT = "signed-out"
    TIME_UP = "time-up"  # of the sign-in that it was made in
    ACCOUNT_CHANGED = "account-changed"
    MAY_NOT = "may-not-adjudicate"
    GONE = "gone"  # the push service knows it no more
    TAKEN_OVER = "taken-over"  # somebody else has signed in on the same phone
    SWITCHED_OFF = "switched-off"  # by the operator, or its push service is allowed no more


class PushAddress(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser gives for its owner to be called by (W3C Push API): where, and the keys that only that browser opens.

    `endpoint` is a secret: whoever has it can send to that browser. `public_key` is an uncompressed point of P-256.
    """

    endpoint: str
    public_key: bytes
    secret: bytes

    def __repr__(self) -> str:
        return "<PushAddress>"


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """An officer's leave to be called on one browser, until `until`. Sealed under a key of its own.

    `session_id` is the sign-in that it was given in; "" once that was left alone too long, for a phone in a pocket is still to
    be called. `address` is None once it has ended. `host` is the push service's, which is no secret.
    """

    subscription_id: str
    account_id: str
    session_id: str
    host: str
    address: PushAddress | None
    consent: str
    made_at: datetime
    until: datetime
    state: SubscriptionState = SubscriptionState.STANDS
    ended_at: datetime | None = None
    ending: Ending | None = None


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What is told: that an alert waits, by its pseudonymous ids, and nothing of anybody."""

    alert_id: str
    deployment_id: str


class Answer(StrEnum):
    """What became of one attempt."""

    SENT = "sent"
    LATER = "later"  # the push service is busy, or cannot be reached
    GONE = "gone"
    REJECTED = "rejected"  # it will not take this, now or later


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """`wait_s` is what the push service asked to wait before the next one. `why` is for the log: no address stands in it."""

    answer: Answer
    why: str = ""
    wait_s: float = 0.0


# The push services of the browsers that have one: Chromium and its kin, Firefox, Safari, Edge.
KNOWN_HOSTS = ("fcm.googleapis.com", "updates.push.services.mozilla.com", "*.push.apple.com", "*.notify.windows.com")


class PushPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator allows. `hosts` are names, or `*.name` for all below a name; `contact` is told to push services."""

    enabled: bool = True
    hosts: tuple[str, ...] = KNOWN_HOSTS
    contact: str = ""
