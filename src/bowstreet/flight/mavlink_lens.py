"""A vehicle's zoom lens over MAVLink: what it says of itself, and how it is asked.

A camera may be a component of its own (MAV_COMP_ID_CAMERA…), as with PX4, or the autopilot answers for it, as ArduPilot does.
MAV_CMD_SET_CAMERA_ZOOM takes a share of the lens's range (ZOOM_TYPE_RANGE): the only absolute kind that ArduPilot knows, and the
one that needs no focal lengths. What the lens then is, the camera tells: its field of view in CAMERA_FOV_STATUS, its zoom in
CAMERA_SETTINGS. ArduPilot's CAMERA_FOV_STATUS holds a parameter that somebody set, whatever the lens does (`AP_Camera_Backend`,
4.7-dev), so that a field of view of a lens that zooms is believed only once it has been seen to move.
"""

import math
from collections.abc import Callable, Coroutine
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.flight import lens
from bowstreet.flight.mavlink_talk import Ack, Conversation
from bowstreet.flight.ports import Outcome, Settled

VIEW, SETTINGS = int(mavlink.MAVLINK_MSG_ID_CAMERA_FOV_STATUS), int(mavlink.MAVLINK_MSG_ID_CAMERA_SETTINGS)
# How often it is asked to tell: a lens takes a second or two from end to end.
TOLD_HZ = {VIEW: 2.0, SETTINGS: 2.0}
# What it told longer ago is not what it is now.
TOLD_FOR_S = 3.0
# So long after it took its widest it is there, by a lens that is slow.
WIDENS_S = 3.0
# One that tells nothing is asked again so often: it may have been switched on since.
ASK_AGAIN_S = 30.0
ASK_TRIES = 4
# A field of view that is another than before by more than this share has moved; floats that come and go have not.
MOVED = 0.02
# Cameras that hang on an autopilot have numbers, and one that is a component of its own is 0. The first is flown by.
FIRST = (0, 1)
CAMERAS = range(int(mavlink.MAV_COMP_ID_CAMERA), int(mavlink.MAV_COMP_ID_CAMERA6) + 1)
# What comes back, in words for the pilot who asked.
PLAINLY: dict[int | None, str] = {
    None: "its camera does not answer when it is asked to zoom",
    int(mavlink.MAV_RESULT_UNSUPPORTED): "its camera does not know how to zoom",
    int(mavlink.MAV_RESULT_DENIED): "its camera does not take that zoom",
    int(mavlink.MAV_RESULT_TEMPORARILY_REJECTED): "its camera cannot zoom just now",
    int(mavlink.MAV_RESULT_FAILED): "its camera tried to zoom and could not",
}

# After these it is where it was; after the others, and after none, nobody knows.
STAYS = frozenset(
    int(one) for one in (mavlink.MAV_RESULT_UNSUPPORTED, mavlink.MAV_RESULT_DENIED, mavlink.MAV_RESULT_TEMPORARILY_REJECTED)
)

Asked = Callable[[Coroutine[Any, Any, Ack]], Coroutine[Any, Any, Settled]]


class LensState:
    """One vehicle's lens as its messages tell it.

    Attributes:
        component_id: of its camera; None where the autopilot answers for it.
    """

    def __init__(self, widest_deg: float = 60.0, most: float = lens.WIDEST) -> None:
        self.widest_deg, self.most = widest_deg, most
        self.component_id: int | None = None
        self._widest_at_s = self._widest_before_s = math.inf  # since when it is at its widest; inf where it may be at another
        self._view_deg, self._view_at_s = math.nan, -math.inf
        self._percent, self._percent_at_s = math.nan, -math.inf
        self._moves = False
        self._to_tell_s = -math.inf  # when it was last asked to

    def beats(self, kind: int, component_id: int) -> None:
        """A heartbeat of something else than the autopilot. The first camera is the one that is flown by."""
        if kind == mavlink.MAV_TYPE_CAMERA and component_id in CAMERAS and self.component_id is None:
            self.component_id, self._to_tell_s = component_id, -math.inf

    def take(self, message: Any, component_id: int, autopilot_id: int, now_s: float) -> None:
        """What the camera that is flown by says of itself: not what another does, nor an autopilot in its place."""
        answers = autopilot_id if self.component_id is None else self.component_id
        if component_id != answers or message.camera_device_id not in FIRST:
            return
        if message.get_msgId() == VIEW:
            self._told_view(float(message.hfov), now_s)
        elif 0.0 <= message.zoomLevel <= 100.0:
            self._percent, self._percent_at_s = float(message.zoomLevel), now_s

    def _told_view(self, view_deg: float, now_s: float) -> None:
        if not 0.1 < view_deg < 175.0:
            return
        if math.isfinite(self._view_deg) and abs(view_deg - self._view_deg) > MOVED * self._view_deg:
            self._moves = True
        self._view_deg, self._view_at_s = view_deg, now_s

    def asked(self) -> None:
        """It is asked for a zoom: until it says what it makes of it, it may be at any."""
        self._widest_before_s, self._widest_at_s = self._widest_at_s, math.inf

    def refused(self) -> None:
        """It stays where it was."""
        self._widest_at_s = self._widest_before_s

    def took(self, zoom: float, now_s: float) -> None:
        self._widest_at_s = now_s if lens.is_widest(zoom) else math.inf

    def is_to_be_asked(self, now_s: float) -> bool:
        """Whether it zooms, and must be asked to tell what it is at: at first, and when it tells nothing (any more)."""
        silent_s = now_s - max(self._view_at_s, self._percent_at_s)
        if not lens.zooms(self.most) or silent_s <= TOLD_FOR_S or now_s - self._to_tell_s <= ASK_AGAIN_S:
            return False
        self._to_tell_s = now_s
        return True

    def field_of_view_deg(self, now_s: float) -> float | None:
        """As it is now; None for a lens that does not zoom, and where nothing that can be believed is told."""
        if not lens.zooms(self.most):
            return None
        fresh = now_s - self._view_at_s <= TOLD_FOR_S
        if fresh and self._moves:
            return self._view_deg
        if now_s - self._percent_at_s <= TOLD_FOR_S:
            return lens.narrowed_deg(self.widest_deg, lens.zoom_of(self._percent, self.most))
        return self._view_deg if fresh and now_s - self._widest_at_s >= WIDENS_S else None


class Lens:
    """Asks one vehicle's lens.

    Args:
        settled: how a command ended, with the reason that came as text.
    """

    def __init__(self, talk: Conversation, state: LensState, settled: Asked) -> None:
        self._talk, self._state, self._settled = talk, state, settled

    async def zoom(self, zoom: float) -> Settled:
        """To that zoom; acknowledged, which says that it was understood and not that it is there."""
        state, told = self._state, Ack(None, 0)

        async def ask() -> Ack:
            nonlocal told
            told = await self._talk.long(
                mavlink.MAV_CMD_SET_CAMERA_ZOOM, float(mavlink.ZOOM_TYPE_RANGE), lens.percent_of(zoom, state.most),
                to=self._camera,
            )  # fmt: skip
            return told

        state.asked()
        answer = await self._settled(ask())
        if answer.outcome is Outcome.ACCEPTED:
            state.took(zoom, self._talk.now_s())
        elif told.result in STAYS:
            state.refused()
        if answer.outcome is not Outcome.ACCEPTED and told.result in PLAINLY:
            return Settled(outcome=answer.outcome, detail=f"{PLAINLY[told.result]} ({answer.detail})")
        return answer

    async def ask_to_tell(self) -> None:
        """What it is at, from now on. One that does not tell is flown all the same."""
        for number, hertz in TOLD_HZ.items():
            interval = mavlink.MAV_CMD_SET_MESSAGE_INTERVAL
            await self._talk.long(interval, float(number), 1e6 / hertz, tries=ASK_TRIES, to=self._camera)

    def _camera(self) -> int:
        """The component that answers for the camera."""
        return self._talk.component_id if self._state.component_id is None else self._state.component_id
