"""Which addresses may be sent to, who is called for which alert, and when it is tried again. Pure."""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey

from bowstreet.errors import BadInput, Refused
from bowstreet.recognition.alerts.model import Alert, AlertState
from bowstreet.recognition.alerts.rules import LAPSES_AFTER, OPINION_WITHIN
from bowstreet.recognition.callouts.model import Answer, Attempt, Call, PushAddress

# What an officer agreed to, by the words that the page showed. Other words get another name.
CONSENT = "2026-11"

# Endpoints in use have some 200 characters; RFC 8030 sets no limit.
MOST_ENDPOINT = 2_000
POINT_BYTES, SECRET_BYTES = 65, 16  # RFC 8291 section 3.1 and 3.2
# A phone, a spare, a desk.
MOST_BY_ACCOUNT = 5
MOST_IN_ALL = 2_000
# Tried again after so long, doubled each time. A push service's own word on that goes first.
FIRST_WAIT_S, LONGEST_WAIT_S = 2.0, 120.0
# What no officer would be helped by, so near the end of an alert.
LEAST_LEFT_S = 5.0
# Every call is padded to this (RFC 8291 advises it), so that its length tells nothing.
PADDED_BYTES = 256

# An IPv4 address in IPv6 clothes (RFC 6052).
_NAT64 = IPv6Network("64:ff9b::/96")
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*={0,2}")


# --- addresses ---------------------------------------------------------------------------------------------------------------


def push_address(endpoint: str, public_key: str, secret: str, hosts: Sequence[str]) -> PushAddress:
    """What a browser said, checked. Keys are base64url.

    Raises:
        BadInput: it is no address that anything can be sent to.
        Refused: its push service is not among those that the operator allows.
    """
    host = endpoint_host(endpoint)
    if not host_allowed(host, hosts):
        raise Refused(
            "the push service of this browser is not allowed here",
            remedy="use another browser, or have the operator allow its host ([recognition.push] hosts)",
        )
    point, shared = _decoded(public_key, POINT_BYTES, "p256dh"), _decoded(secret, SECRET_BYTES, "auth")
    try:
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point)
    except ValueError as error:
        raise BadInput("the key 'p256dh' is no point of P-256", remedy="give what the browser gave") from error
    return PushAddress(endpoint=endpoint, public_key=point, secret=shared)


def endpoint_host(endpoint: str) -> str:
    """The name of the push service, lower case. Raises `BadInput` for what is no https address of a named host."""
    remedy = "give the endpoint as the browser gave it"
    if not 0 < len(endpoint) <= MOST_ENDPOINT or not endpoint.isascii() or any(not "!" <= one <= "~" for one in endpoint):
        raise BadInput("the endpoint is empty, too long, or has characters that no address has", remedy=remedy)
    try:
        parts = urlsplit(endpoint)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise BadInput("the endpoint is no address", remedy=remedy) from error
    if parts.scheme != "https" or port not in (None, 443) or "@" in parts.netloc or "\\" in endpoint or "#" in endpoint:
        raise BadInput("the endpoint is not plain https", remedy=remedy)
    if "." not in host or not all(_LABEL.fullmatch(label) for label in host.split(".")) or host.split(".")[-1].isdigit():
        raise BadInput("the endpoint names no host", remedy=remedy)
    return host


def host_allowed(host: str, allowed: Sequence[str]) -> bool:
    """Whether a push service is among those that may be sent to: by its name, or below `*.name`."""
    return any(host == one or (one.startswith("*.") and host.endswith(one[1:])) for one in allowed)


def reachable(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address lies in the public internet. Whatever a name resolves to, nothing within is ever sent to."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is not None and not reachable(inner):
            return False
        if address in _NAT64 and not reachable(IPv4Address(int(address) & 0xFFFFFFFF)):
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _decoded(said: str, size: int, name: str) -> bytes:
    """Unpadded or padded base64url (RFC 4648 section 5)."""
    remedy = "give what the browser gave"
    if len(said) > 2 * size or not _BASE64URL.fullmatch(said):
        raise BadInput(f"the key '{name}' is not base64url", remedy=remedy)
    bare = said.rstrip("=")
    try:
        data = base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except (ValueError, binascii.Error) as error:
        raise BadInput(f"the key '{name}' is not base64url", remedy=remedy) from error
    if len(data) != size:
        raise BadInput(f"the key '{name}' has {len(data)} bytes, not {size}", remedy=remedy)
    return data


# --- calls -------------------------------------------------------------------------------------------------------------------


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """That an alert waits for somebody, since when (`spell` tells one wait from the next) and how long; not for `not_for`."""

    spell: str
    until: datetime
    not_for: str = ""


def waits(one: Alert) -> Waiting | None:
    """Whether officers are to be called: nobody has the alert, or whoever has it wants a second opinion."""
    if one.state is AlertState.RAISED:
        return Waiting(spell="raised", until=one.raised_at + LAPSES_AFTER)
    if one.state is AlertState.CLAIMED and one.opinion is not None and one.opinion.judgement is None:
        asked = one.opinion.asked_at
        return Waiting(spell=f"opinion {asked.isoformat()}", until=asked + OPINION_WITHIN, not_for=one.claimed_by)
    return None


def words(call: Call) -> bytes:
    """What is sealed and sent. No word of anybody: it passes through the push service of a browser's maker."""
    return msgspec.json.encode({"alert": call.alert_id, "deployment": call.deployment_id})


def topic(call: Call, secret: bytes) -> str:
    """By which the push service lets a later call take the place of an earlier one (RFC 8030 section 5.4). It sees this in the
    clear, so that it is another for each browser and tells nothing of the alert."""
    made = hashlib.sha256(b"topic\0" + secret + call.alert_id.encode()).digest()
    return base64.urlsafe_b64encode(made[:24]).decode()


def next_wait(attempt: Attempt, tries: int, left_s: float) -> float | None:
    """Seconds until the next attempt; None when there is none: it was sent, never will be, or nobody would be helped by it.

    Args:
        tries: attempts so far, this one included.
        left_s: until the alert waits no more.
    """
    if attempt.answer is not Answer.LATER:
        return None
    wait_s = max(attempt.wait_s, min(FIRST_WAIT_S * 2.0 ** min(tries - 1, 10), LONGEST_WAIT_S))
    return wait_s if wait_s + LEAST_LEFT_S <= left_s else None


def answered(status: int, wait_s: float = 0.0) -> Attempt:
    """What a push service's status says (RFC 8030 sections 5, 7.3 and 8.4). A redirect is not followed."""
    if status in (200, 201, 202, 204):
        return Attempt(answer=Answer.SENT)
    if status in (404, 410):
        return Attempt(answer=Answer.GONE, why=f"status {status}")
    if status in (408, 425, 429) or 500 <= status <= 599:
        return Attempt(answer=Answer.LATER, why=f"status {status}", wait_s=wait_s)
    return Attempt(answer=Answer.REJECTED, why=f"status {status}")


def retry_after_s(said: str, most_s: float = LAPSES_AFTER / timedelta(seconds=1)) -> float:
    """Of a Retry-After header in seconds; 0 for anything else, which then costs an attempt and no more."""
    return min(float(said), most_s) if said.isascii() and said.isdecimal() and len(said) <= 6 else 0.0
