"""When a drone over a scene is relieved, by whom, at which height. Pure.

1. While eyes are wanted on a scene, the drone over it stays to bingo, not to the end of its planned time.
2. A relief is authorised so early that it is over the scene, with a margin, before that drone must leave; and at once when it is
   late for that. One relieves; there is never a second one on its way for the same drone.
3. A relief comes from a dock: one in the air has no charge for a watch, and nobody loses a drone that was promised them.
4. It keeps another height above the sea than every drone over or near the scene, all the way: it climbs to it over its own dock,
   and nobody climbs or sinks through another's height near the scene. A drone whose own dock is so near is sent only where its
   climb crosses nobody. A pilot's drone is kept apart in the same way: neither to another's height, nor through it,
   nor below one that will sink there.
5. The watch is handed over when the relief has eyes on, and the other is let go a little later, so that whoever watches has
   changed over before the old picture ends. A relief that does not come costs nothing: the other stays to bingo.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import numpy as np

from bowstreet.airspace.rules import LEVELS_M
from bowstreet.dispatch.fleet import Fleet
from bowstreet.dispatch.leaving import leaves
from bowstreet.dispatch.reach import home_times_s, out_times_s
from bowstreet.dispatch.relay.ways import Passage
from bowstreet.flight.airframes import CLIMB_AWAY_M
from bowstreet.flight.energy import needed_fraction, planning_wind
from bowstreet.flight.model import Airframe, Mission, Phase, VehicleStatus, Wind
from bowstreet.geo import GridPoint

# A watch is asked for again after this; longer needs somebody who says so anew.
MOST_WATCH = timedelta(hours=4)
LEAST_WATCH = timedelta(minutes=5)
# Both are over the scene for so long: consoles and phones connect to the new picture within a few seconds, on a bad link too.
OVERLAP_S = 30.0
# How much earlier than reckoned it is to be there. Bingo comes earlier when the wind rises or a battery sags; a launch that is
# broken off must leave time for another one.
MARGIN_S = 120.0
# The way takes so much longer than reckoned: wind, way round, waiting for a lid.
SLOWER = 1.15
# Over a scene for less than this a relief is hardly worth its charge; who can only less is sent when nobody can more.
WORTH_S = 600.0
# Between two drones at one scene, above the sea. Barometers of two makes differ by up to 5 m, gusts move a drone by as much.
APART_M = 10.0
# Drones that circle scenes so near to each other count as at one scene: two circles of 40 m and 80 m between them, and a margin.
NEAR_M = 200.0
WATCHING = (Phase.ON_SCENE, Phase.CONTROLLED)


def sees(mission: Mission) -> bool:
    """Whether it has eyes on its scene."""
    return mission.phase in WATCHING and mission.eyes_on_at is not None and not leaves(mission)


def launch_at(leaves_at: datetime, eta_s: float) -> datetime:
    """When a relief must be authorised that takes `eta_s` to be there."""
    return leaves_at - timedelta(seconds=SLOWER * eta_s + OVERLAP_S + MARGIN_S)


def climb_s(airframe: Airframe, height_m: float) -> float:
    """What a relief's climb to its height over its own dock takes beyond what any launch does."""
    return max(0.0, height_m - CLIMB_AWAY_M) / airframe.climb_mps


def gap_s(dark_since: datetime | None, seen_at: datetime) -> float:
    """How long nobody saw the scene."""
    return 0.0 if dark_since is None else max(0.0, (seen_at - dark_since).total_seconds())


# --- height -------------------------------------------------------------------------------------------------------------


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A drone over or near the scene: its height above the sea, whether its own dock is so near that it sinks there, and how the
    way that is asked about lies to it."""

    altitude_m_amsl: float
    sinks_here: bool = False
    passage: Passage = Passage.WITHIN


def levels(taken: Sequence[Taken], ground_m_amsl: float, *, climbs_here: bool) -> tuple[float, ...]:
    """The transit levels, metres above its dock, that keep a relief apart from all that are there.

    Args:
        ground_m_amsl: of the relief's dock. Levels are flown above it: one level from two docks may be two heights, and two
            levels one.
        climbs_here: its dock is near the scene.
    """
    return tuple(level for level in LEVELS_M if all(_apart(one, ground_m_amsl + level, climbs_here) for one in taken))


def _apart(other: Taken, altitude_m_amsl: float, climbs_here: bool) -> bool:
    above_m = altitude_m_amsl - other.altitude_m_amsl
    if abs(above_m) < APART_M:
        return False
    # Who climbs here must stay below the other; under whom the other sinks must stay above it.
    return not (climbs_here and above_m > 0.0) and not (other.sinks_here and above_m < 0.0)


def met(taken: Sequence[Taken], from_m: float | None, to_m: float) -> Taken | None:
    """Whose height a pilot's drone would share, or climb or sink through, or who would sink through its own; None when it is
    apart from all.

    Args:
        from_m, to_m: heights above the sea; None where it is not known from which. In between it may be at any height between
            them: autopilots climb at once, late, or evenly. Who is too near to another already may go away from it, up, down or
            over the ground, and not through it.
    """
    return next((one for one in taken if _meets(one, from_m, to_m)), None)


def _meets(one: Taken, from_m: float | None, to_m: float) -> bool:
    above_m = to_m - one.altitude_m_amsl
    if from_m is not None:
        before_m = from_m - one.altitude_m_amsl
        if before_m * above_m < 0.0:
            return True
        if one.passage is Passage.LEAVES and abs(above_m) >= abs(before_m):
            return False
        if one.passage is Passage.ENTERS and abs(before_m) < APART_M:
            return True
    return abs(above_m) < APART_M or (one.sinks_here and above_m < 0.0)


def free(
    taken: Sequence[Taken], from_m: float | None, ground_m_amsl: float, lowest_m: float, highest_m: float
) -> tuple[tuple[int, int], ...]:
    """The heights above `ground_m_amsl`, in whole metres, at which `met` finds nobody: from the lowest, each from and to."""
    bands: list[tuple[int, int]] = []
    for height_m in range(math.ceil(lowest_m), math.floor(highest_m) + 1):
        if met(taken, from_m, ground_m_amsl + height_m) is not None:
            continue
        if bands and bands[-1][1] == height_m - 1:
            bands[-1] = bands[-1][0], height_m
        else:
            bands.append((height_m, height_m))
    return tuple(bands)


# --- nobody can -----------------------------------------------------------------------------------------------------------


def first_able_s(fleet: Fleet, scene: GridPoint, wind: Wind, on_scene_s: float) -> float | None:
    """In how many seconds the first drone in a dock will have charged enough; None when there is none that ever could."""
    docked = fleet.with_status(VehicleStatus.READY, VehicleStatus.CHARGING) & ~fleet.on_mission
    against = planning_wind(wind)
    out_s, home_s = out_times_s(fleet, scene, against), home_times_s(fleet, scene, against)
    waits_s = np.full(len(fleet), np.inf)
    for index, airframe in enumerate(fleet.airframes):
        of = (fleet.airframe == index) & docked
        needed = needed_fraction(airframe, out_s[of], home_s[of], LEVELS_M[0], on_scene_s)
        waits_s[of] = np.where(needed <= 1.0, np.maximum(0.0, needed - fleet.charge[of]) * airframe.charge_full_s, np.inf)
    first = float(waits_s.min(initial=np.inf))
    return first if np.isfinite(first) else None
