"""From far to near: what stands on the street, drawn over one another in the order in which it hides one another."""

import cv2
import numpy as np

from bowstreet.frames import Pixels
from bowstreet.simulation.scenery import bodies, plates
from bowstreet.simulation.scenery.life import Person
from bowstreet.simulation.scenery.light import Light, tinted
from bowstreet.simulation.scenery.solids import FACES, Solids, corners, facing
from bowstreet.simulation.scenery.street import BoolArray, FloatArray, IntArray, Street
from bowstreet.simulation.scenery.view import NEAR_M, View

TREES_M, VEHICLES_M, CABINS_M, PEOPLE_M, WINDOWS_M, PLATES_M = 240.0, 240.0, 140.0, 200.0, 150.0, 60.0
HAZE_M = 900.0
LEAVES = np.array(((58.0, 86, 44), (96, 126, 66)))
GLASS, LIT = np.array((62.0, 70.0, 82.0)), np.array((236.0, 204.0, 132.0))
# Sub-pixels as OpenCV counts them, and how far outside the picture a corner is still told apart.
SHIFT, FARTHEST_PX = 3, 8_000.0
LOBES = ((0.34, 0.18, 0.7), (-0.36, 0.12, 0.66), (0.05, -0.34, 0.72), (-0.1, 0.3, 0.6))
BOX, TREE, PERSON = 0, 1, 2


def order(stands: FloatArray, layer: IntArray, last: FloatArray, part: IntArray, at: FloatArray) -> IntArray:
    """Indices from far to near: strips across, strips along, slabs, layers, then distance. See `street`."""
    u, v = float(at[0]), float(at[1])
    strip_u, strip_v = _gap(stands[:, 0], stands[:, 1], u), _gap(stands[:, 2], stands[:, 3], v)
    slab = _gap(stands[:, 4], stands[:, 5], v)
    found: IntArray = np.lexsort((part, -last, layer, -slab, -strip_v, -strip_u))
    return found


def _gap(low: FloatArray, high: FloatArray, at: float) -> FloatArray:
    return np.asarray(np.maximum(np.maximum(low - at, at - high), 0.0))


def paint(picture: Pixels, seen: View, solids: Solids, people: list[Person], street: Street, light: Light) -> None:
    """Draw all of it that is in the picture."""
    boxes, trees, at = solids.boxes, solids.trees, seen.at
    middle = (boxes.ends[:, :3] + boxes.ends[:, 3:]) / 2
    away = np.hypot(middle[:, 0] - at[0], middle[:, 1] - at[1])
    radii = np.sqrt(((boxes.ends[:, 3:] - middle) ** 2).sum(1))
    close = (solids.free == 0) | (away < np.where(solids.part > 0, CABINS_M, VEHICLES_M))
    shown = np.flatnonzero(seen.touched(middle, radii) & close)
    last = np.where(solids.free > 0, away, _gap(boxes.stands[:, 6], boxes.stands[:, 7], float(at[0])))
    tree_px, tree_depth = seen.seen(trees.at[:, :3])
    tree_r = trees.at[:, 3] * seen.focal_px / np.maximum(tree_depth, NEAR_M)
    crowns = np.flatnonzero(
        (tree_depth > 2.0) & (tree_depth < TREES_M) & (tree_px > -tree_r[:, None]).all(1)
        & (tree_px < np.array((seen.width_px, seen.height_px)) + tree_r[:, None]).all(1)
    )  # fmt: skip
    bodies_px = [(one, *seen.seen(bodies.joints(one))) for one in people]
    about = [one for one in bodies_px if 1.0 < one[2].min() < PEOPLE_M and _near_picture(seen, one[1])]
    places = np.array([(one[0].u, one[0].v) for one in about]).reshape(-1, 2)
    strips = street.strips(places[:, 0], places[:, 1])
    standing, nobody = np.column_stack((strips, strips[:, 2:], places[:, :1], places[:, :1])), np.zeros(len(about), np.int64)
    kinds = np.concatenate((np.full(len(shown), BOX), np.full(len(crowns), TREE), np.full(len(about), PERSON)))
    whose = np.concatenate((np.arange(len(shown)), crowns, np.arange(len(about))))
    sequence = order(
        np.concatenate((boxes.stands[shown], trees.stands[crowns], standing)),
        np.concatenate((boxes.layer[shown], trees.layer[crowns], nobody)),
        np.concatenate((last[shown], _tree_last(solids, at)[crowns], np.hypot(places[:, 0] - at[0], places[:, 1] - at[1]))),
        np.concatenate((solids.part[shown], np.zeros(len(crowns), np.int64), nobody)), at,
    )  # fmt: skip
    box_painter = _Boxes(picture, seen, solids, shown, away, light)
    for kind, one in zip(kinds[sequence].tolist(), whose[sequence].tolist(), strict=True):
        if kind == BOX:
            box_painter.draw(one)
        elif kind == TREE:
            _crown(picture, tree_px[one], float(tree_r[one]), float(trees.shade[one]), float(tree_depth[one]), light)
        else:
            person, joints_px, joints_depth = about[one]
            bodies.draw(picture, joints_px, seen.focal_px / float(joints_depth.mean()), person, light)


def _tree_last(solids: Solids, at: FloatArray) -> FloatArray:
    trees = solids.trees
    slab = _gap(trees.stands[:, 6], trees.stands[:, 7], float(at[0]))
    return np.where(trees.layer > 0, np.hypot(trees.at[:, 0] - at[0], trees.at[:, 1] - at[1]), slab)


def _near_picture(seen: View, pixels: FloatArray) -> bool:
    low, high = pixels.min(0), pixels.max(0)
    return bool(high[0] > -20 and high[1] > -20 and low[0] < seen.width_px + 20 and low[1] < seen.height_px + 20)


class _Boxes:
    """Draws boxes, one after the other; what can be reckoned for all at once has been."""

    def __init__(
        self, picture: Pixels, seen: View, solids: Solids, shown: IntArray, away: FloatArray, light: Light
    ) -> None:  # fmt: skip
        self._picture, self._seen, self._shown = picture, seen, shown
        boxes, ends, away = solids.boxes, solids.boxes.ends[shown], away[shown]
        self._corners = corners(ends)
        pixels, depth = seen.seen(self._corners)
        whole = (depth > NEAR_M).all(1)
        fixed = np.round(np.clip(pixels, -FARTHEST_PX, FARTHEST_PX) * (1 << SHIFT)).astype(np.int32)
        self._faces = np.ascontiguousarray(fixed[:, FACES])
        looks = facing(ends, seen.at)
        self._whole: list[bool] = np.asarray(whole).tolist()
        self._facing: list[list[bool]] = looks.tolist()
        self._plate_shade = (1.0, *(float(tinted(np.full(3, 100.0 * one), light)[1]) / 100.0 for one in light.faces))
        faded = (1.0 - np.exp(-away / HAZE_M))[:, None, None]
        colours = np.repeat(boxes.side[shown][:, None, :], 5, axis=1) * np.array((1.0, *light.faces))[None, :, None]
        colours[:, 0] = boxes.top[shown]
        self._colours = (tinted(colours, light) * (1.0 - faded) + np.array(light.haze) * faded).tolist()
        near = np.zeros((len(boxes.ends), 5), bool)
        near[shown] = looks & (whole & (away < WINDOWS_M))[:, None]
        self._panes = self._windows(solids, seen, near)
        self._plates = self._on_bodies(solids, seen, looks & (whole & (away < PLATES_M))[:, None])
        self._glass, self._lit = tinted(GLASS, light).tolist(), LIT.tolist() if light.lit else None

    def _windows(self, solids: Solids, seen: View, near: BoolArray) -> dict[tuple[int, int], IntArray]:
        some = np.flatnonzero(near[solids.owner, solids.on])
        pixels, _ = seen.seen(solids.windows[some])
        good = (pixels.max(1) > 0).all(1) & (pixels.min(1) < np.array((seen.width_px, seen.height_px))).all(1)
        some, pixels = some[good], pixels[good]
        if not len(some):
            return {}
        fixed = np.round(pixels * (1 << SHIFT)).astype(np.int32)
        # They come sorted by box and face.
        owner, on = solids.owner[some], solids.on[some]
        starts = np.flatnonzero(np.diff(owner * 8 + on, prepend=-1))
        keys = zip(owner[starts].tolist(), on[starts].tolist(), strict=True)
        return dict(zip(keys, np.split(fixed, starts[1:]), strict=True))

    def _on_bodies(self, solids: Solids, seen: View, near: BoolArray) -> dict[tuple[int, int], FloatArray]:
        """Corners of the plates that look at the camera, in pixels, by the number of the body that is shown and its face."""
        bodies_shown = np.flatnonzero((solids.free[self._shown] > 0) & (solids.part[self._shown] == 0) & near.any(1))
        found = {}
        for number in bodies_shown.tolist():
            for face, corners_m in plates.plates_of(solids.boxes.ends[self._shown[number]]):
                if near[number, face]:
                    found[number, face] = seen.seen(corners_m)[0]
        return found

    def draw(self, number: int) -> None:
        """One of those that are shown."""
        picture, colours, polygons = self._picture, self._colours[number], self._faces[number]
        one = int(self._shown[number])
        for face, looks in enumerate(self._facing[number]):
            if not looks:
                continue
            if not self._whole[number]:
                self._draw_clipped(number, face, colours[face])
                continue
            cv2.fillConvexPoly(picture, polygons[face], colours[face], cv2.LINE_8, SHIFT)
            if face and (plate := self._plates.get((number, face))) is not None:
                plates.draw(picture, plate, face, self._plate_shade[face], SHIFT)
            if face and (panes := self._panes.get((one, face))) is not None:
                cv2.fillPoly(picture, list(panes), self._glass, cv2.LINE_8, SHIFT)
                if self._lit is not None:
                    on = [pane for place, pane in enumerate(panes) if (one * 7 + place * 5) % 11 < 4]
                    cv2.fillPoly(picture, on, self._lit, cv2.LINE_8, SHIFT)

    def _draw_clipped(self, number: int, face: int, colour: list[float]) -> None:
        """A face that is partly behind the camera."""
        seen = self._seen
        inside = clipped(seen.inside(self._corners[number, FACES[face]]))
        if len(inside) < 3:
            return
        x, y = seen.middle
        pixels = seen.focal_px * inside[:, :2] / inside[:, 2:] + (x, y)
        fixed = np.round(np.clip(pixels, -FARTHEST_PX, FARTHEST_PX) * (1 << SHIFT)).astype(np.int32)
        cv2.fillConvexPoly(self._picture, fixed, colour, cv2.LINE_8, SHIFT)


def clipped(points: FloatArray, least: float = NEAR_M) -> FloatArray:
    """The part of a convex polygon (n, 3) whose third coordinate is above `least`."""
    found = []
    for here, before in zip(points, np.roll(points, 1, axis=0), strict=True):
        if (here[2] > least) != (before[2] > least):
            share = (least - before[2]) / (here[2] - before[2])
            found.append(before + share * (here - before))
        if here[2] > least:
            found.append(here)
    return np.array(found).reshape(-1, 3)


def _crown(picture: Pixels, at: FloatArray, radius: float, shade: float, depth: float, light: Light) -> None:
    """A ball of leaves: a dark one, and lighter ones upon it that stay inside."""
    dark = tinted((LEAVES[0] * (1.0 - shade) + LEAVES[1] * shade) * 0.8, light)
    fade = 1.0 - np.exp(-depth / HAZE_M)
    dark = dark * (1.0 - fade) + np.array(light.haze) * fade
    x, y = float(at[0]), float(at[1])
    scale = 1 << SHIFT
    cv2.circle(picture, (round(x * scale), round(y * scale)), round(radius * scale), dark.tolist(), -1, cv2.LINE_8, SHIFT)
    if radius < 4.0:
        return
    for number, (dx, dy, share) in enumerate(LOBES):
        lighter = (dark * (1.06 + 0.07 * number)).tolist()
        centre = (round((x + dx * radius * 0.8) * scale), round((y + (dy - 0.12) * radius * 0.8) * scale))
        cv2.circle(picture, centre, round(radius * share * 0.62 * scale), lighter, -1, cv2.LINE_8, SHIFT)
