"""`bowstreet evidence` and `bowstreet audit verify` on a data directory with footage, as a person types them."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

from tests.unit.evidence_data import INCIDENT, NAME, PASSWORD, bowstreet, stopped, verified

EXPORT = ("evidence", "export", "--incident", INCIDENT, "--simulated")


async def test_an_export_is_recorded_and_verifies_elsewhere(tmp_path: Path) -> None:
    key, [recording_id] = await stopped(tmp_path / "data")
    out = tmp_path / "one.zip"
    done = bowstreet(*EXPORT, "--data", str(tmp_path / "data"), "--by", NAME, "--out", str(out), said=PASSWORD + "\n")
    assert done.returncode == 0, done.stderr
    status, found = verified(str(out), "--key", key)
    assert (status, found["ok"]) == (0, True), found
    assert found["recordings"][0]["recording_id"] == recording_id
    assert "Proven:" in found["says"]
    assert "Self-made certificate, vouched for by nobody" in found["credentials"][f"{recording_id}/video-1.mp4"]
    whole = bytearray(out.read_bytes())
    whole[len(whole) // 2] ^= 1
    (tmp_path / "two.zip").write_bytes(whole)
    status, found = verified(str(tmp_path / "two.zip"), "--key", key)
    assert (status, found["ok"], found["file"]) == (1, False, f"{recording_id}/video-1.mp4")
    status, report = verified("--data", str(tmp_path / "data"))
    assert (status, report["footage"]["recordings"], report["footage"]["anchors"]) == (0, 1, 1)
    with sqlite3.connect(tmp_path / "data/record.db") as record:
        told = record.execute("SELECT count(*) FROM log WHERE CAST(entry AS TEXT) LIKE '%FootageDisclosed%'").fetchone()
    assert told == (1,)
    folder = tmp_path / "unpacked"
    done = bowstreet(*EXPORT, "--data", str(tmp_path / "data"), "--by", NAME, "--out", str(folder), "--folder", said=PASSWORD)
    assert done.returncode == 0, done.stderr
    assert verified(str(folder), "--key", key)[0] == 0


async def test_a_redacted_copy_is_exported_in_the_originals_stead_and_verifies_elsewhere(tmp_path: Path) -> None:
    key, [recording_id] = await stopped(tmp_path / "data", redacted=True)
    for which in ("redacted", "both"):
        out = tmp_path / f"{which}.zip"
        words = ("--data", str(tmp_path / "data"), "--by", NAME, "--out", str(out), "--copies", which)
        done = bowstreet(*EXPORT, *words, said=PASSWORD + "\n")
        assert done.returncode == 0, done.stderr
        status, found = verified(str(out), "--key", key)
        assert (status, found["ok"], found["which"]) == (0, True, which), found
        [one] = found["recordings"]
        assert (one["withheld"], one["copy"]["pictures"], one["copy"]["added"]) == (which == "redacted", 24, 1)
        assert "fits it" in found["credentials"][f"{recording_id}.redacted/video-1.mp4"]
        assert len(found["credentials"]) == (1 if which == "redacted" else 2)
    whole = bytearray((tmp_path / "redacted.zip").read_bytes())
    whole[whole.index(b"mdat") + 40] ^= 1
    (tmp_path / "spoilt.zip").write_bytes(whole)
    status, found = verified(str(tmp_path / "spoilt.zip"), "--key", key)
    assert (status, found["file"]) == (1, f"{recording_id}.redacted/video-1.mp4")
    assert verified("--data", str(tmp_path / "data"))[0] == 0


async def test_a_redacted_copy_that_nobody_made_is_refused(tmp_path: Path) -> None:
    await stopped(tmp_path / "data")
    words = ("--data", str(tmp_path / "data"), "--by", NAME, "--out", str(tmp_path / "one.zip"), "--copies", "redacted")
    done = bowstreet(*EXPORT, *words, said=PASSWORD)
    assert done.returncode == 2
    assert "no redacted copy of recording" in done.stderr
    assert not (tmp_path / "one.zip").exists()


async def test_nobody_exports_without_a_password_the_right_and_authority(tmp_path: Path) -> None:
    await stopped(tmp_path / "data", leave=False)
    for by, said, why in (
        (NAME, "wrong\n", "name or password is wrong"),
        (NAME, PASSWORD, "needs an authorisation in force"),
        ("A regulator", PASSWORD, "regulator may not do this"),
    ):
        done = bowstreet(*EXPORT, "--data", str(tmp_path / "data"), "--by", by, "--out", str(tmp_path / "one.zip"), said=said)
        assert done.returncode == 1, done
        assert why in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "one.zip").exists()
    with sqlite3.connect(tmp_path / "data/record.db") as record:
        refused = record.execute("SELECT count(*) FROM log WHERE CAST(entry AS TEXT) LIKE '%AccessDenied%'").fetchone()
    assert refused == (3,)


async def test_the_footage_of_a_data_directory_is_held_against_its_ledger(tmp_path: Path) -> None:
    _, [first, second] = await stopped(tmp_path / "data", recordings=2)
    folder = tmp_path / "data/footage"
    path = folder / f"{second}.footage"
    whole = path.read_bytes()
    assert verified("--data", str(tmp_path / "data"))[1]["footage"]["recordings"] == 2

    def wrong() -> str:
        status, report = verified("--data", str(tmp_path / "data"))
        assert (status, report["ok"], report["footage"]["ok"]) == (1, False, False)
        return f"{report['footage']['first_wrong']}: {report['footage']['what']}"

    path.write_bytes(whole[:500] + bytes([whole[500] ^ 1]) + whole[501:])
    assert f"{second}: recording '{second}': part" in wrong()
    path.write_bytes(whole[:-20])
    assert "it ends after 48 parts" in wrong()
    path.unlink()
    assert "its file is gone, and the ledger vouches for 49 parts" in wrong()
    path.write_bytes((folder / f"{first}.footage").read_bytes())
    assert f"{second}: recording '{second}': part 0" in wrong()
    path.write_bytes(whole)
    (folder / "rec-foreign.footage").write_bytes(whole)
    assert wrong() == "rec-foreign: the ledger knows no such recording"
    (folder / "rec-foreign.footage").unlink()
    with sqlite3.connect(tmp_path / "data/keys.db") as keys:
        keys.execute("DELETE FROM data_keys WHERE subject = ?", (first,))
    assert f"{first}: its key is gone, and no entry says that it was erased" in wrong()


KILLED = """
    import asyncio, sys
    from pathlib import Path
    from tests.unit.evidence_data import stopped
    asyncio.run(stopped(Path(sys.argv[1]), killed=True))
"""


async def test_after_kill_9_of_the_recorder_what_is_there_is_exported_and_verifies(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path / "data")], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    recording_id = done.stdout.strip()
    path = tmp_path / f"data/footage/{recording_id}.footage"
    path.write_bytes(path.read_bytes()[:-7])  # as if the last write had been cut through too
    out = tmp_path / "one.zip"
    exported = bowstreet(*EXPORT, "--data", str(tmp_path / "data"), "--by", NAME, "--out", str(out), said=PASSWORD)
    assert exported.returncode == 0, exported.stderr
    status, found = verified(str(out))
    assert (status, found["ok"]) == (0, True), found
    [one] = found["recordings"]
    assert (one["recording_id"], one["parts"], one["running"]) == (recording_id, 48, False)
    assert verified("--data", str(tmp_path / "data"))[0] == 0
