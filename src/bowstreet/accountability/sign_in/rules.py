"""What passkeys are good at, and what an identity provider's word makes of somebody. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any

from bowstreet.accountability.model import Passkey, Role

# From the browser's question to the person's finger on the key.
CHALLENGE_LIFE = timedelta(minutes=2)
# From leaving for the identity provider to coming back, with a second factor to look for.
FLOW_LIFE = timedelta(minutes=10)
# How far the clocks of two hosts that run NTP may differ, with room.
SKEW = timedelta(seconds=60)

_LABELS = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")


def rp_id_of(host: str) -> str | None:
    """The name that passkeys are bound to at a host; None where there is none: WebAuthn knows no IP addresses (§5.1.2)."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return host if len(host) <= 253 and _LABELS.fullmatch(host) else None
    return None


def why_no_passkeys(host: str, *, https: bool) -> str:
    """Why passkeys cannot work at this address, in a sentence for the person; "" where they can."""
    if rp_id_of(host) is None:
        return "Passkeys need the console’s name: open it at http://localhost, or by its name over https, not by a number."
    if not https and host != "localhost" and not host.endswith(".localhost"):
        return "Passkeys need https."
    return ""


def counter_regressed(passkey: Passkey, said: int) -> bool:
    """Whether a device's counter went back or stood still, so that somebody else used the key meanwhile. Devices that do not
    count say 0 for ever (WebAuthn §6.1.1)."""
    return (said > 0 or passkey.sign_count > 0) and said <= passkey.sign_count


def role_of(claims: Mapping[str, Any], claim: str, mapping: Sequence[tuple[str, Role]]) -> Role | None:
    """The role of the first mapped group that somebody is in, in the mapping's order; None when in none."""
    groups = set(words_of(claims.get(claim)))
    return next((role for group, role in mapping if group in groups), None)


def words_of(value: Any) -> tuple[str, ...]:
    """A claim that is a word or a list of words. Anything else in it is passed over."""
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(one for one in value if isinstance(one, str) and one) if isinstance(value, list) else ()


def domain_allowed(claims: Mapping[str, Any], domains: Sequence[str]) -> bool:
    """Whether the address that the provider says it verified is of one of `domains`; of any when there are none."""
    if not domains:
        return True
    email = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(email, str):
        return False
    name, at, domain = email.rpartition("@")
    return name != "" and at == "@" and domain.casefold() in domains


def proved_afresh(claims: Mapping[str, Any], asked_at: datetime) -> bool:
    """Whether the provider says that the person signed in there after we asked; their earlier sign-in is no fresh proof."""
    said = claims.get("auth_time")
    if isinstance(said, bool) or not isinstance(said, int | float):
        return False
    return bool(said >= (asked_at - SKEW).timestamp())
