"""What of known people's heads is covered in a redacted copy, over the simulated street, by the detector that ships and by one
that knows the truth and misses one look in ten: shares of all pixels that show a head of somebody half of whom is to be seen.

The first says how much a reviewer has to add; the second what the rules lose. People of the simulation are flat shapes: no claim
about the real world. Baseline: what the same detector's looks cover in the pictures that it looked at, without any rule.

Likewise of number plates, by how high they are in the picture: looks at a plate of which no more than a twentieth is left, with
what ships and, as the baseline, with vehicles' outlines alone. Those plates are drawn by this project too: no claim either.
"""

import math
import time
from datetime import UTC, datetime
from typing import Any

import numpy as np
from tests.filmed_street import STAGES, Filmed, Knowing, filmed, head_mask, plate_mask

from bowstreet.frames import DroneFrame
from bowstreet.tracking.finder import thorough
from bowstreet.video.model import Finding
from bowstreet.video.redaction import rules
from bowstreet.video.redaction.model import CoverKind, Found, Look
from bowstreet.video.redaction.service import read_look
from bowstreet.video.redaction.worker import Covers

SECONDS, EVERY = 5.0, 2  # every second picture of 12.5 a second is looked at
HEIGHTS_M = (10.0, 16.0, 26.0)
WIDTH, HEIGHT = 1280, 720
PLACES = STAGES[:4]
# Flights on which plates are to be seen: place, from which side, height, and how wide the lens is. None of these was looked at
# when the finder's figures were chosen.
PLATE_SECONDS = 2.0
PLATE_FLIGHTS = [
    (stage, way_rad, height_m, fov_deg)
    for stage, way_rad in ((4, 0.3), (4, 2.6), (5, 1.2), (5, 4.0), (0, 0.5), (1, 3.5))
    for height_m, fov_deg in ((8.0, 60.0), (12.0, 30.0), (20.0, 15.0), (8.0, 22.0))
]
# A plate's lesser side in pixels; characters are 0.7 of it. Up to 6 nobody reads one, from 10 on most can.
SIZES_PX = ((0.0, 6.0), (6.0, 10.0), (10.0, math.inf))
LEFT_OVER = 0.05


def _found(pictures: list[Filmed], finder: Any) -> Found:
    looks: list[Look] = []
    for number, one in list(enumerate(pictures))[::EVERY]:
        frame = DroneFrame(
            source_id="",
            vehicle_id="",
            sequence=number,
            captured_at=datetime.fromtimestamp(one.at_us / 1e6, UTC),
            pixels=one.pixels,
        )
        look, _ = read_look(Finding(sequence=number, captured_us=one.at_us, data=finder.look(frame)), 0)
        looks.append(look)
    return Found(width_px=WIDTH, height_px=HEIGHT, looks=tuple(looks))


def _share(pictures: list[Filmed], found: Found, alone: bool = False) -> tuple[int, int, float]:
    """Pixels of heads, those of them that are covered, and the share of all pixels that is covered."""
    covers = Covers(rules.covered(found, ()))
    by_time = {look.at_us: look for look in found.looks}
    heads = hidden = 0
    all_of_it = []
    for one in pictures:
        mask = np.zeros((HEIGHT, WIDTH), bool)
        if alone:
            if one.at_us not in by_time:
                continue
            boxes = [rules.part(shape) for shape in by_time[one.at_us].shapes]
            for box in boxes:
                mask[max(0, int(box.top)) : max(0, int(box.bottom) + 1), max(0, int(box.left)) : max(0, int(box.right) + 1)] = (
                    True
                )
        else:
            for region in covers.at(one.at_us):
                mask[region.top : region.bottom, region.left : region.right] = True
        head = head_mask(one)
        heads += int(head.sum())
        hidden += int((head & mask).sum())
        all_of_it.append(mask.mean())
    return heads, hidden, float(np.mean(all_of_it))


def _outlines(found: Found) -> Found:
    """Without the patches that may be plates."""
    looks = [
        Look(at_us=look.at_us, shapes=tuple(one for one in look.shapes if one.kind is not CoverKind.PLATE))
        for look in found.looks
    ]
    return Found(width_px=WIDTH, height_px=HEIGHT, looks=tuple(looks))


def _plates() -> dict[str, Any]:
    """Of looks at plates that are wholly to be seen, by size: how many, and the share of which a twentieth is left at most."""
    looks = {size: {"shipped": [0, 0, 0], "baseline": [0, 0, 0]} for size in SIZES_PX}
    seen_plates: set[tuple[int, str]] = set()
    picture_covered = {"shipped": [0.0], "baseline": [0.0]}
    for stage, way_rad, height_m, fov_deg in PLATE_FLIGHTS:
        flown = filmed(
            PLATE_SECONDS, width=WIDTH, height=HEIGHT, height_m=height_m, tilt_deg=-25.0, stage=STAGES[stage], fov_deg=fov_deg,
            way_rad=way_rad,
        )  # fmt: skip
        pictures = list(flown)
        found = _found(pictures, thorough())
        for name, seen in (("shipped", found), ("baseline", _outlines(found))):
            covers = Covers(rules.covered(seen, ()))
            for one in pictures:
                mask = np.zeros((HEIGHT, WIDTH), bool)
                for region in covers.at(one.at_us):
                    mask[region.top : region.bottom, region.left : region.right] = True
                picture_covered[name].append(float(mask.mean()))
                for plate in one.plates:
                    if plate.visible < 1.0:
                        continue
                    seen_plates.add((stage, plate.vehicle))
                    pixels = plate_mask(plate, WIDTH, HEIGHT)
                    size = next(size for size in SIZES_PX if plate.height_px < size[1])
                    tally = looks[size][name]
                    hidden = int((mask & pixels).sum())
                    tally[0] += 1
                    tally[1] += int(pixels.sum()) - hidden <= LEFT_OVER * int(pixels.sum())
                    tally[2] += hidden == 0
    return {
        "vehicles": len(seen_plates),
        **{
            f"{low:.0f}_to_{high:.0f}_px": {
                "looks": said["shipped"][0],
                **{f"{name}_covered": done / max(1, count) for name, (count, done, _) in said.items()},
                **{f"{name}_wholly_open": bare / max(1, count) for name, (count, _, bare) in said.items()},
            }
            for (low, high), said in looks.items()
        },
        **{f"{name}_picture_covered": float(np.mean(shares[1:])) for name, shares in picture_covered.items()},
    }


def run() -> dict[str, Any]:
    figures: dict[str, Any] = {}
    look_ms: list[float] = []
    for height_m in HEIGHTS_M:
        sums = {name: [0, 0, 0.0] for name in ("shipped", "knowing", "shipped_without_rules")}
        people = 0
        for stage in PLACES:
            pictures = list(filmed(SECONDS, width=WIDTH, height=HEIGHT, height_m=height_m, stage=stage))
            people += len({head.name for one in pictures for head in one.heads if head.visible >= 0.5})
            began = time.process_time()
            shipped = _found(pictures, thorough())
            look_ms.append(1e3 * (time.process_time() - began) / len(shipped.looks))
            knowing = _found(pictures, Knowing(height_m, stage))
            for name, found, alone in (
                ("shipped", shipped, False),
                ("knowing", knowing, False),
                ("shipped_without_rules", shipped, True),
            ):
                for at, value in enumerate(_share(pictures, found, alone)):
                    sums[name][at] += value
        figures[f"{height_m:.0f}_m"] = {
            "people": people,
            **{f"{name}_heads_covered": (hidden / heads if heads else 0.0) for name, (heads, hidden, _) in sums.items()},
            "shipped_picture_covered": sums["shipped"][2] / len(PLACES),
            "knowing_picture_covered": sums["knowing"][2] / len(PLACES),
        }
    figures["look_ms"] = float(np.mean(look_ms))
    figures["plates"] = _plates()
    return figures
