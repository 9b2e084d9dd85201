"""What headers say, as pure functions: the host asked for, where a request comes from, and what browsers are told."""

from collections.abc import Collection, Sequence
from ipaddress import IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 section 9.2.1; TRACE is never routed

SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")  # a year, the usual floor; only said over https


def content_security_policy(tile_origins: Sequence[str] = (), media_origin: str = "") -> str:
    """No inline script, no frame, no other origin but an operator's own map tiles and the media server that answers WHEP.

    MapLibre runs its worker from a blob, and live pictures as MP4 are one; style attributes set through the DOM are not what CSP
    governs.
    `connect-src 'self'` covers the WebSocket of the same origin (CSP 3).
    """
    media = f" {media_origin}" if media_origin else ""
    tiles = "".join(f" {origin}" for origin in tile_origins)
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self'",
            "worker-src 'self' blob:",
            "child-src blob:",
            "style-src 'self'",
            f"img-src 'self' data: blob:{tiles}",
            f"connect-src 'self'{tiles}{media}",
            "media-src 'self' blob:",
            "font-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def host_name(host: str) -> str | None:
    """The name in a Host header, lower case, without port; None when it is malformed."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return None
    if not host or parts.username is not None or parts.path or parts.query or parts.fragment:
        return None
    return (parts.hostname or "").rstrip(".") or None


def is_loopback(name: str) -> bool:
    """Whether a host name or address can only mean this machine."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def asker_at(address: str) -> str:
    """Who counts as one asker at a network address: of IPv6 a /64, for whoever has one address of it has them all (RFC 6177)."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address) or found.is_loopback:
        return address
    return str(found.ipv4_mapped or IPv6Network((int(found) >> 64 << 64, 64)))


def host_allowed(host: str, hosts: Collection[str]) -> bool:
    """Whether a Host header names this console. Loopback names always do; anything else must be configured, so that a name
    which an attacker points at us (DNS rebinding) is refused."""
    name = host_name(host)
    return name is not None and (is_loopback(name) or name in hosts)


def same_origin(origin: str | None, fetch_site: str | None, *, scheme: str, host: str) -> bool:
    """Whether a request comes from the console's own pages, or from no page at all.

    `Origin` must then be the address that was asked. A browser says `Sec-Fetch-Site` by itself and a page cannot forge it.
    Programs send neither; they hold no cookie that a page could borrow, and need the CSRF value as well.
    """
    if fetch_site is not None and fetch_site != "same-origin":
        return False
    return origin is None or origin == f"{scheme}://{host}"
