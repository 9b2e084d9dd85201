"""Paints what a camera sees of the made-up city: ground warped from above, then boxes, crowns and people from far to near."""

import math
from typing import TypeVar

import cv2
import numpy as np

from bowstreet.frames import CameraPose, Pixels
from bowstreet.simulation.scenery import bodies
from bowstreet.simulation.scenery.ground import SHADED, Ground
from bowstreet.simulation.scenery.life import Moment, Person, Vehicle, moment
from bowstreet.simulation.scenery.light import Light, noises
from bowstreet.simulation.scenery.paint import PEOPLE_M, VEHICLES_M, clipped, paint
from bowstreet.simulation.scenery.solids import Solids, solids_of
from bowstreet.simulation.scenery.street import COLUMN_M, ROW_M, FloatArray, Street
from bowstreet.simulation.scenery.view import View, view

# Beyond this buildings show on the ground's picture only.
BUILDINGS_M = 400.0
NEAR_PX, NEAR_GROUND_M, NEAR_MOVES_M = 1_280, 0.2, 55.0
FAR_PX, FAR_GROUND_M, FAR_MOVES_M, FAR_FADES_M = 1_024, 2.4, 160.0, 420.0
# Shadows of what moves: street in the shade.
Anyone = TypeVar("Anyone", Person, Vehicle)
SHADE = tuple(SHADED * one for one in (100.0, 100.0, 100.0))


class Renderer:
    """One camera's painter. Keeps what can be kept from frame to frame; what it paints depends on its arguments alone."""

    def __init__(self, street: Street, light: Light, width_px: int, height_px: int) -> None:
        cv2.setNumThreads(1)
        self.street, self.light = street, light
        self.width_px, self.height_px = width_px, height_px
        self._near: Ground | None = None
        self._far: Ground | None = None
        self._noises = noises(light, height_px, width_px, street.seed)
        self._count = 0
        sky = np.linspace(np.array(light.sky), np.array(light.haze), height_px)
        self._sky = np.repeat(sky[:, None, :], width_px, axis=1).astype(np.uint8)
        self._cells: tuple[tuple[int, int], FloatArray, list[tuple[int, int]]] | None = None
        self._shown: tuple[View, list[tuple[tuple[int, int], float]]] | None = None
        self._still: tuple[tuple[tuple[int, int], ...], Solids] | None = None

    def picture(self, pose: CameraPose, at_s: float, *, noisy: bool = True) -> Pixels:
        """What the camera sees at a time of the scene, RGB."""
        seen = view(self.street, pose, self.width_px, self.height_px)
        return self.paint(seen, self.about(seen, at_s), noisy=noisy)

    def about(self, seen: View, at_s: float) -> Moment:
        """Who may be in the picture."""
        return moment(self.street, [cell for cell, away in self._visible(seen) if away < VEHICLES_M], at_s)

    def paint(self, seen: View, about: Moment, *, noisy: bool = True) -> Pixels:
        about = Moment(people=_touched(seen, about.people, PEOPLE_M), moving=_touched(seen, about.moving, VEHICLES_M))
        picture = np.empty((self.height_px, self.width_px, 3), np.uint8)
        self._lay_ground(picture, seen)
        if self.light.shadow is not None:
            for one in about.people:
                bodies.shadow(picture, seen, one, self.light, SHADE)
        self._stand(picture, seen, about)
        if noisy:
            self._grain(picture)
        return picture

    # --- ground and sky -------------------------------------------------------------------------------------------------

    def _lay_ground(self, picture: Pixels, seen: View) -> None:
        near, far = self._near_ground(*seen.looks_at(110.0)), None
        to_picture = seen.ground()
        # From this row down the near ground fills the picture.
        filled = self._filled_from(near, seen)
        if filled > 0:
            far = self._far_ground(float(seen.at[0]), float(seen.at[1]))
            cv2.warpPerspective(
                far.pixels, to_picture @ far.to_street, (self.width_px, filled), dst=picture[:filled], flags=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_CONSTANT, borderValue=self.light.haze,
            )  # fmt: skip
        cv2.warpPerspective(
            near.pixels, to_picture @ near.to_street, (self.width_px, self.height_px), dst=picture, flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_TRANSPARENT,
        )  # fmt: skip
        self._hang_sky(picture, seen)

    def _near_ground(self, u: float, v: float) -> Ground:
        if self._near is None or math.hypot(self._near.u - u, self._near.v - v) > NEAR_MOVES_M:
            u, v = _on(u, NEAR_GROUND_M), _on(v, NEAR_GROUND_M)
            self._near = Ground(self.street, self.light, u, v, size_px=NEAR_PX, metres_px=NEAR_GROUND_M)
        return self._near

    def _far_ground(self, u: float, v: float) -> Ground:
        if self._far is None or math.hypot(self._far.u - u, self._far.v - v) > FAR_MOVES_M:
            u, v = _on(u, FAR_GROUND_M), _on(v, FAR_GROUND_M)
            self._far = Ground(
                self.street, self.light, u, v, size_px=FAR_PX, metres_px=FAR_GROUND_M, fades_m=FAR_FADES_M
            )  # fmt: skip
        return self._far

    def _filled_from(self, near: Ground, seen: View) -> int:
        x, y = seen.middle
        rows = np.arange(0, self.height_px + 7, 8)
        ends = np.stack([np.column_stack((np.full(len(rows), side * x), rows - y)) for side in (-1.0, 1.0)])
        rays = np.concatenate((ends / seen.focal_px, np.ones((*ends.shape[:2], 1))), axis=2) @ seen.turn
        down = np.minimum(rays[..., 2:], -1e-6)
        hits = seen.at[:2] - rays[..., :2] * (seen.at[2] / down)
        inside = ((np.abs(hits - (near.u, near.v)) < near.reach_m - 1.0).all(2) & (rays[..., 2] < -1e-3)).all(0)
        outside = np.flatnonzero(~inside)
        return min(self.height_px, int(rows[outside[-1]]) + 8) if len(outside) else 0

    def _hang_sky(self, picture: Pixels, seen: View) -> None:
        """Over all that lies above the horizon: there the matrix shows the ground behind."""
        x, y = seen.middle
        # Directions level with the camera: a line a·px + b·py + c = 0 in pixels; below it, looking down, is positive.
        a, b, c = -seen.turn[0, 2], -seen.turn[1, 2], -seen.turn[2, 2] * seen.focal_px
        c -= a * x + b * y
        ends = np.array(((0.0, 0.0), (self.width_px, 0.0), (self.width_px, self.height_px), (0.0, self.height_px)))
        below = ends @ (a, b) + c
        if (below > 0).all():
            return
        if abs(a) < 1e-4 * abs(b):
            rows = max(0, min(self.height_px, math.ceil(-c / b)))
            picture[:rows] = self._sky[self.height_px - rows :]
            return
        above = clipped(np.column_stack((ends, -below)), 0.0)[:, :2]
        if len(above) >= 3:
            mask = np.zeros(picture.shape[:2], np.uint8)
            cv2.fillConvexPoly(mask, np.round(above).astype(np.int32), 255)
            cv2.copyTo(self._sky, mask, picture)

    # --- what stands ----------------------------------------------------------------------------------------------------

    def _visible(self, seen: View) -> list[tuple[tuple[int, int], float]]:
        """Blocks, with their road pieces, that may show in the picture, and how far away each begins."""
        if self._shown is not None and self._shown[0] is seen:
            return self._shown[1]
        rims, cells = self._around(float(seen.at[0]), float(seen.at[1]))
        middles = np.column_stack(((rims[:, :2] + rims[:, 2:]) / 2, np.full(len(rims), 14.0)))
        radii = np.hypot((rims[:, 2] - rims[:, 0]) / 2, (rims[:, 3] - rims[:, 1]) / 2) + 6.0
        gap_u = np.maximum(np.maximum(rims[:, 0] - seen.at[0], seen.at[0] - rims[:, 2]), 0.0)
        gap_v = np.maximum(np.maximum(rims[:, 1] - seen.at[1], seen.at[1] - rims[:, 3]), 0.0)
        away = np.hypot(gap_u, gap_v)
        shown = np.flatnonzero(seen.touched(middles, radii) & (away < BUILDINGS_M))
        found = [(cells[one], float(away[one])) for one in shown.tolist()]
        self._shown = seen, found
        return found

    def _around(self, u: float, v: float) -> tuple[FloatArray, list[tuple[int, int]]]:
        place = math.floor(u / COLUMN_M), math.floor(v / ROW_M)
        if self._cells is None or self._cells[0] != place:
            cells = self.street.cells((place[0] + 0.5) * COLUMN_M, (place[1] + 0.5) * ROW_M, BUILDINGS_M + COLUMN_M)
            inside = np.array([self.street.block(i, j).inside for i, j in cells])
            self._cells = place, inside + np.array((-17.0, -22.0, 1.0, 1.0)), cells
        return self._cells[1:]

    def _stand(self, picture: Pixels, seen: View, about: Moment) -> None:
        visible = self._visible(seen)
        far, near = [cell for cell, _ in visible], [cell for cell, away in visible if away < VEHICLES_M]
        key = (*far, (0, 0), *near)
        if self._still is None or self._still[0] != key:
            self._still = key, solids_of(self.street, far, near)
        solids = self._still[1].with_vehicles(self.street, about.moving)
        paint(picture, seen, solids, list(about.people), self.street, self.light)

    def _grain(self, picture: Pixels) -> None:
        self._count += 1
        noise = self._noises[self._count % len(self._noises)]
        cv2.add(picture, noise, picture, dtype=cv2.CV_8U)


def _touched(seen: View, those: tuple[Anyone, ...], reach_m: float) -> tuple[Anyone, ...]:
    """Those who may be in the picture."""
    places = np.array([(one.u, one.v, 1.2) for one in those]).reshape(-1, 3)
    near = seen.touched(places, np.full(len(those), 6.0)) & (np.hypot(*(places - seen.at)[:, :2].T) < reach_m)
    return tuple(those[one] for one in np.flatnonzero(near).tolist())


def _on(at: float, metres_px: float) -> float:
    """On whole pixels of the picture from above, so that it lies still when it is painted anew."""
    return round(at / metres_px) * metres_px
