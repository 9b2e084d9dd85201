"""What every message is, and a reason, which many bear."""

from datetime import datetime

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Base: every message says when, by the publisher's injected clock (aware UTC)."""

    at: datetime


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a choice or a refusal was made. `code` is stable for machines, `text` is for people."""

    code: str
    text: str
    vehicle_id: str | None = None
