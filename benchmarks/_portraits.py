"""Many pictures of the size of LFW's, of the ten people of `openpeople`: for an evaluation's cost, not its result."""

from pathlib import Path

import cv2
import numpy as np
from tests.unit import face_pictures

PEOPLE, EXPRESSIONS = 10, 16
LISTED_PEOPLE, LISTED_PICTURES = 6, 2
SIDE_PX = 250


def write(root: Path, variants: int, as_people: bool = False) -> int:
    """Each expression of each person in so many lights and croppings, under `list`, `probes` and `nonlisted`; returns how many.

    Args:
        as_people: each variant of a person is a folder of its own, so that there are as many folders as in a large set.
    """
    written = 0
    for person in range(1, PEOPLE + 1):
        for number, data in enumerate(face_pictures.expressions(person)):
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
            assert picture is not None
            for variant in range(variants):
                turned = picture[:, ::-1] if variant % 2 else picture
                lit = np.clip(turned.astype(np.float32) * (0.7 + 0.45 * variant / variants), 0, 255).astype(np.uint8)
                cut = lit[variant // 2 % 6 :, variant // 12 % 6 :]
                sized = cv2.resize(cut, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
                side = "nonlisted" if person > LISTED_PEOPLE else "list" if number < LISTED_PICTURES else "probes"
                folder = f"P{person:03}-{variant:03}" if as_people else f"P{person:03}"
                face_pictures.put(root / side / folder / f"{number:02}-{variant:03}.jpg", face_pictures.jpeg(sized[:, :, ::-1]))
                written += 1
    return written
