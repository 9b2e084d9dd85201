"""What the service remembers of one vehicle between two of its words, and the status that follows from it."""

from datetime import datetime, timedelta

import msgspec

from bowstreet.flight import energy
from bowstreet.flight.failsafe import STALE_S
from bowstreet.flight.model import Airframe, Mission, MissionPlan, Telemetry, VehicleConfig, VehicleStatus, Wind
from bowstreet.flight.position import Fix, judge

# From this charge on a docked drone is shown as ready rather than charging; dispatch looks at the charge itself.
FULL = 0.95
# A vehicle that is heard for the first time says one thing after another, and its own checks take a few seconds: so long it may
# be unfit without a warning to anybody. It is not sent anywhere meanwhile.
SETTLES = timedelta(seconds=10)

_DOUBTS = {"gps-off": "no position fix", "gps-stuck": "its position is stuck", "gps-wrong": "its position contradicts itself"}
_UNSEEN = (VehicleStatus.UNSEEN, "not heard since the start")
_STALE = (VehicleStatus.STALE, "not heard for more than 2.5 s")
_BUSY = (VehicleStatus.BUSY, "")
_READY = (VehicleStatus.READY, "")
_CHARGING = (VehicleStatus.CHARGING, "")


class Grounding(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle taken out of service by a person, as the store keeps it."""

    vehicle_id: str
    at: datetime
    by: str
    reason: str


class Craft:
    """Mutable; owned by the service alone.

    Attributes:
        stands_in: the dock that it stands in; None in the air, or away from every dock.
        stood: the word by which `stands_in` was found out.
        last_dock: where it stood last, or its home.
        grounded: why a person has taken it out of service; None when none has.
        fix: what is held of its place.
        told: the status that was published last, with its reason.
    """

    __slots__ = (
        "_bingo", "_first_heard_at", "airframe", "config", "fix", "grounded", "last_dock", "mission_id", "stands_in", "stood",
        "telemetry", "told",
    )  # fmt: skip

    def __init__(self, config: VehicleConfig, airframe: Airframe) -> None:
        self.config = config
        self.airframe = airframe
        self.telemetry: Telemetry | None = None
        self.fix: Fix | None = None
        self.mission_id: str | None = None
        self.grounded: str | None = None
        self.stands_in: str | None = None
        self.stood: Telemetry | None = None
        self.last_dock = config.home_dock_id
        self.told = _UNSEEN
        self._bingo: tuple[MissionPlan, Wind, float] | None = None
        self._first_heard_at: datetime | None = None

    @property
    def doubt(self) -> str:
        """Why its position is not trusted; "" when it is."""
        return "" if self.fix is None else self.fix.doubt

    def hear(self, telemetry: Telemetry) -> None:
        self._first_heard_at = self._first_heard_at or telemetry.at
        self.telemetry = telemetry
        self.fix = judge(self.fix, telemetry)

    def bingo(self, mission: Mission, wind: Wind) -> float:
        """Charge at which it must leave the scene, in this wind. Kept until the plan or the wind is another."""
        known = self._bingo
        if known is not None and known[0] is mission.plan and known[1] is wind:
            return known[2]
        plan = mission.plan
        height_m = plan.homeward[0].height_m_above_dock
        home_s = energy.route_s(plan.homeward, self.airframe.cruise_mps, energy.planning_wind(wind))
        value = energy.bingo_fraction(self.airframe, home_s, height_m)
        self._bingo = plan, wind, value
        return value

    def judge(self, heard_s_ago: float | None) -> tuple[VehicleStatus, str]:
        """Its status now, and why when that is not plain: the first that applies."""
        if self.grounded is not None:
            return VehicleStatus.GROUNDED, self.grounded
        if self.telemetry is None or heard_s_ago is None:
            return _UNSEEN
        if heard_s_ago > STALE_S:
            return _STALE
        if self.mission_id is not None:
            return _BUSY
        unfit = self._unfit(self.telemetry)
        if unfit:
            return (
                (VehicleStatus.UNSEEN, f"just heard: {unfit}") if self._settling(self.telemetry) else (VehicleStatus.UNFIT, unfit)
            )
        return _READY if self.telemetry.charge_fraction >= FULL else _CHARGING

    def _settling(self, telemetry: Telemetry) -> bool:
        seen = self.told[0] is not VehicleStatus.UNSEEN
        return not seen and self._first_heard_at is not None and telemetry.at - self._first_heard_at < SETTLES

    def _unfit(self, telemetry: Telemetry) -> str:
        if not telemetry.landed:
            return "in the air without a mission"
        if telemetry.armed:
            return "armed without a mission"
        if telemetry.faults:
            return ", ".join(telemetry.faults)
        if self.doubt:
            return _DOUBTS.get(self.doubt, self.doubt)
        if self.stands_in is None:
            return "not in a dock"
        return "" if telemetry.ready_to_arm else "its own checks do not let it arm"
