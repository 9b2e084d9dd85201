"""People cut out of the studio pictures of `openpeople`: wholly synthetic persons, on a grey ground (MIT)."""

from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from bowstreet.errors import NotFound

PACKAGE = "openpeople"
STANDING, PORTRAIT, SELFIE = "studio_posture.jpg", "studio_portrait.jpg", "amateur_selfie.jpg"
# Where, of the picture's height, a shadow on the wall begins beside the body; how far down shorts reach.
SHADOW_FROM, HIPS_TO = 0.44, 0.63
# Colour distances in CIE Lab: from the wall; of skin from the grey of floor and shadow; lightness of white cloth over it.
FROM_WALL, FROM_GREY, OVER_GREY = 11.0, 7.0, 25.0
# Of a part that stands apart, pixels: a leg that grey cloth cuts off, and no speck.
LEAST_PART = 3_000

Plane = npt.NDArray[Any]


class Cutout(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody, standing: RGBA from large to small, each half of the one before; the first row is the top of the head."""

    person_id: str
    sizes: tuple[npt.NDArray[np.uint8], ...]


def people() -> tuple[str, ...]:
    """Who there is. Raises `NotFound` when the package is not installed."""
    return tuple(sorted(one.name for one in _folder().iterdir() if one.name.startswith("P")))


def image(person_id: str, name: str) -> bytes:
    """One of somebody's pictures, as it comes: JPEG. Raises `NotFound`."""
    file = _folder() / person_id / "assets" / name
    if not file.is_file():
        raise NotFound(f"{PACKAGE} has no {name} of {person_id}", remedy=f"use one of {', '.join(people())}")
    return file.read_bytes()


def cut_out(person_id: str) -> Cutout:
    """Cut somebody out of their standing picture. Raises `NotFound`."""
    coded = np.frombuffer(image(person_id, STANDING), np.uint8)
    decoded = cv2.imdecode(coded, cv2.IMREAD_REDUCED_COLOR_2)
    assert decoded is not None, "the package's pictures are whole"
    picture = cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)
    mask = _body(picture)
    soft = cv2.GaussianBlur(cv2.erode(mask, np.ones((3, 3), np.uint8)) * 255, (0, 0), 1.2)
    left, top, width, height = cv2.boundingRect(mask)
    whole = np.dstack([picture, soft])[top : top + height, left : left + width]
    sizes = [np.ascontiguousarray(whole, np.uint8)]
    while sizes[-1].shape[0] > 80:
        sizes.append(np.asarray(cv2.resize(sizes[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8))
    return Cutout(person_id=person_id, sizes=tuple(sizes))


def _folder() -> Traversable:
    try:
        return resources.files(PACKAGE) / "data" / "curated"
    except ModuleNotFoundError:
        raise NotFound(f"{PACKAGE} is not installed", remedy=f"pip install {PACKAGE}") from None


def _body(picture: Plane) -> npt.NDArray[np.uint8]:
    """1 where the person is. Above the hips by distance from the wall; below, where a shadow lies beside, by colour."""
    height = picture.shape[0]
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32)
    mask = cv2.GaussianBlur(np.linalg.norm(lab - _wall(lab), axis=-1), (0, 0), 1.5) > FROM_WALL
    low, hips = int(height * SHADOW_FROM), int(height * HIPS_TO)
    over = cv2.GaussianBlur(lab - _beside(lab), (0, 0), 1.5)[low:]
    lower = (np.linalg.norm(over[..., 1:], axis=-1) > FROM_GREY) | (over[..., 0] > OVER_GREY)
    chest = np.flatnonzero(mask[int(height * 0.36)])
    middle, half = int(chest[0] + chest[-1]) // 2, int((chest[-1] - chest[0]) * 0.29)
    lower[: hips - low, middle - half : middle + half] = True
    mask[low:] = lower
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    return _filled(_parts(closed, middle - 2 * half, middle + 2 * half))


def _wall(lab: Plane) -> Plane:
    """The wall as it would be without the person: a smooth surface through what is surely wall, and what turns out to be."""
    height, width = lab.shape[:2]
    rows, columns = 172, 96
    small = cv2.resize(lab, (columns, rows), interpolation=cv2.INTER_AREA)
    y, x = np.mgrid[0:rows, 0:columns]
    u, v = x / (columns - 1) - 0.5, y / (rows - 1) - 0.5
    terms = [np.ones_like(u), u, v, u * u, u * v, v * v, u**3, v**3, u**4, v**4, u * u * v, u * v * v]
    surface = np.stack(terms, -1)
    above_floor = y < rows * 0.64
    edge = ((x < 14) | (x > 81) | (y < 8)) & above_floor
    sure = edge
    fitted = np.zeros_like(small)
    for _ in range(3):
        fitted = surface @ np.linalg.lstsq(surface[sure], small[sure], rcond=None)[0]
        sure = edge | ((np.linalg.norm(fitted - small, axis=-1) < 6.0) & above_floor)
    return cv2.resize(fitted.astype(np.float32), (width, height))


def _beside(lab: Plane) -> Plane:
    """Each row as it is at the left and right edge, and in between."""
    left, right = np.median(lab[:, :40], axis=1), np.median(lab[:, -40:], axis=1)
    across = np.linspace(0.0, 1.0, lab.shape[1], dtype=np.float32)[None, :, None]
    return np.asarray(left[:, None] * (1.0 - across) + right[:, None] * across, np.float32)


def _parts(mask: Plane, left: int, right: int) -> Plane:
    """The largest part, and what stands below it apart."""
    _, labels, stats, centres = cv2.connectedComponentsWithStats(mask)
    largest = int(1 + np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    bottom = stats[largest, cv2.CC_STAT_TOP] + stats[largest, cv2.CC_STAT_HEIGHT] // 2
    kept = [largest] + [
        one
        for one in range(1, len(stats))
        if stats[one, cv2.CC_STAT_AREA] > LEAST_PART and centres[one][1] > bottom and left < centres[one][0] < right
    ]
    return np.isin(labels, kept).astype(np.uint8)


def _filled(mask: Plane) -> npt.NDArray[np.uint8]:
    """Without holes that are smaller than the gap between the legs."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(1 - mask, connectivity=4)
    holes = [one for one in range(1, len(stats)) if stats[one, cv2.CC_STAT_LEFT] > 0 and stats[one, cv2.CC_STAT_AREA] < 4_000]
    return np.where(np.isin(labels, holes), 1, mask).astype(np.uint8)
