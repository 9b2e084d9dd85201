"""Values of tracking: shapes, boxes, places with their ellipses, tracks and the follow. What crosses to the program is here too.

Pixels count from the picture's top left, right and down. East and north are true, in metres; `cov_*` are variances in m².
"""

import math
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec

from bowstreet.geo import Position

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class Shape(StrEnum):
    """All that is ever looked for. There is no third, and none of these has an attribute."""

    PERSON = "person"
    VEHICLE = "vehicle"


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """A rectangle in the picture, pixels."""

    left: float
    top: float
    width: float
    height: float

    @property
    def centre(self) -> tuple[float, float]:
        return self.left + self.width / 2, self.top + self.height / 2

    @property
    def foot(self) -> tuple[float, float]:
        """Where the shape stands: the middle of its lower edge."""
        return self.left + self.width / 2, self.top + self.height

    def holds(self, x: float, y: float) -> bool:
        return self.left <= x <= self.left + self.width and self.top <= y <= self.top + self.height

    def overlap(self, other: "Box") -> float:
        """Intersection over union, 0 to 1."""
        across = min(self.left + self.width, other.left + other.width) - max(self.left, other.left)
        down = min(self.top + self.height, other.top + other.height) - max(self.top, other.top)
        if across <= 0 or down <= 0:
            return 0.0
        shared = across * down
        return shared / (self.width * self.height + other.width * other.height - shared)


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """A shape that a detector found. `score` is the detector's own, 0 to 1, and no probability.

    `by_motion`: no detector knew it; that it moves is all that is known of it.
    """

    box: Box
    shape: Shape
    score: float
    by_motion: bool = False


class Ellipse(msgspec.Struct, frozen=True, kw_only=True):
    """Where a place truly is, in 95 of 100 cases: half axes, and the bearing of the longer one from true north."""

    semi_major_m: float
    semi_minor_m: float
    bearing_deg: float


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """A covariance on the ground, east and north, m²."""

    east: float
    north: float
    both: float = 0.0

    def __add__(self, other: "Spread") -> "Spread":
        return Spread(east=self.east + other.east, north=self.north + other.north, both=self.both + other.both)

    def times(self, factor: float) -> "Spread":
        return Spread(east=self.east * factor, north=self.north * factor, both=self.both * factor)


class Located(msgspec.Struct, frozen=True, kw_only=True):
    """A place on the ground.

    Attributes:
        own: of this look alone (pixel): differs from shape to shape and from look to look.
        common: of the pose and the terrain: shifts everything that this drone sees together.
        range_m: along the line of sight.
    """

    position: Position
    altitude_m_amsl: float
    own: Spread
    common: Spread
    ellipse: Ellipse
    range_m: float


class Why(StrEnum):
    """Why a pixel has no place."""

    NO_POSE = "no-pose"
    ABOVE_HORIZON = "above-horizon"
    GRAZING = "grazing"
    TOO_FAR = "too-far"
    NO_TERRAIN = "no-terrain"
    CUT_OFF = "cut-off"
    BELOW_GROUND = "below-ground"


class NotLocated(msgspec.Struct, frozen=True, kw_only=True):
    why: Why


class Quality(StrEnum):
    """How well a track is held, by what was measured. `TrackQuality.reason` says what."""

    GOOD = "good"
    WEAK = "weak"
    COASTING = "coasting"
    LOST = "lost"


class Motion(msgspec.Struct, frozen=True, kw_only=True):
    """Over the ground. `direction_deg` from true north; None where the speed is not told from standing still. `*_sigma_*` are one
    standard deviation each."""

    speed_mps: float
    speed_sigma_mps: float
    direction_deg: float | None = None
    direction_sigma_deg: float | None = None


class GroundPlace(msgspec.Struct, frozen=True, kw_only=True):
    position: Position
    ellipse: Ellipse


class TrackFound(msgspec.Struct, frozen=True, kw_only=True):
    """One shape, as it is told to the program."""

    track_id: int
    shape: Shape
    box: Box
    score: float
    quality: Quality
    reason: str
    place: GroundPlace | None = None
    not_located: Why | None = None
    motion: Motion | None = None


class FollowPhase(StrEnum):
    """What the lock on the subject is doing. `ASKING`: two or more fit, and the pilot must say which."""

    IDLE = "idle"
    HELD = "held"
    COASTING = "coasting"
    ASKING = "asking"
    LOST = "lost"


class CandidateShown(msgspec.Struct, frozen=True, kw_only=True):
    """One of those among whom the pilot is asked to choose."""

    track_id: int
    box: Box
    shape: Shape
    fit: float


class FollowFound(msgspec.Struct, frozen=True, kw_only=True):
    """The follow at this look. `unseen_s` since the subject was last seen."""

    follow_id: str
    phase: FollowPhase
    quality: Quality
    reason: str
    track_id: int | None = None
    shape: Shape | None = None
    box: Box | None = None
    place: GroundPlace | None = None
    motion: Motion | None = None
    unseen_s: float = 0.0
    candidates: tuple[CandidateShown, ...] = ()


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """Processor milliseconds of one look, by part."""

    motion_ms: float
    detect_ms: float
    track_ms: float
    follow_ms: float

    @property
    def total_ms(self) -> float:
        return self.motion_ms + self.detect_ms + self.track_ms + self.follow_ms


def degrees(radians: float) -> float:
    """Bearing in [0, 360)."""
    return math.degrees(radians) % 360.0


def seconds_between(earlier: datetime, later: datetime) -> float:
    return (later - earlier).total_seconds()
