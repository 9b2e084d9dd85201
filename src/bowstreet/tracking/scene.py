"""One look's geometry: where a shape in the picture stands on the ground, and where a place is in the picture. Pure."""

import math
from dataclasses import dataclass

from bowstreet.frames import CameraPose
from bowstreet.tracking.camera import View, view
from bowstreet.tracking.locate import locate, range_m
from bowstreet.tracking.model import Box, Located, NotLocated, Shape, Why
from bowstreet.tracking.plane import Plane
from bowstreet.tracking.ports import Terrain

# Height and depth on the ground of a usual person and vehicle (between along and across), metres.
SIZE_M = {Shape.PERSON: (1.7, 0.5), Shape.VEHICLE: (1.6, 3.0)}
# A detector's edge trembles by about so much of the box's height; measured on the clips in docs/tracking.md.
EDGE_SHARE, LEAST_EDGE_PX = 0.06, 1.5
# A box that ends at the picture's lower edge stands outside it.
CUT_PX = 2.0
# A metre, in shares of the picture's height, where nobody knows how far off the ground is.
UNKNOWN_SHARE = 0.04


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """What is known of where the camera is. `plane` is the stream's own, the same for all looks."""

    view: View | None
    terrain: Terrain
    plane: Plane | None
    height_px: int

    def locate(self, box: Box, shape: Shape) -> Located | NotLocated:
        if self.view is None:
            return NotLocated(why=Why.NO_POSE)
        if box.top + box.height >= self.height_px - CUT_PX and box.top > CUT_PX:
            return NotLocated(why=Why.CUT_OFF)
        x, y = standing(self.view, box, shape)
        return locate(self.view, x, y, edge_px(box), self.terrain)

    def metres(self, located: Located) -> tuple[float, float]:
        assert self.plane is not None, "a place comes with a pose, and the pose with a plane"
        return self.plane.to_metres(located.position)

    def pixel(self, east_m: float, north_m: float) -> tuple[float, float] | None:
        """Where a place on the ground stands in the picture."""
        if self.view is None or self.plane is None:
            return None
        place = self.plane.to_position(east_m, north_m)
        ground = self.terrain.height_m_amsl(place)
        return None if ground is None else self.view.pixel(place, ground)


def scene(pose: CameraPose | None, width_px: int, height_px: int, terrain: Terrain, plane: Plane | None) -> Scene:
    return Scene(
        view=None if pose is None else view(pose, width_px, height_px), terrain=terrain, plane=plane, height_px=height_px
    )


def edge_px(box: Box) -> float:
    return math.hypot(LEAST_EDGE_PX, EDGE_SHARE * box.height)


def standing(looked: View, box: Box, shape: Shape) -> tuple[float, float]:
    """The pixel of the ground in the shape's middle: the lower edge seen from the side, the centre seen from above."""
    high, deep = SIZE_M[shape]
    x, y = box.foot
    depression = -math.asin(max(-1.0, min(1.0, float(looked.sight(x, y)[2]))))
    side, above = high * math.cos(depression), deep * math.sin(max(0.0, depression))
    return x, y - box.height * above / 2 / max(1e-6, side + above)


def usual_box(foot: tuple[float, float], shape: Shape, scene: Scene) -> Box:
    """As large as a usual one would be there: for what has not been found, or only in parts."""
    high_m, deep_m = SIZE_M[shape]
    each_px = metre_px(scene, *foot) or UNKNOWN_SHARE * scene.height_px
    wide, high = max(0.6, deep_m) * each_px, high_m * each_px
    return Box(left=foot[0] - wide / 2, top=foot[1] - high, width=wide, height=high)


def metre_px(scene: Scene, x: float, y: float) -> float | None:
    """How many pixels a metre across is, on the ground at a pixel; None where it is not known how far off that is."""
    along_m = None if scene.view is None else range_m(scene.view, x, y, scene.terrain)
    return None if scene.view is None or along_m is None else scene.view.focal_px / max(1.0, along_m)
