"""What zones there are, where each came from, what people have said of them, and who has leave: kept, and in the ledger."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
import shapely

from bowstreet.accountability.recorder import Recorder
from bowstreet.airspace import rules
from bowstreet.airspace.model import Activation, Permission, Zone
from bowstreet.airspace.zonefile import ZoneFile, read_zones
from bowstreet.errors import BadInput, Conflict, MalformedZone, NotFound
from bowstreet.messages import ZoneChanged
from bowstreet.runtime.ports import Clock, Store
from bowstreet.runtime.records import Collection


class Switched(msgspec.Struct, frozen=True, kw_only=True):
    """A person's word that a zone applies, or does not, whatever its times say; until then, or until the next word."""

    zone_id: str
    active: bool
    by: str
    reason: str
    at: datetime
    until: datetime | None = None


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """When a zone applies, as a person has entered it from a notice: in place of what its file says."""

    zone_id: str
    activations: tuple[Activation, ...]
    by: str
    reference: str
    at: datetime


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was imported, and the zones that stand by it."""

    source: str
    version: str
    sha256: str
    by: str
    at: datetime
    zone_ids: tuple[str, ...]


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did, in identifiers of zones; and where a zone of the file could not be understood, and why."""

    source: str
    version: str
    added: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    rejected: tuple[tuple[str, str], ...] = ()


class Register:
    """The zones and permissions of one operation.

    Args:
        zones: that come with the product or stand in the configuration. Imported zones replace those of them that are not for
            operational use.
        permissions: that stand in the configuration.
    """

    def __init__(
        self, recorder: Recorder, store: Store, clock: Clock, zones: Iterable[Zone], permissions: Sequence[Permission]
    ) -> None:
        self._recorder, self._store, self._clock = recorder, store, clock
        self._given = {zone.zone_id: zone for zone in zones}
        self._configured = tuple(permissions)
        self._switched: Collection[Switched] = Collection("zone-switch", Switched, id_of=lambda one: one.zone_id)
        self._times: Collection[Times] = Collection("zone-times", Times, id_of=lambda one: one.zone_id)
        self._sources: Collection[Source] = Collection("zone-source", Source, id_of=lambda one: one.source)
        # The outline is kept as hexadecimal WKB.
        self._stored: Collection[Zone] = Collection("zone", Zone, id_of=lambda one: one.zone_id)
        self._granted: Collection[Permission] = Collection("zone-permission", Permission, id_of=permission_id)
        self.changes = 0  # grows with each change, so that others know when to look again
        self._zones: dict[str, Zone] = dict(self._given)

    async def load(self) -> None:
        for collection in (self._switched, self._times, self._sources, self._stored, self._granted):
            await collection.load(self._store)
        self._merge()

    def _merge(self) -> None:
        """Imported zones beside those given. Where both are for operational use the imported one stands under a longer name."""
        merged = dict(self._given)
        for stored in self._stored.all():
            zone = msgspec.structs.replace(stored, polygon=shapely.from_wkb(stored.polygon))
            given = self._given.get(zone.zone_id)
            if given is not None and given.for_operational_use:
                zone = msgspec.structs.replace(zone, zone_id=f"{zone.zone_id} ({zone.source})")
            merged[zone.zone_id] = zone
        self._zones = merged
        self.changes += 1

    # --- what there is ------------------------------------------------------------------------------------------------

    @property
    def zones(self) -> tuple[Zone, ...]:
        return tuple(self._zones.values())

    @property
    def permissions(self) -> tuple[Permission, ...]:
        return (*self._configured, *self._granted.all())

    @property
    def sources(self) -> tuple[Source, ...]:
        return tuple(self._sources.all())

    def zone(self, zone_id: str) -> Zone:
        """Raises `NotFound`."""
        if zone_id not in self._zones:
            raise NotFound(f"there is no zone '{zone_id}'", remedy="ask for the list of zones")
        return self._zones[zone_id]

    def as_said(self, zone: Zone) -> Zone | None:
        """The zone with the times that people have given it; None when somebody has said that it does not apply."""
        times, switched = self._times.find(zone.zone_id), self._switched.find(zone.zone_id)
        if times is not None:
            zone = msgspec.structs.replace(zone, activations=times.activations)
        return zone if switched is None else rules.switched(zone, switched.active, switched.until)

    # --- people's word ------------------------------------------------------------------------------------------------

    async def switch(self, zone_id: str, active: bool, by: str, reason: str, until: datetime | None = None) -> None:
        """The zone applies, or does not, from now on or until then. Raises `NotFound`, `BadInput`."""
        self.zone(zone_id)
        now = self._clock.now()
        if until is not None and until <= now:
            raise BadInput("that time is over", remedy="give a time to come, or none")
        switched = Switched(zone_id=zone_id, active=active, by=by, reason=reason, at=now, until=until)
        change = "activated" if active else "deactivated"
        await self._recorder.record(save=[(self._switched, switched)], messages=[self._message(zone_id, change, by)])
        self.changes += 1

    async def set_times(self, zone_id: str, activations: Sequence[Activation], by: str, reference: str) -> None:
        """The zone applies at these times, as a notice says; always when there are none. Raises `NotFound`, `BadInput`."""
        self.zone(zone_id)
        if any(one.start is not None and one.end is not None and one.end <= one.start for one in activations):
            raise BadInput("a time ends before it begins", remedy="mend start or end")
        times = Times(zone_id=zone_id, activations=tuple(activations), by=by, reference=reference, at=self._clock.now())
        change = f"times set by {reference}"
        await self._recorder.record(save=[(self._times, times)], messages=[self._message(zone_id, change, by)])
        self.changes += 1

    async def grant(self, permission: Permission, by: str) -> None:
        """Enter leave for an operator in a zone. The same leave again changes nothing. Raises `NotFound`, `BadInput`."""
        self.zone(permission.zone_id)
        if not permission.reference.strip() or not permission.granted_by.strip():
            raise BadInput("a permission has no document", remedy="say who gave it and the reference of its document")
        if permission.start is not None and permission.end is not None and permission.end <= permission.start:
            raise BadInput("a permission ends before it begins", remedy="mend start or end")
        entered = msgspec.structs.replace(permission, entered_by=by)
        if self._granted.find(permission_id(entered)) == entered:
            return
        said = f"leave for {entered.operator} by {entered.granted_by}, {entered.reference}, {_span(entered)}"
        await self._recorder.record(save=[(self._granted, entered)], messages=[self._message(entered.zone_id, said, by)])
        self.changes += 1

    async def revoke(self, operator: str, zone_id: str, reference: str, by: str) -> None:
        """Take leave back. Raises `NotFound`; what stands in the configuration is taken back there."""
        key = permission_id(Permission(operator=operator, zone_id=zone_id, reference=reference))
        if self._granted.find(key) is None:
            raise NotFound(
                f"no leave {reference} was entered for {operator} in {zone_id}", remedy="ask for the list of permissions"
            )
        message = self._message(zone_id, f"leave for {operator} taken back, {reference}", by)
        await self._recorder.record(remove=[(self._granted, key)], messages=[message])
        self.changes += 1

    # --- files --------------------------------------------------------------------------------------------------------

    async def import_file(
        self, data: bytes, name: str, *, version: str, by: str, source: str = "", partly: bool = False
    ) -> Imported:
        """Take in the zones of a file in place of those that the same source gave before. The same file again changes nothing.

        Args:
            name: of the file, for messages.
            version: as its publisher names it, such as an AIRAC date.
            source: whose series of files it is; the file's name when not given.
            partly: take the zones that can be understood although others cannot. Then nothing is removed: a zone that is missing
                may be the one that was not understood.

        Raises:
            MalformedZone: none of its zones, or not all, can be understood. Nothing happened.
            Conflict: the same version came before with other content, or a zone's identifier is another source's. Nothing
                happened.
        """
        return await self.take(read_zones(data, name), data, name, version=version, by=by, source=source, partly=partly)

    async def take(
        self, read: ZoneFile, data: bytes, name: str, *, version: str, by: str, source: str = "", partly: bool = False
    ) -> Imported:
        """As `import_file`, of a file that was read."""
        source = source or name
        digest = hashlib.sha256(data).hexdigest()
        before = self._sources.find(source)
        if before is not None and before.version == version:
            if before.sha256 == digest:
                return Imported(source=source, version=version)
            raise Conflict(f"{source} {version} was imported before with other content", remedy="give it a version of its own")
        if read.rejected and not partly:
            where, why = read.rejected[0]
            text = f"{name}: {len(read.rejected)} zones cannot be understood, the first at {where}: {why}"
            raise MalformedZone(text, remedy="mend the file, or import what can be understood, and fly round the rest yourself")
        if not read.zones:
            raise MalformedZone(f"{name} holds no zone", remedy="give a file with zones")
        return await self._replace(source, version, digest, read.zones, read.rejected, by)

    async def _replace(
        self, source: str, version: str, digest: str, zones: Sequence[Zone], rejected: tuple[tuple[str, str], ...], by: str
    ) -> Imported:
        before = self._sources.find(source)
        stored = {
            zone.zone_id: msgspec.structs.replace(
                zone, source=source, version=version, polygon=shapely.to_wkb(zone.polygon, hex=True, byte_order=1)
            )
            for zone in zones
        }
        for zone_id in stored:
            self._refuse_taken(zone_id, source)
        old = set(before.zone_ids) if before is not None else set()
        removed = () if rejected else tuple(sorted(old - set(stored)))
        added = tuple(sorted(set(stored) - old))
        replaced = tuple(zone_id for zone_id in sorted(set(stored) & old) if _differs(self._stored.get(zone_id), stored[zone_id]))
        kept = tuple(sorted((old - set(removed)) | set(stored)))
        entry = Source(source=source, version=version, sha256=digest, by=by, at=self._clock.now(), zone_ids=kept)
        said = (
            f"imported version {version}, sha256 {digest}: {len(added)} added, {len(replaced)} replaced, {len(removed)} removed"
        )
        if rejected:
            said += f", {len(rejected)} not understood"
        await self._recorder.record(
            save=[(self._sources, entry), *((self._stored, zone) for zone in stored.values())],
            remove=[(self._stored, zone_id) for zone_id in removed],
            messages=[
                self._message(source, said, by),
                *(self._message(zone_id, f"added from {source} {version}", by) for zone_id in added),
                *(self._message(zone_id, f"replaced from {source} {version}", by) for zone_id in replaced),
                *(self._message(zone_id, f"removed by {source} {version}", by) for zone_id in removed),
            ],
        )
        self._merge()
        return Imported(source=source, version=version, added=added, replaced=replaced, removed=removed, rejected=rejected)

    def _refuse_taken(self, zone_id: str, source: str) -> None:
        given, stored = self._given.get(zone_id), self._stored.find(zone_id)
        other = stored.source if stored is not None and stored.source != source else ""
        if given is not None and given.for_operational_use:
            other = given.source
        if other:
            text = f"the zone '{zone_id}' is given by {other} already"
            raise Conflict(text, remedy=f"withdraw {other} first, or import this file as its next version")

    async def withdraw(self, source: str, by: str) -> tuple[str, ...]:
        """The zones of an imported file no longer stand. Raises `NotFound`."""
        entry = self._sources.get(source)
        await self._recorder.record(
            remove=[(self._sources, source), *((self._stored, zone_id) for zone_id in entry.zone_ids)],
            messages=[
                self._message(source, f"version {entry.version} withdrawn", by),
                *(self._message(zone_id, f"removed with {source}", by) for zone_id in entry.zone_ids),
            ],
        )
        self._merge()
        return entry.zone_ids

    def _message(self, subject: str, change: str, by: str) -> ZoneChanged:
        return ZoneChanged(at=self._clock.now(), zone_id=subject, change=change, by=by)


def permission_id(permission: Permission) -> str:
    return f"{permission.operator}|{permission.zone_id}|{permission.reference}"


def _span(permission: Permission) -> str:
    start = "now" if permission.start is None else f"{permission.start:%Y-%m-%dT%H:%MZ}"
    end = "further notice" if permission.end is None else f"{permission.end:%Y-%m-%dT%H:%MZ}"
    return f"from {start} until {end}"


def _differs(old: Zone, new: Zone) -> bool:
    return msgspec.structs.replace(old, version="") != msgspec.structs.replace(new, version="")
