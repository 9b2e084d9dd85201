"""What of known people's heads is covered in a redacted copy, over the simulated street, by the detector that ships and by one
that knows the truth and misses one look in ten: shares of all pixels that show a head of somebody half of whom is to be seen.

The first says how much a reviewer has to add; the second what the rules lose. People of the simulation are flat shapes: no claim
about the real world. Baseline: what the same detector's looks cover in the pictures that it looked at, without any rule.
"""

import time
from datetime import UTC, datetime
from typing import Any

import numpy as np
from tests.filmed_street import STAGES, Filmed, Knowing, filmed, head_mask

from bowstreet.frames import DroneFrame
from bowstreet.tracking.finder import thorough
from bowstreet.video.model import Finding
from bowstreet.video.redaction import rules
from bowstreet.video.redaction.model import Found, Look
from bowstreet.video.redaction.service import read_look
from bowstreet.video.redaction.worker import Covers

SECONDS, EVERY = 5.0, 2  # every second picture of 12.5 a second is looked at
HEIGHTS_M = (10.0, 16.0, 26.0)
WIDTH, HEIGHT = 1280, 720
PLACES = STAGES[:4]


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
    return figures
