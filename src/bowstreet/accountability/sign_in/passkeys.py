"""Passkeys (WebAuthn): made, named and removed by their owner, to sign in and to prove again who they are.

The `webauthn` library reads and verifies what devices say. A challenge is good once, for two minutes, for the browser that it
was given to, at the address where it was asked for.
"""

import json
import secrets
from typing import Any, NoReturn

import msgspec
import webauthn
from msgspec.structs import replace
from webauthn.helpers import bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from bowstreet.accountability import credentials
from bowstreet.accountability.accounts import Accounts
from bowstreet.accountability.model import HeldPasskeys, How, Identity, Opened, Passkey
from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.rules import PASSKEYS_BY_ACCOUNT, PROOF_FRESH, checked_label
from bowstreet.accountability.sign_in import rules
from bowstreet.accountability.sign_in.pending import Pending
from bowstreet.errors import BadInput, Conflict, NotFound, NotSignedIn, ProofNeeded, Refused
from bowstreet.messages import AccountChanged
from bowstreet.runtime.ports import Clock

# How the console reads to a device that asks its owner.
RP_NAME = "Bowstreet"
CHALLENGE_BYTES = 32


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """The address that a browser has the console open at, as the edge has checked it."""

    rp_id: str
    origin: str


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    purpose: str
    challenge: bytes
    place: Place


class Passkeys:
    """The passkeys of one operation's people."""

    def __init__(self, accounts: Accounts, recorder: Recorder, clock: Clock, real_clock: Clock) -> None:
        self._accounts, self._recorder, self._clock, self._real = accounts, recorder, clock, real_clock
        self._asked: Pending[_Asked] = Pending(real_clock, rules.CHALLENGE_LIFE)

    def held_by(self, account_id: str) -> tuple[Passkey, ...]:
        held = self._accounts.passkeys.find(account_id)
        return () if held is None else held.passkeys

    # --- making and removing ----------------------------------------------------------------------------------------

    async def begin_making(self, by: Identity, token: str, place: Place) -> dict[str, Any]:
        """What the browser's `navigator.credentials.create` is asked.

        Raises:
            ProofNeeded: the proof of who asks is not fresh.
            Refused: they have as many as one may have.
        """
        await self._require_fresh(by, "make-passkey")
        standing = self.held_by(by.account_id)
        if len(standing) >= PASSKEYS_BY_ACCOUNT:
            raise Refused(f"there are {PASSKEYS_BY_ACCOUNT} passkeys already", remedy="remove one first")
        options = webauthn.generate_registration_options(
            rp_id=place.rp_id,
            rp_name=RP_NAME,
            user_id=by.account_id.encode(),
            user_name=by.name,
            challenge=self._challenge(f"make {token}", "make", place),
            timeout=int(rules.CHALLENGE_LIFE.total_seconds() * 1_000),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=one.credential_id) for one in standing],
        )
        return _plain(options)

    async def make(self, by: Identity, token: str, place: Place, label: str, said: dict[str, Any]) -> Passkey:
        """Keep a passkey that the browser has just made.

        Raises:
            ProofNeeded: the proof of who asks is not fresh.
            BadInput: the label will not do, or what the device said does not verify.
            Conflict: it is there already.
        """
        await self._require_fresh(by, "make-passkey")
        label = checked_label(label)
        asked = self._asked.take(f"make {token}")
        if asked is None or asked.purpose != "make" or asked.place != place:
            await self._refuse(by.account_id, "make-passkey", "challenge")
        try:
            made = webauthn.verify_registration_response(
                credential=said, expected_challenge=asked.challenge, expected_rp_id=place.rp_id, expected_origin=place.origin,
                require_user_verification=True,
            )  # fmt: skip
        except _UNREADABLE:
            await self._refuse(by.account_id, "make-passkey", "passkey")
        standing = self.held_by(by.account_id)
        if len(standing) >= PASSKEYS_BY_ACCOUNT or self._known(made.credential_id):
            raise Conflict("this passkey is there already", remedy="ask for the list of your passkeys")
        passkey = Passkey(
            passkey_id="pky-" + credentials.digest(made.credential_id.hex())[:24], label=label, credential_id=made.credential_id,
            public_key=made.credential_public_key, sign_count=made.sign_count, rp_id=place.rp_id, made_at=self._clock.now(),
        )  # fmt: skip
        await self._keep(by.account_id, (*standing, passkey), f"passkey-made:{passkey.passkey_id}")
        return passkey

    async def rename(self, by: Identity, passkey_id: str, label: str) -> Passkey:
        """Raises `NotFound` for one that is not theirs, `BadInput` for a label that will not do."""
        renamed = replace(self._own(by.account_id, passkey_id), label=checked_label(label))
        await self._put(by.account_id, renamed, f"passkey-named:{passkey_id}")
        return renamed

    async def remove(self, by: Identity, passkey_id: str) -> None:
        """Raises `ProofNeeded` when the proof of who asks is not fresh, `NotFound` for one that is not theirs."""
        await self._require_fresh(by, "remove-passkey")
        gone = self._own(by.account_id, passkey_id)
        left = tuple(one for one in self.held_by(by.account_id) if one.passkey_id != gone.passkey_id)
        await self._keep(by.account_id, left, f"passkey-removed:{passkey_id}")

    # --- using ------------------------------------------------------------------------------------------------------

    async def begin_sign_in(self, secret: str, place: Place, address: str) -> dict[str, Any]:
        """What `navigator.credentials.get` is asked of somebody who has not said who they are. `secret` is the browser's."""
        self._accounts.limit_address(address)
        return self._request(f"sign-in {secret}", "sign-in", place, ())

    async def sign_in(self, secret: str, place: Place, said: dict[str, Any], address: str) -> Opened:
        """Open a session for the holder of a passkey.

        Raises:
            NotSignedIn: it is not known, does not verify, or its owner's account is disabled; it is not said which.
        """
        asked = self._asked.take(f"sign-in {secret}")
        account_id, passkey = self._named(said)
        account = None if account_id is None else self._accounts.people.find(account_id)
        subject = account.account_id if account else self._accounts.subject_of(address)
        if asked is None or asked.purpose != "sign-in" or asked.place != place:
            await self._refuse(subject, "sign-in", "challenge")
        if account is None or passkey is None or account.disabled_at is not None:
            await self._refuse(subject, "sign-in", "passkey")
        if account.issuer:
            # Their role is the provider's to give, each time: here a passkey only proves again who they are.
            await self._refuse(subject, "sign-in", "passkey-provider")
        used = await self._verified(account.account_id, passkey, asked, said, "sign-in")
        await self._put(account.account_id, used, "")
        return await self._accounts.open(account, How.PASSKEY)

    async def begin_proof(self, by: Identity, token: str, place: Place) -> dict[str, Any]:
        """The same of somebody signed in, before a grave act. Raises `Refused` when they have no passkey that works here."""
        usable = [one for one in self.held_by(by.account_id) if one.stopped_at is None and one.rp_id == place.rp_id]
        if not usable:
            raise Refused("you have no passkey that works at this address", remedy="prove it another way, or make one")
        return self._request(f"prove {token}", "prove", place, usable)

    async def prove(self, by: Identity, token: str, place: Place, said: dict[str, Any]) -> Identity:
        """Raises `NotSignedIn` when it is not a passkey of theirs, or does not verify."""
        asked = self._asked.take(f"prove {token}")
        if asked is None or asked.purpose != "prove" or asked.place != place:
            await self._refuse(by.account_id, "prove", "challenge")
        account_id, passkey = self._named(said, by.account_id)
        if passkey is None or account_id != by.account_id:
            await self._refuse(by.account_id, "prove", "passkey")
        used = await self._verified(by.account_id, passkey, asked, said, "prove")
        await self._put(by.account_id, used, "")
        return await self._accounts.proved(credentials.digest(token), How.PASSKEY)

    # --- parts ------------------------------------------------------------------------------------------------------

    def _challenge(self, key: str, purpose: str, place: Place) -> bytes:
        challenge = secrets.token_bytes(CHALLENGE_BYTES)
        self._asked.put(key, _Asked(purpose=purpose, challenge=challenge, place=place))
        return challenge

    def _request(self, key: str, purpose: str, place: Place, allowed: Any) -> dict[str, Any]:
        options = webauthn.generate_authentication_options(
            rp_id=place.rp_id,
            challenge=self._challenge(key, purpose, place),
            timeout=int(rules.CHALLENGE_LIFE.total_seconds() * 1_000),
            allow_credentials=[PublicKeyCredentialDescriptor(id=one.credential_id) for one in allowed],
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return _plain(options)

    def _named(self, said: dict[str, Any], otherwise: str | None = None) -> tuple[str | None, Passkey | None]:
        """Whose passkey the device says that it used: it gives the account's id back as the user handle."""
        account_id = handle_of(said) or otherwise
        credential_id = said.get("id")
        held = () if account_id is None else self.held_by(account_id)
        return account_id, next((one for one in held if bytes_to_base64url(one.credential_id) == credential_id), None)

    async def _verified(self, account_id: str, passkey: Passkey, asked: _Asked, said: dict[str, Any], action: str) -> Passkey:
        """The passkey as it is after this use."""
        try:
            # The counter is judged below, once the signature holds: else anybody could claim that it went back.
            found = webauthn.verify_authentication_response(
                credential=said, expected_challenge=asked.challenge, expected_rp_id=asked.place.rp_id,
                expected_origin=asked.place.origin, credential_public_key=passkey.public_key, credential_current_sign_count=0,
                require_user_verification=True,
            )  # fmt: skip
        except _UNREADABLE:
            await self._refuse(account_id, action, "passkey")
        if passkey.stopped_at is not None or passkey.rp_id != asked.place.rp_id:
            await self._refuse(account_id, action, "passkey-stopped")
        if rules.counter_regressed(passkey, found.new_sign_count):
            stopped = replace(passkey, stopped_at=self._clock.now())
            await self._put(account_id, stopped, f"passkey-stopped:{passkey.passkey_id}")
            await self._refuse(account_id, action, "passkey-counter")
        return replace(passkey, sign_count=found.new_sign_count, used_at=self._clock.now())

    async def _require_fresh(self, by: Identity, action: str) -> None:
        if by.proved_s is None or by.proved_s > PROOF_FRESH.total_seconds():
            await self._accounts.denied(by.account_id, action, "prove-again")
            raise ProofNeeded(
                "this needs a sign-in, or a proof of who you are, within the last five minutes",
                remedy="prove it, then repeat the act",
                rule="prove-again",
            )

    async def _refuse(self, subject: str, action: str, rule: str) -> NoReturn:
        await self._accounts.denied(subject, action, rule)
        if action == "make-passkey":
            raise BadInput("the passkey cannot be used", remedy="try again: a question to a device is good once, for two minutes")
        raise NotSignedIn("the passkey was not accepted", remedy="try again, or sign in another way")

    def _own(self, account_id: str, passkey_id: str) -> Passkey:
        found = next((one for one in self.held_by(account_id) if one.passkey_id == passkey_id), None)
        if found is None:
            raise NotFound("there is no such passkey of yours", remedy="ask for the list of your passkeys")
        return found

    def _known(self, credential_id: bytes) -> bool:
        return any(one.credential_id == credential_id for held in self._accounts.passkeys.all() for one in held.passkeys)

    async def _put(self, account_id: str, passkey: Passkey, change: str) -> None:
        held = self.held_by(account_id)
        await self._keep(account_id, tuple(passkey if one.passkey_id == passkey.passkey_id else one for one in held), change)

    async def _keep(self, account_id: str, passkeys: tuple[Passkey, ...], change: str) -> None:
        said = [AccountChanged(at=self._clock.now(), subject=account_id, change=change, by=account_id)] if change else []
        held = HeldPasskeys(account_id=account_id, passkeys=passkeys)
        await self._recorder.record(save=[(self._accounts.passkeys, held)], messages=said)


# What comes from a browser is read by the library, whose parsers raise these besides its own for bytes that are nothing.
_UNREADABLE = (WebAuthnException, ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError)


def handle_of(said: dict[str, Any]) -> str | None:
    """The account id in a device's answer, if there is one to be read."""
    response = said.get("response")
    handle = response.get("userHandle") if isinstance(response, dict) else None
    if not isinstance(handle, str) or not 0 < len(handle) <= 128:
        return None
    try:
        return webauthn.base64url_to_bytes(handle).decode()
    except ValueError:
        return None


def _plain(options: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(webauthn.options_to_json(options))
    return made
