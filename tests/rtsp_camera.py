"""A camera of the tests that serves RTSP (RFC 2326) as those on poles do: pulled, over TCP, with a name and a password (digest).

It is a peer of its own at the other end of a real connection; RTP packets are made by the library's own muxer from a film's coded
pictures, over and over, in real time.
"""

import asyncio
import hashlib
import itertools
import re
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import av

REALM, PAYLOAD_TYPE, CLOCK_HZ = "camera", 96, 90_000
SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\n"
    f"m=video 0 RTP/AVP {PAYLOAD_TYPE}\r\na=rtpmap:{PAYLOAD_TYPE} H264/{CLOCK_HZ}\r\n"
    f"a=fmtp:{PAYLOAD_TYPE} packetization-mode=1\r\na=control:picture\r\n"
)


class RtspCamera:
    """Listens; each connection that asks to PLAY is sent the film from its beginning.

    Attributes:
        asked: the methods of all requests so far, in order; denied: how many came without the right password.
    """

    def __init__(self, film: Path, name: str = "", password: str = "") -> None:
        self._film, self._name, self._password, self._nonce = film, name, password, secrets.token_hex(8)
        self.asked: list[str] = []
        self.denied = 0
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def address(self) -> str:
        who = f"{self._name}:{self._password}@" if self._name else ""
        return f"rtsp://{who}127.0.0.1:{self.port}/picture"

    def hang_up(self) -> None:
        """Every connection ends, as when somebody pulls the plug; new ones are taken."""
        for writer in self._writers:
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        playing: asyncio.Task[None] | None = None
        try:
            while True:
                method, headers = await _request(reader)
                self.asked.append(method)
                answer, more, body = self._answer(method, headers)
                lines = [f"RTSP/1.0 {answer}", f"CSeq: {headers.get('cseq', '0')}", *more]
                if body:
                    lines += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
                writer.write("\r\n".join([*lines, "", body]).encode())
                if method == "PLAY" and answer.startswith("200"):
                    playing = asyncio.ensure_future(self._play(writer))
                if method == "TEARDOWN":
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            if playing is not None:
                playing.cancel()
                await asyncio.gather(playing, return_exceptions=True)
            self._writers.discard(writer)
            writer.close()

    def _answer(self, method: str, headers: dict[str, str]) -> tuple[str, list[str], str]:
        if method == "OPTIONS":
            return "200 OK", ["Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"], ""
        if self._name and not self._is_right(method, headers.get("authorization", "")):
            self.denied += 1
            return "401 Unauthorized", [f'WWW-Authenticate: Digest realm="{REALM}", nonce="{self._nonce}"'], ""
        session = ["Session: 1;timeout=60"]
        match method:
            case "DESCRIBE":
                return "200 OK", [f"Content-Base: rtsp://127.0.0.1:{self.port}/picture/"], SDP
            case "SETUP" if "RTP/AVP/TCP" in headers.get("transport", ""):
                return "200 OK", [*session, "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"], ""
            case "SETUP":
                return "461 Unsupported Transport", [], ""
            case "PLAY" | "TEARDOWN" | "GET_PARAMETER":
                return "200 OK", session, ""
        return "501 Not Implemented", [], ""

    def _is_right(self, method: str, authorization: str) -> bool:
        """RFC 2617 without `qop`, which is what such cameras speak."""
        said = dict(re.findall(r'(\w+)="([^"]*)"', authorization))
        first = _md5(f"{self._name}:{REALM}:{self._password}")
        return said.get("response") == _md5(f"{first}:{self._nonce}:" + _md5(f"{method}:{said.get('uri', '')}"))

    async def _play(self, writer: asyncio.StreamWriter) -> None:
        loop, over = asyncio.get_running_loop(), threading.Event()
        inbox = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        inbox.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)  # a keyframe comes at once
        inbox.bind(("127.0.0.1", 0))
        inbox.setblocking(False)
        transport, _ = await loop.create_datagram_endpoint(lambda: _Interleaver(writer), sock=inbox)
        port = transport.get_extra_info("sockname")[1]
        try:
            await asyncio.to_thread(self._mux, f"rtp://127.0.0.1:{port}", over)
        finally:
            over.set()
            transport.close()

    def _mux(self, to: str, over: threading.Event) -> None:
        began_s, offset = time.monotonic(), 0.0
        with av.open(to, "w", format="rtp", options={"pkt_size": "1200"}) as out:
            stream = None
            for _ in itertools.count():
                last_s = 0.0
                with av.open(str(self._film)) as film:
                    pictures = film.streams.video[0]
                    stream = stream or out.add_stream_from_template(pictures)
                    first = None
                    for packet in film.demux(pictures):
                        if packet.dts is None or packet.pts is None:
                            continue
                        first = packet.dts if first is None else first
                        last_s = float((packet.dts - first) * packet.time_base)
                        if over.wait(max(0.0, began_s + offset + last_s - time.monotonic())):
                            return
                        moved = round(offset / packet.time_base) - first
                        packet.dts, packet.pts, packet.stream = packet.dts + moved, packet.pts + moved, stream
                        out.mux(packet)
                offset += last_s + 0.04


class _Interleaver(asyncio.DatagramProtocol):
    """RTP that comes as datagrams goes on within the connection (RFC 2326, 10.12)."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def datagram_received(self, data: bytes, _: object) -> None:
        if not self._writer.is_closing():
            self._writer.write(b"$\x00" + len(data).to_bytes(2, "big") + data)


async def _request(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    """The next one's method and headers; receiver reports that come between are passed over."""
    while (first := await reader.readexactly(1)) == b"$":
        _, high, low = await reader.readexactly(3)
        await reader.readexactly(high << 8 | low)
    head = first + await reader.readuntil(b"\r\n\r\n")
    line, *lines = head.decode("ascii", "replace").strip().split("\r\n")
    pairs = (one.partition(":") for one in lines)
    return line.split(" ")[0], {name.strip().lower(): value.strip() for name, _, value in pairs}


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@asynccontextmanager
async def rtsp_camera(film: Path, name: str = "", password: str = "") -> AsyncIterator[RtspCamera]:
    camera = RtspCamera(film, name, password)
    server = await asyncio.start_server(camera.serve, "127.0.0.1", 0)
    camera.port = server.sockets[0].getsockname()[1]
    try:
        yield camera
    finally:
        server.close()
        camera.hang_up()
