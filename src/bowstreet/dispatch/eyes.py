"""What a drone's camera does while its flight goes on (D2), and where its worker is told that it is.

Level and not recorded until over the scene, and again from leaving it on. Every change is on record before it takes effect.
"""

import msgspec
import structlog

from bowstreet.accountability.recorder import Recorder
from bowstreet.errors import BowstreetError, Conflict
from bowstreet.flight import lens
from bowstreet.flight.model import Mission, Phase, Telemetry
from bowstreet.flight.service import FlightService
from bowstreet.messages import CameraSteered, MissionChanged
from bowstreet.runtime.ports import Clock
from bowstreet.video.model import StreamState
from bowstreet.video.orders import PoseKnown
from bowstreet.video.recorder import FootageRecorder
from bowstreet.video.rules import CameraOrder, Override, Stage, camera_order
from bowstreet.video.service import Stream, VideoService

log = structlog.get_logger(__name__)

_STAGES = {
    Phase.CLIMBING: Stage.TRANSIT, Phase.OUTBOUND: Stage.TRANSIT, Phase.ON_SCENE: Stage.ON_SCENE,
    Phase.RETURNING: Stage.LEAVING, Phase.LANDING: Stage.LEAVING, Phase.CONTINGENCY: Stage.LEAVING,
}  # fmt: skip


class Eyes:
    """Steers the cameras of all drones that fly."""

    def __init__(
        self, recorder: Recorder, clock: Clock, flight: FlightService, video: VideoService, footage: FootageRecorder
    ) -> None:
        self._recorder, self._clock, self._flight, self._video, self._footage = recorder, clock, flight, video, footage
        video.listen(on_part=footage.take)
        self._overrides: dict[str, Override] = {}  # by mission
        recorder.bus.subscribe(MissionChanged, self._on_changed)

    async def override(self, mission_id: str, reason: str, by: str) -> None:
        """A person has the camera look down, and records, in transit (`OVERRIDE_REASONS`); on record first, ends by itself.

        Raises:
            NotFound: no such mission.
            Conflict: it does not fly, or its drone has no camera.
        """
        mission = self._flight.missions.get(mission_id)
        stream = self._video.of_vehicle(mission.vehicle_id)
        if stream is None or not mission.phase.is_airborne:
            raise Conflict("there is no camera of this flight to order", remedy="order it while a drone with a camera flies")
        override = Override(by=by, reason=reason, at=self._clock.now())
        ready = self._recorder.failing_since is None
        order = camera_order(self._stage(mission), override, override.at, record_ready=ready)
        await self._recorder.record(messages=[_said(mission, order, by, self._clock)])
        self._overrides[mission_id] = override
        await self._apply(mission, stream, order)

    async def look(self) -> None:
        """Now and then: overrides end by time."""
        for mission in self._flight.active_missions():
            await self._steer(mission)

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
        mission = self._flight.missions.find(message.mission_id)
        if mission is not None:
            await self._steer(mission)

    async def _steer(self, mission: Mission) -> None:
        stream = self._video.of_vehicle(mission.vehicle_id)
        if stream is None:
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
        if order == stream.order:
            return
        try:
            await self._recorder.record(messages=[_said(mission, order, "", self._clock)])
        except BowstreetError as error:
            # What cannot be recorded is not done: it may only show and record less.
            log.error("a camera could not be steered", mission_id=mission.mission_id, problem=error.problem)
            order = CameraOrder(
                level=True, recording=False, live=stream.order.live and order.live, why="no record can be written"
            )
        await self._apply(mission, stream, order)

    async def _apply(self, mission: Mission, stream: Stream, order: CameraOrder) -> None:
        self._video.steer(mission.vehicle_id, order)
        try:
            if order.recording:
                await self._footage.start(stream.source, mission.mission_id, mission.incident_id)
            else:
                await self._footage.stop(stream.source.source_id, order.why)
        except BowstreetError as error:
            log.error("a recording could not begin or end", mission_id=mission.mission_id, problem=error.problem)

    @staticmethod
    def _stage(mission: Mission) -> Stage:
        if mission.phase is Phase.CONTROLLED:
            # A pilot flies: over the scene once it has been reached, else still on the way.
            return Stage.ON_SCENE if mission.eyes_on_at is not None else Stage.TRANSIT
        return _STAGES.get(mission.phase, Stage.GROUND)


def _said(mission: Mission, order: CameraOrder, by: str, clock: Clock) -> CameraSteered:
    return CameraSteered(
        at=clock.now(), mission_id=mission.mission_id, vehicle_id=mission.vehicle_id, level=order.level,
        recording=order.recording, why=order.why, by=by,
    )  # fmt: skip
