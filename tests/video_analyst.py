"""An analyst of the tests that takes its time: slower than pictures are due."""

import time

from bowstreet.frames import DroneFrame

TAKES_S = 0.7


class Slow:
    def order(self, data: bytes) -> None: ...

    def look(self, frame: DroneFrame) -> bytes:
        time.sleep(TAKES_S)
        return b"seen"
