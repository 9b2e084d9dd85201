"""When a sign-in ends, and what names and passwords will do. Pure. Who may do what is `authority/policy.cedar`."""

import unicodedata
from datetime import datetime, timedelta

from bowstreet.accountability.model import Account, Role, ServiceToken, Session, SetupToken
from bowstreet.errors import BadInput

# A shift is twelve hours; nobody stays signed in beyond one.
SESSION_LIFE = timedelta(hours=12)
# A console left alone. Control rooms are staffed rooms; half an hour is a break.
SESSION_IDLE = timedelta(minutes=30)
# From the first start's message to somebody opening its link.
SETUP_LIFE = timedelta(hours=1)
# Tabs, a phone, a second desk. Past it the oldest session ends.
SESSIONS_BY_ACCOUNT = 16

# As long a sign-in or a proof counts as fresh; the policy's `prove-again` says the same of grave acts.
PROOF_FRESH = timedelta(minutes=5)
# A device each at home and at work, a spare each, and some to lose.
PASSKEYS_BY_ACCOUNT = 10

# NCSC advises length over complexity; NIST SP 800-63B-4 §3.1.1.2 asks for 15 without a second factor, 64 or more accepted.
PASSWORD_MIN, PASSWORD_MAX = 15, 256
NAME_MAX = 80
LABEL_MAX = 80


def session_live(session: Session, seen_at: datetime, now: datetime) -> bool:
    """Whether a session still counts: neither too old, nor left alone too long. A clock set back does not revive one."""
    return session.opened_at <= now < session.expires_at and now - seen_at < SESSION_IDLE


def setup_live(token: SetupToken, now: datetime) -> bool:
    return now < token.expires_at


def name_key(name: str) -> str:
    """What makes two names the same: width, accents' encoding, case and spaces do not count."""
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).split())


def checked_name(name: str) -> str:
    """A name as it is kept.

    Raises:
        BadInput: when it is empty, too long, or has characters that do not show.
    """
    shown = " ".join(unicodedata.normalize("NFC", name).split())
    if not shown or len(shown) > NAME_MAX or not name_key(shown):
        raise BadInput("the name is empty or too long", remedy=f"use 1 to {NAME_MAX} characters")
    if any(unicodedata.category(character).startswith("C") for character in shown):
        raise BadInput("the name has characters that do not show", remedy="use letters, digits and punctuation")
    return shown


def checked_label(label: str) -> str:
    """Raises `BadInput` when a token's label would not do as a name."""
    if len(label) > LABEL_MAX:
        raise BadInput("the label is too long", remedy=f"use 1 to {LABEL_MAX} characters")
    return checked_name(label)


def checked_password(password: str, name: str) -> None:
    """Raises `BadInput` for a new password that is too easy to guess, or too long to be one."""
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise BadInput(
            "the password is too short or too long",
            remedy=f"use {PASSWORD_MIN} to {PASSWORD_MAX} characters; three or four words will do",
        )
    key = name_key(password)
    if len(set(key)) < 5 or key in (name_key(name), name_key(name + name)):
        raise BadInput("the password is too easy to guess", remedy="use three or four unrelated words")


def last_supervisor(account: Account, others: list[Account]) -> bool:
    """Whether without this account nobody could manage accounts any more."""
    return account.role is Role.SUPERVISOR and not any(
        other.role is Role.SUPERVISOR and other.disabled_at is None and other.account_id != account.account_id for other in others
    )


def token_live(token: ServiceToken) -> bool:
    return token.revoked_at is None
