"""An analyst of the tests that takes its time: slower than pictures are due."""

import time

from bowstreet.frames import DroneFrame

TAKES_S = 0.7


class Slow:
    def order(self, data: bytes) -> None: ...

    def look(self, frame: DroneFrame) -> bytes:
        time.sleep(TAKES_S)
        return b"seen"


class Where:
    """Tells from which latitude a picture was taken, by the pose it came with."""

    def order(self, data: bytes) -> None: ...

    def look(self, frame: DroneFrame) -> bytes:
        pose = frame.pose
        return b"nowhere" if pose is None else f"{pose.position.latitude_deg:.4f}".encode()
