"""A simulated camera's zoom lens: takes MAV_CMD_SET_CAMERA_ZOOM, and moves at a finite speed."""

import math

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.flight.lens import zoom_of

# From end to end, whatever that is: evenly in what is seen, so that 1 to 2 takes as long as 4 to 8.
END_TO_END_S = 2.0


class ZoomLens:
    """One camera's. `most` of 1 is a lens that does not zoom.

    Attributes:
        fault: "", "stuck" (it says that it obeys, and stays) or "deaf" (it says nothing).
    """

    def __init__(self, most: float) -> None:
        self.most = most
        self.zoom = self.goal = 1.0
        self.fault = ""

    def ask(self, kind: float, value: float) -> int:
        """A command's MAV_RESULT: as a share of the range alone, as the drivers of ArduPilot take it."""
        if self.most <= 1.0 or kind != mavlink.ZOOM_TYPE_RANGE:
            return int(mavlink.MAV_RESULT_UNSUPPORTED)
        if not 0.0 <= value <= 100.0:
            return int(mavlink.MAV_RESULT_DENIED)
        self.goal = zoom_of(value, self.most)
        return int(mavlink.MAV_RESULT_ACCEPTED)

    def move(self, passed_s: float) -> None:
        if self.goal == self.zoom or self.fault:
            return
        most = math.log(self.most) * passed_s / END_TO_END_S
        self.zoom *= math.exp(max(-most, min(most, math.log(self.goal / self.zoom))))
        if abs(self.zoom - self.goal) < 1e-6:
            self.zoom = self.goal
