"""A plan as a file: where docks stand and how many drones each has. JSON; keys that are not known are left alone."""

from typing import Annotated

import msgspec

from bowstreet.errors import BadInput
from bowstreet.geo import Position

# Beyond this a dock is a hangar; the simulated docks have pads side by side.
MOST_DRONES = 50


class PlannedDock(msgspec.Struct, frozen=True, kw_only=True):
    """One dock of a plan."""

    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)]
    drones: Annotated[int, msgspec.Meta(ge=0, le=MOST_DRONES)] = 1
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    docks: Annotated[tuple[PlannedDock, ...], msgspec.Meta(min_length=1, max_length=10_000)]


Docks = list[tuple[str, Position, int]]


def read_plan(data: bytes) -> Docks:
    """Name, place and number of drones of each dock.

    Raises:
        BadInput: for what is no plan, or one without a drone.
    """
    try:
        plan = msgspec.json.decode(data, type=Plan)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadInput(f"the plan cannot be read ({error})", remedy="give the file that bowstreet plan --out wrote") from error
    if not any(dock.drones for dock in plan.docks):
        raise BadInput("the plan has no drone", remedy="give at least one dock a drone")
    return [
        (dock.name or f"dock {number}", Position(latitude_deg=dock.latitude, longitude_deg=dock.longitude), dock.drones)
        for number, dock in enumerate(plan.docks, start=1)
    ]
