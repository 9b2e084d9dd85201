"""Where a camera was when it took a picture: by what its stream tells while that is new and can be true, else by telemetry. Pure.

A pose grows old: a drone at 15 m/s is 15 m further on after a second. Metadata that stops, or goes on without a position, must
not leave shapes placed from where the drone was. What a stream tells may also be wrong or a lie: telemetry comes by another link.
"""

from dataclasses import dataclass

from bowstreet.frames import CameraPose
from bowstreet.geo import great_circle_m
from bowstreet.video.orders import PoseKnown

# Metadata that tells a pose comes with each picture, or a few times a second.
MOST_AGE_S = 1.0
# Telemetry comes a few times a second, by a link that drops packets now and then.
MOST_TELEMETRY_AGE_S = 3.0
# What a receiver without corrections is off by in 99 of 100 cases, twice, and between its antenna and the camera.
BOTH_OFF_M = 10.0
# Pressure drifts over a flight, and height above the sea by satellites is half as good as the place.
BOTH_OFF_UP_M = 25.0
# How much later the one may come than the other: an encoder's and a link's delay.
DELAY_S = 1.5
# A drone is faster, or slower, by so much within that time; and it climbs and sinks at so much at most.
GAINS_MPS, CLIMBS_MPS = 4.0, 6.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """The pose for a picture, None where nobody tells it; and whether its own stream told it."""

    pose: CameraPose | None
    by_stream: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Told:
    pose: CameraPose
    captured_us: int
    heard_s: float


def can_be(told: CameraPose, known: PoseKnown, age_s: float) -> bool:
    """Whether a drone that was where telemetry says, `age_s` ago, can be where its stream says."""
    apart_s = age_s + DELAY_S
    beside_m = great_circle_m(told.position, known.position)
    above_m = abs(told.altitude_m_amsl - known.altitude_m_amsl)
    return beside_m <= BOTH_OFF_M + (known.speed_mps + GAINS_MPS) * apart_s and above_m <= BOTH_OFF_UP_M + CLIMBS_MPS * apart_s


class Poses:
    """What is known of one camera. Times in seconds are of a clock that only goes on.

    `refused` is whether its stream was last held against telemetry and cannot be where it says.
    """

    def __init__(self) -> None:
        self._told: _Told | None = None
        self._known: tuple[PoseKnown, float] | None = None
        self.refused = False

    def tell(self, pose: CameraPose, captured_us: int, now_s: float) -> None:
        """By the stream: the pose at a moment of the camera's own clock."""
        self._told = _Told(pose=pose, captured_us=captured_us, heard_s=now_s)

    def know(self, known: PoseKnown, now_s: float) -> None:
        """By telemetry."""
        self._known = known, now_s

    def at(self, captured_us: int, now_s: float) -> Placed:
        """For the picture that was taken then, by the camera's own clock."""
        known, age_s = self._telemetry(now_s)
        told = self._told
        if told is not None and _is_new(told, captured_us, now_s):
            if known is not None:
                # Without telemetry there is nothing to hold it against: then it stays as it was.
                self.refused = not can_be(told.pose, known, age_s)
            if not self.refused:
                return Placed(pose=told.pose, by_stream=True)
        return Placed(pose=None if known is None else known.as_pose(), by_stream=False)

    def _telemetry(self, now_s: float) -> tuple[PoseKnown | None, float]:
        if self._known is None:
            return None, 0.0
        known, heard_s = self._known
        age_s = known.age_s + now_s - heard_s
        return (known, age_s) if age_s <= MOST_TELEMETRY_AGE_S else (None, age_s)


def _is_new(told: _Told, captured_us: int, now_s: float) -> bool:
    """By the camera's clock, which may stand still or be set anew; and by ours, which may be late but never is."""
    return abs(captured_us - told.captured_us) <= MOST_AGE_S * 1e6 and now_s - told.heard_s <= MOST_AGE_S
