"""When something is wrong: how long silence may last, what a battery's word is worth, at which charge who must act."""

from datetime import datetime, timedelta

from bowstreet.flight import energy
from bowstreet.flight.model import Airframe, Mission, Telemetry, Wind
from bowstreet.flight.reckoning import offset_m
from bowstreet.geo import Position

# Stale when nothing came for this long: the next look, at most half a second later, marks it, within 3 s of silence. Two
# heartbeats may be lost on a good link, and a link may become slower by 2 s, without that.
STALE_S = 2.5
# After a gap no longer than this the flight goes on. The vehicle's own failsafe begins to act after about 20 s.
RESUME_WITHIN_S = 15.0
# What a vehicle calls it when its own failsafe flies; its words differ by make.
OWN_FAILSAFE_MODES = frozenset({"rtl", "smart_rtl", "return", "auto.rtl", "auto_rtl", "land", "auto.land", "descend", "failsafe"})
# Those of them that bring it home.
HOMING_MODES = frozenset({"rtl", "smart_rtl", "return", "auto.rtl", "auto_rtl"})
# After an order it takes this long until what it says of its mode is the answer to it.
MODE_ANSWER_S = 5.0
# A drone that is not heard has landed somewhere by the time its charge was used up, and this much later: then a person must act.
LOST_AFTER_S = 60.0
# With no trust in its position, but with a link, a drone may hold its place for this long. Then it comes down where it is.
BLIND_HOLD_S = 120.0
# A pilot's console sends a heartbeat each second. Looked at once a second, an orphan is flagged within 5 s of the last one.
PILOT_SILENT_S = 4.0
# The pilot, or another one, has this long to come back before the mission flies itself.
ORPHAN_GRACE_S = 10.0
# The battery gauge: below this part of what flying takes at least, over two minutes, it is not believed to have fallen so little.
GAUGE_SLACK = 0.02
# Draw is measured against plan after this long; before, noise of the gauge is larger than what it would show.
DRAW_AFTER_S = 60.0
# Draw up to here is inside the margin of the way home, and changes nothing.
DRAW_PLANNED = 1.10
# What a pilot may spend of the reserve before the drone comes home by itself.
HARD_RESERVE = 0.5
# A straight line home, lengthened for what lies between: London's zones cost about this on average.
DETOUR = 1.15


def believed_charge(mission: Mission, telemetry: Telemetry, airframe: Airframe, now: datetime) -> float:
    """The charge to decide by: what the gauge says, brought up to now, and never more than flying can have left.

    A gauge that is stuck or too hopeful is overruled by the clock: hovering is the least that flying takes.
    """
    per_second = airframe.hover_w / (energy.SECONDS_AN_HOUR * airframe.battery_wh)
    charge = telemetry.charge_fraction - (now - telemetry.at).total_seconds() * per_second
    if mission.took_off_at is not None and mission.charge_at_take_off is not None:
        most = mission.charge_at_take_off - (now - mission.took_off_at).total_seconds() * per_second + GAUGE_SLACK
        charge = min(charge, most)
    return charge


def draw(mission: Mission, telemetry: Telemetry, airframe: Airframe) -> float:
    """What the battery loses over what it should at cruise, since take-off; 1 while that is too early to tell."""
    if mission.took_off_at is None or mission.charge_at_take_off is None:
        return 1.0
    seconds = (telemetry.at - mission.took_off_at).total_seconds()
    if seconds < DRAW_AFTER_S:
        return 1.0
    planned = seconds * airframe.cruise_w / (energy.SECONDS_AN_HOUR * airframe.battery_wh)
    return max(1.0, (mission.charge_at_take_off - telemetry.charge_fraction) / planned)


def with_draw(bingo: float, airframe: Airframe, drawn: float) -> float:
    """Bingo for a battery that loses more than planned: the way home costs that much more, the reserve stays."""
    return airframe.reserve_fraction + (bingo - airframe.reserve_fraction) * max(1.0, drawn / DRAW_PLANNED)


def straight_home(airframe: Airframe, at: Position, dock: Position, wind: Wind, height_m: float) -> float:
    """Charge to come home from anywhere, without margin or reserve: a straight line with an allowance for going round."""
    seconds = energy.leg_s(*offset_m(at, dock), airframe.cruise_mps, energy.planning_wind(wind))
    return energy.home_fraction(airframe, DETOUR * seconds, height_m)


def endurance(telemetry: Telemetry, airframe: Airframe) -> timedelta:
    """How long a drone can stay up with the charge that it last told."""
    charge = min(1.0, max(0.0, telemetry.charge_fraction))
    return timedelta(seconds=charge * airframe.battery_wh * energy.SECONDS_AN_HOUR / airframe.hover_w)
