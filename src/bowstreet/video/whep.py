"""Live pictures to browsers by WebRTC (WHEP, draft-ietf-wish-whep): H.264 as received, nothing coded again. Over aiortc.

A session is an offer answered and a peer connection that lasts until either side ends it, or its stream is closed to it.
"""

import asyncio
import contextlib
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
from bowstreet.video.times import RTP_HZ, PictureTime, PictureTimes
from bowstreet.video.watching import Succession, Viewer

log = structlog.get_logger(__name__)

# Of one program; beyond it pictures are given to an external media server. Measured: 1.5% of a core each.
MOST_SESSIONS = 30
MOST_SDP_BYTES = 32 * 1024
# Each candidate is an address that this program would send packets to.
MOST_CANDIDATES = 24
CONNECT_S = 15.0
# A keyframe comes every second or two; who sends none for so long is not changed over to.
TURN_S = 10.0
_RTP_TICK, _RTP_TURN = Fraction(1, RTP_HZ), 1 << 32
# Between two pictures; anything else is a clock that jumped or a file that began again.
_MOST_STEP_US, _LEAST_STEP_US = 5_000_000, -1_000_000
_CANDIDATE = "a=candidate:"


class MalformedOffer(BadInput):
    """An offer that is no SDP, or cannot be answered with H.264 video."""


class _Track(MediaStreamTrack):
    """Hands coded pictures to a peer connection."""

    kind = "video"

    def __init__(self, viewer: Viewer[AccessUnit]) -> None:
        super().__init__()
        self.sources = Succession(viewer)
        self._seam = False
        self._offset_us = 0
        self._last_us: int | None = None
        self.sender: RTCRtpSender | None = None
        self._times = PictureTimes()
        self._stamp: int | None = None
        self._origin: int | None = None

    def times(self) -> tuple[PictureTime, ...]:
        """Of the pictures sent lately, by the RTP time that they were sent with."""
        return () if self._origin is None else self._times.told(self._origin, _RTP_TURN)

    def _look_at_origin(self) -> None:
        """What the library counts RTP time from: asked for between two pictures, when all of the last is sent. No public name
        tells it; where it cannot be had, viewers are told no ages, and nothing else is amiss."""
        sent = getattr(self.sender, "_RTCRtpSender__rtp_timestamp", 0)
        if self._stamp is not None and sent:
            self._origin = (sent - self._stamp) % _RTP_TURN

    async def recv(self) -> Any:
        self._look_at_origin()
        unit, another = await self.sources.next()
        if unit is None:
            self.stop()
            raise MediaStreamError
        at_us = unit.pts_us + self._offset_us
        self._seam = self._seam or another
        steps = self._last_us is None or _LEAST_STEP_US <= at_us - self._last_us <= _MOST_STEP_US
        if self._last_us is not None and (self._seam or not steps):
            self._seam = False
            self._offset_us += self._last_us + 40_000 - at_us
            at_us = unit.pts_us + self._offset_us
        self._last_us = at_us
        packet = av.Packet(unit.data)
        self._stamp = max(0, at_us) * RTP_HZ // 1_000_000
        packet.pts, packet.time_base = self._stamp, _RTP_TICK
        self._times.note(self._stamp, unit.received_us, unit.captured_us, unit.captured_by)
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
        self._closing: set[asyncio.Future[None]] = set()
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
        session_id = secrets.token_hex(16)
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
                turned = await session.track.sources.turn(coming)
        except TimeoutError:
            turned = False
        if not turned:
            session.track.sources.stay()
            stream.pictures.leave(coming)
            raise Refused("no picture came from the other source", remedy="it is tried again")
        session.stream.pictures.leave(session.viewer)
        session.stream, session.viewer = stream, coming

    async def _answer(self, peer: RTCPeerConnection, track: _Track, offer: str) -> str:
        codecs = [one for one in RTCRtpSender.getCapabilities("video").codecs if one.mimeType in ("video/H264", "video/rtx")]
        transceiver = peer.addTransceiver(track, direction="sendonly")
        track.sender = transceiver.sender
        transceiver.setCodecPreferences(codecs)  # before the offer is set, or the library picks VP8
        async with asyncio.timeout(CONNECT_S):
            await peer.setRemoteDescription(RTCSessionDescription(sdp=offer, type="offer"))
            await peer.setLocalDescription(await peer.createAnswer())
        return str(peer.localDescription.sdp)

    def times(self, session_id: str) -> tuple[PictureTime, ...]:
        """When the pictures that a viewer was sent lately were taken; none for a session that is over."""
        session = self._sessions.get(session_id)
        return () if session is None else session.track.times()

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
        self._ended(session_id)
        closing = asyncio.ensure_future(found.peer.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        await asyncio.shield(closing)

    async def close(self) -> None:
        for waiting in tuple(self._waiting):
            waiting.cancel()
        for session_id in tuple(self._sessions):
            await self._gone(session_id)
        await asyncio.gather(*self._closing, return_exceptions=True)


def _checked(sdp: bytes) -> str:
    if not sdp.startswith(b"v=0") or len(sdp) > MOST_SDP_BYTES:
        raise MalformedOffer("the body is no SDP of at most 32 KB", remedy="send an offer as application/sdp")
    try:
        text = sdp.decode()
    except UnicodeDecodeError as error:
        raise MalformedOffer("the offer is not UTF-8", remedy="send an offer as application/sdp") from error
    # Lines as the library takes them, which end with more than a line feed.
    if sum(line.startswith(_CANDIDATE) for line in text.splitlines()) > MOST_CANDIDATES:
        raise MalformedOffer("the offer names too many candidates", remedy="offer at most 24")
    return text
