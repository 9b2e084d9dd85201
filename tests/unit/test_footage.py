"""Footage: what was recorded comes back as it came, what was changed is named, what was cut off costs the last part at most."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from bowstreet.accountability.recorder import Recorder
from bowstreet.errors import MalformedProof, NotFound, StoreUnavailable
from bowstreet.messages import RecordingAnchored, RecordingClosed, RecordingStarted
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.ids import RandomIds
from bowstreet.runtime.memory import MemoryStore
from bowstreet.runtime.ports import Batch
from bowstreet.video import footage, recorder
from bowstreet.video.evidence import at_rest
from bowstreet.video.footage import FootageWriter, Part, PartKind
from bowstreet.video.model import Fragment, Header, VideoSource
from bowstreet.video.recorder import FootageRecorder, RecordingState

KEY = AESGCM(bytes(range(32)))
START = datetime(2026, 11, 28, 3, tzinfo=UTC)
SOURCE = VideoSource(source_id="cam", address="udp://127.0.0.1:1", vehicle_id="k1")


def part(number: int, size: int = 50) -> Part:
    return Part(kind=PartKind.FRAGMENT, pts_us=1_000_000 + number, captured_us=1, data=bytes([number % 256]) * size)


def written(path: Path, count: int) -> footage.Chain:
    writer = FootageWriter(path, "rec-1", KEY)
    for number in range(count):
        writer.append(part(number))
    writer.close()
    return writer.chain


def parts_of(path: Path) -> list[footage.Read]:
    with path.open("rb") as file:
        return list(footage.read(file, "rec-1", KEY))


def test_parts_come_back_as_they_came_and_the_chain_can_be_computed_by_anybody(tmp_path: Path) -> None:
    chain = written(tmp_path / "one", 5)
    found = parts_of(tmp_path / "one")
    assert [one.part for one in found] == [part(number) for number in range(5)]
    assert found[-1].chain == chain
    head = sha256(b"bowstreet recording rec-1").digest()
    for one in found:
        body = footage._encode(one.part)
        head = sha256(head + sha256(body).digest()).digest()
    assert head == chain.head


def test_every_changed_byte_is_found(tmp_path: Path) -> None:
    written(tmp_path / "one", 3)
    whole = (tmp_path / "one").read_bytes()
    before = [one.part for one in parts_of(tmp_path / "one")]
    for at in range(len(whole)):
        (tmp_path / "two").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        try:
            found = [one.part for one in parts_of(tmp_path / "two")]
        except MalformedProof:
            continue
        # A length that grew past the end looks like a file that was cut off: fewer parts, none changed, which the anchors show.
        assert found == before[: len(found)]
        assert len(found) < len(before)


@given(cut=st.integers(min_value=0, max_value=10_000))
def test_a_file_cut_anywhere_gives_all_whole_parts(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    folder = tmp_path_factory.mktemp("cut")
    written(folder / "one", 4)
    whole = (folder / "one").read_bytes()
    cut = len(footage.MAGIC) + cut % (len(whole) - len(footage.MAGIC))
    (folder / "two").write_bytes(whole[:cut])
    found = parts_of(folder / "two")
    assert [one.part for one in found] == [part(number) for number in range(len(found))]
    size = (len(whole) - len(footage.MAGIC)) // 4
    assert len(found) == (cut - len(footage.MAGIC)) // size


def test_parts_that_change_places_are_found(tmp_path: Path) -> None:
    written(tmp_path / "one", 4)
    whole = (tmp_path / "one").read_bytes()
    start = len(footage.MAGIC)
    size = (len(whole) - start) // 4
    cut = [whole[start + n * size : start + (n + 1) * size] for n in range(4)]
    (tmp_path / "two").write_bytes(whole[:start] + cut[0] + cut[2] + cut[1] + cut[3])
    with pytest.raises(MalformedProof, match="part 1"):
        parts_of(tmp_path / "two")


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from tests.unit.test_footage import KEY, part
    from bowstreet.video.footage import FootageWriter
    writer = FootageWriter(Path(sys.argv[1]), "rec-1", KEY)
    for number in range(1000):
        writer.append(part(number, 5_000))
        print(number, flush=True)
        if number == 300:
            os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_with_9_everything_appended_is_there(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path / "one")], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(parts_of(tmp_path / "one")) == int(done.stdout.split()[-1]) + 1


class Keys:
    def __init__(self) -> None:
        self.made: dict[str, AESGCM] = {}

    async def keys_for(self, subjects: list[str]) -> dict[str, AESGCM]:
        return {one: self.made.setdefault(one, AESGCM(os.urandom(32))) for one in subjects}

    def find(self, subject: str) -> AESGCM | None:
        return self.made.get(subject)


class World:
    def __init__(self, folder: Path, keys: Keys | None = None, store: MemoryStore | None = None) -> None:
        self.clock, self.store, self.keys = SimulatedClock(START), store or MemoryStore(), keys or Keys()
        self.acts = Recorder(self.store, InlineBus(), self.clock)
        self.messages: list[object] = []
        for kind in (RecordingStarted, RecordingAnchored, RecordingClosed):
            self.acts.bus.subscribe(kind, self._heard)
        self.footage = FootageRecorder(self.acts, self.clock, RandomIds(self.clock), self.keys, folder)

    async def _heard(self, message: object) -> None:
        self.messages.append(message)

    async def record(self, count: int) -> str:
        recording_id = await self.footage.start(SOURCE, "mis-1", "inc-1")
        self.footage.take(SOURCE, Header(data=b"head"))
        for number in range(count):
            keyframe = number % 10 == 3
            self.footage.take(
                SOURCE, Fragment(sequence=number, pts_us=number, captured_us=1, keyframe=keyframe, data=b"f%d" % number)
            )
        return recording_id


async def test_a_recording_begins_at_a_keyframe_with_its_head_and_is_closed_on_record(tmp_path: Path) -> None:
    world = World(tmp_path / "footage")
    await world.footage.load(world.store)
    recording_id = await world.record(20)
    await world.footage.stop("cam", "left the scene")
    data = [one.part.data for one in world.footage.parts(recording_id)]
    assert data == [b"head", *(b"f%d" % number for number in range(3, 20))]
    kept = world.footage.recordings.get(recording_id)
    assert (kept.state, kept.parts, kept.why_closed) == (RecordingState.CLOSED, 18, "left the scene")
    assert isinstance(world.messages[0], RecordingStarted)
    closed = world.messages[-1]
    assert isinstance(closed, RecordingClosed)
    assert closed.head == kept.head == list(world.footage.parts(recording_id))[-1].chain.head.hex()


async def test_what_a_crash_left_open_is_closed_as_far_as_its_file_goes(tmp_path: Path) -> None:
    world = World(tmp_path / "footage")
    await world.footage.load(world.store)
    recording_id = await world.record(20)
    async with asyncio.timeout(30):
        while sum(1 for _ in world.footage.parts(recording_id)) < 18:
            await asyncio.sleep(0.01)
    path = tmp_path / "footage" / f"{recording_id}.footage"
    path.write_bytes(path.read_bytes()[:-5])  # the last part was under way
    again = World(tmp_path / "footage", world.keys, world.store)
    await again.footage.load(again.store)
    kept = again.footage.recordings.get(recording_id)
    assert (kept.state, kept.parts) == (RecordingState.CLOSED, 17)
    assert kept.head == list(again.footage.parts(recording_id))[-1].chain.head.hex()
    for running in world.footage._running.values():
        assert running.task is not None
        running.task.cancel()
        running.writer.close()


async def test_an_anchor_tells_how_far_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "ANCHOR_EVERY_S", 0.05)
    world = World(tmp_path / "footage")
    await world.footage.load(world.store)
    recording_id = await world.record(20)
    async with asyncio.timeout(5):
        while not any(isinstance(one, RecordingAnchored) for one in world.messages):
            await asyncio.sleep(0.02)
    said = next(one for one in world.messages if isinstance(one, RecordingAnchored))
    assert said.head in {one.chain.head.hex() for one in world.footage.parts(recording_id)}
    await world.footage.close()


async def test_a_full_disk_ends_the_recording_on_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path / "footage")
    await world.footage.load(world.store)

    def full(self: FootageWriter, part: Part) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FootageWriter, "append", full)
    recording_id = await world.record(20)
    async with asyncio.timeout(5):
        while world.footage.is_recording("cam"):
            await asyncio.sleep(0.02)
        while not isinstance(world.messages[-1], RecordingClosed):
            await asyncio.sleep(0.02)
    assert "No space left" in world.footage.recordings.get(recording_id).why_closed


async def test_erased_footage_is_unreadable_and_its_file_goes(tmp_path: Path) -> None:
    world = World(tmp_path / "footage")
    await world.footage.load(world.store)
    recording_id = await world.record(20)
    await world.footage.stop("cam", "left")
    del world.keys.made[recording_id]
    with pytest.raises(NotFound):
        list(world.footage.parts(recording_id))
    await world.acts.record(erase=[(world.footage.recordings, recording_id)])
    assert world.footage.sweep() == 1
    assert list((tmp_path / "footage").iterdir()) == []


async def test_what_is_seen_for_another_incident_is_a_recording_of_its_own(tmp_path: Path) -> None:
    world = World(tmp_path / "footage")
    await world.footage.load(world.store)
    first = await world.record(5)
    assert await world.footage.start(SOURCE, "mis-1", "inc-1") == first, "of the same incident it goes on"
    second = await world.footage.start(SOURCE, "mis-1", "inc-2")
    assert second != first
    kept = world.footage.recordings.get(first)
    assert (kept.state, kept.incident_id) == (RecordingState.CLOSED, "inc-1")
    assert "another incident" in kept.why_closed
    await world.footage.close()
    assert world.footage.recordings.get(second).incident_id == "inc-2"


class Failing:
    """A store that takes nothing while `fails`."""

    def __init__(self, store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fails, self.tried, real = False, 0, store.commit

        async def commit(batch: Batch) -> None:
            self.tried += 1
            if self.fails:
                raise StoreUnavailable("the disk is full", remedy="make room")
            await real(batch)

        monkeypatch.setattr(store, "commit", commit)


async def opened(folder: Path) -> World:
    world = World(folder)
    await world.footage.load(world.store)
    return world


def closed_on_record(world: World) -> list[RecordingClosed]:
    return [one for one in world.messages if isinstance(one, RecordingClosed)]


async def test_an_end_that_the_record_did_not_take_is_kept_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await opened(tmp_path / "footage")
    store = Failing(world.store, monkeypatch)
    recording_id = await world.record(20)
    store.fails = True
    await world.footage.stop("cam", "no record can be written")
    standing = world.footage.recordings.get(recording_id)
    assert (standing.state, world.footage.is_recording("cam")) == (RecordingState.OPEN, False)
    assert world.footage.reach_of(standing).parts == 18, "its pictures are there meanwhile too"
    ended_at = world.clock.now()
    world.clock.advance_to(ended_at + timedelta(minutes=4))
    await world.footage.settle()
    assert not closed_on_record(world)
    store.fails = False
    await world.footage.settle()
    await world.footage.settle()
    kept = world.footage.recordings.get(recording_id)
    assert (kept.state, kept.parts, kept.closed_at, kept.why_closed) == (
        RecordingState.CLOSED, 18, ended_at, "no record can be written",
    )  # fmt: skip
    [said] = closed_on_record(world)
    assert (said.head, said.parts, said.at) == (kept.head, 18, world.clock.now())
    assert said.why == "no record can be written; it ended 2026-11-28 03:00:00 UTC, and the record took that no sooner"
    assert world.footage.reach_of(kept) == list(world.footage.parts(recording_id))[-1].chain


async def test_ends_are_tried_one_at_a_time_while_the_record_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await opened(tmp_path / "footage")
    store = Failing(world.store, monkeypatch)
    for _ in range(3):
        store.fails = False
        await world.record(20)
        store.fails = True
        await world.footage.stop("cam", "left the scene")
    before = store.tried
    await world.footage.settle()
    assert store.tried == before + 1
    store.fails = False
    await asyncio.gather(world.footage.settle(), world.footage.settle())
    await world.footage.settle()
    assert len(closed_on_record(world)) == 3


async def test_the_reach_of_a_recording_is_told_while_it_is_being_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = await opened(tmp_path / "footage")
    recording_id = await world.record(20)
    open_one, seen = world.footage.recordings.get(recording_id), list[int]()
    real = world.store.commit

    async def commit(batch: Batch) -> None:
        seen.append(world.footage.reach_of(open_one).parts)
        await real(batch)

    monkeypatch.setattr(world.store, "commit", commit)
    await world.footage.stop("cam", "left the scene")
    assert seen == [18]


@pytest.mark.parametrize("anchored", [True, False])
async def test_a_disk_that_no_longer_syncs_ends_the_recording_on_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, anchored: bool
) -> None:
    world = await opened(tmp_path / "footage")

    def broken(self: FootageWriter) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(FootageWriter, "sync", broken)
    if anchored:
        monkeypatch.setattr(recorder, "ANCHOR_EVERY_S", 0.02)
    recording_id = await world.record(20)
    if not anchored:
        await world.footage.stop("cam", "left the scene")
    async with asyncio.timeout(5):
        while not closed_on_record(world):
            await asyncio.sleep(0.02)
    kept = world.footage.recordings.get(recording_id)
    assert (kept.state, kept.parts, world.footage.is_recording("cam")) == (RecordingState.CLOSED, 18, False)
    first = "the disk did not take it (Input/output error)" if anchored else "left the scene"
    assert kept.why_closed == f"{first}; the disk did not sync it (Input/output error)", "what ended it, and what it may cost"
    await world.footage.stop("cam", "left the scene")  # nothing is left to end


async def test_a_recording_that_fails_does_not_end_the_one_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first waits on a slow disk, which then fails; the next one of that camera runs by then."""
    world = await opened(tmp_path / "footage")
    going, real = threading.Event(), FootageWriter.append

    def slow(self: FootageWriter, part: Part) -> None:
        if self._recording_id != first:
            return real(self, part)
        going.wait(5)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FootageWriter, "append", slow)
    first = ""
    first = await world.record(20)
    await asyncio.sleep(0.05)
    ending = asyncio.ensure_future(world.footage.stop("cam", "left the scene"))
    await asyncio.sleep(0)
    second = await world.record(20)
    going.set()
    await ending
    assert world.footage.is_recording("cam")
    await world.footage.stop("cam", "left the scene")
    assert world.footage.recordings.get(first).state is RecordingState.CLOSED
    assert world.footage.recordings.get(second).parts == 18


async def test_one_that_was_broken_off_as_it_began_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = await opened(tmp_path / "footage")

    def cancelled(self: FootageWriter, *_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as broken:
        broken.setattr(FootageWriter, "__init__", cancelled)
        with pytest.raises(asyncio.CancelledError):
            await world.record(1)
    [one] = world.footage.recordings.all()
    assert one.state is RecordingState.OPEN
    await world.footage.settle()
    assert (world.footage.recordings.get(one.recording_id).state, len(closed_on_record(world))) == (RecordingState.CLOSED, 1)


@pytest.mark.parametrize("octets", [0, 7, 19])
async def test_a_recording_that_died_before_its_first_octets_is_no_tampering(tmp_path: Path, octets: int) -> None:
    world = await opened(tmp_path / "footage")
    recording_id = await world.record(0)
    running = world.footage._running["cam"]
    assert running.task is not None
    running.task.cancel()  # a power cut
    path = tmp_path / "footage" / f"{recording_id}.footage"
    path.write_bytes(footage.MAGIC[:octets])
    assert held(world, path.parent).ok, "before the next start too"
    again = World(tmp_path / "footage", world.keys, world.store)
    await again.footage.load(again.store)
    kept = again.footage.recordings.get(recording_id)
    assert (kept.state, kept.parts, path.exists()) == (RecordingState.CLOSED, 0, False)
    assert held(world, path.parent).ok


async def test_a_file_without_its_first_octets_is_missed_where_the_ledger_vouches_for_parts(tmp_path: Path) -> None:
    world = await opened(tmp_path / "footage")
    recording_id = await world.record(20)
    await world.footage.stop("cam", "left the scene")
    path = tmp_path / "footage" / f"{recording_id}.footage"
    path.write_bytes(path.read_bytes()[:19])
    found = held(world, path.parent)
    assert (found.ok, found.what) == (False, "its file is gone, and the ledger vouches for 18 parts")


async def test_a_disk_that_takes_no_first_octets_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = await opened(tmp_path / "footage")
    monkeypatch.setattr(footage, "MAGIC", _Uncountable(footage.MAGIC))
    with pytest.raises(StoreUnavailable, match="nothing can be recorded"):
        await world.record(1)
    [kept] = world.footage.recordings.all()
    assert (kept.state, kept.parts, list((tmp_path / "footage").iterdir())) == (RecordingState.CLOSED, 0, [])
    assert held(world, tmp_path / "footage").ok


class _Uncountable(bytes):
    """Of which the disk takes no octet more than half."""

    def __len__(self) -> int:
        return 2 * super().__len__()


def held(world: World, folder: Path) -> at_rest.FootageReport:
    anchors = at_rest.collected(iter(world.store._log), lambda row: row)
    return at_rest.verify(folder, at_rest.listed(folder), anchors, world.keys.find)
