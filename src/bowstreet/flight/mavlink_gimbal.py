"""A vehicle's gimbal over MAVLink: pointed once and acknowledged, or steered many times a second after a subject.

By the gimbal manager, which ArduPilot has since 4.3 and PX4 has; by the older mount command where there is none. PX4's manager
obeys only whoever has taken it. Steering goes out as GIMBAL_MANAGER_SET_PITCHYAW, which nobody acknowledges; now and then the
same is asked as a command that must be acknowledged, so that a gimbal that does not answer is found out.
"""

import math
from collections.abc import Callable, Coroutine
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.flight.mavlink_hub import GROUND_STATION_COMPONENT, GROUND_STATION_SYSTEM
from bowstreet.flight.mavlink_state import VehicleState
from bowstreet.flight.mavlink_talk import TRIES, Ack, Conversation
from bowstreet.flight.ports import Outcome, Settled

NAN = math.nan
# Level with the horizon, and turned to a bearing from true north: the vehicle turns under it.
TO_NORTH = int(
    mavlink.GIMBAL_MANAGER_FLAGS_ROLL_LOCK | mavlink.GIMBAL_MANAGER_FLAGS_PITCH_LOCK | mavlink.GIMBAL_MANAGER_FLAGS_YAW_LOCK
)
# How often a steered gimbal must say that it obeys, and how often a silent one is asked whether it does again.
ASK_S = 5.0
# Tries of that question: they take 1.6 s, and the next comes soon.
ASK_TRIES = 4
# The mount command is acknowledged each time: no more often than this.
MOUNT_S = 0.5

Asked = Callable[[Coroutine[Any, Any, Ack]], Coroutine[Any, Any, Settled]]
Spawn = Callable[[Coroutine[Any, Any, None]], Any]


class Gimbal:
    """One vehicle's.

    Args:
        settled: how a command ended, with the reason that came as text.
        must_take: its manager obeys only whoever has taken it.

    Attributes:
        trouble: why it did not do what was last asked, in its own word; "" when it did.
    """

    def __init__(self, talk: Conversation, state: VehicleState, spawn: Spawn, settled: Asked, *, must_take: bool) -> None:
        self._talk, self._state, self._spawn, self._settled, self._must_take = talk, state, spawn, settled, must_take
        self._taken = self._old_mount = self._asking = False
        self._asked_s = self._mounted_s = -math.inf
        self.trouble = ""

    async def point(self, pitch_deg: float) -> Settled:
        """Ahead, so far above the horizon; acknowledged."""
        if not self._old_mount:
            answer = await self._settled(self._manager(pitch_deg, 0.0, 0))
            if answer.outcome is not Outcome.REJECTED:
                return answer
        answer = await self._settled(self._mount(pitch_deg, 0.0))
        self._old_mount = answer.outcome is Outcome.ACCEPTED
        return answer

    def steer(self, pitch_deg: float, azimuth_deg: float) -> None:
        """To a bearing from true north; called again and again."""
        now_s = self._talk.now_s()
        azimuth_deg = math.remainder(azimuth_deg, 360.0)
        if not self._asking and now_s - self._asked_s >= (MOUNT_S if self._old_mount else ASK_S):
            self._asking, self._asked_s = True, now_s
            self._spawn(self._ask(pitch_deg, azimuth_deg))
        elif not self._asking and not self._old_mount and not self.trouble:
            self._talk.tell(
                mavlink.MAVLink_gimbal_manager_set_pitchyaw_message(
                    self._talk.system_id, self._talk.component_id, TO_NORTH, 0,
                    math.radians(pitch_deg), math.radians(azimuth_deg), NAN, NAN,
                )
            )  # fmt: skip

    async def _ask(self, pitch_deg: float, azimuth_deg: float) -> None:
        try:
            ack = Ack(None, 0)
            if not self._old_mount:
                ack = await self._manager(pitch_deg, azimuth_deg, TO_NORTH, tries=ASK_TRIES)
            if self._old_mount or (ack.result is not None and not ack.accepted):
                pan_deg = math.remainder(azimuth_deg - self._state.heading_deg, 360.0)
                mounted = await self._mount(pitch_deg, pan_deg, tries=ASK_TRIES)
                self._old_mount, ack = mounted.accepted, mounted if mounted.accepted else ack
            self.trouble = "" if ack.accepted else ack.word
        finally:
            self._asking = False

    async def _manager(self, pitch_deg: float, yaw_deg: float, flags: int, tries: int = TRIES) -> Ack:
        if self._must_take and not self._taken:
            ack = await self._talk.long(
                mavlink.MAV_CMD_DO_GIMBAL_MANAGER_CONFIGURE,
                GROUND_STATION_SYSTEM,
                GROUND_STATION_COMPONENT,
                -1.0,
                -1.0,
                tries=tries,
            )
            if not ack.accepted:
                return ack
            self._taken = True
        ack = await self._talk.long(
            mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW, pitch_deg, yaw_deg, NAN, NAN, float(flags), tries=tries
        )
        self._taken = self._taken and ack.accepted
        return ack

    async def _mount(self, pitch_deg: float, pan_deg: float, tries: int = TRIES) -> Ack:
        mode = float(mavlink.MAV_MOUNT_MODE_MAVLINK_TARGETING)
        return await self._talk.long(mavlink.MAV_CMD_DO_MOUNT_CONTROL, pitch_deg, 0.0, pan_deg, 0.0, 0.0, 0.0, mode, tries=tries)
