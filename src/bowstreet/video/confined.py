"""What workers that parse video from outside have in common: how they tell, and how a file keeps pace."""

import errno
import sys
import threading
import time

import av
import msgspec

from bowstreet.video.model import Trouble
from bowstreet.video.pipe import framed

CONNECT_S, SILENCE_S = 10.0, 6.0
MOST_SLEEP_S = 2.0


class Unusable(Exception):
    """The source is no use. `text` is for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def unreadable(error: av.FFmpegError) -> str:
    """What a person is told of a source that cannot be read. Silence has one number over UDP, another elsewhere."""
    if isinstance(error, av.error.ExitError) or error.errno == errno.EIO:
        return "the source cannot be read: nothing comes from it; see that it sends, and to this address"
    if error.errno == errno.EADDRINUSE:
        return "the source cannot be read: another program listens at its address; end it, or have the camera send elsewhere"
    return f"the source cannot be read: {error.strerror or type(error).__name__}"


class Teller:
    """Tells the program, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._out = sys.stdout.buffer
        self._troubles: dict[str, int] = {}

    def say(self, message: msgspec.Struct) -> None:
        data = framed(message)
        with self._lock:
            self._out.write(data)
            self._out.flush()

    def trouble(self, code: str, text: str) -> None:
        """The first of a kind at once, then every hundredth: a broken stream must not flood its own record."""
        count = self._troubles[code] = self._troubles.get(code, 0) + 1
        if count == 1 or count % 100 == 0:
            self.say(Trouble(code=code, text=text, count=count))


class Pace:
    """A file comes as it was recorded, as a camera would send it."""

    def __init__(self) -> None:
        self._from: tuple[float, int] | None = None

    def keep(self, at_us: int) -> None:
        """Wait until a picture of this moment is due; a moment before the first begins anew."""
        if self._from is None or at_us < self._from[1]:
            self._from = time.monotonic(), at_us
        ahead_s = self._from[0] + (at_us - self._from[1]) / 1e6 - time.monotonic()
        if ahead_s > 0:
            time.sleep(min(ahead_s, MOST_SLEEP_S))
