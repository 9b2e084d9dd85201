"""A push service and a browser's end of it, as a program of its own: a peer to test against, not any vendor's.

    python -m tests.integration.push_peer FOLDER

It takes requests by RFC 8030 over TLS, holds the signature against RFC 8292 with `py-vapid`, opens the body by RFC 8188 and 8291 with
`http-ece`, and tells each request as a line of JSON on its standard output. None of it is ours. How it answers is in the path:
`/ok/…`, `/gone/…`, `/unknown/…`, `/busy/…` (twice, with Retry-After), `/down/…`, `/refuses/…`, `/redirect/…`, `/slow/…`, `/cut/…`.
"""

import base64
import json
import os
import re
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from typing import Any, ClassVar, TextIO

import http_ece
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from py_vapid import Vapid02

ROOT = Path(__file__).parents[2]
HOSTS = ("fcm.googleapis.com", "updates.push.services.mozilla.com", "web.push.apple.com")
SLOW_S = 30.0
KNOWN = {
    "ok": 201, "gone": 410, "unknown": 404, "down": 503, "refuses": 403, "redirect": 307,
}  # fmt: skip


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Browser:
    """The keys of one browser's subscription."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.secret = os.urandom(16)
        point = self.private.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        self.keys = {"p256dh": base64url(point), "auth": base64url(self.secret)}

    def opened(self, body: bytes) -> str:
        plain: bytes = http_ece.decrypt(body, private_key=self.private, auth_secret=self.secret, version="aes128gcm")
        return plain.decode()


def claims_of(authorization: str) -> tuple[dict[str, Any], str]:
    """Claims and key of a VAPID header whose signature is right. Raises `AssertionError`."""
    found = re.fullmatch(r"vapid t=([\w.-]+), k=([\w-]+)", authorization)
    assert found, authorization
    assert Vapid02.verify(f"vapid t={found[1]},k={found[2]}"), "the signature is wrong"
    head, said, _ = found[1].split(".")
    assert json.loads(base64.urlsafe_b64decode(head + "==")) == {"typ": "JWT", "alg": "ES256"}
    return json.loads(base64.urlsafe_b64decode(said + "==")), found[2]


def certificate(folder: Path) -> tuple[Path, Path]:
    """For the names of push services, signed by itself: only who is told to believes it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "push peer")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in HOSTS]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    public, private = folder / "peer.crt", folder / "peer.key"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return public, private


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    browser: Browser
    seen: ClassVar[Counter[str]] = Counter()

    def do_POST(self) -> None:
        kind, body = self.path.split("/")[1], self.rfile.read(int(self.headers["Content-Length"]))
        self.seen[self.path] += 1
        told: dict[str, Any] = {"path": self.path, "host": self.headers["Host"], "bytes": len(body)}
        told |= {name.lower(): self.headers[name] for name in ("TTL", "Urgency", "Topic", "Content-Encoding")}
        try:
            told["claims"], told["key"] = claims_of(self.headers["Authorization"])
            told["text"] = self.browser.opened(body)
        except Exception as error:
            told["wrong"] = repr(error)
        print(json.dumps(told), flush=True)
        if kind == "slow":
            time.sleep(SLOW_S)
        if kind == "cut":
            self.close_connection = True
            self.connection.close()
            return
        status = KNOWN.get(kind, 201)
        if kind == "busy":
            status = 429 if self.seen[self.path] <= 2 else 201
        self.send_response(status)
        if kind == "busy":
            self.send_header("Retry-After", "7")
        if kind == "redirect":
            self.send_header("Location", f"https://{self.headers['Host']}/ok/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        return


class Peer:
    """The test's end: the program, started, and what it was sent."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "tests.integration.push_peer", str(folder)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self._said: SimpleQueue[str] = SimpleQueue()
        threading.Thread(target=self._listen, args=(self.process.stdout,), daemon=True).start()
        hello = self._next()
        self.port, self.keys = int(hello["port"]), dict(hello["keys"])
        self.tls = ssl.create_default_context(cafile=str(folder / "peer.crt"))

    async def dial(self, host: str, port: int) -> tuple[str, int]:
        """Every allowed name leads here."""
        assert host in HOSTS
        assert port == 443
        return "127.0.0.1", self.port

    def next(self) -> dict[str, Any]:
        """The next request; waits for it. Raises `queue.Empty` where none comes."""
        return self._next()

    def _listen(self, lines: TextIO) -> None:
        for line in lines:
            self._said.put(line)

    def _next(self) -> dict[str, Any]:
        return dict(json.loads(self._said.get(timeout=60.0)))

    def phone(self, path: str, host: str = HOSTS[0]) -> dict[str, Any]:
        return {"endpoint": f"https://{host}/{path}", "keys": self.keys, "consent": "2026-11"}

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


def main(folder: Path) -> None:
    public, private = certificate(folder)
    Handler.browser = Browser()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print(json.dumps({"port": server.server_port, "keys": Handler.browser.keys}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
