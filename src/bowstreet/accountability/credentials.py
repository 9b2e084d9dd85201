"""Passwords and tokens: how they are made, kept and compared. No secret is ever stored, logged or compared in varying time."""

import asyncio
import base64
import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from bowstreet.errors import BadInput, TooManyAttempts

T = TypeVar("T")

# 256 bits: beyond guessing, so that one SHA-256 without salt is enough to keep them.
TOKEN_BYTES = 32
# argon2id with RFC 9106's second recommended parameters (64 MiB, 3 passes): some 50 ms and 64 MiB each, so two at a time…
_WORKERS = 2
# …and a short queue: past it, sign-in is refused rather than the machine filled.
_MAX_WAITING = 32


def new_token() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def same(left: str, right: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(left.encode("utf-8", "surrogatepass"), right.encode("utf-8", "surrogatepass"))


def csrf_of(token: str) -> str:
    """The CSRF value bound to a session's token: known to whoever was given it, not derivable without the cookie."""
    # HMAC fills a short key with zeros (RFC 2104): texts that differ in trailing zeros would be one key. Hashed first.
    key = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
    mac = hmac.digest(key, b"bowstreet csrf", "sha256")
    return base64.urlsafe_b64encode(mac).decode("ascii").rstrip("=")


def pseudonym(key: bytes, address: str) -> str:
    """A network address under a secret key: the same address is the same pseudonym, and nobody without the key knows which."""
    return "adr-" + hmac.digest(key, address.encode("utf-8", "surrogatepass"), "sha256")[:8].hex()


class Passwords:
    """argon2id in threads of its own, so that the event loop never waits for it.

    Args:
        hasher: its cost parameters. Hashes made with others are still good, and are renewed at sign-in.
    """

    def __init__(self, hasher: argon2.PasswordHasher | None = None) -> None:
        self._hasher = hasher or argon2.PasswordHasher()
        self._threads = ThreadPoolExecutor(_WORKERS, thread_name_prefix="argon2")
        self._waiting = 0
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        prepared = _prepared(password)
        return await self._run(lambda: self._hasher.hash(prepared))

    async def verify(self, hashed: str | None, password: str) -> bool:
        """Whether it is the password. For nobody (None) it does the same work, and says no."""
        prepared = _prepared(password)
        return await self._run(lambda: self._verify(hashed, prepared))

    def outdated(self, hashed: str) -> bool:
        return self._hasher.check_needs_rehash(hashed)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, hashed: str | None, prepared: bytes) -> bool:
        if self._nobody is None:
            self._nobody = self._hasher.hash(secrets.token_bytes(TOKEN_BYTES))
        try:
            return self._hasher.verify(self._nobody if hashed is None else hashed, prepared) and hashed is not None
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= _MAX_WAITING:
            raise TooManyAttempts("too many people sign in at once", remedy="wait a few seconds")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def _prepared(password: str) -> bytes:
    """The same password from any keyboard is the same bytes."""
    try:
        return unicodedata.normalize("NFC", password).encode()
    except UnicodeEncodeError as error:
        raise BadInput("the password is no text", remedy="use characters that a keyboard gives") from error
