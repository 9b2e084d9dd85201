"""Which of a vehicle's keys hold now, and what becomes of them. Pure."""

import base64
import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from bowstreet.accountability.vehicle_keys.model import KeyState, VehicleKey
from bowstreet.errors import BadInput, Conflict, NotFound

SECRET_BYTES = 32
# Time to load the key into a vehicle that stands elsewhere; never so long that the old one stays for good.
LEAST_OVERLAP, OVERLAP, MOST_OVERLAP = timedelta(minutes=1), timedelta(hours=24), timedelta(days=7)
FINGERPRINT_DIGITS = 16
GROUP = 4


def passphrase_of(randomness: bytes) -> str:
    """Text that a person can type: base 32 in groups of four. Mission Planner, QGroundControl and MAVProxy take its SHA-256."""
    letters = base64.b32encode(randomness).decode().rstrip("=").lower()
    return "-".join(letters[at : at + GROUP] for at in range(0, len(letters), GROUP))


def secret_of(passphrase: str) -> bytes:
    return hashlib.sha256(passphrase.encode()).digest()


def fingerprint_of(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()[:FINGERPRINT_DIGITS]


def check_overlap(overlap: timedelta) -> None:
    """Raises `BadInput`."""
    if not LEAST_OVERLAP <= overlap <= MOST_OVERLAP:
        raise BadInput(
            "the overlap is shorter than a minute or longer than a week", remedy="say for how long the old key is accepted"
        )


def live(keys: Iterable[VehicleKey]) -> list[VehicleKey]:
    return [one for one in keys if not one.state.is_final]


def check_first(keys: Iterable[VehicleKey], vehicle_id: str) -> None:
    """Raises `Conflict` when the vehicle has a key that holds."""
    if live(keys):
        raise Conflict(f"{vehicle_id} has a key", remedy="rotate it, or revoke it first")


def check_rotation(keys: Iterable[VehicleKey], vehicle_id: str) -> None:
    """Raises `NotFound` without a key, `Conflict` while one waits to be taken up."""
    standing = live(keys)
    if not standing:
        raise NotFound(f"{vehicle_id} has no key", remedy="make one")
    if any(one.state is KeyState.COMING for one in standing):
        raise Conflict(f"{vehicle_id} has not used its newest key yet", remedy="load that into it, or revoke and make another")


def holding(keys: Iterable[VehicleKey], now: datetime) -> tuple[VehicleKey | None, VehicleKey | None, bool]:
    """The key in use, the coming one, and whether packets without a signature are believed: only from a vehicle that never had
    a key, and until its first one is in use or the overlap is over. Revoking a key never leads back to that."""
    known = list(keys)
    coming = next((one for one in known if one.state is KeyState.COMING), None)
    current = next((one for one in known if one.state is KeyState.IN_USE), None)
    if coming is not None and now >= coming.overlap_until:
        current = None
    never = all(one is coming for one in known)
    return current, coming, never and (coming is None or now < coming.overlap_until)


def taken_up(keys: Iterable[VehicleKey], key_id: str, now: datetime) -> list[VehicleKey]:
    """The keys that change when the first packet under a coming one is believed; none when that was so already."""
    standing = live(keys)
    if not any(one.key_id == key_id and one.state is KeyState.COMING for one in standing):
        return []
    return [
        replace(one, state=KeyState.IN_USE, in_use_at=now)
        if one.key_id == key_id
        else replace(one, state=KeyState.REPLACED, ended_at=now)
        for one in standing
    ]


def overlapped(keys: Iterable[VehicleKey], now: datetime) -> list[VehicleKey]:
    """Keys in use that are replaced because the time for both is over."""
    standing = live(keys)
    if not any(one.state is KeyState.COMING and now >= one.overlap_until for one in standing):
        return []
    return [replace(one, state=KeyState.REPLACED, ended_at=now) for one in standing if one.state is KeyState.IN_USE]


def revoked(keys: Iterable[VehicleKey], vehicle_id: str, now: datetime) -> list[VehicleKey]:
    """Raises `NotFound` when the vehicle has no key that holds."""
    standing = live(keys)
    if not standing:
        raise NotFound(f"{vehicle_id} has no key", remedy="look at its state")
    return [replace(one, state=KeyState.REVOKED, ended_at=now) for one in standing]
