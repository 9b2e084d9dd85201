"""People and programs that may use this program. Frozen values; names are personal data and never leave these records."""

from datetime import datetime
from enum import StrEnum

import msgspec


class Role(StrEnum):
    """What somebody does here. What each may do is in `authority/policy.cedar`."""

    VIEWER = "viewer"
    CAD = "cad"  # a program, by token: takes calls in and sees nothing
    DISPATCHER = "dispatcher"
    PILOT = "pilot"
    SUPERVISOR = "supervisor"
    PLANNER = "planner"
    AUTHORISING_OFFICER = "authorising-officer"  # decides on requests for authority
    RECOGNITION_OPERATOR = "recognition-operator"  # plans and runs recognition deployments, makes their lists
    ADJUDICATING_OFFICER = "adjudicating-officer"  # decides on recognition alerts, on the street
    REGULATOR = "regulator"  # reads everything, changes nothing


class Action(StrEnum):
    """What can be permitted or refused, as the console shows it in `me.may`."""

    SEE = "see"  # the operation: incidents, missions, drones, docks, zones, the live feed
    SEE_QUARANTINE = "see-quarantine"
    SEE_ACCOUNTS = "see-accounts"
    SEE_AUTHORISATIONS = "see-authorisations"
    WATCH = "see-pictures"  # live pictures of drones, and footage
    REDACT = "redact-footage"  # have heads and plates found and covered in a copy; add and lift covers
    SEE_OCCURRENCES = "see-occurrences"
    SEE_LOG = "see-log"  # who did what with personal data (DPA 2018 s.62), and the whole ledger in one file
    SEE_REQUESTS = "see-requests"  # of the public, with what they say
    SEE_RECOGNITION = "see-recognition"  # deployments and their counters; no face
    SEE_WATCHLIST = "see-watchlist"  # who is on a deployment's list, with images
    SEE_ALERTS = "see-alerts"  # recognition alerts, with both pictures
    REPORT = "report"  # take a call in
    CLOSE = "close"  # an incident
    LAUNCH = "launch"
    RECALL = "recall"
    LINK_OFFICERS = "link-officers"  # give an officer on the ground the picture of an incident, and take it back
    KEEP_WATCH = "keep-watch"  # keep eyes on an incident, or let go
    CONTROL = "control"  # take, use and release control of a drone
    GROUND = "ground"  # take a drone out of service, and put it back
    ACTIVATE_ZONE = "activate-zone"
    MANAGE_AIRSPACE = "manage-airspace"  # files of zones, their times, leave
    MANAGE_ACCOUNTS = "manage-accounts"  # people and service tokens
    RECORD_OCCURRENCE = "record-occurrence"
    REQUEST_AUTHORISATION = "request-authorisation"
    REVOKE_AUTHORISATION = "revoke-authorisation"
    HANDLE_REQUESTS = "handle-requests"  # acknowledge, answer and refuse what the public asks
    PLAN_DEPLOYMENT = "plan-deployment"  # plan, list, evidence, and asking for authority
    RUN_DEPLOYMENT = "run-deployment"  # start it, and note volunteers' passes
    END_DEPLOYMENT = "end-deployment"  # stop or close it: whoever sees something wrong can
    REVIEW_LISTING = "review-listing"  # a second word on who is under 18 or vulnerable
    ADJUDICATE = "adjudicate"  # claim an alert and decide on it
    # Grave acts: they need a fresh proof of who asks, and all but the first two an authorisation in force.
    AUTHORISE = "authorise"
    MANAGE_VEHICLE_KEYS = "manage-vehicle-keys"
    ERASE = "erase"
    DISCLOSE = "disclose"


class How(StrEnum):
    """How somebody showed who they are."""

    SETUP = "setup"  # by the first start's link
    PASSWORD = "password"  # noqa: S105 - a word, not one
    PASSKEY = "passkey"
    PROVIDER = "oidc"  # by an identity provider


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A person who signs in. `password_hash` is argon2id in its standard text form, "" where an identity provider vouches for
    them: then `issuer` and `subject` say who, in the provider's own words."""

    account_id: str
    name: str
    role: Role
    password_hash: str
    created_at: datetime
    disabled_at: datetime | None = None
    boroughs: tuple[str, ...] = ()  # where it may act; none means everywhere
    issuer: str = ""
    subject: str = ""
    made_by: str = ""  # the account that made it; none for the first, a provider's, and those made before this was kept


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in. `session_id` is SHA-256 of the token, hex; the token itself is nowhere kept.

    `proved_at` is when the person proved again who they are, after the sign-in.
    """

    session_id: str
    account_id: str
    opened_at: datetime
    seen_at: datetime
    expires_at: datetime
    proved_at: datetime | None = None
    how: How = How.PASSWORD


class Passkey(msgspec.Struct, frozen=True, kw_only=True):
    """A key pair on a person's device. `public_key` is COSE, `sign_count` what the device said last; one is stopped when that
    went back, because then two devices hold the key."""

    passkey_id: str
    label: str
    credential_id: bytes
    public_key: bytes
    sign_count: int
    rp_id: str  # the host name that it was made at, and works at
    made_at: datetime
    used_at: datetime | None = None
    stopped_at: datetime | None = None


class HeldPasskeys(msgspec.Struct, frozen=True, kw_only=True):
    """All passkeys of one account: one record with the account's own id, so that it is sealed and erased with it."""

    account_id: str
    passkeys: tuple[Passkey, ...] = ()


class ServiceToken(msgspec.Struct, frozen=True, kw_only=True):
    """A program's way in, such as a CAD's. `digest` is SHA-256 of the secret, hex."""

    token_id: str
    label: str
    role: Role
    digest: str
    created_at: datetime
    created_by: str
    revoked_at: datetime | None = None


class SetupToken(msgspec.Struct, frozen=True, kw_only=True):
    """The one-time right to make the first account."""

    digest: str
    expires_at: datetime


class AddressKey(msgspec.Struct, frozen=True, kw_only=True):
    """The secret under which network addresses become pseudonyms. Destroying it makes them anonymous for good."""

    key: bytes


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. `name` is for that person's own screen and the list of accounts, for nothing else."""

    account_id: str
    name: str
    role: Role
    may: tuple[Action, ...]
    boroughs: tuple[str, ...] = ()
    proved_s: int | None = None  # since they last proved who they are; None for a program


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A session just opened. `token` goes into the cookie, `csrf` into the console; neither is kept here."""

    token: str
    csrf: str
    expires_at: datetime
    identity: Identity
