"""Vehicles' signing keys over HTTP: made, rotated, revoked by who has just proved who they are; shown once."""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from bowstreet.accountability.model import Action
from bowstreet.accountability.vehicle_keys import rules
from bowstreet.accountability.vehicle_keys.model import Issued, KeyState, VehicleKey
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker
from bowstreet.console.desk import Desk, nothing
from bowstreet.errors import NotFound

_HOUR_S = 3_600.0
OverlapHours = Annotated[
    float,
    msgspec.Meta(
        ge=rules.LEAST_OVERLAP.total_seconds() / _HOUR_S,
        le=rules.MOST_OVERLAP.total_seconds() / _HOUR_S,
        description="how long what was accepted before is accepted still, unless a packet under the new key comes earlier",
    ),
]


class NewVehicleKey(c.Body, frozen=True, kw_only=True):
    overlap_hours: OverlapHours = rules.OVERLAP.total_seconds() / _HOUR_S


class VehicleKeyView(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: coming (no packet under it has come yet), in-use, replaced or revoked."""

    key_id: str
    state: KeyState
    fingerprint: str
    made_at: datetime
    made_by: str
    overlap_until: datetime
    in_use_at: datetime | None
    ended_at: datetime | None


class VehicleSigningView(msgspec.Struct, frozen=True, kw_only=True):
    """`link` is "signed" when nothing unsigned is believed of the vehicle, else "unsigned link"."""

    vehicle_id: str
    link: str
    keys: tuple[VehicleKeyView, ...]


class IssuedVehicleKey(msgspec.Struct, frozen=True, kw_only=True):
    """Shown this once. `secret` is the key, in hex. `passphrase` is text of which it is the SHA-256, as Mission Planner,
    QGroundControl and MAVProxy ask for one."""

    vehicle_id: str
    key: VehicleKeyView
    secret: str
    passphrase: str


def key_view(key: VehicleKey) -> VehicleKeyView:
    return VehicleKeyView(
        key_id=key.key_id, state=key.state, fingerprint=key.fingerprint, made_at=key.made_at, made_by=key.made_by,
        overlap_until=key.overlap_until, in_use_at=key.in_use_at, ended_at=key.ended_at,
    )  # fmt: skip


def router(desk: Desk) -> APIRouter:
    """No Idempotency-Key here: answers hold secrets, and those are not kept."""
    routes = APIRouter(tags=["vehicle keys"])
    keys, needs, flight = desk.services.vehicle_keys, desk.access.needs, desk.services.flight

    async def require_home(who: Asker, vehicle_id: str) -> None:
        """Everybody sees every drone; whose keys somebody may change is decided where it is at home."""
        found = next((one for one in flight.picture.vehicles() if one.vehicle_id == vehicle_id), None)
        if found is None:
            raise NotFound(f"there is no vehicle '{vehicle_id}'", remedy="ask for the list of vehicles")
        home = desk.services.intake.area.borough_of(flight.picture.dock(found.config.home_dock_id).config.position)
        await desk.require_sight(who, Action.MANAGE_VEHICLE_KEYS, vehicle_id, None if home is None else home.name)

    def shown(issued: Issued) -> Response:
        told = IssuedVehicleKey(
            vehicle_id=issued.key.vehicle_id, key=key_view(issued.key), secret=issued.secret.hex(), passphrase=issued.passphrase
        )
        return c.json(told, HTTPStatus.CREATED)

    @routes.get("/vehicle-keys", **c.route(list[VehicleSigningView]))
    async def list_vehicle_keys(who: Annotated[Asker, needs(Action.SEE_ACCOUNTS)]) -> Response:
        """Each vehicle, whether its link is signed, and the keys it has and had. The keys themselves are shown nowhere."""
        unsigned = set(desk.services.unsigned_links())
        found = [
            VehicleSigningView(
                vehicle_id=one.vehicle_id, link="unsigned link" if one.vehicle_id in unsigned else "signed",
                keys=tuple(key_view(key) for key in keys.of(one.vehicle_id)),
            )
            for one in flight.picture.vehicles()
        ]  # fmt: skip
        return c.json(found)

    @routes.post("/vehicles/{vehicle_id}/key", **c.route(IssuedVehicleKey, status=201, body=NewVehicleKey, changes=True))
    async def make_vehicle_key(
        vehicle_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.MANAGE_VEHICLE_KEYS)]
    ) -> Response:
        """Make a vehicle's key. Load it into the vehicle by cable, never over the link."""
        said: NewVehicleKey = await c.read(request, NewVehicleKey)
        await require_home(who, vehicle_id)
        [issued] = await keys.make([vehicle_id], who.account_id, timedelta(hours=said.overlap_hours))
        return shown(issued)

    @routes.post("/vehicles/{vehicle_id}/key/rotate", **c.route(IssuedVehicleKey, status=201, body=NewVehicleKey, changes=True))
    async def rotate_vehicle_key(
        vehicle_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.MANAGE_VEHICLE_KEYS)]
    ) -> Response:
        """Make the next key. The one in use ends with the first packet under the next, or with the overlap."""
        said: NewVehicleKey = await c.read(request, NewVehicleKey)
        await require_home(who, vehicle_id)
        return shown(await keys.rotate(vehicle_id, who.account_id, timedelta(hours=said.overlap_hours)))

    @routes.post("/vehicles/{vehicle_id}/key/revoke", **c.route(status=204, changes=True, says="Revoked"))
    async def revoke_vehicle_key(vehicle_id: c.Id, who: Annotated[Asker, needs(Action.MANAGE_VEHICLE_KEYS)]) -> Response:
        """End a vehicle's keys. Nothing that it says is believed and nothing is sent to it until it has another one; in the air,
        its own response to a lost link brings it home."""
        await require_home(who, vehicle_id)
        await keys.revoke(vehicle_id, who.account_id)
        return nothing()

    return routes
