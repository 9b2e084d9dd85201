"""A face as it is found, and what is measured of it."""

from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float32]
# The order of the five points, as seen by the viewer: right eye of the person first.
RIGHT_EYE, LEFT_EYE, NOSE, RIGHT_MOUTH, LEFT_MOUTH = range(5)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Face:
    """One face in a picture, in its pixels from the top left.

    Attributes:
        points: right eye, left eye, nose, right and left corner of the mouth (of the person); shape (5, 2).
        score: of the detector, 0 to 1.
    """

    left: float
    top: float
    width: float
    height: float
    points: Points
    score: float

    @property
    def eyes_px(self) -> float:
        """Between the centres of the eyes."""
        return float(np.hypot(*(self.points[LEFT_EYE] - self.points[RIGHT_EYE])))

    def scaled(self, by: float) -> "Face":
        return Face(
            left=self.left * by, top=self.top * by, width=self.width * by, height=self.height * by,
            points=(self.points * by).astype(np.float32), score=self.score,
        )  # fmt: skip


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """What can be measured of one face without knowing whose it is. Terms follow ISO/IEC 29794-5.

    Attributes:
        eyes_px: inter-eye distance in the picture's own pixels.
        sharpness: 0 to 1: how much of its own contrast the face has in fine detail.
        illumination_uniformity: 0 to 1: how alike the two halves of the face are lit.
        mean_luminance: 0 (black) to 1 (white).
        under_exposed, over_exposed: share of the face's pixels that are nearly black, nearly white.
        contrast: standard deviation of luminance, 0 to 0.5.
        yaw_deg, pitch_deg, roll_deg: estimated from five points, so to about 10 degrees; yaw is positive when the person turns to
            their own left, pitch when they look up, roll clockwise as the viewer sees it.
        score: of the detector, 0 to 1.
        unified: 0 to 100: what pictures of a track are described by. It is no ISO score.
    """

    eyes_px: float
    sharpness: float
    illumination_uniformity: float
    mean_luminance: float
    under_exposed: float
    over_exposed: float
    contrast: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    score: float
    unified: float
