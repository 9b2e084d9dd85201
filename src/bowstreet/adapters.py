"""From one folder's ports to another's: what `wiring` puts between siblings that do not know each other."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from bowstreet.airspace.service import AirspaceService
from bowstreet.dispatch.relay.heights import Heights
from bowstreet.errors import Refused
from bowstreet.flight.model import Mission, Waypoint
from bowstreet.geo import Position, to_grid, to_wgs84
from bowstreet.intake.area import OperatingArea
from bowstreet.recognition.ports import CameraConfig, CameraState
from bowstreet.video.fixed import FixedCamera
from bowstreet.video.fixed_model import FixedSource


class Eye(FixedCamera):
    """`cameras.pipeline.Eye` over a fixed camera's worker."""

    def state(self) -> CameraState:
        status = self.status
        return CameraState(state=status.state.value, restarts=status.restarts, trouble=status.trouble)


def open_eye(
    camera: CameraConfig,
    *,
    analyst: str,
    options: str,
    descriptor: int,
    first: Callable[[], bytes],
    on_report: Callable[[bytes], None],
    on_count: Callable[[int, int, int, int], None],
) -> Eye:
    """`cameras.pipeline.OpenEye`: where recognition, which knows no video, gets its pictures from."""
    source = FixedSource(camera_id=camera.camera_id, address=camera.address, analyst=analyst, options=options)
    return Eye(
        source,
        lambda finding: on_report(finding.data),
        lambda tally: on_count(tally.frames, tally.analysed, tally.dropped, tally.corrupt),
        descriptors=(descriptor,), first=first,
    )  # fmt: skip


def boroughs_at(area: OperatingArea, places: Sequence[Position]) -> tuple[str, ...]:
    """The boroughs that places lie in, each once; () when one of them lies in none."""
    found = [area.borough_of(place) for place in places]
    return () if None in found else tuple(sorted({one.name for one in found if one is not None}))


def way_home(airspace: AirspaceService, start: Position, end: Position, height_m: float) -> tuple[Waypoint, ...] | None:
    way = airspace.way_home(to_grid(start), to_grid(end))
    return None if way is None else tuple(Waypoint(position=to_wgs84(point), height_m_above_dock=height_m) for point in way)


def pilot_may_fly(
    airspace: AirspaceService, heights: Heights, mission: Mission, start: Position, place: Waypoint, reach_m: float
) -> Refused | None:
    """`flight.pilots.PilotMayFly`: what airspace says of the place, and who is there at that height."""
    why = airspace.refuses(to_grid(place.position))
    if why is not None:
        return Refused(why.text, remedy="ask for something else, or release control")
    return heights.refuses(mission, start, place, reach_m)


def no_wait(work: Callable[[], Any]) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        work()

    return run
