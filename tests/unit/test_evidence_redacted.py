"""A redacted copy given out instead of the original, or beside it: made by the real worker, held against the ledger by a stranger
who has not the original, and whoever changes a byte of it, or of what is said of it, is found."""

import asyncio
import json
import shutil
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.unit.evidence_world import FINDER, World, as_file, flipped, settled

from bowstreet.errors import Conflict, NotFound, Refused
from bowstreet.messages import FootageDisclosed, RedactionChanged, RegionChanged
from bowstreet.video import footage
from bowstreet.video.evidence import model, verify
from bowstreet.video.evidence.bundle import Bundle
from bowstreet.video.evidence.model import Copies
from bowstreet.video.evidence.report import says
from bowstreet.video.footage import Part, PartKind
from bowstreet.video.redaction.service import Redactions
from bowstreet.video.redaction.worker import FILL


async def begun(world: World, recording_id: str) -> Redactions:
    """Found, a corner covered by a person, the shape lifted for a while."""
    redactions = Redactions(world.acts, world.clock, world.exporter._ids, world.footage, FINDER)
    await redactions.load(world.store)
    world.exporter._copies = redactions
    await redactions.begin(recording_id, "acc-redacts", "asked for by the defence")
    await settled(redactions, recording_id)
    await redactions.add(recording_id, "acc-redacts", "a house number", (0, 10_000_000), (0, 0, 16, 16))
    await redactions.lift(recording_id, "acc-second", "it is a statue", (400_000, 500_000), "c0-1")
    return redactions


async def copied(world: World, recording_id: str) -> Redactions:
    redactions = await begun(world, recording_id)
    await redactions.make_copy(recording_id, "acc-redacts", "looked through")
    await settled(redactions, recording_id)
    return redactions


async def exported(world: World, copies: Copies, *recordings: str) -> Bundle:
    order = replace(world.order(await world.leave(), *recordings), copies=copies)
    return await world.exporter.make(world.exporter.new_id(), order)


@pytest.mark.parametrize("which", [Copies.REDACTED, Copies.BOTH])
async def test_a_redacted_copy_verifies_and_says_of_which_original_it_is(tmp_path: Path, which: Copies) -> None:
    world = await World(tmp_path).open()
    recording_id = await world.record(24, restarts=1)
    await world.noise(40)
    redactions = await copied(world, recording_id)
    bundle = await exported(world, which)
    path = as_file(bundle, tmp_path / "one.zip")
    found = verify.verify(path, keys=[world.log.key])
    assert found.ok, (found.file, found.what)
    [one] = found.recordings
    copy = one.copy
    assert copy is not None
    said = redactions.all.get(recording_id).copy
    assert said is not None
    assert (copy.sha256, copy.original_sha256) == (said.sha256, said.original_sha256)
    assert (copy.pictures, copy.of_pictures, copy.added, copy.lifted) == (48, 48, 1, 1)
    assert (copy.made_by, copy.reason, found.which) == ("acc-redacts", "looked through", which)
    assert (one.withheld, one.anchored, one.videos) == (which is Copies.REDACTED, one.parts, 2)
    told = says(found)
    assert ("REDACTED COPY, not the original" in told) is (which is Copies.REDACTED)
    assert "coded anew" in told
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "out")
    folder = tmp_path / "out" / bundle.export_id
    original, redacted = folder / recording_id, folder / f"{recording_id}.redacted"
    assert (folder / recording_id / "video-1.mp4").exists() is (which is Copies.BOTH)
    if which is Copies.REDACTED:
        assert [one.name for one in original.iterdir()] == ["parts.jsonl"]
        assert not list(redacted.glob("*.klv")) + list(redacted.glob("telemetry*"))
    assert sha256((redacted / "redaction.jsonl").read_bytes()).hexdigest() == said.record_sha256
    assert sha256(b"".join((redacted / f"video-{n}.mp4").read_bytes() for n in (1, 2))).hexdigest() == said.sha256
    with av.open(str(redacted / "video-1.mp4")) as film:
        planes = [frame.to_ndarray(format="yuv420p") for frame in film.decode(video=0)]
    assert len(planes) == 24
    assert all(abs(one[:16, :16].astype(int) - FILL[0]).max() <= 6 for one in planes)
    assert all(abs(one[30:50, 62:78].astype(int) - FILL[0]).max() <= 6 for one in planes)
    page = (folder / "certificate.html").read_text()
    words = ("looked through", "a house number", "it is a statue", said.record_sha256, said.original_sha256, "acc-second")
    assert [word for word in words if word not in page] == []
    assert ("This is not the original" in page) is (which is Copies.REDACTED)
    assert verify.verify(folder, keys=[world.log.key]).ok
    [disclosed] = await told_of(world, FootageDisclosed)
    assert disclosed.copies == which.value


async def told_of(world: World, kind: type[Any]) -> list[Any]:
    from bowstreet.accountability.ledger import message_of

    return [said async for row in world.store.log_rows() if isinstance(said := message_of(row), kind)]


class Made:
    """A bundle with the copy alone, and one with both; made once."""

    def __init__(self, folder: Path, which: Copies) -> None:
        self.folder = folder
        self.whole, self.export_id, self.recording_id, self.key = asyncio.run(self._make(which))
        (folder / "one.zip").write_bytes(self.whole)
        with zipfile.ZipFile(folder / "one.zip") as archive:
            archive.extractall(folder / "out")

    async def _make(self, which: Copies) -> tuple[bytes, str, str, Any]:
        world = await World(self.folder).open()
        recording_id = await world.record(8)
        await copied(world, recording_id)
        bundle = await exported(world, which)
        return b"".join(bundle.as_zip()), bundle.export_id, recording_id, world.log.key

    def found(self, data: bytes) -> verify.Finding:
        (self.folder / "spoilt.zip").write_bytes(data)
        return verify.verify(self.folder / "spoilt.zip")


@pytest.fixture(scope="module", params=[Copies.REDACTED, Copies.BOTH])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("redacted"), request.param)


@given(data=st.data())
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_flipped_byte_is_found(made: Made, data: st.DataObject) -> None:
    place = data.draw(st.integers(min_value=0, max_value=len(made.whole) - 1))
    assert not made.found(flipped(made.whole, place, data.draw(st.integers(min_value=0, max_value=7)))).ok


def test_a_flipped_byte_in_each_file_is_found_and_the_file_is_named(made: Made) -> None:
    assert made.found(made.whole).ok
    for path in sorted((made.folder / "out" / made.export_id).rglob("*")):
        if not path.is_file():
            continue
        name, whole = str(path.relative_to(made.folder / "out" / made.export_id)), path.read_bytes()
        for place in {0, len(whole) // 3, len(whole) - 1}:
            path.write_bytes(flipped(whole, place))
            found = verify.verify(made.folder / "out" / made.export_id)
            assert (found.ok, found.file) == (False, name) or found.file == model.MANIFEST == name or name == model.NOTE
            assert not found.ok
        path.write_bytes(whole)
    assert verify.verify(made.folder / "out" / made.export_id).ok


# --- what the operator, who has every key, may not do unseen ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("forge", "what"),
    [
        ({"made_by": "acc-nobody"}, "no entry says that this redacted copy"),
        ({"reason": "for no reason"}, "no entry says that this redacted copy"),
        ({"sha256": "0" * 64}, "no entry says that this redacted copy"),
        ({"original_sha256": "0" * 64}, "no entry says that this redacted copy"),
        ({"record_sha256": "0" * 64}, "no entry says that this redacted copy"),
        ({"pictures": 23}, "it has 24 pictures"),
        ({"edits": 1}, "as many regions, or changes"),
    ],
)
async def test_what_a_bundle_says_of_its_copy_must_be_what_the_ledger_says(
    tmp_path: Path, forge: dict[str, Any], what: str
) -> None:  # fmt: skip
    """Signed by the log's own key, its disclosure on record, and still found."""
    world = await World(tmp_path).open()
    recording_id = await world.record(24)
    redactions = await copied(world, recording_id)
    real = redactions.opened

    def lying(name: str) -> Any:
        one = real(name)
        return replace(one, said=replace(one.said, **forge))

    redactions.opened = lying  # type: ignore[method-assign] # the operator says what is not so
    found = verify.verify(as_file(await exported(world, Copies.REDACTED), tmp_path / "one.zip"))
    assert not found.ok
    assert what in found.what


async def test_a_change_that_is_not_in_the_ledger_is_found(tmp_path: Path) -> None:
    """A lift that the operator slips into the copy without an entry."""
    world = await World(tmp_path).open()
    recording_id = await world.record(24)
    redactions = await begun(world, recording_id)
    one = redactions.all.get(recording_id)
    slipped = replace(one.edits[1], edit_id="edi-slipped", from_us=0, until_us=300_000)
    await world.acts.record(save=[(redactions.all, replace(one, edits=(*one.edits, slipped)))])
    await redactions.make_copy(recording_id, "acc-redacts", "looked through")
    await settled(redactions, recording_id)
    found = verify.verify(as_file(await exported(world, Copies.REDACTED), tmp_path / "one.zip"))
    assert (found.ok, found.file) == (False, f"{recording_id}.redacted/redaction.jsonl")
    assert "not those that the ledger has" in found.what


async def test_a_copy_of_another_recording_does_not_pass(tmp_path: Path) -> None:
    world = await World(tmp_path).open()
    first, second = await world.record(24), await world.record(24)
    redactions = await copied(world, first)
    await redactions.begin(second, "acc-redacts", "asked for")
    await settled(redactions, second)
    await redactions.make_copy(second, "acc-redacts", "looked through")
    await settled(redactions, second)
    bundle = await exported(world, Copies.REDACTED)
    await asyncio.to_thread(bundle.into_folder, tmp_path / "out")
    assert verify.verify(tmp_path / "out").ok
    for path in (tmp_path / "out" / f"{second}.redacted").iterdir():
        shutil.copy(path, tmp_path / "out" / f"{first}.redacted" / path.name)
    found = verify.verify(tmp_path / "out")
    assert not found.ok
    assert f"{first}.redacted/" in found.file


# --- what is given out, and when not ------------------------------------------------------------------------------------------


async def test_a_copy_that_is_missing_or_stale_is_not_given_out_and_nothing_is_on_record(tmp_path: Path) -> None:
    world = await World(tmp_path).open()
    first, second = await world.record(24), await world.record(12)
    with pytest.raises(Refused, match="no redacted copies are made here"):
        await exported(world, Copies.REDACTED)
    redactions = await begun(world, first)
    with pytest.raises(NotFound, match="no redacted copy"):
        await exported(world, Copies.REDACTED, first)
    await redactions.make_copy(first, "acc-redacts", "looked through")
    await settled(redactions, first)
    with pytest.raises(NotFound, match=f"no redacted copy of recording '{second}'"):
        await exported(world, Copies.BOTH, first, second)
    await redactions.add(first, "acc-redacts", "a plate", (0, 1_000_000), (20, 20, 40, 40))
    with pytest.raises(Conflict, match="changed after its copy was made"):
        await exported(world, Copies.REDACTED, first)
    assert await told_of(world, FootageDisclosed) == []
    await redactions.make_copy(first, "acc-redacts", "looked through again")
    with pytest.raises(Conflict, match="at work"):
        await exported(world, Copies.REDACTED, first)
    await settled(redactions, first)
    found = verify.verify(as_file(await exported(world, Copies.REDACTED, first), tmp_path / "one.zip"))
    assert found.ok, found.what
    assert found.recordings[0].copy is not None
    assert (found.recordings[0].copy.added, found.recordings[0].copy.reason) == (2, "looked through again")


async def test_a_redaction_that_was_begun_anew_leaves_what_was_before_out(tmp_path: Path) -> None:
    world = await World(tmp_path).open()
    recording_id = await world.record(24)
    await copied(world, recording_id)
    await copied(world, recording_id)
    bundle = await exported(world, Copies.REDACTED)
    await asyncio.to_thread(bundle.into_folder, tmp_path / "out")
    assert verify.verify(tmp_path / "out").ok
    lines = [json.loads(line)["payload"] for line in (tmp_path / "out/ledger.jsonl").read_text().splitlines()[1:]]
    kinds = [json.loads(line).get("stage") for line in lines if line and '"edit_id"' in line]
    assert kinds == ["added", "lifted"]
    assert len(await told_of(world, RegionChanged)) == 4
    assert len(await told_of(world, RedactionChanged)) == 8


async def test_a_copy_that_is_made_anew_while_it_is_given_out_is_given_out_no_further(tmp_path: Path) -> None:
    world = await World(tmp_path).open()
    recording_id = await world.record(24)
    redactions = await copied(world, recording_id)
    octets = (await exported(world, Copies.REDACTED)).as_zip()
    await redactions.make_copy(recording_id, "acc-redacts", "once more")
    await settled(redactions, recording_id)
    with pytest.raises((Conflict, NotFound)):
        list(octets)


async def test_a_copy_that_was_changed_on_the_disk_is_not_given_out(tmp_path: Path) -> None:
    world = await World(tmp_path).open()
    recording_id = await world.record(24)
    await copied(world, recording_id)
    [path] = world.footage.folder.glob("*.redacted")
    whole = path.read_bytes()
    for spoilt in (flipped(whole, len(whole) // 2), whole[: len(whole) // 2]):
        path.write_bytes(spoilt)
        with pytest.raises(Exception, match="not the one on record"):
            await exported(world, Copies.REDACTED)
    assert await told_of(world, FootageDisclosed) == []


async def test_an_original_is_given_out_in_the_form_that_it_had(tmp_path: Path) -> None:
    """Who has the first version of the program reads bundles of originals as before, and the new one reads the old ones."""
    world = await World(tmp_path).open()
    recording_id = await world.record(24)
    await copied(world, recording_id)
    bundle = await world.export()
    await asyncio.to_thread(bundle.into_folder, tmp_path / "out")
    assert json.loads((tmp_path / "out/manifest.json").read_text())["bundle"] == 1
    [one] = json.loads((tmp_path / "out/recordings.json").read_text())["recordings"]
    assert {"copy", "withheld"} & set(one) == set()
    assert "Redaction" not in (tmp_path / "out/ledger.jsonl").read_text()
    assert verify.verify(tmp_path / "out").ok


@given(
    kind=st.sampled_from(PartKind),
    pts_us=st.integers(min_value=-(2**63), max_value=2**63 - 1),
    captured_us=st.integers(min_value=0, max_value=2**63 - 1),
    octets=st.one_of(st.integers(min_value=0, max_value=600), st.sampled_from([255, 256, 65_535, 65_536, 70_000])),
)
def test_how_long_a_body_is_can_be_told_without_its_data(kind: PartKind, pts_us: int, captured_us: int, octets: int) -> None:
    part = Part(kind=kind, pts_us=pts_us, captured_us=captured_us, data=bytes(octets))
    assert footage.body_octets(kind, pts_us, captured_us, octets) == len(footage.body_of(part))


def test_a_picture_of_another_time_is_found() -> None:
    """The order of the copy's pictures is the original's: a time that the original has not, or an earlier one again, is refused."""
    from bowstreet.video.evidence.redacted import Times

    lines = [
        model.line_of(model.PartLine(captured_us=at, kind=kind, n=n, octets=1, pts_us=0, sha256="0" * 64))
        for n, (at, kind) in enumerate([(0, "header"), (5, "fragment"), (5, "klv"), (9, "fragment"), (7, "fragment")])
    ]
    assert [Times(iter(lines)).goes_to(at) for at in (5, 9, 7, 6)] == [True, True, True, False]
    times = Times(iter(lines))
    assert [times.goes_to(at) for at in (5, 5, 7, 9)] == [True, True, True, False]
