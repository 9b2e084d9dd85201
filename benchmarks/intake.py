"""What a call costs before anybody decides on it: which borough it lies in, and making a week of calls.

Baseline of the borough: plain shapely, each borough's distance to the place, nothing prepared or indexed; both must agree.
"""

from datetime import UTC, datetime
from itertools import islice
from time import process_time
from typing import Any

import numpy as np
import shapely

from bowstreet.geo import Position
from bowstreet.intake import area
from bowstreet.planning.demand import DemandModel

PLACES, BASELINE_PLACES, WEEK_CALLS = 5_000, 300, 6_400
FROM = datetime(2026, 3, 2, tzinfo=UTC)


def run() -> dict[str, Any]:
    whole = area.london()
    west, south, east, north = whole.bounding_box
    dice = np.random.default_rng(5)
    latitudes, longitudes = dice.uniform(south, north, PLACES), dice.uniform(west, east, PLACES)
    places = [Position(latitude_deg=y, longitude_deg=x) for y, x in zip(latitudes.tolist(), longitudes.tolist(), strict=True)]
    whole.contains(places[0])
    began = process_time()
    inside = [whole.contains(place) for place in places]
    each_us = (process_time() - began) / PLACES * 1e6

    points = [shapely.Point(place.longitude_deg, place.latitude_deg) for place in places[:BASELINE_PLACES]]
    began = process_time()
    polygons = np.array([one.polygon for one in whole.boroughs])
    plain = [bool(shapely.distance(polygons, point).min() <= area.EDGE_DEG) for point in points]
    plain_us = (process_time() - began) / BASELINE_PLACES * 1e6
    assert inside[:BASELINE_PLACES] == plain, "both say the same of every place"

    began = process_time()
    made = sum(1 for _ in islice(DemandModel.london().calls(FROM, 1), WEEK_CALLS))
    return {
        "in_the_area_us": round(each_us, 2), "plain_shapely_us": round(plain_us, 1),
        "calls_made": made, "calls_made_s": round(process_time() - began, 3),
    }  # fmt: skip
