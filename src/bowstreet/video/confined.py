"""What workers that parse video from outside have in common: how they open a source, how they tell, how a file keeps pace."""

import contextlib
import errno
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import av
import msgspec

from bowstreet.video.address import Address
from bowstreet.video.model import Ended, Trouble
from bowstreet.video.pipe import framed

CONNECT_S, SILENCE_S = 10.0, 6.0
MOST_SLEEP_S = 2.0
# From one picture to the next, by the stream's own clock; anything else is a clock that was set, or a file that began again.
# Pictures that lean on later ones (B) come in another order than they are shown in, some tenths of a second at most.
MOST_STEP_US, LEAST_STEP_US = 5_000_000, -400_000


class Unusable(Exception):
    """The source is no use. `text` is for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def unreadable(error: av.FFmpegError) -> str:
    """What a person is told of a source that cannot be opened or read. Silence over UDP has another number than elsewhere."""
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
        self._latest_us = 0

    def keep(self, at_us: int) -> None:
        """Wait until a picture of this moment is due; where the file's clock goes back, or far ahead, it begins anew."""
        steps = LEAST_STEP_US <= at_us - self._latest_us <= MOST_STEP_US
        if self._from is None or not steps or at_us <= self._from[1]:
            self._from, self._latest_us = (time.monotonic(), at_us), at_us
        self._latest_us = max(self._latest_us, at_us)
        ahead_s = self._from[0] + (at_us - self._from[1]) / 1e6 - time.monotonic()
        if ahead_s > 0:
            time.sleep(min(ahead_s, MOST_SLEEP_S))


def worked(address: Address, teller: Teller, read: Callable[[Any], None], at_end: Callable[[], None] = lambda: None) -> int:
    """Open a source and `read` it to its end, again and again where it is to be; tell how that ended. Gives the exit status."""
    try:
        while True:
            wait: Any = None if "listen_timeout" in address.options else (CONNECT_S, SILENCE_S)
            opened = av.open(address.url, format=address.format, options=address.options, timeout=wait)
            with contextlib.closing(opened) as container:
                read(container)
            if not address.loop:
                break
        at_end()
        if not address.file:
            raise Unusable("ended", "the sender has ended the stream")
        teller.say(Ended())
    except Unusable as error:
        teller.say(Trouble(code=error.code, text=error.text))
        return 1
    except av.FFmpegError as error:
        teller.say(Trouble(code="connection", text=unreadable(error)))
        return 1
    except BrokenPipeError:  # the program is gone
        return 0
    return 0
