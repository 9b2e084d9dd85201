"""The figures of a run, from its incidents and missions alone: the same arithmetic for a live run and a simulated one."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from bowstreet.dispatch.policy import TARGETS
from bowstreet.flight.model import Mission, Phase, Wind
from bowstreet.geo import FloatArray
from bowstreet.intake.model import CloseReason, Grade, Incident

# The promise: eyes on the scene in two minutes.
PROMISE_S = 120.0


def percentiles(values: FloatArray, *wanted: float) -> dict[str, float | None]:
    """Such as `p50` and `p99`, rounded to the millisecond; None when there is nothing to rank."""
    if not len(values):
        return {f"p{share:g}": None for share in wanted}
    return {f"p{share:g}": round(float(value), 3) for share, value in zip(wanted, np.percentile(values, wanted), strict=True)}


def call_to_eyes_s(incidents: Iterable[Incident]) -> FloatArray:
    """Seconds from the call to eyes on the scene, for those that were seen."""
    return np.array(
        [(one.eyes_on_at - one.reported_at).total_seconds() for one in incidents if one.eyes_on_at is not None], dtype=np.float64
    )


def _eyes(incidents: Sequence[Incident]) -> dict[str, Any]:
    """Percentiles are over incidents that were seen; the share within the promise is over all, seen or not."""
    seconds = call_to_eyes_s(incidents)
    within = int((seconds <= PROMISE_S).sum())
    return {
        **percentiles(seconds, 50, 90, 99),
        "share_within_120_s": round(within / len(incidents), 5) if incidents else None,
        "incidents": len(incidents),
        "seen": len(seconds),
    }


def eyes_figures(incidents: Iterable[Incident]) -> dict[str, Any]:
    """`call_to_eyes_s` over all incidents of grades that drones fly to and that no person withdrew, and by grade."""
    wanted = [one for one in incidents if one.grade in TARGETS and one.close_reason is not CloseReason.WITHDRAWN]
    grades = {grade: [one for one in wanted if one.grade is grade] for grade in Grade if grade in TARGETS}
    return {**_eyes(wanted), "by_grade": {grade.value: _eyes(several) for grade, several in grades.items() if several}}


def flight_figures(missions: Iterable[Mission]) -> dict[str, int]:
    """What became of every flight that left the ground. `aborted` ones never did."""
    everything = list(missions)
    flown = [mission for mission in everything if mission.took_off_at is not None]
    return {
        "launched": len(flown),
        "arrived": sum(mission.eyes_on_at is not None for mission in flown),
        "returned": sum(mission.phase is Phase.DONE for mission in flown),
        "diverted": sum(mission.diverted_to is not None for mission in flown),
        "not_returned": sum(mission.phase is not Phase.DONE for mission in flown),
        "aborted": sum(mission.phase is Phase.ABORTED for mission in everything),
    }


def closing_figures(incidents: Iterable[Incident]) -> dict[str, int]:
    """How many incidents ended in each way."""
    counts = Counter(one.close_reason for one in incidents)
    return {reason.value: counts[reason] for reason in CloseReason}


def decision_figures(times_ms: Iterable[float]) -> dict[str, float | None]:
    """How long decisions took, real milliseconds."""
    return percentiles(np.array(list(times_ms), dtype=np.float64), 50, 99)


def wind_figures(reports: Sequence[Wind], limit_mps: float) -> dict[str, float]:
    """The weather of a run, from its wind reports: metres a second at transit height.

    Args:
        limit_mps: what the hardiest drone of the fleet may fly in; above it nothing is launched.
    """
    speeds = np.array([wind.speed_mps for wind in reports])
    gusts = np.array([max(wind.gust_mps, wind.speed_mps) for wind in reports])
    return {
        "mean_mps": round(float(speeds.mean()), 2),
        "gust_p50_mps": round(float(np.percentile(gusts, 50)), 2),
        "gust_p90_mps": round(float(np.percentile(gusts, 90)), 2),
        "limit_mps": limit_mps,
        "share_of_time_above_limit": round(float((gusts > limit_mps).mean()), 4),
    }


def observed_figures(pairs: Sequence[tuple[Incident, float]]) -> dict[str, Any]:
    """Ours beside the first arrival that was really observed, call by call.

    Args:
        pairs: incidents of grades that are flown, each with the observed seconds from call to first arrival.
    """
    observed = np.array([seconds for _, seconds in pairs], dtype=np.float64)
    seen = [(one, seconds) for one, seconds in pairs if one.eyes_on_at is not None]
    ours = call_to_eyes_s(one for one, _ in seen)
    theirs = np.array([seconds for _, seconds in seen], dtype=np.float64)
    earlier = theirs - ours
    return {
        "calls": len(pairs),
        "seen_by_a_drone": len(seen),
        "observed_s": {**percentiles(observed, 50, 90), "mean": _mean(observed)},
        "ours_s": {**percentiles(ours, 50, 90), "mean": _mean(ours)},
        "earlier_by_s": {**percentiles(earlier, 10, 50, 90), "mean": _mean(earlier)},
        "share_drone_first": round(float((earlier > 0).sum()) / len(pairs), 5) if pairs else None,
        "note": OBSERVED_NOTE,
    }


OBSERVED_NOTE = (
    "The observed arrivals are fire crews going to dwelling fires in London in 2009, from their own stations, by road. They show "
    "how soon somebody could really be at these places at these times. They are not police response times, and a drone that sees "
    "is not a crew that acts. The simulated times assume the drones, docks, wind, airspace permissions and launch time of this "
    "run. 'share_drone_first' counts a call that no drone saw as not first. Both times start when the call was logged."
)


# What a reader of the figures must know to judge how many were not served.
ASSUMED = {
    "wind": (
        "The wind is drawn from the seed after London's climate: it is not the weather of the days of the calls. While gusts at "
        "transit height are above what the drones may fly in, nothing is launched; an incident is unserved for wind when they "
        "stayed so until its time was up."
    ),
    "airspace": (
        "The operator has leave to fly over the whole area except in flight restriction zones, each of which needs leave from "
        "its aerodrome. None is assumed here, so scenes inside are not flown to, and no dock stands there. A force that has "
        "leave for a zone enters it as a permission; 'airspace_refused' says how many calls each zone cost."
    ),
}


def _mean(values: FloatArray) -> float | None:
    return round(float(values.mean()), 3) if len(values) else None


def hours(incidents: Iterable[Incident]) -> tuple[list[int], list[float | None], list[float | None]]:
    """For each hour of the day (UTC): incidents, median and ninetieth percentile of call to eyes."""
    each: list[list[Incident]] = [[] for _ in range(24)]
    for one in incidents:
        each[one.reported_at.hour].append(one)
    found = [percentiles(call_to_eyes_s(several), 50, 90) for several in each]
    return [len(several) for several in each], [one["p50"] for one in found], [one["p90"] for one in found]


def flatten(figures: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested figures as rows of dotted names, for tables."""
    rows: list[tuple[str, Any]] = []
    for key, value in figures.items():
        name = f"{prefix}.{key}" if prefix else key
        rows += flatten(value, name) if isinstance(value, Mapping) else [(name, value)]
    return rows
