"""Where keys come from: a file, the environment or a hardware module.

A source is written `file:PATH`, `env:NAME` or `pkcs11:…` (RFC 7512, see `pkcs11_key`). Without one, the program makes a file of
its own beside the data: good for a trial, and said so by `bowstreet doctor`, because whoever copies the data copies it too.
"""

import base64
import binascii
import os
import stat
from pathlib import Path

from bowstreet.accountability.keys import KEY_BYTES, MasterKey, SoftwareMasterKey, new_key
from bowstreet.accountability.pkcs11_key import Pkcs11MasterKey
from bowstreet.errors import KeyUnavailable, MalformedConfiguration
from bowstreet.runtime import durable

OWN_FILE = "keys/master.key"
LOG_KEY_FILE = "keys/log.key"
# Beside the record: the data keys, wrapped under the master key (`vault`).
KEYS_FILE = "keys.db"


def load(source: str, folder: Path) -> MasterKey:
    """The master key of a source, or for "" the one that lies beside the data, made now if there is none.

    Raises:
        MalformedConfiguration: for a source that is none.
        KeyUnavailable: when it cannot be read.
    """
    kind, _, where = source.partition(":")
    if source == "":
        return SoftwareMasterKey(_own(folder))
    if kind == "file":
        return SoftwareMasterKey(read_file(Path(where)))
    if kind == "env":
        return SoftwareMasterKey(_from_environment(where))
    if kind == "pkcs11":
        return Pkcs11MasterKey(source)
    raise MalformedConfiguration(f"'{kind}' is no source of a master key", remedy="use file:PATH, env:NAME or pkcs11:…")


def read_file(path: Path) -> bytes:
    """A key file: 64 hexadecimal digits or base64. It must be its owner's alone.

    Raises:
        KeyUnavailable: when it cannot be read, is open to others, or holds no key.
    """
    try:
        mode = path.stat().st_mode
        said = path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyUnavailable(f"the key file {path} cannot be read", remedy="check its path and its owner") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyUnavailable(f"the key file {path} is open to other users", remedy=f"chmod 600 {path}")
    return _decoded(said, f"the key file {path}")


def load_signing_key(path: Path, master: MasterKey, *, may_make: bool = True) -> bytes:
    """The 32-byte seed of an Ed25519 key that lies wrapped in a file; made now if there is none and it may be.

    Raises:
        KeyUnavailable: when it cannot be read, or was wrapped under another master key.
    """
    if not path.exists():
        if not may_make:
            raise KeyUnavailable(
                f"the log's signing key, {path}, is missing, and checkpoints were signed with it",
                remedy="put back a copy of it, or give the log another origin ([ledger] origin): "
                "a new log begins on the same record",
            )
        seed = new_key()
        _write_new(path, wrapped_signing_key(path, seed, master))
        return seed
    try:
        wrapped = bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise KeyUnavailable(f"the signing key {path} cannot be read", remedy="put back a copy of it") from error
    return master.unwrap(wrapped, _signing_context(path))


def wrapped_signing_key(path: Path, seed: bytes, master: MasterKey) -> bytes:
    """A signing key as it lies in its file at `path`, but for the digits (`as_file`)."""
    return master.wrap(seed, _signing_context(path))


def as_file(data: bytes) -> bytes:
    """How key files are written."""
    return data.hex().encode() + b"\n"


def _signing_context(path: Path) -> bytes:
    return b"signing key " + path.name.encode()


def write_file(path: Path, key: bytes) -> None:
    """Make a key file, durably, for its owner's eyes only. One that is there stays. Raises `KeyUnavailable`."""
    _write_new(path, key)


def _write_new(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        durable.write_new(path, as_file(data))
    except OSError as error:
        raise KeyUnavailable(f"the key file {path} cannot be made ({error.strerror})", remedy="check its folder") from error


def _own(folder: Path) -> bytes:
    path = folder / OWN_FILE
    if not path.exists():
        if (folder / KEYS_FILE).exists():
            raise KeyUnavailable(
                f"the master key {path} is missing, and data were written under it",
                remedy="put back a copy of it, or name the key with 'master_key'; without it the ledger still verifies "
                "('bowstreet audit verify'), but nothing about anybody can be read again",
            )
        write_file(path, new_key())
    return read_file(path)


def _from_environment(name: str) -> bytes:
    said = os.environ.get(name, "")
    if not said:
        raise KeyUnavailable(f"the environment variable {name} holds no key", remedy=f"set {name} to 64 hexadecimal digits")
    return _decoded(said, f"the environment variable {name}")


def _decoded(said: str, what: str) -> bytes:
    text = said.strip()
    try:
        key = bytes.fromhex(text) if len(text) == 2 * KEY_BYTES else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise KeyUnavailable(f"{what} holds no key", remedy="it takes 32 bytes, hexadecimal or base64") from error
    if len(key) != KEY_BYTES:
        raise KeyUnavailable(f"{what} holds {len(key)} bytes", remedy="it takes 32 bytes, hexadecimal or base64")
    return key
