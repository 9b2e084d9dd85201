"""A vehicle that follows a subject: with the leave of the pilot who has control, given for one follow, on record, and no longer.

It is moved by commands as the pilot would give them, each recorded and each asked of flight and airspace. A pilot who is not
heard any more moves nothing. What ends the leave is in `End`.
"""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
import structlog

from bowstreet.accountability.recorder import Recorder
from bowstreet.errors import BowstreetError, Conflict, NotFound
from bowstreet.flight.model import GoTo, Mission, Phase, Telemetry, Waypoint
from bowstreet.flight.service import FlightService
from bowstreet.frames import CameraPose
from bowstreet.geo import Position
from bowstreet.messages import FollowConsentChanged
from bowstreet.runtime.ports import Clock
from bowstreet.tracking import steer
from bowstreet.tracking.model import FollowFound, FollowPhase, Motion
from bowstreet.tracking.rules import Follow
from bowstreet.tracking.steer import Consent

log = structlog.get_logger(__name__)

# A vehicle that is sent elsewhere every second flies unsteadily, and each order is an entry of the record.
MOVES_EVERY = timedelta(seconds=3)
STAYS = "it stays where it is"


class End(StrEnum):
    """Why a vehicle follows no longer."""

    REVOKED = "revoked"
    NO_CONTROL = "control-given-up"
    PILOT_SILENT = "pilot-silent"
    LINK_LOST = "link-lost"
    BINGO = "bingo"
    LOST = "subject-lost"
    TIME = "time-is-up"
    FOLLOW_ENDED = "follow-ended"
    HANDED_OVER = "handed-over"


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """A consent that stands. `says` is for people: what the vehicle does, or why it stays."""

    follow_id: str
    consent: Consent
    mission_id: str
    vehicle_id: str
    incident_id: str
    incident_at: Position
    says: str = STAYS
    moved_at: datetime | None = None


class Consents:
    """All that stand. None outlives the program: no follow does."""

    def __init__(self, recorder: Recorder, clock: Clock, flight: FlightService) -> None:
        self._recorder, self._clock, self._flight = recorder, clock, flight
        self._given: dict[str, Given] = {}  # by follow

    def of(self, follow_id: str) -> Given | None:
        return self._given.get(follow_id)

    async def give(self, follow: Follow, mission: Mission, incident_at: Position, by: str) -> Given:
        """The vehicle may follow. On record before it moves.

        Raises:
            Conflict: `by` does not have control, or the vehicle must come home.
        """
        if mission.phase is not Phase.CONTROLLED or mission.pilot != by:
            raise Conflict("you do not fly this drone", remedy="take control first")
        if mission.alarmed:
            raise Conflict("its charge is down to what the way home needs", remedy="bring it home")
        now = self._clock.now()
        made = Given(
            follow_id=follow.follow_id, consent=Consent(pilot=by, given_at=now, until=follow.ends_at),
            mission_id=mission.mission_id, vehicle_id=mission.vehicle_id, incident_id=mission.incident_id,
            incident_at=incident_at,
        )  # fmt: skip
        await self._recorder.record(messages=[self._said(made, by, "")])
        self._given[follow.follow_id] = made
        return made

    async def revoke(self, follow_id: str, by: str) -> None:
        """The vehicle stays where it is. Raises `NotFound` when nobody has consented."""
        if follow_id not in self._given:
            raise NotFound("the vehicle does not follow", remedy="look at the follow again")
        await self.end(follow_id, End.REVOKED, by)

    async def end(self, follow_id: str, why: End, by: str = "") -> None:
        """Over. It moves no more from this moment on, whatever becomes of the record."""
        one = self._given.pop(follow_id, None)
        if one is None:
            return
        try:
            await self._recorder.record(messages=[self._said(one, by, why)])
        except BowstreetError as error:
            log.error("the end of a consent could not be recorded", follow=follow_id, problem=error.problem)

    async def look(self, follow: Follow, found: FollowFound | None, ground_m_amsl: float) -> None:
        """Now and then, for each follow under way: the leave ends by itself, and the vehicle moves when it should."""
        one = self._given.get(follow.follow_id)
        if one is None:
            return
        now = self._clock.now()
        why = self._over(one, follow, found, now)
        if why is not None:
            await self.end(follow.follow_id, why)
            return
        telemetry = self._flight.picture.vehicle(one.vehicle_id).telemetry
        if found is None or telemetry is None:
            return
        goal = self._goal(one, found, telemetry, ground_m_amsl, now)
        if isinstance(goal, steer.Stays):
            self._tell(one, goal.reason)
        elif one.moved_at is None or now - one.moved_at >= MOVES_EVERY:
            await self._move(one, goal, telemetry, now)

    def _over(self, one: Given, follow: Follow, found: FollowFound | None, now: datetime) -> End | None:
        mission = self._flight.missions.find(one.mission_id)
        if mission is None or mission.phase is not Phase.CONTROLLED:
            lost = mission is not None and mission.phase is Phase.CONTINGENCY
            return End.LINK_LOST if lost else End.NO_CONTROL
        if mission.pilot != one.consent.pilot:
            return End.NO_CONTROL
        if mission.orphaned_at is not None:
            return End.PILOT_SILENT
        if mission.alarmed:
            return End.BINGO
        if now >= min(follow.ends_at, one.consent.until):
            return End.TIME
        return End.LOST if found is not None and found.phase is FollowPhase.LOST else None

    def _goal(
        self, one: Given, found: FollowFound, telemetry: Telemetry, ground_m_amsl: float, now: datetime
    ) -> steer.GoTo | steer.Stays:
        # Where the vehicle is, it says itself; only the subject's place comes from the picture. How wide it looks plays no part.
        pose = CameraPose(
            position=telemetry.position, altitude_m_amsl=telemetry.altitude_m_amsl, heading_deg=telemetry.heading_deg,
            tilt_deg=telemetry.gimbal_pitch_deg, horizontal_fov_deg=60.0,
        )  # fmt: skip
        return steer.stand_off(
            pose, ground_m_amsl, found.place, velocity(found.motion), found.phase, one.consent, one.incident_at, now
        )

    async def _move(self, one: Given, goal: steer.GoTo, telemetry: Telemetry, now: datetime) -> None:
        self._given[one.follow_id] = msgspec.structs.replace(one, moved_at=now, says="it follows")
        waypoint = Waypoint(position=goal.position, height_m_above_dock=telemetry.height_m_above_dock)
        try:
            await self._flight.pilots.on_behalf(one.mission_id, one.consent.pilot, GoTo(waypoint=waypoint))
        except BowstreetError as error:
            # What is not clear or not affordable is not flown; the next look asks again, from where the subject is then.
            self._tell(one, f"{STAYS}: {error.message}")

    def _tell(self, one: Given, says: str) -> None:
        if (standing := self._given.get(one.follow_id)) is not None and standing.says != says:
            self._given[one.follow_id] = msgspec.structs.replace(standing, says=says)

    def _said(self, one: Given, by: str, why: str) -> FollowConsentChanged:
        return FollowConsentChanged(
            at=self._clock.now(), follow_id=one.follow_id, incident_id=one.incident_id, mission_id=one.mission_id,
            vehicle_id=one.vehicle_id, given=not why, by=by, until=one.consent.until, why=why,
        )  # fmt: skip


def velocity(motion: Motion | None) -> tuple[float, float]:
    """East and north, m/s; none where it is not told from standing still."""
    if motion is None or motion.direction_deg is None:
        return 0.0, 0.0
    return steer.components(motion.speed_mps, motion.direction_deg)
