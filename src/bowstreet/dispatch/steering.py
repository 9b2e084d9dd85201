"""Cameras kept on whom they follow: what an analyst's look found goes in, the gimbal is turned, and people are told what it does.

Only over the scene (D2), no faster than `tracking.steer` allows, and never against the pilot's own hand. A subject that is lost
is looked for where it can be (`tracking.search`). None of these turns has an entry of its own in the record: the follow has.
"""

import math
from dataclasses import dataclass, field

import msgspec

from bowstreet.flight.gimbals import Gimbals
from bowstreet.frames import CameraPose
from bowstreet.runtime.ports import Clock
from bowstreet.tracking import search, steer, trim
from bowstreet.tracking.model import FollowFound, FollowPhase
from bowstreet.tracking.steer import Aim
from bowstreet.tracking.trim import Trim
from bowstreet.tracking.wire import Findings
from bowstreet.video.service import VideoService

# A look that comes later than this does not make the turn larger.
MOST_STEP_S, FIRST_STEP_S = 0.5, 0.2
# After a pilot has turned the camera by hand it is left alone for so long.
HANDS_OFF_S = 10.0
# Where telemetry alone tells how the camera looks, a second late, a lens narrower than this would turn the subject out of the
# picture.
LATE_NARROWEST_DEG = 20.0

KEEPS, HOLDS, SEARCHES, OVER = (
    "it keeps the subject in the picture", "it holds still", "it looks where the subject can be", "the subject is lost",
)  # fmt: skip
BY_HAND, NO_POSE, NOT_HERE = "the pilot turns it", "it is not known where it looks", "it is not over the scene"
TOO_NEAR = "it is zoomed in too far for how late it tells where it looks: zoom out, or turn it by hand"


@dataclass(slots=True)
class Steered:
    """What is known of one follow's camera. `says` is for people, `trouble` why the gimbal does not do what it is told."""

    vehicle_id: str
    says: str = HOLDS
    trouble: str = ""
    turned_s: float = field(default=-math.inf)
    lost_since_s: float | None = None
    up: search.Axis | None = None
    sideways: search.Axis | None = None
    is_over: bool = False
    trim: Trim = field(default_factory=Trim)


class Steering:
    """The cameras of all follows."""

    def __init__(self, clock: Clock, video: VideoService, gimbals: Gimbals) -> None:
        self._clock, self._video, self._gimbals = clock, video, gimbals
        self._followed: dict[str, Steered] = {}  # by follow
        self._by_hand_s: dict[str, float] = {}  # by mission

    def of(self, follow_id: str) -> Steered | None:
        return self._followed.get(follow_id)

    def let_go(self, follow_id: str) -> None:
        """The follow is over: the gimbal stays as it is until somebody turns it."""
        self._followed.pop(follow_id, None)

    def turned_by_hand(self, mission_id: str) -> None:
        self._by_hand_s = {**self._by_hand_s_now(), mission_id: self._clock.monotonic_s()}

    def _by_hand_s_now(self) -> dict[str, float]:
        now_s = self._clock.monotonic_s()
        return {one: at_s for one, at_s in self._by_hand_s.items() if now_s - at_s < HANDS_OFF_S}

    def take(self, mission_id: str, vehicle_id: str, found: Findings, ground_m_amsl: float) -> None:
        """After each look of a follow's analyst."""
        assert found.follow is not None
        follow_id = found.follow.follow_id
        one = self._followed.get(follow_id)
        if one is None or one.vehicle_id != vehicle_id:
            one = self._followed[follow_id] = Steered(vehicle_id)
        now_s = self._clock.monotonic_s()
        stream = self._video.of_vehicle(vehicle_id)
        if stream is None or stream.order.level or not stream.order.live:
            one.says = NOT_HERE
        elif found.pose is None or not _is_sound(found.pose, found.follow):
            one.says = NO_POSE
        elif mission_id in self._by_hand_s_now():
            one.says, one.trim = BY_HAND, Trim()
        elif not stream.tells_pose and found.pose.horizontal_fov_deg < LATE_NARROWEST_DEG:
            one.says = TOO_NEAR
        else:
            step_s = min(MOST_STEP_S, now_s - one.turned_s) if math.isfinite(one.turned_s) else FIRST_STEP_S
            late = not stream.tells_pose
            aim = self._wanted(one, found, found.follow, found.pose, ground_m_amsl, step_s, now_s, late=late)
            if now_s - one.turned_s > MOST_STEP_S:
                one.trim = trim.interrupted(one.trim)
            self._learn(one, found, found.pose, step_s if stream.tells_pose else 0.0)
            one.turned_s = now_s
            self._turn(one, mission_id, found.pose, aim, now_s)

    def _wanted(
        self, one: Steered, found: Findings, follow: FollowFound, pose: CameraPose, ground_m_amsl: float, step_s: float,
        now_s: float, *, late: bool,
    ) -> Aim | None:  # fmt: skip
        if follow.phase is FollowPhase.LOST:
            return self._search(one, follow, pose, ground_m_amsl, step_s, now_s)
        one.lost_since_s = None
        one.is_over = False
        if follow.phase not in (FollowPhase.HELD, FollowPhase.COASTING):
            one.says = HOLDS
            return None
        one.says = KEEPS
        if follow.box is not None:
            return steer.aim(
                pose, found.width_px, found.height_px, *follow.box.centre, follow.phase, follow.quality, step_s, tells_late=late
            )
        return None if follow.place is None else steer.towards(pose, follow.place.position, ground_m_amsl, step_s)

    @staticmethod
    def _learn(one: Steered, found: Findings, pose: CameraPose, step_s: float) -> None:
        """How its gimbal obeys, while the subject is seen; nothing by a pose that is told late."""
        follow = found.follow
        seen = follow is not None and follow.box is not None and follow.phase in (FollowPhase.HELD, FollowPhase.COASTING)
        if follow is None or follow.box is None or not seen or step_s <= 0.0:
            one.trim = Trim()
        else:
            one.trim = trim.looked(one.trim, pose, found.width_px, found.height_px, *follow.box.centre, step_s)

    def _search(
        self, one: Steered, follow: FollowFound, pose: CameraPose, ground_m_amsl: float, step_s: float, now_s: float
    ) -> Aim | None:
        one.lost_since_s = now_s if one.lost_since_s is None else one.lost_since_s
        lost_s = now_s - one.lost_since_s
        stage = search.stage(lost_s, len(follow.candidates))
        one.is_over = stage is search.Stage.OVER
        one.says = OVER if one.is_over else SEARCHES if stage is search.Stage.SCANS and follow.place is not None else HOLDS
        if stage is not search.Stage.SCANS or follow.place is None:
            return None
        return steer.towards(pose, search.spot(follow.place, lost_s), ground_m_amsl, step_s)

    def _turn(self, one: Steered, mission_id: str, pose: CameraPose, aim: Aim | None, now_s: float) -> None:
        one.trouble = self._gimbals.trouble(one.vehicle_id)
        if aim is None or not (math.isfinite(aim.tilt_deg) and math.isfinite(aim.azimuth_deg)):
            one.up = one.sideways = None
            return
        tilt_deg, azimuth_deg = trim.order(one.trim, aim)
        one.trim = msgspec.structs.replace(one.trim, ordered=(tilt_deg, azimuth_deg))
        if not self._gimbals.aim(mission_id, tilt_deg, azimuth_deg):
            one.says, one.up, one.sideways = NOT_HERE, None, None
            return
        up_deg, right_deg = search.off_axes(pose, aim.tilt_deg, aim.azimuth_deg)
        one.up = search.axis(one.up, up_deg, pose.tilt_deg, now_s)
        one.sideways = search.axis(one.sideways, right_deg, pose.pan_deg, now_s)
        if not one.trouble and search.is_silent(one.up, now_s):
            one.trouble = "it does not turn"
        elif not one.trouble and search.is_silent(one.sideways, now_s):
            one.trouble = "it does not turn sideways"


def _is_sound(pose: CameraPose, follow: FollowFound) -> bool:
    """Read from bytes of outside, in a worker: only what can be is reckoned with."""
    box, place = follow.box, follow.place
    numbers = (
        *(() if box is None else box.centre),
        *(() if place is None else (place.position.latitude_deg, place.position.longitude_deg)),
        *(() if place is None else (place.ellipse.semi_major_m, place.ellipse.semi_minor_m, place.ellipse.bearing_deg)),
        pose.position.latitude_deg, pose.position.longitude_deg, pose.altitude_m_amsl, pose.heading_deg, pose.tilt_deg,
        pose.pan_deg, pose.roll_deg, pose.horizontal_fov_deg,
    )  # fmt: skip
    return all(math.isfinite(one) for one in numbers) and 1.0 < pose.horizontal_fov_deg < 170.0
