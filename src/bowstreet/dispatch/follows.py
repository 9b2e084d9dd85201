"""Following a subject: begun by the pilot with a click, on record before the first look, bound to its incident and a time (D4).

What the analysts of the streams find comes in here; consoles are shown the latest, the camera is turned (`steering`), and with
the pilot's consent the vehicle follows (`consents`). When the time of a follow is up and no authorisation in force carries it, it
ends by itself, and what is known of how the subject looks is overwritten in the drone's worker.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import structlog

from bowstreet.accountability.authority import rules as authority_rules
from bowstreet.accountability.authority.model import UseCase
from bowstreet.accountability.authority.service import Authorities
from bowstreet.accountability.recorder import Recorder
from bowstreet.dispatch.consents import Consents, End
from bowstreet.dispatch.consents import Given as ConsentGiven
from bowstreet.dispatch.steering import Steering
from bowstreet.errors import BowstreetError, Conflict, MalformedPacket, NotFound, Refused
from bowstreet.flight.gimbals import Gimbals, may_be_turned
from bowstreet.flight.model import Mission, Phase, PointGimbal
from bowstreet.flight.service import FlightService
from bowstreet.intake.model import IncidentState
from bowstreet.intake.service import IntakeService
from bowstreet.messages import (
    AuthorisationChanged,
    CommandIssued,
    FollowChanged,
    IncidentChanged,
    MissionChanged,
    MissionRetasked,
)
from bowstreet.runtime.ids import RandomIds
from bowstreet.runtime.ports import Clock, Store
from bowstreet.runtime.records import Collection
from bowstreet.tracking import handover, rules, wire
from bowstreet.tracking.handover import HandOver
from bowstreet.tracking.model import FollowFound
from bowstreet.tracking.rules import Authority, Ended, Follow, Stage
from bowstreet.tracking.wire import Findings
from bowstreet.video.model import Finding, StreamState, VideoSource
from bowstreet.video.orders import Order
from bowstreet.video.service import VideoService

log = structlog.get_logger(__name__)

ANALYST = "bowstreet.tracking.analyst:Lookout"


# An analyst that is asked for its subject tells with its next look.
GIVES_WITHIN_S = 3.0
# Beside why a follow ended, what a record of one may say.
GIMBAL_SILENT = "gimbal-does-not-answer"
DEFAULT_LOOK = wire.Setup()
# So long after its end it is told why a follow is over.
WONDERS_FOR = timedelta(seconds=30)
_CONSENT_ENDS = {Ended.LOST: End.LOST, Ended.NO_AUTHORITY: End.TIME, Ended.AUTHORITY_WITHDRAWN: End.TIME}


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A follow, and the drone that has the subject now, as the store keeps it."""

    follow: Follow
    mission_id: str
    vehicle_id: str

    @property
    def id(self) -> str:
        return self.follow.follow_id


@dataclass(slots=True)
class _Known:
    """What is known of a follow's subject here, should its worker die: the last look's word. Of how it looks nothing is.

    Attributes:
        restarts: how often the stream had been connected anew when its worker was told of the subject.
        heard_s: when a look last spoke of it, real seconds.
    """

    restarts: int
    heard_s: float
    captured_us: int = 0
    found: FollowFound | None = None

    def given(self) -> HandOver | None:
        at = datetime.fromtimestamp(self.captured_us / 1e6, UTC)
        return None if self.found is None else handover.remembered(self.found, at)


class Follows:
    """All follows of one operation."""

    def __init__(
        self, recorder: Recorder, clock: Clock, flight: FlightService, video: VideoService, intake: IntakeService,
        authorities: Authorities, gimbals: Gimbals, look: wire.Setup = DEFAULT_LOOK,
    ) -> None:  # fmt: skip
        self._recorder, self._clock, self._flight, self._video = recorder, clock, flight, video
        self._intake, self._authorities, self._look_as = intake, authorities, look
        self.steering = Steering(clock, video, gimbals)
        self.consents = Consents(recorder, clock, flight)
        self._ids = RandomIds(clock)
        self.standing: Collection[Standing] = Collection(
            "follow", Standing, id_of=lambda one: one.id, state_of=lambda one: one.follow.stage
        )
        self._latest: dict[str, Findings] = {}  # by vehicle
        self._set_up: set[str] = set()
        self._handing: dict[str, tuple[str, float]] = {}  # follow -> the vehicle that is to have it, and since when
        self._moving: dict[str, Mission] = {}  # follow -> the mission that has it now, to be recorded
        self._known: dict[str, _Known] = {}  # by follow
        self._silent: set[str] = set()  # follows whose gimbal was told not to answer
        self._refused: set[str] = set()  # follows whose click found nothing, to be ended on record
        video.listen(on_finding=self._on_finding)
        recorder.bus.subscribe(MissionChanged, self._on_mission)
        recorder.bus.subscribe(MissionRetasked, self._on_mission)
        recorder.bus.subscribe(IncidentChanged, self._on_incident)
        recorder.bus.subscribe(AuthorisationChanged, self._on_authority)
        recorder.bus.subscribe(CommandIssued, self._on_command)

    async def load(self, store: Store) -> None:
        """A follow that was under way when the program ended has lost its subject: it ends, on record."""
        await self.standing.load(store)
        for one in self.standing.in_states(Stage.FOLLOWING, Stage.ASKING):
            await self._change(one, rules.end(one.follow, Ended.LOST, self._clock.now()), "")
        for one in self.standing.all():
            self._let_be(one)

    # --- what people ask ----------------------------------------------------------------------------------------------

    async def begin(self, mission_id: str, by: str, x: float, y: float, sequence: int) -> Standing:
        """Follow what stands there in the picture.

        Args:
            x, y: shares of the picture's width and height.
            sequence: of the picture that was clicked on.

        Raises:
            NotFound: no such mission, or its drone has no camera.
            Conflict: `by` does not fly it, it shows no picture now, or it was over while it was put on record.
            Refused: the incident's time to follow is over.
        """
        mission = self._flight.missions.get(mission_id)
        if mission.pilot != by:
            raise Conflict("you do not fly this drone", remedy="take control first")
        stream = self._video.of_vehicle(mission.vehicle_id)
        if stream is None or not stream.order.live or stream.order.level or not may_be_turned(mission):
            raise Conflict("its camera does not look at the scene now", remedy="wait until it is over the scene")
        before = self.of_vehicle(mission.vehicle_id)
        if before is not None:
            await self.end(before.id, by)
        now = self._clock.now()
        earlier = [one.follow for one in self.standing.all()]
        authority = self._authority(mission.incident_id, by)
        follow = rules.begin(self._ids.new("fol"), mission.incident_id, by, now, earlier, authority)
        made = Standing(follow=follow, mission_id=mission_id, vehicle_id=mission.vehicle_id)
        await self._recorder.record(save=[(self.standing, made)], messages=[self._said(made, by)])
        kept = self.standing.find(made.id)
        if kept is None or kept.follow.stage is Stage.ENDED or self._turned(kept):
            raise Conflict("the follow was over before it had begun", remedy="look at the flight again, and click once more")
        self._tell(mission.vehicle_id, wire.Click(follow_id=made.id, x=x, y=y, sequence=sequence))
        self._known[made.id] = _Known(restarts=stream.ingest.status.restarts, heard_s=self._video.now_s())
        for over in self.standing.in_states(Stage.ENDED):
            if over.follow.incident_id == mission.incident_id:
                self.standing.forget(over.id)  # the new one has the incident's clock
        return made

    async def choose(self, follow_id: str, by: str, track_id: int) -> None:
        """The pilot's answer when several fit. Raises as `end` does."""
        one = self._of_pilot(follow_id, by)
        self._tell(one.vehicle_id, wire.Choose(follow_id=follow_id, track_id=track_id))

    async def end(self, follow_id: str, by: str) -> None:
        """Raises `NotFound` for one that is over, `Conflict` for another pilot's."""
        one = self._of_pilot(follow_id, by)
        await self._change(one, rules.end(one.follow, Ended.BY_PILOT, self._clock.now()), by)

    async def consent(self, follow_id: str, by: str) -> ConsentGiven:
        """The vehicle may follow. Raises as `end` does, and `Conflict` when it must come home."""
        one = self._of_pilot(follow_id, by)
        mission = self._flight.missions.get(one.mission_id)
        incident = self._intake.incidents.get(one.follow.incident_id)
        given = await self.consents.give(one.follow, mission, incident.position, by)
        if self.of_vehicle(one.vehicle_id) is None:
            await self.consents.end(follow_id, End.FOLLOW_ENDED)  # meanwhile
        return given

    async def revoke(self, follow_id: str, by: str) -> None:
        """The vehicle stays where it is. Raises as `end` does, and `NotFound` when it does not follow."""
        self._of_pilot(follow_id, by)
        await self.consents.revoke(follow_id, by)

    def _of_pilot(self, follow_id: str, by: str) -> Standing:
        one = self.standing.find(follow_id)
        if one is None or one.follow.stage is Stage.ENDED:
            raise NotFound("this follow is over", remedy="click on the subject again")
        if self._flight.missions.get(one.mission_id).pilot != by:
            raise Conflict("you do not fly this drone", remedy="take control first")
        return one

    # --- what is shown ------------------------------------------------------------------------------------------------

    def latest(self, vehicle_id: str) -> Findings | None:
        """What the last look of its analyst found."""
        return self._latest.get(vehicle_id)

    def of_vehicle(self, vehicle_id: str) -> Standing | None:
        """The follow that this drone is on now."""
        under_way = self.standing.in_states(Stage.FOLLOWING, Stage.ASKING)
        return next((one for one in under_way if one.vehicle_id == vehicle_id), None)

    def ended_lately(self, vehicle_id: str) -> Ended | None:
        """Why this drone's last follow is over, as long as its pilot may wonder; None where another has begun."""
        since = self._clock.now() - WONDERS_FOR
        over = [one.follow for one in self.standing.in_states(Stage.ENDED) if one.vehicle_id == vehicle_id]
        ends = [(one.ended_at, one.ended) for one in over if one.ended_at is not None and one.ended_at >= since]
        return max(ends, default=(None, None))[1]

    # --- for the relay ------------------------------------------------------------------------------------------------

    def followed_until(self, vehicle_id: str) -> datetime | None:
        """Until when this drone is ordered to follow a subject; None when it follows nobody."""
        one = self.of_vehicle(vehicle_id)
        return None if one is None else one.follow.ends_at

    def hand_over(self, from_vehicle_id: str, to_vehicle_id: str) -> None:
        """What is known of the subject goes to the drone that has the watch now."""
        one = self.of_vehicle(from_vehicle_id)
        if one is not None:
            self._handing[one.id] = to_vehicle_id, self._video.now_s()
            self._tell(from_vehicle_id, wire.Give(follow_id=one.id))

    # --- what comes ---------------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """Now and then: time goes by, and analysts that came new are told how to look."""
        now = self._clock.now()
        for follow_id, mission in tuple(self._moving.items()):
            del self._moving[follow_id]
            if (moved := self.standing.find(follow_id)) is not None and moved.follow.stage is not Stage.ENDED:
                there = msgspec.structs.replace(moved, mission_id=mission.mission_id, vehicle_id=mission.vehicle_id)
                self._tell(moved.vehicle_id, wire.Release(follow_id=follow_id))
                await self.consents.end(follow_id, End.HANDED_OVER)
                await self._change(there, there.follow, "")
        self._hand_without_looks()
        for one in self.standing.in_states(Stage.FOLLOWING, Stage.ASKING):
            await self._tend(one, now)
        for stream in self._video.streams.values():
            live = stream.ingest.status.state is StreamState.LIVE
            vehicle_id = stream.source.vehicle_id
            if live and vehicle_id and vehicle_id not in self._set_up:
                self._set_up.add(vehicle_id)
                self._tell(vehicle_id, msgspec.structs.replace(self._look_as, ground_m_amsl=self._ground_m_amsl(vehicle_id)))
                self._remind(vehicle_id, stream.ingest.status.restarts)
            elif not live:
                self._set_up.discard(vehicle_id)
                self._latest.pop(vehicle_id, None)

    def _remind(self, vehicle_id: str, restarts: int) -> None:
        """A worker that came new knows nothing of the subject that the one before it held: where it was last, it is told."""
        one = self.of_vehicle(vehicle_id)
        known = None if one is None else self._known.get(one.id)
        if known is None or known.restarts == restarts:
            return
        known.restarts = restarts
        if (given := known.given()) is not None:
            self._tell(vehicle_id, wire.Receive(given=given))

    def _gone(self, one: Standing) -> bool:
        """Nothing has been heard of it for so long that nobody can find its subject again but the pilot."""
        known = self._known.get(one.id)
        return known is not None and self._video.now_s() - known.heard_s > handover.OLDEST_S

    def _hand_without_looks(self) -> None:
        """The worker that was to tell of the subject has not: the next drone is told what was known last."""
        for follow_id, (to, since_s) in tuple(self._handing.items()):
            if self._video.now_s() - since_s < GIVES_WITHIN_S:
                continue
            del self._handing[follow_id]
            one, known = self.standing.find(follow_id), self._known.get(follow_id)
            given = None if known is None else known.given()
            if one is not None and given is not None and one.follow.stage is not Stage.ENDED:
                self._pass_to(one, to, given)

    async def _tend(self, one: Standing, now: datetime) -> None:
        after = self._carried(one.follow, now)
        steered, latest = self.steering.of(one.id), self._latest.get(one.vehicle_id)
        found = None if latest is None or latest.follow is None or latest.follow.follow_id != one.id else latest.follow
        if after.stage is not Stage.ENDED and one.id in self._refused:
            after = rules.end(after, Ended.NOT_BEGUN, now)
        elif after.stage is not Stage.ENDED and self._turned(one):
            after = rules.end(after, Ended.DRONE_TURNED, now)
        elif after.stage is not Stage.ENDED and ((steered is not None and steered.is_over) or self._gone(one)):
            after = rules.end(after, Ended.LOST, now)
        if after != one.follow:
            await self._change(one, after, "")
        elif steered is not None and steered.trouble and one.id not in self._silent:
            self._silent.add(one.id)
            await self._change(one, after, "", GIMBAL_SILENT)
        await self.consents.look(after, found, self._ground_m_amsl(one.vehicle_id))

    def _carried(self, follow: Follow, now: datetime) -> Follow:
        """The follow as time and the authorisations in force now leave it."""
        authority = self._authority(follow.incident_id, follow.pilot)
        held = follow.authority
        if held is not None and (authority is None or authority.authority_id != held.authority_id) and now < held.until:
            follow = rules.withdraw(follow, held.authority_id, now) if authority is None else follow
        if authority is not None and authority != follow.authority:
            try:
                return rules.grant(follow, authority, now)
            except Refused as error:
                log.info("an authorisation does not carry a follow", follow=follow.follow_id, why=error.message)
        return rules.tick(follow, now)

    def _authority(self, incident_id: str, pilot: str) -> Authority | None:
        """Another person's leave to follow for this incident: of those in force the one that lasts longest."""
        incident, now = self._intake.incidents.find(incident_id), self._clock.now()
        place = None if incident is None else self._intake.area.borough_of(incident.position)
        borough = None if place is None else place.name
        found = [
            Authority(
                authority_id=one.authorisation_id, incident_id=incident_id, given_by=one.decided_by,
                until=min(one.ends_at, one.decided_at + rules.AUTHORITY_LASTS),
            )
            for one in self._authorities.in_force(UseCase.FOLLOW)
            if authority_rules.covers(one, UseCase.FOLLOW, incident_id, borough, now)
            and one.decided_by is not None and one.decided_at is not None and one.decided_by != pilot
        ]  # fmt: skip
        return max((one for one in found if now < one.until), key=lambda one: one.until, default=None)

    def _ground_m_amsl(self, vehicle_id: str) -> float:
        """Level ground, as high as at the drone's dock: what is known without a height file."""
        dock_id = self._flight.picture.vehicle(vehicle_id).dock_id
        return self._flight.picture.dock(dock_id).config.ground_m_amsl

    def _on_finding(self, source: VideoSource, finding: Finding) -> None:
        try:
            found = wire.read_findings(finding.data)
        except MalformedPacket as error:
            log.warning("an analyst said what is not understood", source=source.source_id, error=error.message)
            return
        self._latest[source.vehicle_id] = msgspec.structs.replace(found, given=None)
        refused = None if found.refused is None else self.standing.find(found.refused)
        if refused is not None and refused.vehicle_id == source.vehicle_id and refused.follow.stage is not Stage.ENDED:
            self._refused.add(refused.id)
        self._steer(source.vehicle_id, found)
        if found.given is not None and found.follow is not None:
            self._pass_on(found)

    def _steer(self, vehicle_id: str, found: Findings) -> None:
        one = None if found.follow is None else self.standing.find(found.follow.follow_id)
        if one is None or one.vehicle_id != vehicle_id or found.follow is None:
            return
        known = self._known.setdefault(one.id, _Known(restarts=0, heard_s=0.0))
        known.heard_s, known.captured_us, known.found = self._video.now_s(), found.captured_us, found.follow
        if rules.may_follow(one.follow, self._clock.now()):
            self.steering.take(one.mission_id, vehicle_id, found, self._ground_m_amsl(vehicle_id))

    def _pass_on(self, found: Findings) -> None:
        """The appearance of the subject goes from worker to worker, and is kept nowhere on the way."""
        assert found.given is not None
        assert found.follow is not None
        one = self.standing.find(found.follow.follow_id)
        to = self._handing.pop(found.follow.follow_id, None)
        if one is not None and to is not None:
            self._pass_to(one, to[0], found.given)

    def _pass_to(self, one: Standing, to: str, given: HandOver) -> None:
        self._tell(to, wire.Receive(given=given))
        stream = self._video.of_vehicle(to)
        if stream is not None:
            self._known[one.id] = _Known(restarts=stream.ingest.status.restarts, heard_s=self._video.now_s())
        mission = next((m for m in self._flight.active_missions() if m.vehicle_id == to), None)
        if mission is not None:
            self._moving[one.id] = mission

    async def _on_incident(self, message: IncidentChanged) -> None:
        """A follow is bound to its incident (D4)."""
        if message.state != IncidentState.CLOSED:
            return
        for one in self.standing.all():
            if one.follow.incident_id != message.incident_id:
                continue
            if one.follow.stage is not Stage.ENDED:
                await self._change(one, rules.end(one.follow, Ended.INCIDENT_CLOSED, self._clock.now()), "")
            if (over := self.standing.find(one.id)) is not None:
                self._let_be(over)

    async def _on_authority(self, message: AuthorisationChanged) -> None:
        """At once: what is given prolongs, what is taken back ends."""
        if message.use_case == UseCase.FOLLOW:
            for one in self.standing.in_states(Stage.FOLLOWING, Stage.ASKING):
                await self._tend(one, self._clock.now())

    async def _on_command(self, message: CommandIssued) -> None:
        """A pilot turns the camera by hand: the follow leaves it alone for a while."""
        if message.command != PointGimbal.__name__ or message.mission_id is None:
            return
        mission = self._flight.missions.find(message.mission_id)
        if mission is not None and mission.phase is Phase.CONTROLLED:
            self.steering.turned_by_hand(message.mission_id)

    def _let_be(self, one: Standing) -> None:
        """What is over, of an incident that is closed, is kept in the store alone: for its period."""
        incident = self._intake.incidents.find(one.follow.incident_id)
        if one.follow.stage is Stage.ENDED and (incident is None or incident.state is IncidentState.CLOSED):
            self.standing.forget(one.id)

    async def _on_mission(self, message: MissionChanged | MissionRetasked) -> None:
        mission, one = self._flight.missions.find(message.mission_id), self.of_vehicle(message.vehicle_id)
        if mission is None or one is None or one.id in self._handing:
            return
        if self._turned(one):
            await self._change(one, rules.end(one.follow, Ended.DRONE_TURNED, self._clock.now()), "")
        elif mission.phase.is_final or mission.return_reason is not None:
            await self._change(one, rules.end(one.follow, Ended.LOST, self._clock.now()), "")

    def _turned(self, one: Standing) -> bool:
        """Its drone was given another incident, where nobody has said to follow anybody (D4); nor is another to have it."""
        mission = self._flight.missions.find(one.mission_id)
        elsewhere = mission is not None and mission.incident_id != one.follow.incident_id
        return elsewhere and one.id not in self._handing and one.id not in self._moving

    async def _change(self, one: Standing, follow: Follow, by: str, why: str = "") -> None:
        after = msgspec.structs.replace(one, follow=follow)
        if follow.stage is Stage.ENDED:
            # First the looking ends, whatever becomes of the record.
            self._tell(one.vehicle_id, wire.Release(follow_id=one.id))
            self.steering.let_go(one.id)
            self._silent.discard(one.id)
            self._refused.discard(one.id)
            self._known.pop(one.id, None)
            self._handing.pop(one.id, None)
            await self.consents.end(one.id, _CONSENT_ENDS.get(follow.ended or Ended.BY_PILOT, End.FOLLOW_ENDED))
        try:
            await self._recorder.record(save=[(self.standing, after)], messages=[self._said(after, by, why)])
        except BowstreetError as error:
            log.error("a follow's change could not be recorded", follow=one.id, problem=error.problem)

    def _tell(self, vehicle_id: str, order: wire.AnyOrder) -> None:
        self._video.tell(vehicle_id, Order(data=wire.written(order)))

    def _said(self, one: Standing, by: str, why: str = "") -> FollowChanged:
        follow = one.follow
        return FollowChanged(
            at=self._clock.now(), follow_id=one.id, incident_id=follow.incident_id, mission_id=one.mission_id,
            vehicle_id=one.vehicle_id, stage=follow.stage, by=by, ends_at=follow.ends_at, why=follow.ended or why,
            authorisation_id="" if follow.authority is None else follow.authority.authority_id,
        )  # fmt: skip


class FollowsHeld:
    """For retention: follows, from when they ended.

    Args:
        is_held: whether a legal hold stands on an incident; it holds the incident's follows too.
    """

    retention_class = "follow"

    def __init__(self, follows: Follows, is_held: Callable[[str], bool]) -> None:
        self._follows, self._is_held = follows, is_held

    async def since(self) -> Iterable[tuple[str, datetime]]:
        return [
            (one.id, one.follow.ended_at)
            for one in await self._follows.standing.stored(Stage.ENDED)
            if one.follow.ended_at is not None and not self._is_held(one.follow.incident_id)
        ]

    def records_of(self, subject_id: str) -> Sequence[tuple[Collection[Any], str]]:
        return [(self._follows.standing, subject_id)]
