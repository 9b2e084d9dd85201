"""The street from straight above as a picture, to be laid under what stands on it: painted now and then, warped each frame."""

import math

import cv2
import numpy as np
import numpy.typing as npt

from bowstreet.simulation.scenery.light import Light, tinted
from bowstreet.simulation.scenery.street import PAVEMENT_M, SIDE_STREET_M, THROUGH_ROAD_M, Block, Boxes, FloatArray, Street

Picture = npt.NDArray[np.uint8]
ASPHALT, PAVING, LINES = (84.0, 85.0, 88.0), (158.0, 154.0, 146.0), (206.0, 206.0, 200.0)
FLOORS = {
    "terrace": (96.0, 118.0, 70.0), "towers": (150.0, 152.0, 148.0), "offices": (140.0, 138.0, 134.0),
    "park": (94.0, 126.0, 66.0), "yard": (104.0, 104.0, 106.0),
}  # fmt: skip
SHADED = 0.56


class Ground:
    """A square of the street: `pixels` from above, and the 3 × 3 matrix from its pixels to (u, v, 1).

    Args:
        metres_px: the side of a pixel. Coarse pictures (1 m and more) show roofs, as there will be nothing on top of them.
        fades_m: from this distance to the edge it goes over into haze; 0 for not at all.
    """

    def __init__(
        self, street: Street, light: Light, u: float, v: float, *, size_px: int, metres_px: float, fades_m: float = 0.0
    ) -> None:
        self.u, self.v, self.reach_m = u, v, size_px * metres_px / 2
        self._metres_px = metres_px
        self._u0, self._v0 = u - self.reach_m, v - self.reach_m
        self.pixels: Picture = np.empty((size_px, size_px, 3), np.uint8)
        self.to_street = np.array(
            ((metres_px, 0.0, self._u0 + metres_px / 2), (0.0, metres_px, self._v0 + metres_px / 2), (0.0, 0.0, 1.0))
        )
        self._paint(street, light, coarse=metres_px >= 1.0)
        if fades_m:
            self._fade(light, fades_m)

    def _paint(self, street: Street, light: Light, *, coarse: bool) -> None:
        self.pixels[:] = _byte(PAVING, light)
        cells = street.cells(self.u, self.v, self.reach_m)
        blocks = [street.block(i, j) for i, j in cells]
        for block in blocks:
            self._rectangle(*block.inside, _byte(FLOORS[block.kind], light))
        for block in blocks:
            self._roads(street, block, light, coarse=coarse)
        if coarse:
            for block in blocks:
                self._roofs(block.buildings, light)
                for u, v, _, radius in block.trees.at.tolist():
                    self._disc(u, v, radius, _byte((70.0, 98.0, 52.0), light))
        if light.shadow is not None:
            self._shadows(blocks, light.shadow)
        if not coarse:
            self._roughen(street.seed)

    def _roads(self, street: Street, block: Block, light: Light, *, coarse: bool) -> None:
        asphalt, line = _byte(ASPHALT, light), _byte(LINES, light)
        middle, road = street.side_street(block.i), street.through_road(block.j)
        u0, v0, u1, v1 = block.inside
        side, through = SIDE_STREET_M / 2, THROUGH_ROAD_M / 2
        self._rectangle(middle - side, road - through, middle + side, v1 + PAVEMENT_M, asphalt)
        self._rectangle(middle - side, road - through, u1 + PAVEMENT_M, road + through, asphalt)
        if coarse:
            return
        for u in np.arange(u0 + 2.0, u1, 5.0).tolist():
            self._rectangle(u, road - 0.08, u + 2.4, road + 0.08, line)
        for edge in (through - 2.25, 2.25 - through):
            self._rectangle(u0, road + edge - 0.05, u1, road + edge + 0.05, line)
        for v in np.arange(v0 + 3.0, v1, 7.0).tolist():
            self._rectangle(middle - 0.06, v, middle + 0.06, v + 2.0, line)
        # Stripes to cross on, where the side street meets the through road.
        for v in np.arange(road - through + 0.4, road + through - 0.4, 1.2).tolist():
            self._rectangle(u0 - 3.6, v, u0 - 0.8, v + 0.6, line)

    def _roofs(self, buildings: Boxes, light: Light) -> None:
        tops = tinted(buildings.top, light).astype(int).tolist()
        for (u0, v0, _, u1, v1, _), top in zip(buildings.ends.tolist(), tops, strict=True):
            self._rectangle(u0, v0, u1, v1, tuple(top))

    def _shadows(self, blocks: list[Block], shadow: tuple[float, float]) -> None:
        dark = np.zeros(self.pixels.shape[:2], np.uint8)
        for block in blocks:
            for u0, v0, z0, u1, v1, z1 in block.buildings.ends.tolist():
                foot = np.array(((u0, v0), (u1, v0), (u1, v1), (u0, v1)))
                ends = np.concatenate((foot + np.array(shadow) * z0, foot + np.array(shadow) * z1))
                hull = cv2.convexHull(self._pixels(ends).astype(np.int32))
                cv2.fillConvexPoly(dark, hull, 255)
            for u, v, z, radius in block.trees.at.tolist():
                x, y = self._pixels(np.array((u + shadow[0] * z, v + shadow[1] * z))).tolist()
                cv2.circle(dark, (round(x), round(y)), max(1, round(radius / self._metres_px)), 255, -1)
        shaded = cv2.convertScaleAbs(self.pixels, alpha=SHADED)
        cv2.copyTo(shaded, dark, self.pixels)

    def _roughen(self, seed: int) -> None:
        """Stains and grain, so that there is something to see motion by."""
        dice = np.random.default_rng([seed, 5])
        size = self.pixels.shape[0]
        broad = cv2.resize(dice.normal(0.0, 6.0, (size // 24, size // 24)).astype(np.float32), (size, size))
        fine = dice.normal(0.0, 4.0, (256, 256)).astype(np.float32)
        grain = broad + np.tile(fine, (math.ceil(size / 256),) * 2)[:size, :size]
        # It must lie still on the street when the square is painted anew elsewhere.
        shift = (round(self._v0 / self._metres_px) % size, round(self._u0 / self._metres_px) % size)
        grain = np.roll(grain, (-shift[0], -shift[1]), axis=(0, 1))
        cv2.add(self.pixels, cv2.merge([grain, grain, grain]), self.pixels, dtype=cv2.CV_8U)

    def _fade(self, light: Light, fades_m: float) -> None:
        size = self.pixels.shape[0]
        along = (np.arange(size, dtype=np.float32) + 0.5) * self._metres_px - self.reach_m
        distance = np.hypot(along[None, :], along[:, None])
        share = np.clip((distance - fades_m) / (self.reach_m - fades_m), 0.0, 1.0)[..., None] ** 0.8
        mixed = self.pixels * (1.0 - share) + np.array(light.haze, np.float32) * share
        self.pixels[:] = mixed.astype(np.uint8)

    def _pixels(self, places: FloatArray) -> FloatArray:
        return np.asarray((places - (self._u0, self._v0)) / self._metres_px - 0.5)

    def _rectangle(self, u0: float, v0: float, u1: float, v1: float, colour: tuple[int, ...]) -> None:
        scale = 1.0 / self._metres_px
        size = self.pixels.shape[0]
        x0, y0 = max(0, round((u0 - self._u0) * scale)), max(0, round((v0 - self._v0) * scale))
        x1, y1 = min(size, round((u1 - self._u0) * scale)), min(size, round((v1 - self._v0) * scale))
        if x1 > x0 and y1 > y0:
            self.pixels[y0:y1, x0:x1] = colour

    def _disc(self, u: float, v: float, radius: float, colour: tuple[int, ...]) -> None:
        x, y = self._pixels(np.array((u, v))).tolist()
        cv2.circle(self.pixels, (round(x), round(y)), max(1, round(radius / self._metres_px)), colour, -1)


def _byte(colour: tuple[float, float, float], light: Light) -> tuple[int, int, int]:
    r, g, b = tinted(np.array(colour), light).astype(int).tolist()
    return r, g, b
