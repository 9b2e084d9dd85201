"""London's flight restriction zones as facts of public law. NOT FOR OPERATIONAL USE.

Aerodrome circles of article 94A of the Air Navigation Order 2016, centres and radii as in the UK AIP (ENR 5.1, AD 2): surface
to 2,000 ft above the aerodrome. Not in it are runway zones, the zones of Denham, Elstree, Stapleford and Kenley at London's edge,
changes and NOTAMs; nor the restricted areas R157 (SI 2017/1300), R158 (SI 2004/2092) and R159 (SI 2004/2091) and the prison zones
(SI 2023/1101), whose outlines an operator imports from its own data (`airspace.zonefile`).
"""

import shapely

from bowstreet.airspace.model import Datum, Limit, Restriction, Zone
from bowstreet.geo import Position, to_grid

NAUTICAL_MILE_M = 1_852.0
FOOT_M = 0.3048
FRZ_TOP_M = 2_000 * FOOT_M

# Identifier, name, latitude, longitude (degrees WGS 84), radius (nautical miles). Source: UK AIP, ENR 5.1 and AD 2.
AERODROMES = (
    ("EGRU128A", "London Heathrow", 51.4775, -0.4614, 2.5),
    ("EGRU129A", "Northolt", 51.5528, -0.4197, 2.0),
    ("EGRU134A", "Biggin Hill", 51.3308, 0.0325, 2.5),
    ("EGRU135A", "London City", 51.5053, 0.0553, 2.0),
    ("EGRU143A", "London Heliport", 51.4700, -0.1794, 2.0),
)
SOURCE = "UK AIP ENR 5.1; Air Navigation Order 2016, article 94A. Not for operational use"


def zones() -> list[Zone]:
    """The zones that come with the product."""
    return [_circle(*row) for row in AERODROMES]


def _circle(zone_id: str, name: str, latitude_deg: float, longitude_deg: float, radius_nm: float) -> Zone:
    centre = to_grid(Position(latitude_deg=latitude_deg, longitude_deg=longitude_deg))
    point = shapely.Point(centre.easting_m, centre.northing_m)
    return Zone(
        zone_id=zone_id,
        name=f"{name} FRZ",
        kind="FLIGHT_RESTRICTION_ZONE",
        restriction=Restriction.REQUIRES_AUTHORISATION,
        polygon=point.buffer(radius_nm * NAUTICAL_MILE_M, quad_segs=16),
        lower=Limit(height_m=0.0, datum=Datum.AGL),
        upper=Limit(height_m=FRZ_TOP_M, datum=Datum.AGL),
        source=SOURCE,
        authority=f"{name} air traffic services",
    )
