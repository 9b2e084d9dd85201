"""What a browser's device says: whatever the bytes, in whichever of its parts, a clear refusal and nobody signed in."""

import base64
import json
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

from bowstreet.accountability.accounts import Accounts
from bowstreet.accountability.model import Account, HeldPasskeys, Identity, Passkey, Role
from bowstreet.accountability.recorder import Recorder, seeded_salts
from bowstreet.accountability.sign_in.passkeys import Passkeys, Place
from bowstreet.errors import BowstreetError
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.ids import SeededIds
from bowstreet.runtime.memory import MemoryStore

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
PLACE = Place(rp_id="localhost", origin="http://localhost:8700")
ADA = Identity(account_id="acc-1", name="Ada", role=Role.PILOT, may=(), proved_s=0)
# An attestation "none" over authenticator data of localhost with an ES256 key, and such data alone.
_DATA = bytes.fromhex(
    "49960de5880e8c687434170f6476605b8fe4aeb9a28632c7995cf3ba831d976345000000010000000000000000000000000000000000104142434445464748"
    "494a4b4c4d4e4f50a5010203262001215820aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa225820bbbbbbbbbbbbbbbbbbbb"
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)
_KEY = bytes.fromhex("a5010203262001215820") + b"\xaa" * 32 + bytes.fromhex("225820") + b"\xbb" * 32
SEEDS = [
    b"\xa3cfmtdnonegattStmt\xa0hauthDataX" + bytes([len(_DATA)]) + _DATA,
    b"\xa3cfmtfpackedgattStmt\xa2calg&csigD0000hauthDataX" + bytes([len(_DATA)]) + _DATA,
    _DATA,
    _DATA[:37],
    b'{"id":"QUJDREVGR0hJSktMTU5PUA","rawId":"QUJDREVGR0hJSktMTU5PUA","type":"public-key","response":{"userHandle":"YWNjLTE"}}',
    b'{"type":"webauthn.get","challenge":"AAAA","origin":"http://localhost:8700","tokenBinding":{"status":"present"}}',
]


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _done(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        work.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waited for something")


def fuzz_one(data: bytes) -> None:
    clock, store = SimulatedClock(NOW), MemoryStore()
    recorder = Recorder(store, InlineBus(), clock, salts=seeded_salts(1))
    accounts = Accounts(recorder, clock, SeededIds(1, clock), real_clock=clock)
    _done(accounts.load(store))
    account = Account(account_id="acc-1", name="Ada", role=Role.PILOT, password_hash="x", created_at=NOW)
    held = Passkey(
        passkey_id="pky-1",
        label="x",
        credential_id=b"ABCDEFGHIJKLMNOP",
        public_key=_KEY,
        sign_count=0,
        rp_id="localhost",
        made_at=NOW,
    )
    _done(
        recorder.record(
            save=[(accounts.people, account), (accounts.passkeys, HeldPasskeys(account_id="acc-1", passkeys=(held,)))]
        )
    )
    passkeys = Passkeys(accounts, recorder, clock, clock)
    for part in ("clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle", "all"):
        _try_to_make(passkeys, data, part)
        _try_to_enter(passkeys, data, part)
    accounts.close()


def _said(kind: str, challenge: str, data: bytes, part: str) -> dict[str, Any]:
    if part == "all":
        try:
            whole = json.loads(data)
        except (ValueError, RecursionError):
            whole = None
        return whole if isinstance(whole, dict) else {}
    client = {"type": kind, "challenge": challenge, "origin": PLACE.origin}
    response = {
        "clientDataJSON": _b64(json.dumps(client).encode()), "authenticatorData": _b64(_DATA[:37]), "signature": _b64(b"0" * 70),
        "userHandle": _b64(b"acc-1"), "attestationObject": _b64(SEEDS[0]),
    } | {part: _b64(data)}  # fmt: skip
    return {"id": _b64(b"ABCDEFGHIJKLMNOP"), "rawId": _b64(b"ABCDEFGHIJKLMNOP"), "type": "public-key", "response": response}


def _try_to_make(passkeys: Passkeys, data: bytes, part: str) -> None:
    options = _done(passkeys.begin_making(ADA, "token", PLACE))
    try:
        _done(passkeys.make(ADA, "token", PLACE, "label", _said("webauthn.create", options["challenge"], data, part)))
    except BowstreetError as error:
        _says_what_to_do(error)


def _try_to_enter(passkeys: Passkeys, data: bytes, part: str) -> None:
    options = _done(passkeys.begin_sign_in("secret", PLACE, "192.0.2.1"))
    try:
        _done(passkeys.sign_in("secret", PLACE, _said("webauthn.get", options["challenge"], data, part), "192.0.2.1"))
    except BowstreetError as error:
        _says_what_to_do(error)
    else:
        raise AssertionError("somebody came in without the key")


def _says_what_to_do(error: BowstreetError) -> None:
    if not (error.message and error.remedy):
        raise AssertionError("a refusal that does not say what to do") from error
