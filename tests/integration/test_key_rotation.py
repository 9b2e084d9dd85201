"""Keys are changed while nothing is lost: kill -9 at each step, the chain of the log's keys followed, each key's loss told."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from aics_tlog import checkpoint as their_checkpoint
from aics_tlog import note as their_note
from tests.unit.ledger_world import LOG_STEPS, MASTER_STEPS, ORIGIN, OTHER_KEY, House, filled

from bowstreet.accountability import bundle, key_source, transition
from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import note as notes
from bowstreet.accountability.audit import keyring_of, verify_data
from bowstreet.accountability.ledger import read_entry
from bowstreet.accountability.note import SoftwareSigner
from bowstreet.accountability.rotation import LOG_PENDING, MASTER_PENDING, Rotation, transitions_of
from bowstreet.accountability.vault import KEYS_FILE
from bowstreet.cli import main
from bowstreet.errors import KeyUnavailable, MalformedProof, Refused
from bowstreet.runtime.directory import DataDirectory

ROOT = Path(__file__).parents[2]
ACTS = 4


def killed(way: str, folder: Path, step: str) -> None:
    died = subprocess.run(
        [sys.executable, "-m", "tests.unit.ledger_world", way, str(folder), step],
        cwd=ROOT, env={**os.environ, "OTHER_KEY": OTHER_KEY}, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert died.returncode == -9, died.stdout.decode() + died.stderr.decode()


async def readable(house: House) -> set[str]:
    return {one.words for one in house.incidents.all()}


def kinds(folder: Path) -> list[tuple[str, str]]:
    from bowstreet.runtime.sqlite import SqliteReader

    with SqliteReader(folder / "record.db") as reader:
        return [(entry.kind, entry.subject) for entry in (read_entry(row.entry) for row in reader.log_rows())]


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("OTHER_KEY", OTHER_KEY)
    return "env:OTHER_KEY"


# --- the master key ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", MASTER_STEPS)
async def test_killed_at_each_step_of_changing_the_master_key(step: str, tmp_path: Path, other: str) -> None:
    house = await filled(tmp_path, ACTS)
    key = house.log.key
    await house.close()
    killed("master", tmp_path, step)

    moved = step in MASTER_STEPS[2:]
    right, wrong = (other, "") if moved else ("", other)
    with pytest.raises(KeyUnavailable, match="rotate"):
        House(tmp_path, key_source.load(wrong, tmp_path))
    again = await House(tmp_path, key_source.load(right, tmp_path)).open()
    assert await readable(again) == {f"who called {number}" for number in range(ACTS)}
    assert again.log.key == key
    assert not (tmp_path / MASTER_PENDING).exists()
    await again.act(50)
    await again.publish()
    await again.close()
    states = [subject for kind, subject in kinds(tmp_path) if kind == "MasterKeyChanged"]
    if moved:
        assert len(states) >= 2  # ordered, and done: once more if it was killed in between
    with keyring_of(tmp_path, right) as keyring:
        found = verify_data(tmp_path, keyring=keyring)
    assert found.ok, found.says()
    assert found.verification.sealed == 0


@pytest.mark.parametrize("step", MASTER_STEPS)
async def test_asked_again_after_a_kill_it_comes_to_the_same_end(
    step: str, tmp_path: Path, other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await (await filled(tmp_path, ACTS)).close()
    killed("master", tmp_path, step)
    assert await _main("audit", "rotate", "--data", str(tmp_path), "--to", other) == 0
    assert other in capsys.readouterr().err
    again = await House(tmp_path, key_source.load(other, tmp_path)).open()
    assert len(await readable(again)) == ACTS
    await again.close()
    assert "sealed and were not opened" in await _verified(tmp_path, capsys)  # the key beside the data is the old one
    assert kinds(tmp_path)[-1] == ("MasterKeyChanged", key_source.load(other, tmp_path).name)


async def _verified(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert await _main("audit", "verify", str(folder)) == 0
    return capsys.readouterr().out


async def _main(*words: str) -> int:
    import asyncio

    return await asyncio.to_thread(main, list(words))


async def test_not_while_the_program_runs(tmp_path: Path, other: str, capsys: pytest.CaptureFixture[str]) -> None:
    await (await filled(tmp_path, ACTS)).close()
    held = DataDirectory(tmp_path)
    before = (tmp_path / KEYS_FILE).read_bytes()
    assert await _main("audit", "rotate", "--data", str(tmp_path), "--to", other) == 1
    assert await _main("audit", "rotate", "--data", str(tmp_path), "--log-key") == 1
    assert "in use by process" in capsys.readouterr().err
    assert (tmp_path / KEYS_FILE).read_bytes() == before
    held.release()


async def test_the_same_key_is_no_change(tmp_path: Path) -> None:
    house = await filled(tmp_path, 1)
    with pytest.raises(Refused):
        await Rotation(tmp_path, house.recorder, house.published).master(house.vault, house.master, house.master)
    await house.close()


SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")
MAKE_KEY = f"""
import pkcs11
with pkcs11.lib("{SOFTHSM}").get_token(token_label="bow").open(user_pin="4321", rw=True) as session:
    session.generate_key(pkcs11.KeyType.AES, 256, label="master", store=True,
        template={{pkcs11.Attribute.SENSITIVE: True, pkcs11.Attribute.EXTRACTABLE: False}})
"""


@pytest.mark.skipif(not SOFTHSM.exists() or shutil.which("softhsm2-util") is None, reason="softhsm2 is not installed (apt)")
async def test_into_a_hardware_module_and_out_of_it_again(tmp_path: Path) -> None:
    """SoftHSM, a real PKCS#11 module, in processes of its own: it reads its configuration once."""
    data, tokens = tmp_path / "data", tmp_path / "tokens"
    tokens.mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tokens}\n")
    environment = {
        **os.environ, "OTHER_KEY": OTHER_KEY, "SOFTHSM2_CONF": str(tmp_path / "softhsm2.conf"), "BOWSTREET_PKCS11_PIN": "4321"
    }  # fmt: skip
    await (await filled(data, ACTS)).close()

    def ran(*words: str) -> str:
        done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def audit(*words: str) -> str:
        return ran(sys.executable, "-m", "bowstreet", "audit", *words)

    ran("softhsm2-util", "--init-token", "--free", "--label", "bow", "--pin", "4321", "--so-pin", "8765")
    ran(sys.executable, "-c", MAKE_KEY)
    module = f"pkcs11:token=bow;object=master?module-path={SOFTHSM}"
    assert "mk-pkcs11-bow-master" in audit("rotate", "--data", str(data), "--to", module)
    assert "sealed" not in audit("verify", str(data), "--master-key", module)
    audit("rotate", "--data", str(data), "--master-key", module, "--log-key")
    audit("export", "--data", str(data), "--master-key", module, "--out", str(data / "x.bundle"))
    assert bundle.verify(data / "x.bundle").ok
    audit("rotate", "--data", str(data), "--master-key", module, "--to", "env:OTHER_KEY")
    assert "sealed" not in audit("verify", str(data), "--master-key", "env:OTHER_KEY")


# --- the log's key ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", LOG_STEPS)
async def test_killed_at_each_step_of_changing_the_logs_key(step: str, tmp_path: Path) -> None:
    house = await filled(tmp_path, ACTS)
    old = house.log.key
    await house.close()
    killed("log-key", tmp_path, step)
    again = await House(tmp_path).open()
    new = again.log.key
    assert (new == old) is (step == "prepared")  # what is not on record never was
    assert again.log.keys == ([old] if new == old else [new, old])
    assert not (tmp_path / LOG_PENDING).exists()
    await again.act(60)
    note = await again.publish()
    assert notes.signed_by(note, new)
    await again.close()
    assert _bundled(tmp_path, old).ok
    assert sum(kind == transition.ENTRY_KIND for kind, _ in kinds(tmp_path)) == (0 if new == old else 1)


def _bundled(folder: Path, key: notes.VerifierKey) -> bundle.Finding:
    assert main(["audit", "export", "--data", str(folder), "--out", str(folder / "x.bundle")]) == 0
    return bundle.verify(folder / "x.bundle", keys=[key])


async def test_whoever_knew_the_first_key_is_led_to_the_last(tmp_path: Path) -> None:
    house = await filled(tmp_path, ACTS)
    first, master = house.log.key, house.master
    await house.close()
    signed = []
    for _ in range(3):
        assert await _main("audit", "rotate", "--data", str(tmp_path), "--log-key") == 0
        signed.append(house.published.last())
    house = await House(tmp_path).open()
    assert (len(house.log.keys), house.log.keys[-1]) == (4, first)
    # The checkpoint of each change is signed by the key before it and the key after it: an independent program reads either.
    for note, after, before in zip(signed, reversed(house.log.keys[:-1]), reversed(house.log.keys[1:]), strict=True):
        assert note is not None
        for key in (before, after):
            assert notes.signed_by(note, key)
            theirs = their_note.parse_vkey(key.write())
            assert their_checkpoint.verify_checkpoint(their_note.parse_note(note.write()), theirs, expected_origin=ORIGIN).ok
    await house.publish()
    await house.close()
    for key in house.log.keys:
        found = _bundled(tmp_path, key)
        assert found.ok, found.what
        assert (found.key_known, len(found.changes)) == (True, 3)
        assert "the log's key became" in bundle.says(found)
    stranger = notes.VerifierKey(name=ORIGIN, kind=notes.PLAIN, public_key=SoftwareSigner(bytes(32)).public_key)
    assert "another log" in _bundled(tmp_path, stranger).what
    assert key_source.load_signing_key(tmp_path / key_source.LOG_KEY_FILE, master)


async def test_a_change_that_is_on_no_record_leads_nowhere(tmp_path: Path) -> None:
    """Somebody has stolen the old key, and makes the log theirs with it: no entry says so."""
    house = await filled(tmp_path, ACTS)
    stolen = SoftwareSigner(key_source.load_signing_key(tmp_path / key_source.LOG_KEY_FILE, house.master))
    thief = SoftwareSigner(bytes([7] * 32))
    rows = [row async for row in house.store.log_rows()]
    root = house.recorder.root
    await house.close()
    change = transition.make(ORIGIN, stolen, thief, 3)
    note = checkpoints.sign(checkpoints.Checkpoint(origin=ORIGIN, size=len(rows), root=root), ORIGIN, thief)
    with (tmp_path / "theirs").open("wb") as file:
        bundle.write(file, rows, note, change.new, thief, made_at=house.clock.now(), version="0", transitions=[change])
    found = bundle.verify(tmp_path / "theirs", keys=[change.old])
    assert not found.ok
    assert "not what is on record there" in found.what


def test_statements_that_are_none() -> None:
    one, two, three = (SoftwareSigner(bytes([number] * 32)) for number in (1, 2, 3))
    right = transition.make(ORIGIN, one, two, 5)
    assert transition.read(right.note) == right
    assert transition.chain([right, transition.make(ORIGIN, two, three, 9)], transition.make(ORIGIN, one, three, 0).new)
    for wrong in (
        right.note.replace("\n5\n", "\n6\n"),
        right.note.rpartition("\u2014")[0],
        right.note.replace("transition v1", "transition v2"),
        transition.make(ORIGIN, one, one, 5).note,
    ):
        with pytest.raises(MalformedProof):
            transition.read(wrong)
    for broken in ([right, right], [right, transition.make(ORIGIN, two, three, 5)], [transition.make(ORIGIN, two, three, 5)]):
        with pytest.raises(MalformedProof):
            transition.chain(broken, right.new)


# --- each key lost: the rows of docs/retention.md -------------------------------------------------------------------------


async def _still_verifies(folder: Path) -> None:
    with keyring_of(folder, "") as keyring:
        found = verify_data(folder, keyring=keyring)
    assert found.ok, found.says()


async def test_the_master_key_is_lost(tmp_path: Path) -> None:
    house = await filled(tmp_path, ACTS)
    key = house.log.key
    await house.close()
    assert _bundled(tmp_path, key).ok
    backup = (tmp_path / key_source.OWN_FILE).read_bytes()
    (tmp_path / key_source.OWN_FILE).unlink()
    with pytest.raises(KeyUnavailable, match=r"is missing.*put back a copy"):
        House(tmp_path)
    assert not (tmp_path / key_source.OWN_FILE).exists(), "no other key was made in its place"
    await _still_verifies(tmp_path)
    assert verify_data(tmp_path).verification.sealed == 2 * ACTS
    assert main(["audit", "verify", "--data", str(tmp_path)]) == 0
    assert main(["audit", "export", "--data", str(tmp_path), "--out", str(tmp_path / "y")]) == 1
    assert bundle.verify(tmp_path / "x.bundle", keys=[key]).ok
    (tmp_path / key_source.OWN_FILE).write_bytes(backup)
    (tmp_path / key_source.OWN_FILE).chmod(0o600)
    again = await House(tmp_path).open()
    assert len(await readable(again)) == ACTS
    await again.close()


async def test_the_data_keys_are_lost(tmp_path: Path) -> None:
    await (await filled(tmp_path, ACTS)).close()
    shutil.move(tmp_path / KEYS_FILE, tmp_path / "away")
    with pytest.raises(KeyUnavailable, match=r"keys.db is missing.*put back a copy"):
        House(tmp_path)
    assert not (tmp_path / KEYS_FILE).exists()
    await _still_verifies(tmp_path)
    assert main(["audit", "export", "--data", str(tmp_path), "--out", str(tmp_path / "y")]) == 0
    assert bundle.verify(tmp_path / "y").erased == 2 * ACTS
    shutil.move(tmp_path / "away", tmp_path / KEYS_FILE)
    again = await House(tmp_path).open()
    assert len(await readable(again)) == ACTS
    await again.close()


async def test_the_logs_key_is_lost(tmp_path: Path) -> None:
    house = await filled(tmp_path, ACTS)
    await house.close()
    (tmp_path / key_source.LOG_KEY_FILE).unlink()
    again = House(tmp_path)
    with pytest.raises(KeyUnavailable, match=r"is missing.*another origin"):
        await again.open()
    assert not (tmp_path / key_source.LOG_KEY_FILE).exists(), "no other key was made under the same origin"
    await again.close()
    await _still_verifies(tmp_path)
    assert main(["audit", "export", "--data", str(tmp_path), "--out", str(tmp_path / "y")]) == 1
    # With another origin a new log begins over the same record; what the old one signed still verifies.
    from bowstreet.accountability.rotation import open_log

    again = House(tmp_path)
    await again.recorder.open()
    log = open_log(tmp_path, again.store, "bowstreet.example/islington-2", again.master, again.published)
    await log.open()
    note = await log.publish(again.recorder.size, again.recorder.root, keep=True)
    assert notes.signed_by(note, log.key)
    assert log.keys == [log.key]
    await again.close()
    assert transitions_of(tmp_path) == ()
    await _still_verifies(tmp_path)
