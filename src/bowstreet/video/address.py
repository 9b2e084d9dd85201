"""Addresses of video: what may be opened, and with which of the library's options. Bytes in, values out; no IO.

A source is named by whoever runs the operation, yet an address must not become a way into files or other protocols: each
scheme has its own short list of what the library may then open.
"""

import re
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import msgspec

from bowstreet.errors import MalformedConfiguration

# A camera that says nothing for so long is gone; microseconds, as the library counts.
SILENCE_US = 5_000_000
# How long a push is waited for before the port is opened anew; seconds.
LISTEN_S = "86400"
# Containers that a file may be. None of them can name another file, as playlists do.
FILE_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,h264,hevc"
REMEDY = (
    "use rtsp://host/path, rtsp+listen://host:port/path, udp://host:port or rtp://host:port (both MPEG-TS), "
    "sdp:FILE.sdp, usb:/dev/video0, file:FILE or file+loop:FILE"
)
_NAME = re.compile(r"[A-Za-z0-9.\-_\[\]:]{1,255}")


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """What the library is told: an URL, a container (or None to find out), options, and whether it is read as a file is."""

    url: str
    format: str | None
    options: dict[str, str]
    file: bool = False
    loop: bool = False


def parse_address(text: str) -> Address:
    """Read an address.

    Raises:
        MalformedConfiguration: no such scheme, or host, port or file is missing.
    """
    if len(text) > 1_000 or not text.isprintable():
        raise MalformedConfiguration("a video address is too long or holds unprintable characters", remedy=REMEDY)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise MalformedConfiguration(f"'{shown(text)}' is no video address: {error}", remedy=REMEDY) from error
    scheme = parts.scheme.lower()
    if scheme in ("file", "file+loop"):
        return _file(parts.path if not parts.netloc else "", scheme == "file+loop", text)
    if scheme == "sdp":
        return _sdp(parts.path, text)
    if scheme == "usb":
        return _usb(parts.path, text)
    if not parts.hostname or not _NAME.fullmatch(parts.hostname):
        raise MalformedConfiguration(f"'{shown(text)}' names no host", remedy=REMEDY)
    if scheme in ("rtsp", "rtsps"):
        return Address(url=text, format="rtsp", options=_rtsp())
    if port is None:
        raise MalformedConfiguration(f"'{shown(text)}' names no port", remedy=REMEDY)
    if scheme == "rtsp+listen":
        listening = {**_rtsp(), "rtsp_flags": "listen", "listen_timeout": LISTEN_S}
        return Address(url="rtsp" + text[len(scheme) :], format="rtsp", options=listening)
    if scheme == "udp":
        query = f"overrun_nonfatal=1&fifo_size=50000&timeout={SILENCE_US}&reuse=1"
        return Address(url=f"udp://{parts.netloc}?{query}", format="mpegts", options=_whitelist("udp"))
    if scheme == "rtp":
        return Address(url=f"rtp://{parts.netloc}?timeout={SILENCE_US}", format="rtp", options=_whitelist("rtp,udp"))
    raise MalformedConfiguration(f"'{shown(text)}' has no scheme that is known here", remedy=REMEDY)


def shown(text: str) -> str:
    """An address without its password, for people and logs."""
    return re.sub(r"//[^/@]*@", "//…@", text)[:200]


def _rtsp() -> dict[str, str]:
    # Over TCP: packets that UDP loses are pictures that break, and cameras behind NAT are reached.
    return {**_whitelist("rtsp,rtsps,rtp,udp,tcp,tls"), "rtsp_transport": "tcp", "timeout": str(SILENCE_US)}


def _whitelist(protocols: str) -> dict[str, str]:
    return {"protocol_whitelist": protocols}


def _file(path: str, loop: bool, text: str) -> Address:
    if not path or "\x00" in path:
        raise MalformedConfiguration(f"'{shown(text)}' names no file", remedy=REMEDY)
    options = {**_whitelist("file"), "format_whitelist": FILE_FORMATS}
    return Address(url=path, format=None, options=options, file=True, loop=loop)


def _usb(path: str, text: str) -> Address:
    """A camera at this machine, as Linux names it."""
    if not re.fullmatch(r"/dev/video\d{1,2}", path):
        raise MalformedConfiguration(f"'{shown(text)}' names no camera of this machine", remedy="use usb:/dev/video0")
    return Address(url=path, format="video4linux2", options=_whitelist("file"))


def _sdp(path: str, text: str) -> Address:
    if PurePosixPath(path).suffix != ".sdp":
        raise MalformedConfiguration(f"'{shown(text)}' names no .sdp file", remedy=REMEDY)
    return Address(url=path, format="sdp", options={**_whitelist("file,rtp,udp"), "timeout": str(SILENCE_US)})
