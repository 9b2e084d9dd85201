"""The record of who saw pictures, live or recorded: every viewing before its first picture, its end, and what was kept of it as a
file."""

from datetime import datetime

import msgspec

from bowstreet.accountability.recorder import Recorder
from bowstreet.messages import FootageWatched, SnapshotTaken, VideoLeft, VideoWatched
from bowstreet.runtime.ids import RandomIds
from bowstreet.runtime.ports import Clock


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that is kept as a file, by what its viewer says of it."""

    captured_at: datetime | None
    width_px: int
    height_px: int
    pixels_sha256: str


class ViewingBook:
    def __init__(self, recorder: Recorder, clock: Clock) -> None:
        self._recorder, self._clock, self._ids = recorder, clock, RandomIds(clock)

    async def begun(self, by: str, source_id: str, incident_id: str, way: str, justification: str) -> str:
        """Put a viewing on record; gives its id. Raises `StoreUnavailable`: then nothing may be shown."""
        viewing_id = self._ids.new("vie")
        said = VideoWatched(
            at=self._clock.now(), viewing_id=viewing_id, by=by, source_id=source_id, incident_id=incident_id, way=way,
            justification=justification,
        )  # fmt: skip
        await self._recorder.record(messages=[said])
        return viewing_id

    async def snapshot(
        self, viewing_id: str, by: str, source_id: str, incident_id: str, justification: str, picture: Picture
    ) -> str:
        """Put on record that a picture is kept as a file; gives its id. Raises `StoreUnavailable`: then it is not to be kept."""
        snapshot_id = self._ids.new("sna")
        said = SnapshotTaken(
            at=self._clock.now(), snapshot_id=snapshot_id, viewing_id=viewing_id, by=by, source_id=source_id,
            incident_id=incident_id, captured_at=picture.captured_at, width_px=picture.width_px, height_px=picture.height_px,
            pixels_sha256=picture.pixels_sha256, justification=justification,
        )  # fmt: skip
        await self._recorder.record(messages=[said])
        return snapshot_id

    async def begun_footage(self, by: str, recording_id: str, incident_id: str, what: str, justification: str) -> str:
        """The same of what was recorded."""
        viewing_id = self._ids.new("vie")
        said = FootageWatched(
            at=self._clock.now(), viewing_id=viewing_id, by=by, recording_id=recording_id, incident_id=incident_id, what=what,
            justification=justification,
        )  # fmt: skip
        await self._recorder.record(messages=[said])
        return viewing_id

    async def over(self, viewing_id: str) -> None:
        await self._recorder.record(messages=[VideoLeft(at=self._clock.now(), viewing_id=viewing_id)])
