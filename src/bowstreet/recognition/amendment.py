"""What an amended plan changes, and what keeps a camera out meanwhile, in words: at a terminal as in the console. Pure."""

from collections.abc import Callable
from datetime import datetime

import shapely

from bowstreet.accountability.authority.model import Authorisation
from bowstreet.geo import Position, great_circle_m, to_grid
from bowstreet.recognition import rules
from bowstreet.recognition.model import Amendment, Deployment, Obstacle, Plan

NameOf = Callable[[str], str]
"""A camera's name, by its id."""


def asked_for_by(authority: Authorisation, one: Deployment) -> Amendment | None:
    """The amendment that this authority is asked for, if it is one."""
    amendment = one.amendment
    return amendment if amendment is not None and amendment.authorisation_id == authority.authorisation_id else None


def changes(before: Plan, after: Plan, name_of: NameOf) -> list[str]:
    """Every difference, a sentence each. Empty where there is none."""
    said = _cameras(before, after, name_of)
    if before.zone != after.zone:
        was, becomes = (f"{_area_m2(plan.zone):,.0f} m², corners {corners(plan)}" for plan in (before, after))
        said.append(f"the zone is another: {becomes}; instead of {was}")
    if before.boroughs != after.boroughs:
        said.append(f"it lies in {', '.join(after.boroughs)} instead of {', '.join(before.boroughs)}")
    if before.ends_at != after.ends_at:
        when = "later" if after.ends_at > before.ends_at else "earlier"
        minutes = round(abs((after.ends_at - before.ends_at).total_seconds()) / 60)
        said.append(f"it ends {minutes} minutes {when}: at {_moment(after.ends_at)} instead of {_moment(before.ends_at)}")
    return said


def says_of_camera(why: Obstacle, one: Deployment, camera_id: str) -> tuple[str, str]:
    """Why this camera is kept out though the others go on, and what brings it back."""
    if why is Obstacle.NO_SIGNS:
        return "no sign stands before it (R15)", "put one up where it stands now, and enter it: it is looked at again at once"
    if why is Obstacle.NO_CAMERA:
        return "it is not configured", "put it back into the configuration, and start the program again"
    if rules.move_waits(one, camera_id):
        mends = "its move waits for authority: an authorising officer decides, here or under Authority"
    else:
        mends = "enter that it was put back, or ask for authority for where it stands now"
    return "it stands elsewhere than was authorised (R2)", mends


def corners(plan: Plan) -> str:
    return " ".join(place(at) for at in plan.zone)


def place(at: Position) -> str:
    """To five decimals, about a metre: a camera that is moved a little is seen to be moved."""
    return f"{at.latitude_deg:.5f},{at.longitude_deg:.5f}"


def _cameras(before: Plan, after: Plan, name_of: NameOf) -> list[str]:
    was = {camera.camera_id: camera.position for camera in before.cameras}
    becomes = {camera.camera_id: camera.position for camera in after.cameras}
    moved = [
        f"camera {name_of(id_)} is moved by {_far(was[id_], at)}: to {place(at)} from {place(was[id_])}"
        for id_, at in becomes.items()
        if id_ in was and was[id_] != at
    ]
    added = [f"camera {name_of(id_)} is added, at {place(at)}" for id_, at in becomes.items() if id_ not in was]
    removed = [f"camera {name_of(id_)} is taken out, from {place(at)}" for id_, at in was.items() if id_ not in becomes]
    return [*moved, *added, *removed]


def _far(was: Position, becomes: Position) -> str:
    metres = great_circle_m(was, becomes)
    return "less than a metre" if metres < 1.0 else f"{metres:.0f} m"


def _area_m2(zone: tuple[Position, ...]) -> float:
    """On the national grid."""
    points = [to_grid(at) for at in zone]
    return float(shapely.Polygon([(point.easting_m, point.northing_m) for point in points]).area)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
