"""The releases as an Atom feed (RFC 4287): whoever subscribes sees each one come, and that none is taken back."""

from collections.abc import Sequence
from html import escape

from bowstreet.accountability.disclosure.model import Release

ATOM = "application/atom+xml; charset=utf-8"
NEWEST = 100


def atom(operator: str, origin: str, releases: Sequence[tuple[Release, int]], host: str) -> str:
    """`releases` newest first, with how many flights are in each. `host` is the address that was asked, such as
    `https://police.example`."""
    updated = f"{releases[0][0].end:%Y-%m-%dT%H:%M:%SZ}" if releases else "1970-01-01T00:00:00Z"
    entries = "".join(
        f"<entry><id>urn:sha256:{one.digest}</id><title>Release {escape(one.release_id)}</title>"
        f"<updated>{one.end:%Y-%m-%dT%H:%M:%SZ}</updated>"
        f'<link rel="alternate" type="text/html" href="{escape(host)}/public/releases/{escape(one.release_id)}"/>'
        f'<link rel="enclosure" type="application/json" href="{escape(host)}/public/releases/{escape(one.release_id)}.json"/>'
        f"<summary>{flights} flights. SHA-256 of the JSON: {one.digest}</summary></entry>"
        for one, flights in releases[:NEWEST]
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en-GB">'
        f"<id>{escape(host)}/public/feed.atom</id><title>{escape(operator)}: releases of flights</title>"
        f"<updated>{updated}</updated><author><name>{escape(operator)}</name></author>"
        f'<link rel="self" href="{escape(host)}/public/feed.atom"/><link rel="alternate" href="{escape(host)}/public"/>'
        f"<subtitle>From the log {escape(origin)}</subtitle>{entries}</feed>"
    )
