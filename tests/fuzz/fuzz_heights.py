"""An operator's height file: whatever the bytes, ground that answers, or a clear error."""

from bowstreet.errors import MalformedConfiguration
from bowstreet.geo import GridPoint, to_wgs84
from bowstreet.tracking.terrain import parse_grid

SEEDS = [
    b"ncols 3\nnrows 2\nxllcorner 530000\nyllcorner 180000\ncellsize 50\n1 2 3\n4 5 6\n",
    b"NCOLS 2\nNROWS 2\nXLLCENTER 530000\nYLLCENTER 180000\nCELLSIZE 50\nNODATA_VALUE -9999\n1 -9999\n4 5.5\n",
]


def fuzz_one(data: bytes) -> None:
    try:
        ground = parse_grid(data)
    except MalformedConfiguration as error:
        if not (error.message and error.remedy):
            raise AssertionError("an error that does not say what to do") from error
        return
    if not (0 <= ground.west_m <= 700_000 and 0 <= ground.south_m <= 1_300_000):
        return  # off the National Grid: nothing stands there
    height = ground.height_m_amsl(to_wgs84(GridPoint(easting_m=ground.west_m + 1.0, northing_m=ground.south_m + 1.0)))
    if height is not None and not -500.0 <= height <= 9_000.0:
        raise AssertionError("a height that no ground has")
