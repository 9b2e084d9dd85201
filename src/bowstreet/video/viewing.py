"""The record of who saw pictures, live or recorded: every viewing before its first picture, and its end."""

from bowstreet.accountability.recorder import Recorder
from bowstreet.messages import FootageWatched, VideoLeft, VideoWatched
from bowstreet.runtime.ids import RandomIds
from bowstreet.runtime.ports import Clock


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
