"""Evidence: what is given out is what was recorded, and whoever changes a byte of it is found."""

import asyncio
import io
import json
import os
import shutil
import struct
import tracemalloc
import zipfile
from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.unit.evidence_world import INCIDENT, SOURCE, World, as_file, flipped, metadata, pictures

from bowstreet.accountability.note import COSIGNATURE, PLAIN, SoftwareSigner, VerifierKey
from bowstreet.errors import MalformedProof, NotFound, NotPermitted, Refused, StoreUnavailable
from bowstreet.video.evidence import archive, model, verify
from bowstreet.video.evidence.report import says
from bowstreet.video.footage import Chain
from bowstreet.video.recorder import Recording


async def test_a_bundle_holds_the_pictures_as_received_and_verifies(tmp_path: Path) -> None:
    world = await World(tmp_path).open()
    await world.noise(30)
    recording_id = await world.record(24)
    await world.noise(300)
    bundle = await world.export()
    path = as_file(bundle, tmp_path / "one.zip")
    found = verify.verify(path, keys=[world.log.key])
    assert found.ok, (found.file, found.what)
    header, fragments = pictures(24)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "unpacked")
    folder = tmp_path / "unpacked" / bundle.export_id
    film = folder / recording_id / "video-1.mp4"
    assert film.read_bytes() == header.data + b"".join(one.data for one in fragments)
    with av.open(str(film)) as playing:
        assert sum(1 for _ in playing.decode(video=0)) == 24
    klv = b"".join(metadata(number).data for number in range(0, 24, 4))
    assert (folder / recording_id / "metadata.klv").read_bytes() == klv
    assert len((folder / recording_id / "telemetry.jsonl").read_text().splitlines()) == 6
    unpacked = verify.verify(folder, keys=[world.log.key])
    assert unpacked.ok, (unpacked.file, unpacked.what)
    assert unpacked.recordings == found.recordings
    assert "Proven:" in says(found)


# --- whoever changes anything is found ----------------------------------------------------------------------------------


class Made:
    """One bundle, made once for the tests that spoil copies of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        asyncio.run(self._make())
        self.whole = (folder / "one.zip").read_bytes()

    async def _make(self) -> None:
        world = await World(self.folder).open()
        await world.noise(5)
        self.first = await world.record(12)
        self.second = await world.record(12, restarts=1)
        await world.noise(20)
        bundle = await world.export()
        as_file(bundle, self.folder / "one.zip")
        bundle.into_folder(self.folder / "unpacked")
        self.key, self.export_id = world.log.key, bundle.export_id
        with (self.folder / "one.zip").open("rb") as file:
            members = list(archive.members_of(file, bundle.octets))
        self.members = {member.name.partition("/")[2]: member for member in members}

    def found(self, data: bytes) -> verify.Finding:
        path = self.folder / "spoilt.zip"
        path.write_bytes(data)
        return verify.verify(path, keys=[self.key])

    def at(self, place: int) -> str:
        """The file in which an octet stands, its header being its own."""
        start = 0
        for name, member in self.members.items():
            if place < member.at + member.octets:
                return name
            start = member.at + member.octets
        assert place >= start
        return "(the archive)"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("evidence"))


def test_a_flipped_byte_is_found_in_each_region_and_its_file_is_named(made: Made) -> None:
    assert made.found(made.whole).ok
    places = set(range(0, len(made.whole), 211))
    for member in made.members.values():
        places |= {member.at - 1, member.at, member.at + member.octets // 2, member.at + member.octets - 1}
    for place in sorted(places):
        found = made.found(flipped(made.whole, place, place % 8))
        assert not found.ok, place
        if place >= made.members[model.MANIFEST].at + made.members[model.MANIFEST].octets:
            assert found.file == made.at(place), (place, found.file, found.what)
        else:
            assert found.file in (model.NOTE, model.MANIFEST)
        assert says(found)


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_flipped_byte_is_found(made: Made, data: st.DataObject) -> None:
    place = data.draw(st.integers(min_value=0, max_value=len(made.whole) - 1))
    assert not made.found(flipped(made.whole, place, data.draw(st.integers(min_value=0, max_value=7)))).ok


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_cut_off_put_in_or_taken_out_is_found(made: Made, data: st.DataObject) -> None:
    whole = made.whole
    start = data.draw(st.integers(min_value=0, max_value=len(whole) - 1))
    length = data.draw(st.integers(min_value=1, max_value=3_000))
    assert not made.found(whole[:start]).ok
    assert not made.found(whole[:start] + whole[start + length :]).ok
    assert not made.found(whole[:start] + b"\x00" * length + whole[start:]).ok
    assert not made.found(whole + whole[start : start + length]).ok


def spoilt(made: Made, tmp_path: Path) -> Path:
    copy = tmp_path / "spoilt"
    shutil.copytree(made.folder / "unpacked", copy)
    return copy


def test_a_fragment_that_is_dropped_moved_or_foreign_is_named(made: Made, tmp_path: Path) -> None:
    folder = spoilt(made, tmp_path)
    film = folder / made.first / "video-1.mp4"
    whole = film.read_bytes()
    lines = [json.loads(line) for line in (folder / made.first / "parts.jsonl").read_text().splitlines()]
    starts, at = {}, 0
    for line in lines:
        if line["kind"] in ("header", "fragment"):
            starts[line["n"]] = at
            at += line["octets"]
    numbers = sorted(starts)
    third, fourth, fifth = (starts[numbers[place]] for place in (3, 4, 5))

    def wrong(data: bytes) -> tuple[str, int | None]:
        film.write_bytes(data)
        found = verify.verify(folder)
        assert not found.ok
        return found.file, found.part

    name = f"{made.first}/video-1.mp4"
    assert wrong(whole[:third] + whole[fourth:])[0] == name  # dropped
    assert wrong(whole[:third] + whole[fourth:fifth] + whole[third:fourth] + whole[fifth:]) == (name, numbers[3])  # moved
    other = (folder / made.second / "video-1.mp4").read_bytes()
    assert len(other) == len(whole)
    assert verify.verify(folder).ok is False
    film.write_bytes(whole)
    assert verify.verify(folder).ok
    assert wrong(whole[:fourth] + bytes(fifth - fourth) + whole[fifth:]) == (name, numbers[4])  # foreign
    assert wrong(whole + b"\x00")[0] == name
    film.unlink()
    assert verify.verify(folder).file == name


def test_footage_of_another_recording_does_not_pass_for_this_one(made: Made, tmp_path: Path) -> None:
    folder = spoilt(made, tmp_path)
    for path in (folder / made.second).iterdir():
        shutil.copy(path, folder / made.first / path.name)
    found = verify.verify(folder)
    assert not found.ok
    assert made.first in found.file


def test_names_links_and_things_that_are_no_files_are_refused(made: Made, tmp_path: Path) -> None:
    folder = spoilt(made, tmp_path)
    (folder / "more.txt").write_text("hello")
    assert verify.verify(folder).file == "more.txt"
    (folder / "more.txt").unlink()
    film = folder / made.first / "video-1.mp4"
    film.rename(tmp_path / "elsewhere.mp4")
    film.symlink_to(tmp_path / "elsewhere.mp4")
    assert not verify.verify(folder).ok
    film.unlink()
    os.mkfifo(film)
    assert not verify.verify(folder).ok
    film.unlink()
    (tmp_path / "elsewhere.mp4").rename(film)
    assert verify.verify(folder).ok
    (folder / made.first / "deep" / "deeper").mkdir(parents=True)
    assert not verify.verify(folder).ok


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/../b", "a//b", "a\\b", "a/b/c/d", "x" * 300, "", "é"])
def test_an_archive_with_tricks_in_its_names_is_refused_and_nothing_is_written(made: Made, tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "one.zip", "w") as bad:
        bad.writestr(zipfile.ZipInfo(name), b"x" * 100)
    before = sorted(tmp_path.iterdir())
    found = verify.verify(tmp_path / "one.zip")
    assert not found.ok
    assert sorted(tmp_path.iterdir()) == before


def test_a_zip_bomb_is_not_unpacked(made: Made, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "one.zip", "w", zipfile.ZIP_DEFLATED) as bad:
        for name in (model.NOTE, model.MANIFEST):
            bad.writestr(f"{made.export_id}/{name}", bytes(50_000_000))
    tracemalloc.start()
    found = verify.verify(tmp_path / "one.zip")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not found.ok
    assert peak < 5_000_000
    lying = archive.header(archive.Member(name=f"{made.export_id}/{model.NOTE}", octets=10**15, crc=0)) + b"x"
    assert "cut off" in made.found(lying).what


def test_an_archive_that_was_packed_anew_says_what_to_do(made: Made, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "new.zip", "w", zipfile.ZIP_DEFLATED) as again:
        for path in sorted((made.folder / "unpacked").rglob("*")):
            if path.is_file():
                again.write(path, f"{made.export_id}/{path.relative_to(made.folder / 'unpacked')}")
    found = verify.verify(tmp_path / "new.zip")
    assert not found.ok
    with zipfile.ZipFile(tmp_path / "new.zip") as packed:
        packed.extractall(tmp_path / "out")
    assert verify.verify(tmp_path / "out" / made.export_id, keys=[made.key]).ok


def test_another_key_and_a_witness_that_did_not_sign_are_told(made: Made) -> None:
    other = VerifierKey(name="bow.example/city", kind=PLAIN, public_key=SoftwareSigner(bytes(32)).public_key)
    found = verify.verify(made.folder / "one.zip", keys=[other])
    assert (found.ok, found.file) == (False, model.LEDGER)
    assert "another log" in found.what
    witness = VerifierKey(name="witness.example", kind=COSIGNATURE, public_key=other.public_key)
    assert "not signed by witness.example" in verify.verify(made.folder / "one.zip", witnesses=[witness]).what


# --- what the operator may not do unseen ---------------------------------------------------------------------------------


async def test_a_bundle_that_ends_before_the_ledger_says_so_is_refused(tmp_path: Path) -> None:
    """Signed by the log's own key, and still found: the ledger vouches for more than it holds."""
    world = await World(tmp_path).open()
    recording_id = await world.record(24)
    real = world.footage.reach_of

    def shorter(recording: Recording) -> Chain:
        return replace(real(recording), parts=real(recording).parts - 3)

    world.footage.reach_of = shorter  # type: ignore[method-assign] # the operator cuts the end off
    bundle = await world.export()
    found = verify.verify(as_file(bundle, tmp_path / "one.zip"))
    assert (found.ok, found.file) == (False, f"{recording_id}/parts.jsonl")
    assert "vouches for 37 parts" in found.what or "ends elsewhere" in found.what


async def test_an_end_that_is_not_on_record_costs_no_picture_of_the_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record failed as the recording ended: when it takes entries again, so is that one in the bundle."""
    world = await World(tmp_path).open()
    leave = await world.leave()
    recording_id = await world.record(24, stop=False)

    async def refused(batch: object) -> None:
        raise StoreUnavailable("the disk is full", remedy="make room")

    with monkeypatch.context() as disk:
        disk.setattr(world.store, "commit", refused)
        await world.footage.stop("cam-1", "no record can be written")
        with pytest.raises(StoreUnavailable):
            await world.export(leave=leave)
    found = verify.verify(as_file(await world.export(leave=leave), tmp_path / "one.zip"))
    [one] = found.recordings
    assert (found.ok, one.running, one.parts, one.videos) == (True, False, 37, 1)
    assert world.footage.recordings.get(recording_id).why_closed == "no record can be written"


async def test_a_recording_that_has_no_file_is_no_hindrance(tmp_path: Path) -> None:
    """It died before its first octets; others of the incident are given out, and it is told."""
    world = await World(tmp_path).open()
    died = await world.footage.start(SOURCE, "mis-1", INCIDENT)
    await world.footage.stop("cam-1", "the disk did not take it")
    (world.folder / f"{died}.footage").unlink()
    await world.record(24)
    found = verify.verify(as_file(await world.export(), tmp_path / "one.zip"))
    assert (found.ok, sorted(one.parts for one in found.recordings)) == (True, [0, 37])


async def test_footage_that_was_changed_on_the_disk_is_not_exported(tmp_path: Path) -> None:
    world = await World(tmp_path).open()
    recording_id = await world.record(24)
    path = world.folder / f"{recording_id}.footage"
    path.write_bytes(flipped(path.read_bytes(), 3_000))
    with pytest.raises(MalformedProof, match="was changed"):
        await world.export()
    path.write_bytes(path.read_bytes()[:3_000])
    with pytest.raises(MalformedProof):
        await world.export()
    assert not any(b"FootageDisclosed" in row.entry for row in [one async for one in world.store.log_rows()])


async def test_erased_footage_is_refused_and_is_given_out_no_further(tmp_path: Path) -> None:
    world = await World(tmp_path).open()
    recording_id = await world.record(24)
    bundle = await world.export()
    octets = bundle.as_zip()
    del world.keys.made[recording_id]
    await world.acts.record(erase=[(world.footage.recordings, recording_id)])
    with pytest.raises(NotFound, match="erased meanwhile"):
        list(octets)
    with pytest.raises(Refused, match="no footage of this incident is kept"):
        await world.export()
    with pytest.raises(NotFound):
        await world.export(recording_id)


async def test_nothing_is_given_out_when_the_authority_ends_meanwhile(tmp_path: Path) -> None:
    world = await World(tmp_path).open()
    await world.record(24)
    leave = await world.leave()
    await world.authorities.revoke(leave.authorisation_id, "acc-gives")
    with pytest.raises(NotPermitted, match="the authority ended"):
        await world.export(leave=leave)
    assert not any(b"FootageDisclosed" in row.entry for row in [one async for one in world.store.log_rows()])


async def test_a_recording_with_nothing_in_it_can_be_exported(tmp_path: Path) -> None:
    world = await World(tmp_path).open()
    await world.footage.start(SOURCE, "mis-1", "inc-1")
    await world.footage.stop("cam-1", "left the scene")
    found = verify.verify(as_file(await world.export(), tmp_path / "one.zip"))
    assert found.ok, found.what
    assert found.recordings[0].parts == 0


async def test_what_a_recorder_killed_with_9_left_is_exported_and_verifies(tmp_path: Path) -> None:
    """The last part is cut through; the next start closes the recording as far as it goes, and that is what is given out."""
    world = await World(tmp_path).open()
    recording_id = await world.record(24, stop=False)
    await world.anchored(recording_id)
    running = world.footage._running["cam-1"]
    assert running.task is not None
    running.task.cancel()
    path = world.folder / f"{recording_id}.footage"
    path.write_bytes(path.read_bytes() + struct.pack(">I", 5_000) + b"half of a part")
    again = await World(tmp_path, world=world).open()
    found = verify.verify(as_file(await again.export(), tmp_path / "one.zip"))
    assert found.ok, (found.file, found.what)
    assert (found.recordings[0].parts, found.recordings[0].running) == (37, False)


# --- the archive ------------------------------------------------------------------------------------------------------


@given(
    sizes=st.lists(st.integers(min_value=0, max_value=2**34), min_size=1, max_size=6),
    crc=st.integers(min_value=0, max_value=2**32 - 1),
)
def test_large_archives_are_written_as_others_read_them(sizes: list[int], crc: int) -> None:
    """Files of many gigabytes, whose octets are left out: headers and directory are as Python's own reader wants them."""
    members = archive.placed([archive.Member(name=f"exp/{n}", octets=size, crc=crc) for n, size in enumerate(sizes)])
    total = archive.length(members)
    sparse = Sparse(total)
    for member in members:
        head = archive.header(member)
        sparse.put(member.at - len(head), head)
    at = members[-1].at + members[-1].octets
    for piece in archive.directory(members):
        sparse.put(at, piece)
        at += len(piece)
    assert at == total
    with zipfile.ZipFile(sparse) as read:
        told = [(one.filename, one.file_size, one.CRC, one.header_offset) for one in read.infolist()]
    assert told == [(one.name, one.octets, one.crc, one.at - len(archive.header(one))) for one in members]
    assert list(archive.members_of(sparse, total)) == members
    archive.check_directory(sparse, members)


class Sparse(io.RawIOBase):
    """A large file of zeros, with some octets in it."""

    def __init__(self, octets: int) -> None:
        self._octets, self._at = octets, 0
        self._parts: dict[int, bytes] = {}

    def put(self, at: int, data: bytes) -> None:
        self._parts[at] = data

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = (0, self._at, self._octets)[whence] + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, count: int = -1) -> bytes:
        end = self._octets if count < 0 else min(self._octets, self._at + count)
        assert end - self._at < 10_000_000, "it reads what it need not"
        found = bytearray(max(0, end - self._at))
        for at, data in self._parts.items():
            low, high = max(at, self._at), min(at + len(data), end)
            if low < high:
                found[low - self._at : high - self._at] = data[low - at : high - at]
        self._at = max(self._at, end)
        return bytes(found)
