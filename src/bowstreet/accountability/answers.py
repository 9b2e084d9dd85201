"""The answer of somebody else's program, bounded whatever it does: in bytes, in seconds, and never compressed.

A read timeout alone bounds nothing: a program that sends a byte every few seconds keeps it from ever running out. And a few
kilobytes of a compressed answer are gigabytes once they are unpacked, before anybody can count them.
"""

import asyncio
from typing import Any

import httpx

PLAIN = "identity"


class TooMuch(Exception):
    """More bytes than such an answer has, or bytes that could become any number."""


async def answered(
    client: httpx.AsyncClient, method: str, url: str, *, most_bytes: int, within_s: float, **request: Any
) -> httpx.Response:
    """The whole answer, its content read.

    Raises:
        TooMuch: it is larger than `most_bytes`, or compressed though nobody asked for that.
        TimeoutError: it was not complete within `within_s`, however fast it began.
        httpx.HTTPError, httpx.InvalidURL: there is none.
    """
    headers = {**request.pop("headers", {}), "Accept-Encoding": PLAIN}
    async with asyncio.timeout(within_s), client.stream(method, url, headers=headers, **request) as answer:
        check_plain(answer)
        content = bytearray()
        async for part in answer.aiter_bytes():  # plain, as was just checked
            content += part
            if len(content) > most_bytes:
                raise TooMuch(f"over {most_bytes:,} bytes")
        kind = answer.headers.get("content-type", "")
        return httpx.Response(answer.status_code, headers={"content-type": kind}, content=bytes(content))


def check_plain(answer: httpx.Response) -> None:
    """Raises `TooMuch` for a compressed one."""
    if answer.headers.get("content-encoding", PLAIN).strip().lower() not in ("", PLAIN):
        raise TooMuch("compressed, though nobody asked for that")
