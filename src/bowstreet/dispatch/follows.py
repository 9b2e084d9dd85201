"""Following a subject: begun by the pilot with a click, on record before the first look, bound to its incident and a time (D4).

What the analysts of the streams find comes in here; consoles are shown the latest. When the time of a follow is up and nobody has
given authority for more, it ends by itself, and what is known of how the subject looks is overwritten in the drone's worker.
"""

from datetime import datetime

import msgspec
import structlog

from bowstreet.accountability.recorder import Recorder
from bowstreet.errors import BowstreetError, Conflict, MalformedPacket, NotFound
from bowstreet.flight.model import Mission
from bowstreet.flight.service import FlightService
from bowstreet.intake.model import IncidentState
from bowstreet.messages import FollowChanged, IncidentChanged, MissionChanged
from bowstreet.runtime.ids import RandomIds
from bowstreet.runtime.ports import Clock, Store
from bowstreet.runtime.records import Collection
from bowstreet.tracking import rules, wire
from bowstreet.tracking.rules import Ended, Follow, Stage
from bowstreet.tracking.wire import Findings
from bowstreet.video.model import Finding, StreamState, VideoSource
from bowstreet.video.orders import Order
from bowstreet.video.service import VideoService

log = structlog.get_logger(__name__)

ANALYST = "bowstreet.tracking.analyst:Lookout"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A follow, and the drone that has the subject now, as the store keeps it."""

    follow: Follow
    mission_id: str
    vehicle_id: str

    @property
    def id(self) -> str:
        return self.follow.follow_id


class Follows:
    """All follows of one operation."""

    def __init__(self, recorder: Recorder, clock: Clock, flight: FlightService, video: VideoService) -> None:
        self._recorder, self._clock, self._flight, self._video = recorder, clock, flight, video
        self._ids = RandomIds(clock)
        self._standing: Collection[Standing] = Collection(
            "follow", Standing, id_of=lambda one: one.id, state_of=lambda one: one.follow.stage
        )
        self._latest: dict[str, Findings] = {}  # by vehicle
        self._set_up: set[str] = set()
        self._handing: dict[str, str] = {}  # follow -> the vehicle that is to have it
        self._moving: dict[str, Mission] = {}  # follow -> the mission that has it now, to be recorded
        video.listen(on_finding=self._on_finding)
        recorder.bus.subscribe(MissionChanged, self._on_mission)
        recorder.bus.subscribe(IncidentChanged, self._on_incident)

    async def load(self, store: Store) -> None:
        """A follow that was under way when the program ended has lost its subject: it ends, on record."""
        await self._standing.load(store)
        for one in self._standing.in_states(Stage.FOLLOWING, Stage.ASKING):
            await self._change(one, rules.end(one.follow, Ended.LOST, self._clock.now()), "")

    # --- what people ask ----------------------------------------------------------------------------------------------

    async def begin(self, mission_id: str, by: str, x: float, y: float, sequence: int) -> Standing:
        """Follow what stands there in the picture.

        Args:
            x, y: shares of the picture's width and height.
            sequence: of the picture that was clicked on.

        Raises:
            NotFound: no such mission, or its drone has no camera.
            Conflict: `by` does not fly it, or it shows no picture now.
            Refused: the incident's time to follow is over.
        """
        mission = self._flight.missions.get(mission_id)
        if mission.pilot != by:
            raise Conflict("you do not fly this drone", remedy="take control first")
        stream = self._video.of_vehicle(mission.vehicle_id)
        if stream is None or not stream.order.live or stream.order.level:
            raise Conflict("its camera does not look at the scene now", remedy="wait until it is over the scene")
        before = self.of_vehicle(mission.vehicle_id)
        if before is not None:
            await self.end(before.id, by)
        now = self._clock.now()
        earlier = [one.follow for one in self._standing.all()]
        follow = rules.begin(self._ids.new("fol"), mission.incident_id, by, now, earlier)
        made = Standing(follow=follow, mission_id=mission_id, vehicle_id=mission.vehicle_id)
        await self._recorder.record(save=[(self._standing, made)], messages=[self._said(made, by)])
        self._tell(mission.vehicle_id, wire.Click(follow_id=made.id, x=x, y=y, sequence=sequence))
        return made

    async def choose(self, follow_id: str, by: str, track_id: int) -> None:
        """The pilot's answer when several fit. Raises as `end` does."""
        one = self._of_pilot(follow_id, by)
        self._tell(one.vehicle_id, wire.Choose(follow_id=follow_id, track_id=track_id))

    async def end(self, follow_id: str, by: str) -> None:
        """Raises `NotFound` for one that is over, `Conflict` for another pilot's."""
        one = self._of_pilot(follow_id, by)
        await self._change(one, rules.end(one.follow, Ended.BY_PILOT, self._clock.now()), by)

    def _of_pilot(self, follow_id: str, by: str) -> Standing:
        one = self._standing.find(follow_id)
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
        under_way = self._standing.in_states(Stage.FOLLOWING, Stage.ASKING)
        return next((one for one in under_way if one.vehicle_id == vehicle_id), None)

    # --- for the relay ------------------------------------------------------------------------------------------------

    def followed_until(self, vehicle_id: str) -> datetime | None:
        """Until when this drone is ordered to follow a subject; None when it follows nobody."""
        one = self.of_vehicle(vehicle_id)
        return None if one is None else one.follow.ends_at

    def hand_over(self, from_vehicle_id: str, to_vehicle_id: str) -> None:
        """What is known of the subject goes to the drone that has the watch now."""
        one = self.of_vehicle(from_vehicle_id)
        if one is not None:
            self._handing[one.id] = to_vehicle_id
            self._tell(from_vehicle_id, wire.Give(follow_id=one.id))

    # --- what comes ---------------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """Now and then: time goes by, and analysts that came new are told how to look."""
        now = self._clock.now()
        for follow_id, mission in tuple(self._moving.items()):
            del self._moving[follow_id]
            if (moved := self._standing.find(follow_id)) is not None and moved.follow.stage is not Stage.ENDED:
                there = msgspec.structs.replace(moved, mission_id=mission.mission_id, vehicle_id=mission.vehicle_id)
                self._tell(moved.vehicle_id, wire.Release(follow_id=follow_id))
                await self._change(there, there.follow, "")
        for one in self._standing.in_states(Stage.FOLLOWING, Stage.ASKING):
            after = rules.tick(one.follow, now)
            if after != one.follow:
                await self._change(one, after, "")
        for stream in self._video.streams.values():
            live = stream.ingest.status.state is StreamState.LIVE
            vehicle_id = stream.source.vehicle_id
            if live and vehicle_id and vehicle_id not in self._set_up:
                self._set_up.add(vehicle_id)
                self._tell(vehicle_id, wire.Setup(ground_m_amsl=self._ground_m_amsl(vehicle_id)))
            elif not live:
                self._set_up.discard(vehicle_id)
                self._latest.pop(vehicle_id, None)

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
        if found.given is not None and found.follow is not None:
            self._pass_on(found)

    def _pass_on(self, found: Findings) -> None:
        """The appearance of the subject goes from worker to worker, and is kept nowhere on the way."""
        assert found.given is not None
        assert found.follow is not None
        one = self._standing.find(found.follow.follow_id)
        to = self._handing.pop(found.follow.follow_id, None)
        if one is None or to is None:
            return
        self._tell(to, wire.Receive(given=found.given))
        mission = next((m for m in self._flight.active_missions() if m.vehicle_id == to), None)
        if mission is not None:
            self._moving[one.id] = mission

    async def _on_incident(self, message: IncidentChanged) -> None:
        """A follow is bound to its incident (D4)."""
        if message.state != IncidentState.CLOSED:
            return
        for one in self._standing.in_states(Stage.FOLLOWING, Stage.ASKING):
            if one.follow.incident_id == message.incident_id:
                await self._change(one, rules.end(one.follow, Ended.INCIDENT_CLOSED, self._clock.now()), "")

    async def _on_mission(self, message: MissionChanged) -> None:
        mission = self._flight.missions.find(message.mission_id)
        if mission is None or not (mission.phase.is_final or mission.return_reason is not None):
            return
        one = self.of_vehicle(message.vehicle_id)
        if one is not None and one.id not in self._handing:
            await self._change(one, rules.end(one.follow, Ended.LOST, self._clock.now()), "")

    async def _change(self, one: Standing, follow: Follow, by: str) -> None:
        after = msgspec.structs.replace(one, follow=follow)
        if follow.stage is Stage.ENDED:
            # First the looking ends, whatever becomes of the record.
            self._tell(one.vehicle_id, wire.Release(follow_id=one.id))
        try:
            await self._recorder.record(save=[(self._standing, after)], messages=[self._said(after, by)])
        except BowstreetError as error:
            log.error("a follow's change could not be recorded", follow=one.id, problem=error.problem)

    def _tell(self, vehicle_id: str, order: wire.AnyOrder) -> None:
        self._video.tell(vehicle_id, Order(data=wire.written(order)))

    def _said(self, one: Standing, by: str) -> FollowChanged:
        follow = one.follow
        return FollowChanged(
            at=self._clock.now(), follow_id=one.id, incident_id=follow.incident_id, mission_id=one.mission_id,
            vehicle_id=one.vehicle_id, stage=follow.stage, by=by, ends_at=follow.ends_at, why=follow.ended or "",
            authorisation_id="" if follow.authority is None else follow.authority.authority_id,
        )  # fmt: skip
