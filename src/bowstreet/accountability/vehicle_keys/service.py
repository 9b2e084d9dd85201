"""The signing keys of one operation's vehicles. Every change is in the ledger before it holds; the secrets never are."""

import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta

from bowstreet.accountability.recorder import Recorder, Remove, Save
from bowstreet.accountability.vehicle_keys import rules
from bowstreet.accountability.vehicle_keys.model import (
    Issued,
    KeyState,
    SigningKey,
    SigningKeys,
    VehicleKey,
    VehicleSecret,
)
from bowstreet.messages import VehicleKeyChanged
from bowstreet.runtime.ports import Clock, Ids, Store
from bowstreet.runtime.records import Collection

# Who takes a key up, and who notes that the time for two is over: no person.
VEHICLE, CLOCK = "vehicle", "clock"

Destroy = Callable[[Iterable[str]], Awaitable[int]]


class VehicleKeys:
    """Raises, beside what each method says, what `Recorder.record` does.

    Args:
        destroy: destroys data keys, by the ids of what they seal (`vault.Vault.destroy`).
    """

    def __init__(self, recorder: Recorder, clock: Clock, ids: Ids, destroy: Destroy) -> None:
        self._recorder, self._clock, self._ids, self._destroy = recorder, clock, ids, destroy
        self._keys: Collection[VehicleKey] = Collection(
            "vehicle-key", VehicleKey, id_of=lambda one: one.key_id, state_of=lambda one: one.vehicle_id
        )
        self._secrets: Collection[VehicleSecret] = Collection("vehicle-secret", VehicleSecret, id_of=lambda one: one.key_id)
        self._told: list[Callable[[str], None]] = []

    async def load(self, store: Store) -> None:
        """Read what stands. What was ended by a run that died before it destroyed the secret is destroyed now."""
        await self._keys.load(store)
        await self._secrets.load(store)
        if ended := [one.key_id for one in self._keys.all() if one.state.is_final]:
            await self._destroy(ended)

    def on_change(self, told: Callable[[str], None]) -> None:
        """Have `told` called with the vehicle whose keys changed."""
        self._told.append(told)

    def of(self, vehicle_id: str) -> list[VehicleKey]:
        """All keys that a vehicle has or had, oldest first."""
        return sorted(self._keys.in_states(vehicle_id), key=lambda one: (one.made_at, one.key_id))

    def keys_of(self, vehicle_id: str) -> SigningKeys:
        """What holds for a vehicle now."""
        current, coming, unsigned = rules.holding(self._keys.in_states(vehicle_id), self._clock.now())
        return SigningKeys(current=self._with_secret(current), coming=self._with_secret(coming), unsigned=unsigned)

    def _with_secret(self, key: VehicleKey | None) -> SigningKey | None:
        kept = None if key is None else self._secrets.find(key.key_id)
        return None if kept is None else SigningKey(kept.key_id, kept.secret)

    # --- by people ------------------------------------------------------------------------------------------------------

    async def make(self, vehicle_ids: Sequence[str], by: str, overlap: timedelta = rules.OVERLAP) -> list[Issued]:
        """The first key of each vehicle, or the first after its last was revoked. Raises `BadInput`, `Conflict`."""
        rules.check_overlap(overlap)
        for vehicle_id in vehicle_ids:
            rules.check_first(self._keys.in_states(vehicle_id), vehicle_id)
        return await self._issue(vehicle_ids, by, overlap, "made")

    async def of_fleet(self, vehicle_ids: Sequence[str], by: str) -> dict[str, bytes]:
        """The secrets to be put into vehicles that are built, by vehicle; a first key is made for those that never had one."""
        if missing := [one for one in vehicle_ids if not self.of(one)]:
            await self.make(missing, by)
        held = {one: self.keys_of(one) for one in vehicle_ids}
        return {one: key.secret for one, found in held.items() if (key := found.coming or found.current) is not None}

    async def rotate(self, vehicle_id: str, by: str, overlap: timedelta = rules.OVERLAP) -> Issued:
        """The key after the one in use; both are accepted for a while. Raises `BadInput`, `Conflict`, `NotFound`."""
        rules.check_overlap(overlap)
        rules.check_rotation(self._keys.in_states(vehicle_id), vehicle_id)
        [issued] = await self._issue([vehicle_id], by, overlap, "rotated")
        return issued

    async def revoke(self, vehicle_id: str, by: str) -> None:
        """No packet of the vehicle is believed from now on, and none is sent to it. Raises `NotFound`."""
        ended = rules.revoked(self._keys.in_states(vehicle_id), vehicle_id, self._clock.now())
        await self._save(ended, by, "revoked")

    # --- by what happens --------------------------------------------------------------------------------------------------

    async def taken_up(self, vehicle_id: str, key_id: str) -> None:
        """The first packet under a key was believed: the key before it is gone. Saying so again does nothing."""
        await self._save(rules.taken_up(self._keys.in_states(vehicle_id), key_id, self._clock.now()), VEHICLE)

    async def expire(self) -> None:
        """Note keys whose overlap is over. They hold no longer from that moment on, noted or not."""
        now = self._clock.now()
        for vehicle_id in sorted({one.vehicle_id for one in self._keys.all() if one.state is KeyState.COMING}):
            await self._save(rules.overlapped(self._keys.in_states(vehicle_id), now), CLOCK)

    # --- parts ------------------------------------------------------------------------------------------------------------

    async def _issue(self, vehicle_ids: Sequence[str], by: str, overlap: timedelta, change: str) -> list[Issued]:
        now = self._clock.now()
        made: list[Issued] = []
        for vehicle_id in vehicle_ids:
            passphrase = rules.passphrase_of(secrets.token_bytes(rules.SECRET_BYTES))
            secret = rules.secret_of(passphrase)
            key = VehicleKey(
                key_id=self._ids.new("key"), vehicle_id=vehicle_id, state=KeyState.COMING, made_at=now, made_by=by,
                fingerprint=rules.fingerprint_of(secret), overlap_until=now + overlap,
            )  # fmt: skip
            made.append(Issued(key, passphrase, secret))
        await self._recorder.record(
            save=[
                *((self._keys, one.key) for one in made),
                *((self._secrets, VehicleSecret(key_id=one.key.key_id, secret=one.secret)) for one in made),
            ],
            messages=[self._said(one.key, change, by) for one in made],
        )
        self._tell(vehicle_ids)
        return made

    async def _save(self, changed: Sequence[VehicleKey], by: str, change: str = "") -> None:
        if not changed:
            return
        ended = [one.key_id for one in changed if one.state.is_final]
        gone: list[Remove] = [(self._secrets, one) for one in ended if one in self._secrets]
        save: list[Save] = [(self._keys, one) for one in changed]
        await self._recorder.record(
            save=save, remove=gone, messages=[self._said(one, change or one.state.value, by) for one in changed]
        )
        self._tell({one.vehicle_id for one in changed})
        if ended:  # 300 vehicles take up their first keys in the same second, and each destruction folds in the key file's log
            await self._destroy(ended)

    def _tell(self, vehicle_ids: Iterable[str]) -> None:
        for vehicle_id in vehicle_ids:
            for told in self._told:
                told(vehicle_id)

    def _said(self, key: VehicleKey, change: str, by: str) -> VehicleKeyChanged:
        return VehicleKeyChanged(
            at=self._clock.now(), vehicle_id=key.vehicle_id, key_id=key.key_id, change=change, by=by, fingerprint=key.fingerprint
        )
