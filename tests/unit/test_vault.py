"""Data keys: made once, wrapped, destroyed for good, put under another master key; and where a master key comes from."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bowstreet.accountability import key_source
from bowstreet.accountability.keys import SoftwareMasterKey
from bowstreet.accountability.pkcs11_key import PIN, read_uri
from bowstreet.accountability.vault import KEYS_FILE, Vault, seal, unseal
from bowstreet.errors import KeyUnavailable, MalformedConfiguration, StoreUnavailable

MASTER = SoftwareMasterKey(bytes(range(32)))
OTHER = SoftwareMasterKey(bytes(32))
SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")


async def test_a_key_for_each_subject_that_survives_a_restart(tmp_path: Path) -> None:
    vault = Vault(tmp_path / KEYS_FILE, MASTER)
    made = await vault.keys_for({"inc-1", "inc-2"})
    sealed = seal(made["inc-1"], b"who called", b"place")
    with pytest.raises(StoreUnavailable):
        unseal(made["inc-2"], sealed, b"place")
    with pytest.raises(StoreUnavailable):
        unseal(made["inc-1"], sealed, b"another place")
    await vault.close()
    again = Vault(tmp_path / KEYS_FILE, MASTER)
    key = again.find("inc-1")
    assert key is not None
    assert unseal(key, sealed, b"place") == b"who called"
    assert again.find("inc-3") is None
    await again.close()


async def test_a_destroyed_key_is_gone_from_every_file(tmp_path: Path) -> None:
    vault = Vault(tmp_path / KEYS_FILE, MASTER)
    key = (await vault.keys_for({"inc-1"}))["inc-1"]
    sealed = seal(key, b"who called", b"place")
    wrapped = vault._rows("SELECT wrapped FROM data_keys")[0][0]
    assert any(wrapped in path.read_bytes() for path in tmp_path.iterdir()), "the search would not have found it"
    assert await vault.destroy(["inc-1", "inc-9"]) == 1
    assert vault.find("inc-1") is None
    await vault.close()
    assert not any(wrapped in path.read_bytes() for path in tmp_path.iterdir())
    new = (await (again := Vault(tmp_path / KEYS_FILE, MASTER)).keys_for({"inc-1"}))["inc-1"]
    with pytest.raises(StoreUnavailable):
        unseal(new, sealed, b"place")
    await again.close()


async def test_another_master_key_is_refused_and_rotation_is_whole(tmp_path: Path) -> None:
    vault = Vault(tmp_path / KEYS_FILE, MASTER)
    sealed = seal((await vault.keys_for({"a", "b"}))["a"], b"x", b"")
    await vault.close()
    with pytest.raises(KeyUnavailable, match=MASTER.name):
        Vault(tmp_path / KEYS_FILE, OTHER)
    vault = Vault(tmp_path / KEYS_FILE, MASTER)
    assert await vault.rewrap(OTHER) == 2
    await vault.close()
    with pytest.raises(KeyUnavailable):
        Vault(tmp_path / KEYS_FILE, MASTER)
    vault = Vault(tmp_path / KEYS_FILE, OTHER)
    key = vault.find("a")
    assert key is not None
    assert unseal(key, sealed, b"") == b"x"
    await vault.close()


def test_without_a_source_it_makes_one_for_its_owner_alone(tmp_path: Path) -> None:
    first = key_source.load("", tmp_path)
    assert key_source.load("", tmp_path).name == first.name
    assert (tmp_path / key_source.OWN_FILE).stat().st_mode & 0o777 == 0o600


def test_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "k"
    key_source.write_file(path, bytes(range(32)))
    assert key_source.load(f"file:{path}", tmp_path).name == MASTER.name
    monkeypatch.setenv("BOWSTREET_KEY", bytes(range(32)).hex())
    assert key_source.load("env:BOWSTREET_KEY", tmp_path).name == MASTER.name
    monkeypatch.setenv("BOWSTREET_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    assert key_source.load("env:BOWSTREET_KEY", tmp_path).name == MASTER.name


@pytest.mark.parametrize("said", ["", "xyz", "00" * 31, "00" * 33, "é" * 64])
def test_what_is_no_key_is_refused(said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOWSTREET_KEY", said)
    with pytest.raises(KeyUnavailable):
        key_source.load("env:BOWSTREET_KEY", tmp_path)
    (tmp_path / "k").write_text(said)
    (tmp_path / "k").chmod(0o600)
    with pytest.raises(KeyUnavailable):
        key_source.load(f"file:{tmp_path / 'k'}", tmp_path)


def test_a_key_file_open_to_others_is_refused(tmp_path: Path) -> None:
    key_source.write_file(tmp_path / "k", bytes(32))
    (tmp_path / "k").chmod(0o640)
    with pytest.raises(KeyUnavailable, match="chmod 600"):
        key_source.read_file(tmp_path / "k")
    with pytest.raises(KeyUnavailable):
        key_source.write_file(tmp_path / "k", bytes(32))  # one that is there stays
    with pytest.raises(KeyUnavailable):
        key_source.read_file(tmp_path / "none")


@pytest.mark.parametrize("source", ["vault:x", "pkcs11:token=a", "pkcs11:token=a;object=b", "x"])
def test_what_is_no_source_is_refused(source: str, tmp_path: Path) -> None:
    with pytest.raises(MalformedConfiguration):
        key_source.load(source, tmp_path)


def test_a_pkcs11_uri() -> None:
    assert read_uri("pkcs11:token=my%20token;object=k?module-path=/a/b.so") == ("/a/b.so", "my token", "k")


@pytest.mark.skipif(not SOFTHSM.exists() or shutil.which("softhsm2-util") is None, reason="softhsm2 is not installed (apt)")
async def test_a_master_key_in_a_pkcs11_module(tmp_path: Path) -> None:
    """A real PKCS#11 module: SoftHSM. It runs in a process of its own, because it reads its configuration once."""
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path / 'tokens'}\n")
    environment = {**os.environ, "SOFTHSM2_CONF": str(tmp_path / "softhsm2.conf"), PIN: "4321"}
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", "bow", "--pin", "4321", "--so-pin", "8765"],
        env=environment, check=True, capture_output=True,
    )  # fmt: skip
    program = f"""
import pkcs11, sys
from bowstreet.accountability import key_source
from bowstreet.errors import KeyUnavailable
source = "pkcs11:token=bow;object=master?module-path={SOFTHSM}"
try:
    key_source.load(source, None)
    sys.exit("a key that is not there was found")
except KeyUnavailable:
    pass
with pkcs11.lib("{SOFTHSM}").get_token(token_label="bow").open(user_pin="4321", rw=True) as session:
    session.generate_key(pkcs11.KeyType.AES, 256, label="master", store=True,
        template={{pkcs11.Attribute.SENSITIVE: True, pkcs11.Attribute.EXTRACTABLE: False}})
master = key_source.load(source, None)
wrapped = master.wrap(bytes(32), b"context")
assert master.unwrap(wrapped, b"context") == bytes(32)
for wrong in (lambda: master.unwrap(wrapped, b"other"), lambda: master.unwrap(wrapped[:-1] + bytes([wrapped[-1] ^ 1]), b"context")):
    try:
        wrong()
        sys.exit("what it did not wrap was unwrapped")
    except KeyUnavailable:
        pass
print(master.name)
"""
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "mk-pkcs11-bow-master"
