"""Vehicles' signing keys. The secret is a record of its own, sealed under a data key that is destroyed when the key ends."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec


class KeyState(StrEnum):
    COMING = "coming"  # made; no packet under it has come yet
    IN_USE = "in-use"
    REPLACED = "replaced"
    REVOKED = "revoked"

    @property
    def is_final(self) -> bool:
        return self in (KeyState.REPLACED, KeyState.REVOKED)


class VehicleKey(msgspec.Struct, frozen=True, kw_only=True):
    """One key of one vehicle.

    `fingerprint` is the beginning of SHA-256 of the secret, hex. `overlap_until`: up to then what was accepted before this key
    was made (the key before it, or no signature at all) is accepted still, unless a packet under this key comes earlier.
    """

    key_id: str
    vehicle_id: str
    state: KeyState
    fingerprint: str
    made_at: datetime
    made_by: str
    overlap_until: datetime
    in_use_at: datetime | None = None
    ended_at: datetime | None = None


class VehicleSecret(msgspec.Struct, frozen=True, kw_only=True):
    """32 bytes, under the id of their key."""

    key_id: str
    secret: bytes


class SigningKey(NamedTuple):
    key_id: str
    secret: bytes


class SigningKeys(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for a vehicle now.

    Args:
        current: the key in use; None before the first one is, and after the last was revoked.
        coming: a key that was made and is accepted too; the first packet under it makes it the current one.
        unsigned: whether packets without a signature are believed (a vehicle whose first key is not in it yet, or has none).
    """

    current: SigningKey | None = None
    coming: SigningKey | None = None
    unsigned: bool = False


class Issued(NamedTuple):
    """A key just made. `passphrase` is shown this once: its SHA-256 is the secret, as ground stations derive one."""

    key: VehicleKey
    passphrase: str
    secret: bytes
