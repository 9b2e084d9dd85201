"""A week of London's immediate calls with 288 drones: the whole command, processor time and all.

Baseline: the model that one would write first, a heap of moments and the nearest free drone, on the same calls and docks. It
knows no wind, airspace, battery or command and keeps no record: it is what simulating alone costs, and how far a model without
all that is from the services' own answer. It sees every call, the services only those that may be flown to; so the times to eyes
are of different calls. Where the time goes is sampled in a second run of one day.
"""

import heapq
import json
import resource
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from itertools import takewhile
from time import perf_counter, process_time
from types import FrameType
from typing import Any

import numpy as np

from bowstreet.flight.airframes import PATROL_QUADCOPTER as DRONE
from bowstreet.geo import FloatArray, grid_arrays
from bowstreet.intake.model import CallReport
from bowstreet.planning.demand import model_named
from bowstreet.simulation.city import City
from bowstreet.simulation.run import DEMAND_START, Options, simulate, simulated_city

DEMAND, DRONES, DAYS, SEED = "immediate-2014", 288, 7.0, 1
ON_SCENE_S = 300.0
TURNAROUND_S = 600.0  # home, down, and charged enough for the next
SAMPLE_S = 0.002


def _command() -> tuple[dict[str, Any], float, float]:
    """The whole command as a person runs it: its figures, its processor seconds, its real seconds."""
    words = ["simulate", "--demand", DEMAND, "--days", f"{DAYS:g}", "--drones", str(DRONES), "--seed", str(SEED), "--json", "-"]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    done = subprocess.run([sys.executable, "-m", "bowstreet", *words], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return json.loads(done.stdout), cpu_s, perf_counter() - started


def _plain(calls: Sequence[CallReport], city: City) -> tuple[FloatArray, float]:
    """Baseline: seconds from call to eyes for each call, nearest free drone in a straight line; and the processor seconds."""
    docks = {dock.dock_id: number for number, dock in enumerate(city.docks)}
    places = city.dock_points()[[docks[vehicle.home_dock_id] for vehicle in city.vehicles]]
    east, north = grid_arrays(
        np.array([call.position.latitude_deg for call in calls]), np.array([call.position.longitude_deg for call in calls])
    )
    started = process_time()
    away = np.zeros(len(places))
    agenda = [(call.reported_at.timestamp(), 0, number) for number, call in enumerate(calls)]
    heapq.heapify(agenda)
    seen_s: list[float] = []
    while agenda:
        now_s, kind, number = heapq.heappop(agenda)
        if kind:
            away[number] = 0.0
            continue
        metres = np.hypot(places[:, 0] - east[number], places[:, 1] - north[number]) + away
        nearest = int(metres.argmin())
        flight_s = DRONE.launch_s + float(metres[nearest]) / DRONE.cruise_mps
        if np.isfinite(flight_s):
            seen_s.append(flight_s)
            away[nearest] = np.inf
            heapq.heappush(agenda, (now_s + 2.0 * flight_s + ON_SCENE_S + TURNAROUND_S, 1, nearest))
    return np.array(seen_s), process_time() - started


def _shares() -> dict[str, float]:
    """Which part of the program the time of a day goes to, by sampling: the innermost frame that is ours counts."""
    found: Counter[str] = Counter()

    def sample(_: int, frame: FrameType | None) -> None:
        while frame is not None:
            words = str(frame.f_globals.get("__name__", "")).split(".")
            if words[0] == "bowstreet":
                found[words[1] if len(words) > 1 else words[0]] += 1
                return
            frame = frame.f_back

    before = signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, SAMPLE_S, SAMPLE_S)
    try:
        simulate(Options(demand=DEMAND, days=1.0, drones=DRONES, seed=SEED, progress=False))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)
    total = sum(found.values())
    return {part: round(count / total, 3) for part, count in found.most_common(8)}


def run() -> dict[str, Any]:
    figures, cpu_s, wall_s = _command()
    incidents = figures["calls"]["incidents"]
    end = DEMAND_START + timedelta(days=DAYS)
    calls = list(takewhile(lambda call: call.reported_at < end, model_named(DEMAND).calls(DEMAND_START, SEED)))
    plain_s, plain_cpu_s = _plain(calls, simulated_city(DRONES))
    return {
        "days": DAYS,
        "drones": DRONES,
        "calls": figures["calls"]["received"],
        "incidents": incidents,
        "flights": figures["flights"]["launched"],
        "ledger_entries": figures["ledger"]["entries"],
        "cpu_s_whole_command": round(cpu_s, 2),
        "incidents_a_cpu_second": round(incidents / cpu_s),
        "cpu_s_for_6400_incidents": round(6_400 * cpu_s / incidents, 2),
        "times_real_time": round(DAYS * 86_400.0 / wall_s),
        "eyes_p50_s": figures["call_to_eyes_s"]["p50"],
        "eyes_p90_s": figures["call_to_eyes_s"]["p90"],
        "baseline_nearest_drone_alone": {
            "cpu_s": round(plain_cpu_s, 2),
            "incidents_a_cpu_second": round(len(calls) / plain_cpu_s),
            "eyes_p50_s": round(float(np.percentile(plain_s, 50)), 1),
            "eyes_p90_s": round(float(np.percentile(plain_s, 90)), 1),
            "not_served": len(calls) - len(plain_s),
        },
        "not_served": figures["unserved"],
        "share_of_time": _shares(),
    }
