"""Evidence: what is given out is what was recorded, and whoever changes a byte of it is found."""

import subprocess
import zipfile
from pathlib import Path

import av
from tests.unit.evidence_world import World, as_file, metadata, pictures

from bowstreet.video.evidence import verify
from bowstreet.video.evidence.report import says


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
    print(says(found))
    assert subprocess.run(["unzip", "-tq", str(path)], capture_output=True, check=False).returncode == 0
