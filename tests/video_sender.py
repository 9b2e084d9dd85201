"""A camera of the tests: real H.264 over real sockets, from a process of its own. Run with an address, seconds, and options."""

import sys
import time
from fractions import Fraction

import av
import numpy as np

WIDTH, HEIGHT, RATE = 320, 180, 25


def main(
    address: str, seconds: float, codec: str = "libx264", width: int = WIDTH, height: int = HEIGHT, grain: int = 0
) -> None:  # fmt: skip
    """`grain` makes pictures as hard to code as a street: 12 gives some 3 Mbit/s at 640 by 360."""
    noise = np.random.default_rng(1).integers(0, grain + 1, (8, height, width, 1), np.uint8)
    form = "rtsp" if address.startswith("rtsp:") else "mpegts"
    with av.open(address, "w", format=form, options={"rtsp_transport": "tcp"} if form == "rtsp" else {}) as out:
        stream = out.add_stream(codec, rate=RATE)
        stream.width, stream.height, stream.pix_fmt, stream.time_base = width, height, "yuv420p", Fraction(1, RATE)
        stream.options = {"preset": "ultrafast", "tune": "zerolatency", "g": str(RATE // 2)}
        began = time.monotonic()
        number = 0
        while time.monotonic() - began < seconds:
            pixels = np.zeros((height, width, 3), np.uint8)
            pixels[:, : (number * 4) % width] = (40, 160, 220)
            pixels += noise[number % 8]
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            picture.pts = number
            for packet in stream.encode(picture):
                out.mux(packet)
            number += 1
            time.sleep(max(0.0, began + number / RATE - time.monotonic()))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), *sys.argv[3:4], *map(int, sys.argv[4:7]))
