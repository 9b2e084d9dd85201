"""Live pictures to browsers by WebRTC (WHEP, draft-ietf-wish-whep): H.264 as received, nothing coded again. Over aiortc.

A session is an offer answered and a peer connection that lasts until either side ends it, or its stream is closed to it.
"""

import asyncio
import contextlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import structlog
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from bowstreet.errors import BadInput, NotFound, Refused
from bowstreet.video.model import AccessUnit, Codec
from bowstreet.video.service import Stream, VideoService
from bowstreet.video.watching import Viewer

log = structlog.get_logger(__name__)

# Of one program; beyond it pictures are given to an external media server. Measured: 1.5% of a core each.
MOST_SESSIONS = 30
MOST_SDP_BYTES = 32 * 1024
# Each candidate is an address that this program would send packets to.
MOST_CANDIDATES = 24
CONNECT_S = 15.0
# A keyframe comes every second or two; who sends none for so long is not changed over to.
TURN_S = 10.0
_MICROSECONDS = Fraction(1, 1_000_000)
# Between two pictures; anything else is a clock that jumped or a file that began again.
_MOST_STEP_US, _LEAST_STEP_US = 5_000_000, -1_000_000
_CANDIDATE = re.compile(rb"^a=candidate:", re.MULTILINE)


class MalformedOffer(BadInput):
    """An offer that is no SDP, or cannot be answered with H.264 video."""


class _Track(MediaStreamTrack):
    """Hands coded pictures to a peer connection."""

    kind = "video"

    def __init__(self, viewer: Viewer[AccessUnit]) -> None:
        super().__init__()
        self._viewer = viewer
        self._coming: Viewer[AccessUnit] | None = None
        self._turned = asyncio.Event()
        self._seam = False
        self._offset_us = 0
        self._last_us: int | None = None

    async def turn(self, coming: Viewer[AccessUnit]) -> None:
        """Another source from its first picture on; returns then. Until then the one before is shown."""
        self._coming = coming
        self._turned.clear()
        await self._turned.wait()

    def stay(self) -> None:
        """Not to the other one after all."""
        self._coming = None

    async def _next(self) -> AccessUnit | None:
        if self._coming is None:
            return await self._viewer.next()
        old, new = asyncio.ensure_future(self._viewer.next()), asyncio.ensure_future(self._coming.next())
        try:
            done, _ = await asyncio.wait((old, new), return_when=asyncio.FIRST_COMPLETED)
            if new not in done and old.result() is None:
                await new  # the old one shows nothing any more
        finally:
            for one in (old, new):
                if not one.done():
                    one.cancel()  # takes no picture with it: one that waits is taken out without a pause
        if new.done() and not new.cancelled() and new.result() is not None:
            self._viewer, self._coming, self._seam = self._coming, None, True
            self._turned.set()
            return new.result()
        if new.done() and not new.cancelled():
            self._coming = None
            self._turned.set()
        return old.result() if old.done() and not old.cancelled() else await self._viewer.next()

    async def recv(self) -> Any:
        unit = await self._next()
        if unit is None:
            self.stop()
            raise MediaStreamError
        at_us = unit.pts_us + self._offset_us
        steps = self._last_us is None or _LEAST_STEP_US <= at_us - self._last_us <= _MOST_STEP_US
        if self._last_us is not None and (self._seam or not steps):
            self._seam = False
            self._offset_us += self._last_us + 40_000 - at_us
            at_us = unit.pts_us + self._offset_us
        self._last_us = at_us
        packet = av.Packet(unit.data)
        packet.pts, packet.time_base = max(0, at_us), _MICROSECONDS
        return packet


@dataclass
class _Session:
    peer: RTCPeerConnection
    stream: Stream
    viewer: Viewer[AccessUnit]
    track: _Track


class Whep:
    """The WebRTC sessions of one program.

    Args:
        ended: told the id of every session that is over.
    """

    def __init__(self, video: VideoService, ended: Callable[[str], None] = lambda _: None) -> None:
        self._video = video
        self._ended = ended
        self._waiting: set[asyncio.Future[None]] = set()
        self._sessions: dict[str, _Session] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    async def offer(self, source_id: str, sdp: bytes) -> tuple[str, str]:
        """Answer a viewer's offer; gives the session's id and the answer.

        Raises:
            NotFound: no such source.
            Refused: nothing may be shown now, there are too many viewers, or the codec is not H.264.
            MalformedOffer: the offer is no SDP that can be answered with H.264 video.
        """
        text = _checked(sdp)
        stream = self._video.find(source_id)
        if stream.format is not None and stream.format.codec is not Codec.H264:
            raise Refused("this source sends H.265, which WebRTC does not carry here", remedy="use the MP4 stream beside it")
        if len(self._sessions) >= MOST_SESSIONS:
            raise Refused("there are too many viewers", remedy="close one, or configure a media server")
        viewer = self._video.join(source_id)
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        session_id = secrets.token_urlsafe(18)
        track = _Track(viewer)
        self._sessions[session_id] = _Session(peer, stream, viewer, track)
        try:
            answer = await self._answer(peer, track, text)
        except Exception as error:  # whatever a hostile offer makes the library raise is about the offer
            log.info("an offer could not be answered", error=type(error).__name__)
            await self.end(session_id)
            raise MalformedOffer(
                "the offer cannot be answered", remedy="offer to receive H.264 video, with candidates"
            ) from error
        self._watch(session_id, peer)
        return session_id, answer

    async def turn(self, session_id: str, source_id: str) -> None:
        """Show another source to a viewer, without a break: it is joined before the old one is let go.

        Raises:
            NotFound: the session is over, or there is no such source.
            Refused: it may show nothing now, sends H.265, or has sent no picture within `TURN_S`; then the old one is shown on.
        """
        session, stream = self._sessions.get(session_id), self._video.find(source_id)
        if session is None:
            raise NotFound("this viewing is over", remedy="begin another")
        if stream.format is not None and stream.format.codec is not Codec.H264:
            raise Refused("this source sends H.265, which WebRTC does not carry here", remedy="use the MP4 stream beside it")
        coming = self._video.join(source_id)
        try:
            async with asyncio.timeout(TURN_S):
                await session.track.turn(coming)
        except TimeoutError:
            session.track.stay()
            stream.pictures.leave(coming)
            raise Refused("no picture came from the other source", remedy="it is tried again") from None
        session.stream.pictures.leave(session.viewer)
        session.stream, session.viewer = stream, coming

    async def _answer(self, peer: RTCPeerConnection, track: _Track, offer: str) -> str:
        codecs = [one for one in RTCRtpSender.getCapabilities("video").codecs if one.mimeType in ("video/H264", "video/rtx")]
        transceiver = peer.addTransceiver(track, direction="sendonly")
        transceiver.setCodecPreferences(codecs)  # before the offer is set, or the library picks VP8
        async with asyncio.timeout(CONNECT_S):
            await peer.setRemoteDescription(RTCSessionDescription(sdp=offer, type="offer"))
            await peer.setLocalDescription(await peer.createAnswer())
        return str(peer.localDescription.sdp)

    def _watch(self, session_id: str, peer: Any) -> None:
        async def changed() -> None:
            if peer.connectionState in ("failed", "closed"):
                await self._gone(session_id)

        peer.on("connectionstatechange", changed)
        waiting = asyncio.ensure_future(self._unconnected(session_id))
        self._waiting.add(waiting)
        waiting.add_done_callback(self._waiting.discard)

    async def _unconnected(self, session_id: str) -> None:
        await asyncio.sleep(CONNECT_S)
        found = self._sessions.get(session_id)
        if found is not None and found.peer.connectionState != "connected":
            await self._gone(session_id)

    async def _gone(self, session_id: str) -> None:
        with contextlib.suppress(NotFound):
            await self.end(session_id)

    async def end(self, session_id: str) -> None:
        """Raises `NotFound` for a session that is over."""
        found = self._sessions.pop(session_id, None)
        if found is None:
            raise NotFound("this viewing is over", remedy="begin another")
        found.stream.pictures.leave(found.viewer)
        await found.peer.close()
        self._ended(session_id)

    async def close(self) -> None:
        for waiting in tuple(self._waiting):
            waiting.cancel()
        for session_id in tuple(self._sessions):
            await self._gone(session_id)


def _checked(sdp: bytes) -> str:
    if not sdp.startswith(b"v=0") or len(sdp) > MOST_SDP_BYTES:
        raise MalformedOffer("the body is no SDP of at most 32 KB", remedy="send an offer as application/sdp")
    if len(_CANDIDATE.findall(sdp)) > MOST_CANDIDATES:
        raise MalformedOffer("the offer names too many candidates", remedy="offer at most 24")
    try:
        return sdp.decode()
    except UnicodeDecodeError as error:
        raise MalformedOffer("the offer is not UTF-8", remedy="send an offer as application/sdp") from error
