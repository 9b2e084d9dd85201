"""How long a route check and a way round take: London's zones, and a country's worth of them.

Baselines, in the same run. For the check of a straight line: plain shapely, each zone's distance to it, nothing prepared or
indexed. For the way round: a visibility graph over the corners of all zones, made for each question. Both must give the same
answers, which is checked. A whole clearance (ends, line, way round, volume), reading files, and putting zones in order have none.
"""

import itertools
import json
import random
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import numpy as np
import rustworkx
import shapely

from bowstreet.airspace import london, rules
from bowstreet.airspace.export import write_zones
from bowstreet.airspace.model import Clearance, Datum, Limit, Restriction, Zone
from bowstreet.airspace.router import BUFFER_M, CORNER_M, QUARTER, SIMPLIFY_M, Router
from bowstreet.airspace.zonefile import read_zones
from bowstreet.geo import GridPoint

NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
CHECKS, ROUNDS, BASELINE_ROUNDS = 2_000, 300, 12
COUNTRY = 2_000
# London, and the part of Great Britain that lies in its box, metres on the National Grid.
LONDON = (503_000.0, 155_000.0, 562_000.0, 201_000.0)
BRITAIN = (250_000.0, 50_000.0, 650_000.0, 650_000.0)
LEG_M = 8_000.0


def _country(count: int) -> list[Zone]:
    """Circles like those round aerodromes and prisons, strewn over the country; London's own among them."""
    chance = random.Random(3)
    west, south, east, north = BRITAIN
    made = []
    for number in range(count):
        point = shapely.Point(chance.uniform(west, east), chance.uniform(south, north))
        made.append(
            Zone(
                zone_id=f"EGRU{number}", name=f"made up {number}", kind="COMMON", restriction=Restriction.PROHIBITED,
                polygon=point.buffer(chance.choice([400.0, 400.0, 2_000.0, 3_704.0]), quad_segs=16),
                lower=Limit(height_m=0.0, datum=Datum.AGL), upper=Limit(height_m=609.6, datum=Datum.AGL), source="benchmark",
            )
        )  # fmt: skip
    return [*london.zones(), *made]


def _legs(zones: list[Zone], count: int, *, crossing: bool) -> list[tuple[GridPoint, GridPoint]]:
    """From a dock to a scene: up to `LEG_M`, both ends outside zones and buffers. With `crossing` only those that meet a zone."""
    chance = random.Random(9)
    west, south, east, north = LONDON
    closed = shapely.union_all([shapely.buffer(zone.polygon, BUFFER_M + CORNER_M) for zone in zones])
    shapely.prepare(closed)
    found: list[tuple[GridPoint, GridPoint]] = []
    while len(found) < count:
        x, y = chance.uniform(west, east), chance.uniform(south, north)
        u, v = x + chance.uniform(-LEG_M, LEG_M), y + chance.uniform(-LEG_M, LEG_M)
        if shapely.intersects_xy(closed, [x, u], [y, v]).any():
            continue
        if not crossing or shapely.intersects(closed, shapely.LineString([(x, y), (u, v)])):
            found.append((GridPoint(easting_m=x, northing_m=y), GridPoint(easting_m=u, northing_m=v)))
    return found


def _plain_check(zones: list[Zone], start: GridPoint, goal: GridPoint) -> bool:
    """Baseline: every zone, nothing prepared."""
    line = shapely.LineString([(start.easting_m, start.northing_m), (goal.easting_m, goal.northing_m)])
    return all(shapely.distance(zone.polygon, line) > BUFFER_M for zone in zones)


def _plain_round(zones: list[Zone], start: GridPoint, goal: GridPoint) -> float | None:
    """Baseline: all corners of all zones, which of them see each other, and the shortest way: anew each time. Metres."""
    grown = shapely.union_all([shapely.buffer(zone.polygon, BUFFER_M, quad_segs=QUARTER) for zone in zones])
    outer = shapely.simplify(shapely.buffer(grown, SIMPLIFY_M + CORNER_M, quad_segs=QUARTER), SIMPLIFY_M)
    points = np.concatenate(
        [
            [(start.easting_m, start.northing_m), (goal.easting_m, goal.northing_m)],
            *(shapely.get_coordinates(part.exterior)[:-1] for part in shapely.get_parts(outer)),
        ]
    )
    pairs = np.array(list(itertools.combinations(range(len(points)), 2)))
    free = pairs[~shapely.intersects(grown, shapely.linestrings(points[pairs]))]
    lengths = np.hypot(*(points[free[:, 0]] - points[free[:, 1]]).T)
    graph = rustworkx.PyGraph()
    graph.add_nodes_from(list(range(len(points))))
    graph.add_edges_from([(int(a), int(b), float(m)) for (a, b), m in zip(free, lengths, strict=True)])
    found = rustworkx.dijkstra_shortest_path_lengths(graph, 0, float, goal=1)
    return float(found[1]) if 1 in found else None


def _milliseconds(seconds: list[float]) -> dict[str, float]:
    p50, p99 = np.percentile(np.array(seconds) * 1_000.0, [50, 99])
    return {"p50": round(float(p50), 4), "p99": round(float(p99), 4), "max": round(max(seconds) * 1_000.0, 4)}


def _timed(work: Any, cases: list[Any]) -> tuple[dict[str, float], list[Any]]:
    times, answers = [], []
    for case in cases:
        started = perf_counter()
        answers.append(work(*case))
        times.append(perf_counter() - started)
    return _milliseconds(times), answers


def _on(zones: list[Zone], *, baseline_rounds: int) -> dict[str, Any]:
    """Checks and ways round among these zones."""
    box = shapely.box(*LONDON).buffer(10_000.0)
    shapely.prepare(box)
    started = perf_counter()
    router = Router(zones, box)
    prepared_ms = (perf_counter() - started) * 1_000.0

    def clear(start: GridPoint, goal: GridPoint) -> Any:
        return rules.clear_route(start, goal, router=router, allowed=(), volume=box, height_m_agl=80.0)

    legs, crossing = _legs(zones, CHECKS, crossing=False), _legs(zones, ROUNDS, crossing=True)
    check, near = _timed(router.blocking, legs)
    whole, _ = _timed(clear, legs)
    plain, theirs = _timed(lambda start, goal: _plain_check(zones, start, goal), legs)
    first, ways = _timed(clear, crossing)
    again, _ = _timed(clear, crossing)
    made = {
        "zones": len(zones),
        "prepared_once_ms": round(prepared_ms, 2),
        "check_ms": check,
        "check_baseline_plain_shapely_ms": plain,
        "check_same_answer": f"{sum((not a) is b for a, b in zip(near, theirs, strict=True))}/{CHECKS}",
        "whole_clearance_ms": whole,
        "way_round_first_look_ms": first,
        "way_round_graph_known_ms": again,
        "ways_found": f"{sum(isinstance(one, Clearance) for one in ways)}/{ROUNDS}",
    }
    if baseline_rounds:
        slow, lengths = _timed(lambda start, goal: _plain_round(zones, start, goal), crossing[:baseline_rounds])
        lengths_m = [one.length_m if isinstance(one, Clearance) else None for one in ways[:baseline_rounds]]
        longer = [a - b for a, b in zip(lengths_m, lengths, strict=True) if a is not None and b is not None]
        made["way_round_baseline_all_corners_ms"] = slow
        made["way_round_longer_than_baseline_m"] = round(max(longer, default=0.0), 3)
        same = sum((a is None) == (b is None) for a, b in zip(lengths_m, lengths, strict=True))
        made["way_round_same_found"] = f"{same}/{baseline_rounds}"
    return made


def _files(zones: list[Zone]) -> dict[str, Any]:
    """Reading a country's zones."""
    ed318 = write_zones(zones, issued=NOW, provider="benchmark")
    features = json.loads(ed318)["features"]
    places = [one["geometry"]["coordinates"][0] for one in features]
    blocks = [
        "\n".join(
            [f"AC P\nAN {zone.zone_id}\nAL SFC\nAH 2000ft AGL", *(f"DP {y:.6f} N {abs(x):.6f} {'EW'[x < 0]}" for x, y in ring)]
        )
        for zone, ring in zip(zones, places, strict=True)
    ]
    marks = [
        f"<Placemark><name>{zone.zone_id}</name><Polygon><extrude>1</extrude><altitudeMode>relativeToGround</altitudeMode>"
        f"<outerBoundaryIs><LinearRing><coordinates>{' '.join(f'{x},{y},609.6' for x, y in ring)}</coordinates></LinearRing>"
        "</outerBoundaryIs></Polygon></Placemark>"
        for zone, ring in zip(zones, places, strict=True)
    ]
    files = {
        "ed318": ed318,
        "openair": "\n\n".join(blocks).encode(),
        "kml": f"<kml><Document>{''.join(marks)}</Document></kml>".encode(),
    }
    made: dict[str, Any] = {}
    for name, data in files.items():
        started = perf_counter()
        read = read_zones(data, name)
        took_s = perf_counter() - started
        made[name] = {
            "megabytes": round(len(data) / 1e6, 2),
            "zones": len(read.zones),
            "zones_a_second": round(len(read.zones) / took_s),
        }
    return made


def run() -> dict[str, Any]:
    country = _country(COUNTRY)
    return {
        "london": _on(london.zones(), baseline_rounds=BASELINE_ROUNDS),
        "country": _on(country, baseline_rounds=0),
        "read": _files(country),
    }
