"""What a drone's camera does while its flight goes on (D2), and where its worker is told that it is.

Level and not recorded until over the scene, and again from leaving it on. Every change is on record before it takes effect.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
import structlog

from bowstreet.accountability.recorder import Recorder
from bowstreet.errors import BowstreetError, Conflict
from bowstreet.flight import lens
from bowstreet.flight.gimbals import may_be_turned
from bowstreet.flight.legs import looks_down
from bowstreet.flight.model import Mission, Phase, Telemetry
from bowstreet.flight.service import FlightService
from bowstreet.messages import CameraSteered, MissionChanged, MissionRetasked
from bowstreet.runtime.ports import Clock
from bowstreet.video.model import StreamState
from bowstreet.video.orders import PoseKnown
from bowstreet.video.recorder import FootageRecorder
from bowstreet.video.rules import WELL_S, CameraOrder, Override, Stage, back_off_s, camera_order, stands
from bowstreet.video.service import Stream, VideoService

log = structlog.get_logger(__name__)

_STAGES = {
    Phase.CLIMBING: Stage.TRANSIT, Phase.OUTBOUND: Stage.TRANSIT, Phase.ON_SCENE: Stage.TRANSIT,
    Phase.RETURNING: Stage.LEAVING, Phase.LANDING: Stage.LEAVING, Phase.CONTINGENCY: Stage.LEAVING,
}  # fmt: skip
_OUTWARD = (Phase.CLIMBING, Phase.OUTBOUND, Phase.ON_SCENE)
# A camera needs so long to turn and telemetry to tell of it; one that does not turn is asked less and less often.
LEVEL_AGAIN_S = 3.0


class _Tried(NamedTuple):
    """What was ordered and may have to be ordered again: how often in a row it was, and when last."""

    times: int
    at: datetime


class Eyes:
    """Steers the cameras of all drones that fly."""

    def __init__(
        self, recorder: Recorder, clock: Clock, flight: FlightService, video: VideoService, footage: FootageRecorder
    ) -> None:
        self._recorder, self._clock, self._flight, self._video, self._footage = recorder, clock, flight, video, footage
        video.listen(on_part=footage.take)
        self._overrides: dict[str, Override] = {}  # by mission
        flight.pilots.may_look_down = self.is_overridden
        self._begun: dict[str, _Tried] = {}  # recordings, by source
        self._levelled: dict[str, _Tried] = {}  # cameras of flights that a pilot has, by mission
        recorder.bus.subscribe(MissionChanged, self._on_changed)
        recorder.bus.subscribe(MissionRetasked, self._on_retasked)

    async def override(self, mission_id: str, reason: str, by: str) -> None:
        """A person has the camera look down, and records, in transit (`OVERRIDE_REASONS`); on record first, ends by itself.

        Raises:
            NotFound: no such mission.
            Conflict: it does not fly, its drone has no camera, or was given another incident meanwhile.
        """
        mission = self._flight.missions.get(mission_id)
        stream = self._video.of_vehicle(mission.vehicle_id)
        if stream is None or not mission.phase.is_airborne:
            raise Conflict("there is no camera of this flight to order", remedy="order it while a drone with a camera flies")
        override = Override(by=by, reason=reason, at=self._clock.now())
        ready = self._recorder.failing_since is None
        order = camera_order(self._stage(mission), override, override.at, record_ready=ready)
        await self._recorder.record(messages=[_said(mission, order, by, self._clock)])
        if self._is_turned(mission):
            raise Conflict("its drone was given another incident meanwhile", remedy="look where it flies to, and ask again")
        self._overrides[mission_id] = override
        await self._apply(mission, stream, order)

    def is_overridden(self, mission_id: str) -> bool:
        """Whether a person's order to look down in transit stands for this flight."""
        standing, mission = self._overrides.get(mission_id), self._flight.missions.find(mission_id)
        stream = None if mission is None else self._video.of_vehicle(mission.vehicle_id)
        if standing is None or stream is None or stream.order.level:
            return False  # none, or the record could not be written and its camera was ordered level
        return stands(standing, self._clock.now())

    async def look(self) -> None:
        """Now and then: overrides end by time, and what the record or the disk did not take is tried again."""
        await self._footage.settle()
        for mission in self._flight.active_missions():
            await self._steer(mission.mission_id)

    def heard(self, telemetry: Telemetry) -> None:
        """For the telemetry sink: where the camera is, for streams that do not tell it themselves."""
        stream = self._video.of_vehicle(telemetry.vehicle_id)
        if stream is None:
            return
        if self._footage.is_recording(stream.source.source_id):
            self._footage.place(stream.source.source_id, telemetry.at, msgspec.json.encode(telemetry))
        if stream.ingest.status.state is not StreamState.LIVE:
            return
        view = self._flight.picture.vehicle(telemetry.vehicle_id)
        self._video.tell(
            telemetry.vehicle_id,
            PoseKnown(
                position=telemetry.position, altitude_m_amsl=telemetry.altitude_m_amsl, heading_deg=telemetry.heading_deg,
                tilt_deg=telemetry.gimbal_pitch_deg, pan_deg=telemetry.gimbal_pan_deg,
                horizontal_fov_deg=lens.field_of_view_deg(view.config, telemetry),
                speed_mps=telemetry.ground_speed_mps, age_s=telemetry.position_age_s,
            ),
        )  # fmt: skip

    async def _on_changed(self, message: MissionChanged) -> None:
        await self._steer(message.mission_id)

    async def _on_retasked(self, message: MissionRetasked) -> None:
        """An order to look was given for the incident that the drone flew to then, and for no other."""
        self._overrides.pop(message.mission_id, None)
        await self._steer(message.mission_id, turned=True)

    async def _steer(self, mission_id: str, *, turned: bool = False) -> None:
        mission = self._flight.missions.find(mission_id)
        stream = None if mission is None else self._video.of_vehicle(mission.vehicle_id)
        if mission is None or stream is None:
            return
        stage = self._stage(mission)
        if mission.phase.is_final:
            self._overrides.pop(mission.mission_id, None)
            self._video.rest(mission.vehicle_id)
        else:
            self._video.wake(mission.vehicle_id)
        order = camera_order(
            stage, self._overrides.get(mission.mission_id), self._clock.now(),
            record_ready=self._recorder.failing_since is None,
        )  # fmt: skip
        if order != stream.order or (turned and order.recording):
            # A scene beside the one before is seen at once: what is recorded from now on is another incident's.
            await self._change(mission, stream, order)
        elif order.recording and (self._due(stream.source.source_id) or self._is_of_another(mission, stream)):
            await self._apply(mission, stream, order)
        await self._keep_level(mission, stream)

    async def _change(self, mission: Mission, stream: Stream, order: CameraOrder) -> None:
        """Another order, on record first."""
        was_down = not stream.order.level
        try:
            await self._recorder.record(messages=[_said(mission, order, "", self._clock)])
        except BowstreetError as error:
            # What cannot be recorded is not done: it may only show and record less.
            log.error("a camera could not be steered", mission_id=mission.mission_id, problem=error.problem)
            order = CameraOrder(
                level=True, recording=False, live=stream.order.live and order.live, why="no record can be written"
            )
        else:
            if self._is_turned(mission):
                return  # meanwhile: what its camera does now, and for which incident, is decided as it is turned
        await self._apply(mission, stream, order)
        if was_down and order.level and mission.phase is Phase.CONTROLLED:
            await self._level(mission)

    async def _keep_level(self, mission: Mission, stream: Stream) -> None:
        """By where the camera truly looks: a command may be lost, and after a restart nobody knows what was ordered before."""
        telemetry = self._flight.picture.vehicle(mission.vehicle_id).telemetry
        wanted = stream.order.level and mission.phase is Phase.CONTROLLED and mission.recovering_since is None
        if not wanted or telemetry is None or not looks_down(telemetry):
            self._levelled.pop(mission.mission_id, None)
            return
        tried = self._levelled.get(mission.mission_id)
        wait_s = 0.0 if tried is None else max(LEVEL_AGAIN_S, back_off_s(tried.times))
        if tried is None or self._clock.now() - tried.at >= timedelta(seconds=wait_s):
            await self._level(mission)

    async def _level(self, mission: Mission) -> None:
        """A pilot has it: nobody else turns the camera back up."""
        tried = self._levelled.get(mission.mission_id)
        self._levelled[mission.mission_id] = _Tried(1 if tried is None else tried.times + 1, self._clock.now())
        try:
            await self._flight.pilots.level(mission.mission_id)
        except BowstreetError as error:
            log.error("a camera could not be turned level", mission_id=mission.mission_id, problem=error.problem)

    async def _apply(self, mission: Mission, stream: Stream, order: CameraOrder) -> None:
        self._video.steer(mission.vehicle_id, order)
        try:
            if order.recording:
                self._count(stream.source.source_id)
                await self._footage.start(stream.source, mission.mission_id, mission.incident_id)
            else:
                await self._footage.stop(stream.source.source_id, order.why)
        except BowstreetError as error:
            log.error("a recording could not begin or end", mission_id=mission.mission_id, problem=error.problem)

    def _count(self, source_id: str) -> None:
        now = self._clock.now()
        if not self._footage.is_recording(source_id):
            tried = self._begun.get(source_id, _Tried(0, now))
            self._begun[source_id] = _Tried(tried.times + 1 if now - tried.at < timedelta(seconds=WELL_S) else 1, now)

    def _due(self, source_id: str) -> bool:
        """Whether a recording that is ordered, and does not run, is begun again now. Each is in the ledger: not every second."""
        tried = self._begun.get(source_id, _Tried(0, self._clock.now()))
        waited = self._clock.now() - tried.at >= timedelta(seconds=back_off_s(tried.times))
        return waited and not self._footage.is_recording(source_id)

    def _is_of_another(self, mission: Mission, stream: Stream) -> bool:
        """Whether what is recorded is put under an incident that its drone has left."""
        return self._footage.incident_of(stream.source.source_id) not in ("", mission.incident_id)

    def _is_turned(self, mission: Mission) -> bool:
        """Whether its drone was given another incident since."""
        now = self._flight.missions.find(mission.mission_id)
        return now is not None and now.incident_id != mission.incident_id

    @staticmethod
    def _stage(mission: Mission) -> Stage:
        if may_be_turned(mission):
            return Stage.ON_SCENE
        if mission.phase is Phase.CONTROLLED:
            # A pilot who took it on its way flies it on that way, as far as its camera is concerned.
            homeward = mission.return_reason is not None or mission.resume not in _OUTWARD
            return Stage.LEAVING if homeward else Stage.TRANSIT
        return _STAGES.get(mission.phase, Stage.GROUND)


def _said(mission: Mission, order: CameraOrder, by: str, clock: Clock) -> CameraSteered:
    return CameraSteered(
        at=clock.now(), mission_id=mission.mission_id, vehicle_id=mission.vehicle_id, level=order.level,
        recording=order.recording, why=order.why, by=by,
    )  # fmt: skip
