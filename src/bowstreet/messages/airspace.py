"""What airspace tells."""

from bowstreet.messages.base import Message


class ZoneChanged(Message, frozen=True, kw_only=True):
    """A zone was added, removed, activated or deactivated by a person or a file."""

    zone_id: str
    change: str
    by: str
